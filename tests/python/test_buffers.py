"""Memory of large results is kept for later ones, within a limit, and never shared by two."""

import jacnet as jn
import numpy as np
import pytest

P, Q = 41, 20_000  # a Jacobian of 6.6 MB


@pytest.fixture
def call():
    """Makes a Jacobian; the limit is put back afterwards."""
    limit = jn.buffers()["limit"]
    jn.clear_buffers()
    net = jn.Network([2, 10, 1]).init(0)
    x = np.random.default_rng(0).normal(size=(2, Q))
    assert net.n_parameters == P
    yield lambda: jn.jacobian(net, x)
    jn.buffers(limit)
    jn.clear_buffers()


def test_memory_goes_to_the_next_result(call):
    first = call()
    assert jn.buffers()["kept"] == 0
    address, copy = first.ctypes.data, first.copy()
    del first
    assert jn.buffers()["kept"] == 8 * P * Q
    second = call()
    assert second.ctypes.data == address
    assert jn.buffers()["kept"] == 0
    np.testing.assert_array_equal(second, copy)


def test_results_that_are_held_share_nothing(call):
    first, second = call(), call()
    assert not np.shares_memory(first, second)
    view = first[1:3]
    del first
    assert jn.buffers()["kept"] == 0  # the view holds it
    third = call()
    assert not np.shares_memory(view, third)


def test_limit(call):
    jn.buffers(8 * P * Q)
    results = [call() for _ in range(3)]
    results.clear()
    assert jn.buffers() == {"limit": 8 * P * Q, "kept": 8 * P * Q}
    jn.buffers(100)
    assert jn.buffers()["kept"] == 0
    jn.buffers(0)
    call()
    assert jn.buffers()["kept"] == 0


def test_other_sizes_do_not_take_it(call):
    call()
    kept = jn.buffers()["kept"]
    jn.jacobian(jn.Network([2, 1]), np.ones((2, 300_000)))  # 7.2 MB
    assert jn.buffers()["kept"] >= kept


def test_small_results_are_left_to_numpy(call):
    jn.jacobian(jn.Network([2, 1]), np.ones((2, 10)))
    assert jn.buffers()["kept"] == 0


@pytest.mark.parametrize(
    ("limit", "error"), [(-1, ValueError), (2**70, ValueError), (1.5, TypeError), ("1", TypeError)]
)
def test_bad_limit(call, limit, error):
    with pytest.raises(error, match="buffers: limit"):
        jn.buffers(limit)
