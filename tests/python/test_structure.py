"""Which entry is which: blocks by name, choices of parameters, other libraries' orders."""

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
    return asked


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

    def test_inputs_have_no_such_order(self, problem):
        net, x, _ = problem
        np.testing.assert_array_equal(
            jn.jacobian(net, x, "inputs", order="torch"), jn.jacobian(net, x, "inputs")
        )

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
            with pytest.raises(TypeError, match=r"\w+: order must be 'matlab'.*got int"):
                ask(order=3)
            assert name
        with pytest.raises(ValueError, match=r"permutation: unknown order 'tortch'.*torch"):
            net.layout.reorder(net.wb, "tortch")

    def test_a_layout_that_changed(self, problem):
        net, x, t = problem
        lin = jn.linearize(net, x, t)
        net.set_learn("b{2}", False)
        with pytest.raises(ValueError, match=r"gradient: .* layout has changed since linearize"):
            lin.gradient(order="torch")


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
            with pytest.raises(ValueError, match=r"axis 0 of shape \(30, 80, 80\).* 80 parameters"):
                function(H)
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
