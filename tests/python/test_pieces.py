"""Pieces of the Hessian: diagonal, trace, blocks, packed triangle; and single samples' shares.

The oracle is automatic differentiation (`reference`), the whole matrices are held against it in
test_oracle.py; here each piece is held against both.
"""

import jacnet as jn
import numpy as np
import pytest
from building import arguments, pca_transforms
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cases

TOLERANCE = 1e-12
KINDS = ("exact", "gauss-newton")


def network(sizes=(3, 7, 5, 2), seed=0, **options):
    net = jn.Network(list(sizes), **options)
    net.setwb(np.random.default_rng(seed).normal(size=net.n_parameters) * 0.5)
    return net


def data(net, n=30, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(net.input_sizes[0], n)), rng.normal(size=(net.output_sizes[0], n))


@pytest.fixture
def problem():
    net = network()
    return net, *data(net)


def assert_close(actual, expected, scale, what):
    assert np.shape(actual) == np.shape(expected), what
    assert np.all(np.isfinite(actual)), what
    error = np.max(np.abs(actual - expected), initial=0.0)
    assert error <= TOLERANCE * scale, f"{what}: error {error:.2e}, scale {scale:.2e}"


def penalty(net):
    """What regularisation adds to the diagonal."""
    r, function = net.performParam.regularization, net.performFcn
    if function in ("mae", "sae"):
        return 0.0
    return 2 * r / (net.n_parameters if function != "sse" else 1)


@pytest.mark.parametrize("sizes", [(2, 4, 3, 1), (6, 11, 23, 1), (1, 5, 9, 1), (1, 3, 3, 3, 1)])
@pytest.mark.parametrize("connect", ["chain", "cascade"])
@pytest.mark.parametrize("output", ["purelin", "logsig"])
def test_hidden_layers_that_are_linear(sizes, connect, output):
    """One output and layers that do not bend: where the whole Hessian has a route of its own."""
    crossentropy = output == "logsig"
    for linear in range(1, len(sizes) - 1):
        transfer = ["tansig"] * (len(sizes) - 2) + [output]
        transfer[linear] = "purelin"
        performance = "crossentropy" if crossentropy else "mse"
        net = jn.Network(sizes, transfer, connect=connect, performance=performance).init(linear)
        x, t = data(net, 20)
        lin = jn.linearize(net, x, np.abs(np.tanh(t)) if crossentropy else t)
        products = lin.hvp(np.eye(net.n_parameters))
        assert_close(lin.hessian(), products, np.abs(products).max(), "hessian")


class TestAgainstDifferentiation:
    @settings(max_examples=60)
    @given(cases(max_parameters=300))
    def test_pieces(self, case):
        args, options = arguments(case)
        d = case.reference(*pca_transforms(args[0]))
        lin = jn.linearize(*args, **options)
        for kind, whole, scale in (
            ("exact", d.hessian, d.hessian_scale),
            ("gauss-newton", d.gauss_newton, d.gauss_newton_scale),
        ):
            diagonal = lin.hessian_diagonal(kind)
            assert_close(diagonal, np.diag(whole), scale, "diagonal")
            trace, size = lin.hessian_trace(kind), max(1, len(case.w))
            assert_close(trace, np.trace(whole), size * scale, "trace")
            blocks = lin.hessian(kind, structure="block")
            for layer, block in enumerate(blocks):
                rows = own_rows(args[0], layer)
                assert_close(block, whole[np.ix_(rows, rows)], scale, f"layer {layer}")
                np.testing.assert_array_equal(block, block.T)
            upper = np.triu_indices(len(case.w))
            packed = lin.hessian(kind, packed=True)
            columns = np.lexsort(upper)  # column by column
            assert_close(packed, whole[upper][columns], scale, "packed")

    @settings(max_examples=60)
    @given(cases(max_parameters=300), st.integers(0, 2**32 - 1))
    def test_blocks_of_any_rows_and_columns(self, case, seed):
        args, options = arguments(case)
        d = case.reference(*pca_transforms(args[0]))
        lin = jn.linearize(*args, **options)
        P, rng = len(case.w), np.random.default_rng(seed)
        names = list(args[0].layout)
        for kind, whole, scale in (
            ("exact", d.hessian, d.hessian_scale),
            ("gauss-newton", d.gauss_newton, d.gauss_newton_scale),
        ):
            rows = rng.integers(0, P, rng.integers(0, 2 * P))
            cols = rng.permutation(P)[: rng.integers(0, P + 1)]
            block = lin.hessian_block(rows, cols, kind=kind)
            assert_close(block, whole[np.ix_(rows, cols)], scale, "indices")
            square = lin.hessian_block(rows, kind=kind)
            assert_close(square, whole[np.ix_(rows, rows)], scale, "square")
            np.testing.assert_array_equal(square, square.T)
            a, b = rng.choice(names, 2)
            rows, cols = (args[0].layout.select(name) for name in (a, b))
            named = lin.hessian_block(a, b, kind=kind)
            assert_close(named, whole[np.ix_(rows, cols)], scale, f"{a}, {b}")

    @settings(max_examples=60)
    @given(cases(max_width=7, max_parameters=120))
    def test_sample_by_sample(self, case):
        args, options = arguments(case)
        d = case.reference(*pca_transforms(args[0]))
        lin = jn.linearize(*args, **options)
        G = lin.gradients()
        n = lin.outputs().shape[1]
        assert G.shape == (len(case.w), n)
        regularized = jn.linearize(*args, **options | {"ew": 0.0}).gradient()
        assert_close(G.sum(axis=1) + regularized, d.gradient, 10 * d.gradient_scale, "gradient")
        for kind, whole, scale in (
            ("exact", d.hessian, d.hessian_scale),
            ("gauss-newton", d.gauss_newton, d.gauss_newton_scale),
        ):
            H = lin.hessians(kind)
            assert H.shape == (n, len(case.w), len(case.w))
            np.testing.assert_array_equal(H, np.swapaxes(H, 1, 2))
            total = H.sum(axis=0) + penalty(args[0]) * np.eye(len(case.w))
            assert_close(total, whole, 10 * scale, kind)


def own_rows(net, layer):
    blocks = [b for b in net.layout.values() if b.layer == layer]
    return np.concatenate([np.zeros(0, int), *(b.indices.ravel("F") for b in blocks)])


class TestSampleBySample:
    def test_columns_are_the_gradients_of_single_samples(self, problem):
        net, x, t = problem
        t[0, 3] = np.nan
        t[:, 5] = np.nan
        count = np.isfinite(t).sum()
        G = jn.gradients(net, x, t)
        H = jn.hessians(net, x, t)
        for q in range(x.shape[1]):
            one = x[:, [q]], t[:, [q]]
            share = np.isfinite(one[1]).sum() / count
            np.testing.assert_allclose(G[:, q], share * jn.gradient(net, *one), atol=1e-15)
            np.testing.assert_allclose(H[q], share * jn.hessian(net, *one), atol=1e-15)
        assert not G[:, 5].any()
        assert not H[5].any()

    def test_gradients_of_mse_are_the_jacobian_times_the_errors(self, problem):
        net, x, t = problem
        J = jn.defaultderiv("de_dwb", *problem).reshape(net.n_parameters, -1, 2)
        e = (t - net(x)).T
        expected = 2 / t.size * np.einsum("pqs,qs->pq", J, e)
        np.testing.assert_allclose(jn.gradients(*problem), expected, rtol=0, atol=1e-15)

    @pytest.mark.parametrize("sizes", [(3, 40, 2), (2, 5, 1), (8, 20, 30, 4)])
    def test_into_arrays_of_any_strides(self, sizes):
        net = network(sizes)
        x, t = data(net, 300)
        expected = jn.gradients(net, x, t)
        assert expected.flags.f_contiguous
        for out in (
            np.empty((net.n_parameters, 300)),
            np.empty((2 * net.n_parameters, 600), order="F")[::2, ::2],
            np.empty((net.n_parameters, 300))[::-1, ::-1],
        ):
            assert jn.gradients(net, x, t, out=out) is out
            np.testing.assert_array_equal(out, expected)

    def test_hessians_into_arrays_of_any_strides(self, problem):
        net, x, t = problem
        P = net.n_parameters
        expected = jn.hessians(net, x, t)
        assert expected.flags.c_contiguous
        for out in (np.empty((30, P, P), order="F"), np.empty((30, 2 * P, P))[::-1, ::2]):
            assert jn.hessians(net, x, t, out=out) is out
            np.testing.assert_array_equal(out, expected)


class TestPieces:
    def test_trace_is_the_sum_of_the_diagonal(self, problem):
        for kind in KINDS:
            diagonal = jn.hessian_diagonal(*problem, kind=kind)
            trace = jn.hessian_trace(*problem, kind=kind)
            assert trace == pytest.approx(diagonal.sum(), rel=1e-14)
            assert trace == pytest.approx(np.trace(jn.hessian(*problem, kind=kind)), rel=1e-12)
        np.testing.assert_array_equal(
            jn.gauss_newton_diagonal(*problem), jn.hessian_diagonal(*problem, kind="gauss-newton")
        )
        np.testing.assert_array_equal(
            jn.hessian(*problem, structure="diagonal"), jn.hessian_diagonal(*problem)
        )

    @pytest.mark.parametrize("outputs", [1, 2, 30])
    @pytest.mark.parametrize("performance", ["mse", "crossentropy"])
    def test_both_ways_to_the_gauss_newton_diagonal(self, outputs, performance):
        """Few outputs go by sensitivities, many by curvatures."""
        last = "softmax" if performance == "crossentropy" else "purelin"
        net = network((3, 8, 6, outputs), transfer=["tansig", "softmax", last])
        net.performFcn = performance
        x, t = data(net, 50)
        t = np.abs(t)
        expected = np.diag(jn.gauss_newton(net, x, t))
        actual = jn.gauss_newton_diagonal(net, x, t)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-13 * np.abs(expected).max())

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_way_to_name_rows(self, problem, kind):
        net, x, t = problem
        lin = jn.linearize(net, x, t)
        H = lin.hessian(kind)
        mask = np.zeros(net.n_parameters, bool)
        mask[[3, 50, 20]] = True
        layout = net.layout
        choices = {
            "LW{2,1}": layout["LW{2,1}"].indices.ravel("F"),
            "IW{1,1}(3,1)": [layout["IW{1,1}"].indices[2, 0]],
            "b{2}(5)": [layout["b{2}"].indices[4]],
            ("layer", 1): own_rows(net, 1),
            ("neuron", 1, 2): [layout["b{2}"].indices[2], *layout["LW{2,1}"].indices[2]],
            7: [7],
            -1: [net.n_parameters - 1],
            "slice": range(10, net.n_parameters, 9),
            "mask": [3, 20, 50],
            "mixture": [layout["b{1}"].indices[0], 5, 9, 9, *layout["b{3}"].indices],
        }
        spoken = {
            "slice": slice(10, None, 9),
            "mask": mask,
            "mixture": ["b{1}(1)", np.array([5, 9]), 9, ("b{3}",)],
        }
        for a, rows in choices.items():
            for b, cols in choices.items():
                block = lin.hessian_block(spoken.get(a, a), spoken.get(b, b), kind=kind)
                expected = H[np.ix_(list(rows), list(cols))]
                np.testing.assert_allclose(block, expected, rtol=0, atol=1e-13)

    def test_scattered_rows_in_several_parts(self):
        net = network((600, 30, 4))
        x, t = data(net, 5)
        lin, rng = jn.linearize(net, x, t), np.random.default_rng(2)
        rows = rng.permutation(net.n_parameters)[:600]  # more than are packed at once
        cols = rng.permutation(net.n_parameters)[:80]
        whole = lin.hessian_block(rows, cols)
        parts = [lin.hessian_block(part, cols) for part in np.split(rows, 12)]
        np.testing.assert_allclose(whole, np.vstack(parts), rtol=0, atol=1e-15)
        swapped = lin.hessian_block(cols, rows)
        np.testing.assert_allclose(swapped, whole.T, rtol=0, atol=1e-15)
        assert np.count_nonzero(whole) > 0.9 * whole.size

    def test_block_into_out(self, problem):
        net, x, t = problem
        expected = jn.hessian_block(net, x, t, "LW{2,1}", ("layer", 2))
        rows, cols = expected.shape
        for out in (
            np.empty((rows, cols)),
            np.empty((rows, cols), order="F"),
            np.empty((3 * rows, 2 * cols), order="F")[::3, ::2],
            np.empty((rows + 5, cols), order="F")[2:-3],
        ):
            assert jn.hessian_block(net, x, t, "LW{2,1}", ("layer", 2), out=out) is out
            np.testing.assert_array_equal(out, expected)

    def test_blocks_into_out(self, problem):
        net, x, t = problem
        expected = jn.hessian(net, x, t, structure="block")
        sizes = [len(block) for block in expected]
        for order in "FC":
            out = [np.full((n, n), np.nan, order=order) for n in sizes]
            assert jn.hessian(net, x, t, structure="block", out=out) is out
            for actual, block in zip(out, expected, strict=True):
                np.testing.assert_array_equal(actual, block)
        strided = [np.empty((2 * n, 2 * n))[::2, ::-2] for n in sizes]
        for actual, block in zip(
            jn.hessian(net, x, t, structure="block", out=strided), expected, strict=True
        ):
            np.testing.assert_array_equal(actual, block)

    def test_packed_is_what_lapack_reads(self, problem):
        linalg = pytest.importorskip("scipy.linalg.lapack")
        net, x, t = problem
        packed = jn.hessian(net, x, t, packed=True)
        P = net.n_parameters
        packed[np.arange(P) * (np.arange(P) + 3) // 2] += 10.0
        factor, info = linalg.dpptrf(P, packed)
        assert info == 0
        H = jn.hessian(net, x, t) + 10.0 * np.eye(P)
        expected = np.linalg.cholesky(H).T
        actual = np.zeros((P, P))
        for j in range(P):
            actual[: j + 1, j] = factor[j * (j + 1) // 2 :][: j + 1]
        np.testing.assert_allclose(actual, expected, atol=1e-12)

    @pytest.mark.slow
    def test_packed_in_several_panels(self):
        net = network((30, 60, 50, 2))
        x, t = data(net, 40)
        P = net.n_parameters
        assert P > 4000  # more than a panel holds
        H = jn.hessian(net, x, t)
        packed = jn.hessian(net, x, t, packed=True)
        for j in range(P):
            column = packed[j * (j + 1) // 2 :][: j + 1]
            np.testing.assert_allclose(column, H[: j + 1, j], rtol=0, atol=1e-14)

    @pytest.mark.parametrize("n_threads", [2, 5])
    def test_threads_do_not_change_a_bit(self, n_threads):
        net = network((8, 20, 12, 3))
        x, t = data(net, 1500)
        lin = jn.linearize(net, x, t)
        rows = np.arange(0, net.n_parameters, 3)
        for ask in (
            lambda **k: lin.hessian_diagonal(**k),
            lambda **k: lin.hessian_diagonal("gauss-newton", **k),
            lambda **k: lin.hessian_block(rows, ("layer", 1), **k),
            lambda **k: lin.hessian(packed=True, **k),
            lambda **k: np.concatenate([b.ravel() for b in lin.hessian(structure="block", **k)]),
            lambda **k: lin.gradients(**k),
            lambda **k: lin.empirical_fisher(**k),
            lambda **k: lin.empirical_fisher(structure="diagonal", **k),
        ):
            np.testing.assert_array_equal(ask(n_threads=1), ask(n_threads=n_threads))

    def test_no_samples(self):
        net = network()
        x, t = np.zeros((3, 0)), np.zeros((2, 0))
        lin = jn.linearize(net, x, t)
        P = net.n_parameters
        assert not lin.hessian_diagonal().any()
        assert not lin.hessian_block(slice(None)).any()
        assert not lin.hessian(packed=True).any()
        assert lin.gradients().shape == (P, 0)
        assert lin.hessians().shape == (0, P, P)
        assert not lin.empirical_fisher().any()


class TestBadInput:
    @pytest.mark.parametrize(
        ("ask", "error", "words"),
        [
            (lambda lin: lin.hessian_diagonal("exakt"), ValueError, ("hessian_diagonal", "kind")),
            (lambda lin: lin.hessian_trace(3), TypeError, ("hessian_trace", "kind", "int")),
            (lambda lin: lin.hessian(structure="blocks"), ValueError, ("hessian", "structure")),
            (lambda lin: lin.hessian(packed=1), TypeError, ("hessian", "packed", "int")),
            (
                lambda lin: lin.hessian(structure="block", packed=True),
                ValueError,
                ("packed", "'block'", "'full'"),
            ),
            (
                lambda lin: lin.hessian(structure="block", out=np.zeros((3, 3))),
                TypeError,
                ("hessian", "out", "list", "3"),
            ),
            (
                lambda lin: lin.hessian(structure="block", out=[np.zeros((3, 3))] * 3),
                ValueError,
                ("hessian", "out", "shape", "(28, 28)"),
            ),
            (lambda lin: lin.gradients(out=np.zeros((3, 4))), ValueError, ("gradients", "out")),
            (lambda lin: lin.hessians(n_threads=0), ValueError, ("hessians", "n_threads")),
            (
                lambda lin: lin.hessian_block("LW{1,2}"),
                ValueError,
                ("hessian_block", "rows", "LW{1,2}", "LW{2,1}"),
            ),
            (
                lambda lin: lin.hessian_block("b{1}", "b{1}(8)"),
                ValueError,
                ("hessian_block", "cols", "b{1}(8)", "(7,)"),
            ),
            (
                lambda lin: lin.hessian_block([0, 80]),
                IndexError,
                ("hessian_block", "rows", "80", "80"),
            ),
            (
                lambda lin: lin.hessian_block(np.ones(3, bool)),
                IndexError,
                ("hessian_block", "rows", "mask", "80"),
            ),
            (lambda lin: lin.hessian_block(1.5), TypeError, ("hessian_block", "rows", "float")),
            (lambda lin: lin.hessian_block(None), TypeError, ("hessian_block", "rows", "NoneType")),
            (
                lambda lin: lin.hessian_block(("layer", 3)),
                IndexError,
                ("hessian_block: rows: ", "layer 3", "to 2"),
            ),
            (
                lambda lin: lin.hessian_block(0, [("neuron", 0, 7)]),
                IndexError,
                ("hessian_block: cols: ", "neuron 7", "7 neurons"),
            ),
            (
                lambda lin: lin.hessian_block(("neuron", 0, "a")),
                TypeError,
                ("hessian_block: rows: neuron must be a whole number from 0, got str",),
            ),
        ],
    )
    def test_messages(self, problem, ask, error, words):
        net, x, t = problem
        assert net.n_parameters == 80
        with pytest.raises(error) as caught:
            ask(jn.linearize(net, x, t))
        for word in words:
            assert word in str(caught.value)

    @pytest.mark.parametrize(
        "name",
        ["gradients", "hessians", "hessian_diagonal", "hessian_trace", "gauss_newton_diagonal",
         "fisher", "empirical_fisher"],
    )  # fmt: skip
    def test_targets_are_needed(self, problem, name):
        net, x, _ = problem
        with pytest.raises(ValueError, match=r"needs targets"):
            getattr(jn.linearize(net, x), name)()
        with pytest.raises(TypeError, match=rf"{name}: t must hold real numbers, got None"):
            getattr(jn, name)(net, x, None)

    def test_too_large_results_are_refused_with_their_size(self):
        net = network((200, 300, 1))
        x, t = np.zeros((200, 10**6)), np.zeros((1, 10**6))
        with pytest.raises(MemoryError, match=r"hessians: the result of shape .* needs .* GiB"):
            jn.hessians(net, x, t)
