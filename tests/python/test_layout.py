"""The layout: which entry of the parameter vector is which weight."""

import jacnet as jn
import numpy as np
import pytest


@pytest.fixture
def net():
    net = jn.Network([2, 3, 4, 2])
    return net.setwb(np.arange(net.n_parameters))


@pytest.fixture
def cascade():
    return jn.Network([[2, 1], 3, 2, 1], connect="cascade")


class TestBlocks:
    def test_order_and_slices(self, net):
        expected = {
            "b{1}": (0, 3),
            "IW{1,1}": (3, 9),
            "b{2}": (9, 13),
            "LW{2,1}": (13, 25),
            "b{3}": (25, 27),
            "LW{3,2}": (27, 35),
        }
        found = {name: (b.slice.start, b.slice.stop) for name, b in net.layout.items()}
        assert list(found.items()) == list(expected.items())
        assert net.layout.n_parameters == net.n_parameters == 35

    def test_order_in_a_cascade_of_two_inputs(self, cascade):
        assert list(cascade.layout) == [
            *("b{1}", "IW{1,1}", "IW{1,2}"),
            *("b{2}", "IW{2,1}", "IW{2,2}", "LW{2,1}"),
            *("b{3}", "IW{3,1}", "IW{3,2}", "LW{3,1}", "LW{3,2}"),
        ]

    def test_shapes_and_places(self, cascade):
        block = cascade.layout["LW{3,2}"]
        assert (block.shape, block.layer, block.source, block.kind) == ((1, 2), 2, 1, "LW")
        assert cascade.layout["IW{2,1}"].shape == (2, 2)
        bias = cascade.layout["b{2}"]
        assert (bias.shape, bias.layer, bias.source, bias.kind) == ((2,), 1, -1, "b")

    def test_slices_tile_the_vector(self, cascade):
        every = np.concatenate(
            [np.arange(cascade.n_parameters)[b.slice] for b in cascade.layout.values()]
        )
        np.testing.assert_array_equal(every, np.arange(cascade.n_parameters))

    def test_blocks_are_columns_after_columns(self, net):
        for block in net.layout.values():
            views = {"b": net.b, "IW": net.IW, "LW": net.LW}[block.kind]
            key = block.layer if block.kind == "b" else (block.layer, block.source)
            np.testing.assert_array_equal(views[key], block.indices)
            np.testing.assert_array_equal(net.wb[block.slice], views[key].ravel(order="F"))

    def test_absent_bias(self):
        net = jn.Network([2, 3, 1], bias=[False, True])
        assert list(net.layout) == ["IW{1,1}", "b{2}", "LW{2,1}"]

    def test_matlabs_documented_example(self):
        """The setwb page of MATLAB: draws 8 to 10 become b{1}, draws 11 to 13 IW{1,1}."""
        wb = np.random.RandomState(5489).random_sample(17)[7:]
        net = jn.Network([1, 3, 1]).setwb(wb)
        np.testing.assert_allclose(net.b[0], [0.5469, 0.9575, 0.9649], atol=5e-5)
        np.testing.assert_allclose(net.IW[0, 0].ravel(), [0.1576, 0.9706, 0.9572], atol=5e-5)

    def test_unknown_name(self, net):
        with pytest.raises(KeyError, match=r"IW\{1,1\}"):
            net.layout["IW{1,11}"]


class TestFrozen:
    @pytest.fixture
    def frozen(self, net):
        return net.set_learn("IW{1,1}", False)

    def test_leaves_the_mapping(self, frozen):
        assert "IW{1,1}" not in frozen.layout
        assert frozen.layout["b{2}"].slice == slice(3, 7)
        assert frozen.n_parameters == len(frozen.layout.names) == 29
        assert [block.name for block in frozen.layout.frozen] == ["IW{1,1}"]

    def test_is_said(self, frozen):
        assert "frozen" in str(frozen.layout)
        with pytest.raises(KeyError, match="frozen"):
            frozen.layout["IW{1,1}"]

    def test_values_stay(self, frozen):
        np.testing.assert_array_equal(frozen.IW[0, 0], [[3, 6], [4, 7], [5, 8]])
        np.testing.assert_array_equal(frozen.wb[:5], [0, 1, 2, 9, 10])

    def test_thawed(self, frozen):
        np.testing.assert_array_equal(frozen.set_learn("IW{1,1}", True).wb, np.arange(35))


class TestNames:
    def test_every_parameter(self):
        assert jn.Network([2, 2, 1]).layout.names == [
            *("b{1}(1)", "b{1}(2)"),
            *("IW{1,1}(1,1)", "IW{1,1}(2,1)", "IW{1,1}(1,2)", "IW{1,1}(2,2)"),
            *("b{2}(1)", "LW{2,1}(1,1)", "LW{2,1}(1,2)"),
        ]

    def test_are_unique(self, cascade):
        assert len(set(cascade.layout.names)) == cascade.n_parameters

    def test_table(self, net):
        title, head, *rows = str(net.layout).splitlines()
        assert title.startswith("35 parameters")
        assert head.split() == ["rows", "name", "shape", "meaning"]
        assert rows[1].split()[:5] == ["3:9", "IW{1,1}", "3", "x", "2"]
        assert rows[-1].endswith("layer 3 weights from layer 2")
        assert len(rows) == 6

    def test_html(self, net):
        html = net.layout._repr_html_()
        assert html.count("<tr>") == 7
        assert "LW{3,2}" in html

    def test_repr(self, net):
        assert "35 parameters" in repr(net.layout)


class TestPermutation:
    def layers(self, net):
        weights = [net.IW[0, 0], net.LW[1, 0], net.LW[2, 1]]
        return list(zip(weights, net.b.values(), strict=True))

    def test_torch(self, net):
        expected = [part for W, b in self.layers(net) for part in (W.ravel(), b)]
        found = net.wb[net.layout.permutation("torch")]
        np.testing.assert_array_equal(found, np.concatenate(expected))

    def test_keras(self, net):
        expected = [part for W, b in self.layers(net) for part in (W.T.ravel(), b)]
        found = net.wb[net.layout.permutation("keras")]
        np.testing.assert_array_equal(found, np.concatenate(expected))

    def test_sklearn(self, net):
        layers = self.layers(net)
        expected = [W.T.ravel() for W, _ in layers] + [b for _, b in layers]
        found = net.wb[net.layout.permutation("sklearn")]
        np.testing.assert_array_equal(found, np.concatenate(expected))

    @pytest.mark.parametrize("order", ["torch", "keras", "sklearn"])
    def test_there_and_back(self, net, order):
        index = net.layout.permutation(order)
        back = np.empty(net.n_parameters)
        back[index] = np.arange(net.n_parameters)[index]
        np.testing.assert_array_equal(back, np.arange(net.n_parameters))

    def test_a_cascade_has_none(self, cascade):
        with pytest.raises(ValueError, match=r"permutation: order='torch'.*IW\{1,2\} has no place"):
            cascade.layout.permutation("torch")

    def test_without_bias(self):
        net = jn.Network([2, 3, 1], bias=False).init(0)
        expected = np.concatenate([net.IW[0, 0].ravel(), net.LW[1, 0].ravel()])
        np.testing.assert_array_equal(net.wb[net.layout.permutation("torch")], expected)

    def test_unknown_order(self, net):
        with pytest.raises(ValueError, match=r"'pytorch'.*torch"):
            net.layout.permutation("pytorch")
