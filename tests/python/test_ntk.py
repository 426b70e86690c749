"""Kernels of the outputs' Jacobian: full and traced, of one or of two sets of samples."""

import jacnet as jn
import numpy as np
import pytest
from building import arguments
from hypothesis import assume, given, settings
from strategies import cases


def network(sizes=(4, 9, 5, 3), seed=0, **options):
    net = jn.Network(list(sizes), **options)
    net.setwb(np.random.default_rng(seed).normal(size=net.n_parameters) * 0.5)
    return net


def normal(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def traced(K, outputs):
    rows, columns = (n // outputs for n in K.shape)
    return np.einsum("amcm->ac", K.reshape(rows, outputs, columns, outputs))


def assert_kernel(actual, one, other, outputs=None):
    """Against J' J to the rounding of its terms."""
    expected, size = one.T @ other, np.abs(one).T @ np.abs(other)
    if outputs:
        expected, size = traced(expected, outputs), traced(size, outputs)
    assert actual.shape == expected.shape
    assert np.all(np.abs(actual - expected) <= 1e-12 * size.max(initial=1e-300))


class TestProducts:
    @settings(max_examples=60)
    @given(cases(max_width=12, max_parameters=400))
    def test_random_networks(self, case):
        assume(not case.has_unknown_inputs)
        (net, x, _), _ = arguments(case)
        J, outputs = jn.jacobian(net, x), len(case.t)
        half = max(1, case.t.shape[1] // 2)
        other = [xi[:, :half] for xi in x] if isinstance(x, list) else x[:, :half]
        part = J[:, : half * outputs]
        assert_kernel(jn.ntk(net, x), J, J)
        assert_kernel(jn.ntk(net, x, other), J, part)
        assert_kernel(jn.ntk(net, other, x, traced=True), part, J, outputs)
        assert_kernel(jn.gram(net, x, traced=True), J, J, outputs)

    @pytest.mark.parametrize("sizes", [(3, 8, 1), (3, 8, 7), (2, 5, 200), (4, 40, 30, 10), (2, 3)])
    @pytest.mark.parametrize("counts", [(1, 1), (1, 40), (97, 13), (96, 193), (20, 3)])
    def test_every_tiling(self, sizes, counts):
        """Numbers of samples around those of a tile, which depend on the outputs."""
        if sizes[-1] * max(counts) > 2000:
            counts = tuple(min(n, 8) for n in counts)
        net = network(sizes)
        one, other = normal(sizes[0], counts[0]), normal(sizes[0], counts[1], seed=2)
        J1, J2 = jn.jacobian(net, one), jn.jacobian(net, other)
        assert_kernel(jn.ntk(net, one, other), J1, J2)
        assert_kernel(jn.ntk(net, one, other, traced=True), J1, J2, sizes[-1])
        for kernel in (jn.gram(net, other), jn.gram(net, other, traced=True)):
            np.testing.assert_array_equal(kernel, kernel.T)

    def test_of_itself(self):
        net, x = network(), normal(4, 50)
        np.testing.assert_array_equal(jn.ntk(net, x), jn.gram(net, x))
        J = jn.jacobian(net, x)
        assert_kernel(jn.ntk(net, x, x), J, J)
        np.testing.assert_array_equal(jn.ntk(net, x, x, traced=True), jn.gram(net, x, traced=True))

    def test_frozen_parameters_do_not_count(self):
        net, x = network(), normal(4, 20)
        for name in ("IW{1,1}", "b{3}", "LW{3,2}"):
            net.set_learn(name, False)
            J = jn.jacobian(net, x)
            assert_kernel(jn.ntk(net, x), J, J)
        for name in list(net.layout):
            net.set_learn(name, False)
        assert not jn.ntk(net, x).any()
        assert not jn.gram(net, x, traced=True).any()

    def test_scaled_linear_outputs(self):
        """Sensitivities of linear outputs are constants: unequal gains, and no constants at all."""
        x, t = normal(4, 30), normal(3, 30, seed=2) * [[1], [20], [300]]
        for process in ("mapminmax", "processpca"):
            net = jn.Network([4, 6, 3], output_processing=[process]).configure(x, t).init(1)
            J = jn.jacobian(net, x)
            assert_kernel(jn.gram(net, x), J, J)
            assert_kernel(jn.gram(net, x, traced=True), J, J, 3)

    def test_jax(self):
        jax = pytest.importorskip("jax")
        jax.config.update("jax_enable_x64", True)
        net = network((4, 6, 2))
        one, other = normal(4, 7), normal(4, 5, seed=2)

        def f(wb, a):
            hidden = jax.numpy.tanh(wb[6:30].reshape(4, 6).T @ a + wb[:6])
            return wb[32:].reshape(6, 2).T @ hidden + wb[30:32]

        J1, J2 = (
            np.asarray(jax.vmap(jax.jacrev(f), (None, 0))(np.array(net.wb), x.T)).reshape(-1, 44).T
            for x in (one, other)
        )
        assert_kernel(jn.ntk(net, one, other), J1, J2)


class TestCalls:
    @pytest.mark.parametrize("trace", [False, True])
    def test_threads_out_and_layout(self, trace):
        net, one, other = network((4, 30, 3)), normal(4, 150), normal(4, 70, seed=2)
        calls = {
            "ntk": lambda **k: jn.ntk(net, one, other, traced=trace, **k),
            "gram": lambda **k: jn.gram(net, one, traced=trace, **k),
            "lin": lambda **k: jn.linearize(net, one).gram(traced=trace, **k),
        }
        for call in calls.values():
            expected = call(n_threads=1)
            assert expected.flags.f_contiguous
            for n_threads in (2, 3, 8):
                np.testing.assert_array_equal(call(n_threads=n_threads), expected)
            shape = expected.shape
            strided = np.full((2 * shape[0], 2 * shape[1]), 7.0)
            for out in (np.empty(shape), np.empty(shape, order="F"), strided[::2, ::2]):
                assert call(out=out) is out
                np.testing.assert_array_equal(out, expected)
            assert (strided[1::2] == 7).all()

    def test_results_past_the_caches(self):
        """Large results are stored another way."""
        net, x = network((3, 4, 2)), normal(3, 700)
        expected = jn.jacobian(net, x)
        for order in "FC":
            assert_kernel(jn.gram(net, x, out=np.empty((1400, 1400), order=order)), *[expected] * 2)

    def test_several_inputs(self):
        connect = (np.array([[1, 1], [0, 1]]), np.array([[0, 0], [1, 0]]))
        net = jn.Network([[2, 3], 4, 2], connect=connect).init(0)
        one, other = [normal(2, 9), normal(3, 9)], [normal(2, 4, seed=3), normal(3, 4, seed=4)]
        assert_kernel(jn.ntk(net, one, other), jn.jacobian(net, one), jn.jacobian(net, other))

    def test_no_samples(self):
        net, none = network(), np.zeros((4, 0))
        assert jn.ntk(net, none).shape == (0, 0)
        assert jn.ntk(net, normal(4, 2), none).shape == (6, 0)
        assert jn.ntk(net, none, normal(4, 2), traced=True).shape == (0, 2)

    def test_bad_input(self):
        net, x = network(), normal(4, 9)
        with pytest.raises(ValueError, match=r"ntk: x2 .*\(9, 4\).*4.*x2\.T"):
            jn.ntk(net, x, x.T)
        with pytest.raises(ValueError, match=r"ntk: x1 .*\(9, 4\)"):
            jn.ntk(net, x.T, x)
        with pytest.raises(ValueError, match=r"ntk: x1 .*\(9, 4\)"):
            jn.ntk(net, x.T)
        with pytest.raises(TypeError, match="ntk: traced must be True or False, got str"):
            jn.ntk(net, x, traced="yes")
        with pytest.raises(TypeError, match="gram: traced must be True or False, got int"):
            jn.gram(net, x, traced=1)
        with pytest.raises(ValueError, match=r"ntk: out has shape \(9, 9\), expected \(27, 27\)"):
            jn.ntk(net, x, x + 1, out=np.empty((9, 9)))
        bad = x.copy()
        bad[1, 3] = np.nan
        with pytest.raises(ValueError, match=r"ntk.*x2 has a NaN in sample 3"):
            jn.ntk(net, x, bad)
        bad[1, 3] = np.inf
        with pytest.raises(ValueError, match=r"ntk.*x2\[1, 3\] is inf"):
            jn.ntk(net, x, bad)
        with pytest.raises(TypeError, match="ntk: x2"):
            jn.ntk(net, x, "more")
        with pytest.raises(ValueError, match="ntk: the network is not configured"):
            jn.ntk(jn.feedforwardnet(3), x, x)
        with pytest.raises(ValueError, match="ntk: out"):
            jn.ntk(
                network((1, 2, 1)),
                z := normal(1, 4),
                z,
                out=np.lib.stride_tricks.as_strided(z, (4, 4), (8, 0), writeable=True),
            )
        wide = np.broadcast_to(np.zeros((4, 1)), (4, 3_000_000))
        with pytest.raises(MemoryError, match=r"ntk.*GiB"):
            jn.ntk(net, wide, wide)
