"""Which entry is which: blocks by name, choices of parameters, other libraries' orders."""

import tracemalloc

import jacnet as jn
import numpy as np
import pytest
from building import build
from hypothesis import given, settings
from strategies import cases
from test_pieces import data, network

ORDERS = ("matlab", "torch", "keras", "sklearn")


@pytest.fixture
def problem():
    net = network()
    return net, *data(net)


def questions(net, x, t):
    """Every result with parameters along an axis: (ask(order, out), axes)."""
    lin = jn.linearize(net, x, t)
    both = {
        "gradient": (0,),
        "gauss_newton": (0, 1),
        "hessian": (0, 1),
        "hessian_diagonal": (0,),
        "gauss_newton_diagonal": (0,),
        "gradients": (0,),
        "hessians": (1, 2),
        "fisher": (0, 1),
        "empirical_fisher": (0, 1),
    }
    asked = {}
    for name, axes in both.items():
        asked[f"lin.{name}"] = getattr(lin, name), axes
        asked[f"jn.{name}"] = (lambda name=name, **k: getattr(jn, name)(net, x, t, **k)), axes
    derivative = {
        "default": jn.defaultderiv, "static": jn.staticderiv,
        "num2": jn.num2deriv, "num5": jn.num5deriv,
    }  # fmt: skip
    for name, function in derivative.items():
        for what in ("de_dwb", "dperf_dwb"):
            asked[f"{name} {what}"] = (
                (lambda function=function, what=what, **k: function(what, net, x, t, **k)),
                (0,),
            )
    asked["lin.de_dwb"] = lin.de_dwb, (0,)
    asked["lin.jacobian"] = lin.jacobian, (0,)
    asked["jn.jacobian"] = (lambda **k: jn.jacobian(net, x, **k)), (0,)
    asked["diagonal"] = (lambda **k: lin.hessian(structure="diagonal", **k)), (0,)
    u = np.cos(np.arange(2 * x.shape[1])).reshape(2, -1)
    asked["lin.vjp"] = (lambda **k: lin.vjp(u, **k)), (0,)
    asked["jn.vjp"] = (lambda **k: jn.vjp(net, x, np.dstack([u, -u]), **k)), (0,)
    return asked


def products(net, x, t):
    """Products with v in some order: (ask(v, order, out), whether the result is in it)."""
    lin = jn.linearize(net, x, t)
    return {
        "lin.jvp": (lin.jvp, False),
        "jn.jvp": ((lambda v, **k: jn.jvp(net, x, v, **k)), False),
        "lin.hvp": (lin.hvp, True),
        "jn.hvp": ((lambda v, **k: jn.hvp(net, x, t, v, **k)), True),
        "lin.ggnvp": (lin.ggnvp, True),
        "jn.ggnvp": ((lambda v, **k: jn.ggnvp(net, x, t, v, **k)), True),
    }


class TestOrder:
    @pytest.mark.parametrize("order", ORDERS)
    def test_every_result(self, problem, order):
        net = problem[0]
        index = net.layout.permutation(order)
        for name, (ask, axes) in questions(*problem).items():
            plain, actual = ask(), ask(order=order)
            expected = plain
            for axis in axes:
                expected = np.take(expected, index, axis)
            np.testing.assert_array_equal(actual, expected, err_msg=name)
            reordered = net.layout.reorder(plain, order, axes)
            np.testing.assert_array_equal(reordered, expected, err_msg=name)
            out = np.empty(tuple(2 * n for n in plain.shape))[
                tuple([slice(None, None, 2)] * plain.ndim)
            ]
            assert ask(order=order, out=out) is out
            np.testing.assert_array_equal(out, expected, err_msg=name)

    @pytest.mark.parametrize("order", ORDERS)
    def test_normal_equations(self, problem, order):
        net, x, t = problem
        index = net.layout.permutation(order)
        JJ, Je, sse = jn.normal_equations(net, x, t)
        for answer in (
            jn.normal_equations(net, x, t, order=order),
            jn.linearize(net, x, t).normal_equations(order=order),
        ):
            np.testing.assert_array_equal(answer[0], JJ[np.ix_(index, index)])
            np.testing.assert_array_equal(answer[1], Je[index])
            assert answer[2] == sse

    @pytest.mark.parametrize("order", ORDERS)
    def test_layer_blocks(self, problem, order):
        """Each in the order that its own parameters have there."""
        net, x, t = problem
        index = net.layout.permutation(order)
        plain = jn.hessian(net, x, t, structure="block")
        first = 0
        for block, actual in zip(
            plain, jn.hessian(net, x, t, structure="block", order=order), strict=True
        ):
            last = first + len(block)
            own = index[(index >= first) & (index < last)] - first
            np.testing.assert_array_equal(actual, block[np.ix_(own, own)])
            first = last

    @pytest.mark.parametrize("order", ORDERS)
    def test_products(self, problem, order):
        """Rows of v are in the order, and rows of the result where these are parameters."""
        net = problem[0]
        index = net.layout.permutation(order)
        rng = np.random.default_rng(0)
        for name, (ask, in_order) in products(*problem).items():
            for v in (rng.normal(size=80), rng.normal(size=(80, 3))):
                plain = ask(v)
                expected = plain[index] if in_order else plain
                actual = ask(v[index], order=order)
                np.testing.assert_array_equal(actual, expected, err_msg=name)
                out = np.empty(expected.shape)
                assert ask(v[index], order=order, out=out) is out
                np.testing.assert_array_equal(out, expected, err_msg=name)

    def test_values_that_are_not_finite_are_named_as_they_came(self, problem):
        v = np.zeros((80, 2))
        v[3, 1] = np.nan
        for name, (ask, _) in products(*problem).items():
            with pytest.raises(
                ValueError, match=rf"^{name.split('.')[1]}: v\[3, 1\] is nan; vectors must be"
            ):
                ask(v, order="torch")

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    @pytest.mark.parametrize("order", ORDERS)
    def test_packed_triangles(self, problem, order, dtype):
        net, x, t = problem
        lin = jn.linearize(net, x, t, dtype=dtype)
        index = net.layout.permutation(order)
        H = np.zeros((80, 80), dtype)
        j, i = np.tril_indices(80)
        H[i, j] = H[j, i] = lin.hessian(packed=True)
        expected = H[np.ix_(index, index)][i, j]
        np.testing.assert_array_equal(lin.hessian(packed=True, order=order), expected)
        out = np.empty(2 * len(expected), dtype)[::2]
        assert lin.hessian(packed=True, order=order, out=out) is out
        np.testing.assert_array_equal(out, expected)

    def test_packed_triangles_hold_no_matrix(self):
        """Beside the triangle there is less than a sixteenth of it."""
        net = jn.Network([30, 40, 3]).init(0)
        x, t = np.ones((30, 4)), np.ones((3, 4))
        out = np.empty(net.n_parameters * (net.n_parameters + 1) // 2)
        tracemalloc.start()
        try:
            jn.hessian(net, x, t, packed=True, order="torch", out=out)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < out.nbytes / 16

    @pytest.mark.parametrize("order", ORDERS)
    def test_chosen_blocks(self, problem, order):
        """Integers count in the order; what has a name comes in it."""
        net, x, t = problem
        layout = net.layout
        index = layout.permutation(order)
        H = jn.hessian(net, x, t)
        place = np.argsort(index)  # where a row of wb is in the order
        mask = np.arange(80) % 7 == 0
        for choice in ("LW{2,1}", "b{1}", "IW{1,1}(3,1)", ("layer", 1), ("neuron", 1, 2)):
            rows = layout.select(choice)
            rows = rows[np.argsort(place[rows])]
            self.check_block(problem, choice, order, H[np.ix_(rows, index[:5])])
        for choice in (slice(3, 50, 4), [7, 0, -1], mask, 12):
            rows = np.atleast_1d(index[choice])
            self.check_block(problem, choice, order, H[np.ix_(rows, index[:5])])
        rows = [*index[4:6], *layout.select("b{2}"), index[0]]
        self.check_block(problem, [slice(4, 6), "b{2}", 0], order, H[np.ix_(rows, index[:5])])

    def check_block(self, problem, rows, order, expected):
        lin = jn.linearize(*problem)
        for ask in (lin.hessian_block, lambda *a, **k: jn.hessian_block(*problem, *a, **k)):
            actual = ask(rows, range(5), order=order)
            np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-14)

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch itself
    def test_torch_agrees(self):
        """A Sequential's own parameters(), through double backward passes."""
        torch = pytest.importorskip("torch")
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)
        ).double()
        parts = list(model.parameters())
        net = jn.Network([3, 5, 2])
        index = net.layout.permutation("torch")
        net.wb[index] = np.concatenate([p.detach().numpy().ravel() for p in parts])
        rng = np.random.default_rng(0)
        x, t, v = rng.normal(size=(3, 20)), rng.normal(size=(2, 20)), rng.normal(size=len(index))
        y = model(torch.tensor(x.T))
        loss = torch.nn.functional.mse_loss(y, torch.tensor(t.T))
        slopes = torch.autograd.grad(loss, parts, create_graph=True)
        flat = torch.cat([s.ravel() for s in slopes])
        products = torch.autograd.grad(flat @ torch.tensor(v), parts)
        expected = np.concatenate([p.numpy().ravel() for p in products])
        actual = jn.hvp(net, x, t, v, order="torch")
        np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(
            jn.gradient(net, x, t, order="torch"), flat.detach().numpy(), rtol=1e-10, atol=1e-13
        )

    def test_sklearn_order_is_that_of_its_arrays(self):
        """coefs_ are inputs x outputs, samples are rows: what MLPRegressor computes."""
        net = jn.Network([3, 5, 2]).init(0)
        x = np.random.default_rng(0).normal(size=(3, 20))
        wb = net.wb[net.layout.permutation("sklearn")]
        first, second, *intercepts = np.split(wb, np.cumsum([15, 10, 5]))
        hidden = np.tanh(x.T @ first.reshape(3, 5) + intercepts[0])
        y = hidden @ second.reshape(5, 2) + intercepts[1]
        np.testing.assert_allclose(y.T, net(x), rtol=1e-12, atol=1e-14)

    def test_inputs_have_no_such_order(self, problem):
        net, x, t = problem
        for ask in (jn.linearize(net, x, t).jacobian, lambda *a, **k: jn.jacobian(net, x, *a, **k)):
            with pytest.raises(ValueError, match=r"jacobian: order is the order of param.*inputs"):
                ask("inputs", order="torch")

    @pytest.mark.parametrize("order", ORDERS[1:])
    @pytest.mark.parametrize(
        ("net", "odd"),
        [
            (jn.Network([2, 3, 1], connect="cascade"), "IW{2,1} has no place"),
            (jn.Network([[2, 1], 3, 1]), "IW{1,2} has no place"),
            (jn.Network([2, 3, 2, 1], connect=(
                [[1], [0], [0]], [[0, 0, 0], [1, 0, 0], [1, 1, 0]])), "LW{3,1} has no place"),
            (jn.Network([2, 3, 1], connect="cascade", learn={"IW{2,1}": False}), "IW{2,1}"),
        ],
    )  # fmt: skip
    def test_networks_that_other_libraries_do_not_have(self, net, odd, order):
        x = [np.ones((r, 4)) for r in net.input_sizes]
        x = x if len(x) > 1 else x[0]
        asks = {
            "permutation": lambda: net.layout.permutation(order),
            "reorder": lambda: net.layout.reorder(net.wb, order),
            "gradient": lambda: jn.gradient(net, x, np.ones((1, 4)), order=order),
            "hvp": lambda: jn.linearize(net, x, np.ones((1, 4))).hvp(net.wb, order=order),
        }
        for name, ask in asks.items():
            with pytest.raises(ValueError, match=f"^{name}: order='{order}' is that of") as caught:
                ask()
            assert odd in str(caught.value)
            assert "leave order out" in str(caught.value)
        assert net.layout.permutation("matlab").tolist() == list(range(net.n_parameters))

    def test_frozen_and_missing_parameters_are_left_out(self):
        net = jn.Network([2, 3, 1], bias=[False, True], learn={"LW{2,1}": False})
        assert net.layout.permutation("torch").tolist() == [0, 3, 1, 4, 2, 5, 6]

    def test_torch_order_is_that_of_its_parameters(self, problem):
        net, _, _ = problem
        weights = [net.IW[0, 0], net.b[0], net.LW[1, 0], net.b[1], net.LW[2, 1], net.b[2]]
        expected = np.concatenate([np.ravel(w) for w in weights])
        np.testing.assert_array_equal(net.layout.reorder(net.wb, "torch"), expected)

    def test_unknown_orders(self, problem):
        net = problem[0]
        for name, (ask, _) in questions(*problem).items():
            with pytest.raises(ValueError, match=r"\w+: order is 'numpy', expected 'matlab'"):
                ask(order="numpy")
            with pytest.raises(ValueError, match=r"'sklern'.*; did you mean 'sklearn'\?"):
                ask(order="sklern")
            with pytest.raises(TypeError, match=r"\w+: order must be 'matlab'.*got int"):
                ask(order=3)
            assert name
        with pytest.raises(ValueError, match=r"reorder: order is 'tortch'.*'torch'"):
            net.layout.reorder(net.wb, "tortch")

    def test_a_layout_that_changed(self, problem):
        net, x, t = problem
        lin = jn.linearize(net, x, t)
        net.set_learn("b{2}", False)
        with pytest.raises(ValueError, match=r"gradient: .* layout has changed since linearize"):
            lin.gradient(order="torch")
        with pytest.raises(ValueError, match=r"hvp: .* layout has changed since linearize"):
            lin.hvp(np.zeros(80), order="torch")
        with pytest.raises(ValueError, match=r"hessian: .* layout has changed since linearize"):
            lin.hessian(packed=True, order="torch")
        for name, ask in {
            "hessian_block": lambda **k: lin.hessian_block("LW{3,2}", **k),
            "hessian": lambda **k: lin.hessian(structure="block", **k),
        }.items():
            with pytest.raises(ValueError, match=rf"^{name}: .* has changed since linearize, and"):
                ask()
            with pytest.raises(ValueError, match=rf"^{name}: .* layout has changed"):
                ask(order="torch")


class TestBlocks:
    @settings(max_examples=30)
    @given(cases(max_parameters=200))
    def test_views_put_together_again(self, case):
        net = build(case)
        P, layout = net.n_parameters, net.layout
        vector, matrix = np.arange(float(P)), np.arange(float(P * P)).reshape(P, P)
        shapes = {name: block.shape for name, block in layout.items()}
        parts = layout.blocks_of(vector)
        assert {name: part.shape for name, part in parts.items()} == shapes
        for name, part in parts.items():
            assert part.base is not None
            assert np.shares_memory(part, vector)
            np.testing.assert_array_equal(part, vector[layout[name].indices])
        pairs = layout.blocks_of(matrix)
        assert len(pairs) == len(layout) ** 2
        for (a, b), part in pairs.items():
            assert np.shares_memory(part, matrix)
            np.testing.assert_array_equal(part, matrix[layout[a].slice, layout[b].slice])

    def test_jacobian_and_hessians(self, problem):
        net, x, t = problem
        J = jn.defaultderiv("de_dwb", net, x, t)
        parts = net.layout.blocks_of(J)
        assert list(parts) == list(net.layout)
        np.testing.assert_array_equal(np.vstack(list(parts.values())), J)
        H = jn.hessians(net, x, t)
        part = net.layout.blocks_of(H, axes=(1, 2))["b{1}", "LW{3,2}"]
        assert part.shape == (30, 7, 10)
        assert net.layout.blocks_of(H[:, 0], axes=-1)["b{3}"].shape == (30, 2)

    def test_writing_into_a_view(self, problem):
        g = jn.gradient(*problem)
        problem[0].layout.blocks_of(g)["LW{2,1}"][3, 4] = 7.0
        assert g[problem[0].layout.select("LW{2,1}(4,5)")] == 7.0

    def test_the_gradient_by_name(self, problem):
        """As the views of the network itself: a step downhill, matrix by matrix."""
        net, x, t = problem
        g = net.layout.blocks_of(jn.gradient(net, x, t))
        before = jn.linearize(net, x, t).performance()
        net.IW[0, 0] -= 0.01 * g["IW{1,1}"]
        net.LW[2, 1] -= 0.01 * g["LW{3,2}"]
        net.b[1] -= 0.01 * g["b{2}"]
        assert jn.linearize(net, x, t).performance() < before

    def test_axes_that_do_not_fit(self, problem):
        net, x, t = problem
        H = jn.hessians(net, x, t)
        for function in (net.layout.blocks_of, lambda r, a=None: net.layout.reorder(r, "torch", a)):
            with pytest.raises(ValueError, match=r"axis 0 of result, .*\(30, 80, 80\).* 80 param"):
                function(H)
            for axes in (range(1, 3), np.array([1, 2])):
                function(H, axes)
            with pytest.raises(ValueError, match=r"axis 5 "):
                function(H, 5)


class TestSelect:
    def test_elements_are_those_that_are_named(self, problem):
        layout = problem[0].layout
        for index, name in enumerate(layout.names):
            assert layout.select(name).tolist() == [index]

    def test_layers_and_neurons(self, problem):
        layout = problem[0].layout
        every = np.concatenate([layout.layer(k) for k in range(3)])
        assert sorted(every) == list(range(80))
        neurons = np.concatenate([layout.neuron(1, i) for i in range(5)])
        assert sorted(neurons) == sorted(layout.layer(1))
        names = [layout.names[k] for k in layout.neuron(1, 2)]
        assert names == ["b{2}(3)", *(f"LW{{2,1}}(3,{c})" for c in range(1, 8))]

    def test_empty_choices(self, problem):
        layout = problem[0].layout
        for nothing in ([], (), np.zeros(0), slice(5, 5), np.zeros(80, bool)):
            assert layout.select(nothing).shape == (0,)

    def test_blocks_and_mixtures(self, problem):
        layout = problem[0].layout
        chosen = layout.select([layout["b{3}"], "b{3}(1)", -1, ("neuron", 2, 1), slice(0, 2)])
        names = [layout.names[k] for k in chosen]
        assert names[:4] == ["b{3}(1)", "b{3}(2)", "b{3}(1)", "LW{3,2}(2,5)"]
        assert names[-2:] == ["b{1}(1)", "b{1}(2)"]

    @pytest.mark.parametrize(
        ("choice", "error", "words"),
        [
            ("IW{1,2}", ValueError, ("IW{1,2}", "IW{1,1}")),
            ("IW{1,1}(8,1)", ValueError, ("IW{1,1}(8,1)", "(7, 3)", "from 1")),
            ("IW{1,1}(0,1)", ValueError, ("IW{1,1}(0,1)",)),
            ("IW{1,1}(1)", ValueError, ("IW{1,1}(1)",)),
            ("IW{1,1}(1,1", ValueError, ("IW{1,1}(1,1",)),
            ("b{2}", ValueError, ("b{2}", "frozen")),
            (("layer", 5), IndexError, ("layer", "5", "2")),
            (("layer", "first"), TypeError, ("layer", "str")),
            (("neuron", 1, -1), IndexError, ("neuron", "-1", "5")),
            (99, IndexError, ("choice", "99", "75")),
            ([0, -76], IndexError, ("choice", "-76", "75")),
            (np.ones((2, 2), int), TypeError, ("choice", "(2, 2)")),
            (np.ones(4), TypeError, ("choice", "float64")),
            (np.ones(80, bool), IndexError, ("mask", "(80,)", "75")),
            ({"a": 1}, TypeError, ("choice", "dict")),
        ],
    )
    def test_messages(self, choice, error, words):
        net = network(learn={"b{2}": False})
        with pytest.raises(error) as caught:
            net.layout.select(choice)
        for word in words:
            assert word in str(caught.value)
