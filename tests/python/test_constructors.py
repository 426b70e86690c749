"""MATLAB's constructors: structure and defaults, open until data come."""

import jacnet as jn
import numpy as np
import pytest


@pytest.fixture
def data():
    x = np.random.default_rng(0).uniform(-1, 1, (3, 20))
    return x, np.vstack([x[0] > 0, x[0] <= 0]).astype(float)


CONSTRUCTORS = [jn.feedforwardnet, jn.fitnet, jn.cascadeforwardnet, jn.patternnet]


@pytest.mark.parametrize("constructor", CONSTRUCTORS)
class TestEvery:
    def test_is_open_until_configured(self, constructor, data):
        net = constructor(4)
        assert not net.configured
        assert net.configure(*data).configured
        assert (list(net.input_sizes), list(net.output_sizes)) == ([3], [2])

    def test_ten_hidden_neurons_by_default(self, constructor):
        assert next(iter(constructor().layer_sizes)) == 10

    def test_defaults(self, constructor):
        net = constructor()
        assert net.divideFcn == "dividerand"
        assert net.transfer[0] == "tansig"
        assert net.biasConnect.all()
        assert [step["name"] for step in net.input_processing[0]] == [
            "removeconstantrows",
            "mapminmax",
        ]
        assert [step["name"] for step in net.output_processing[0]] == [
            "removeconstantrows",
            "mapminmax",
        ]

    @pytest.mark.parametrize(
        ("hidden", "error"),
        [
            (0, ValueError),
            ([3, -1], ValueError),
            (2.5, TypeError),
            ("ten", TypeError),
            (True, TypeError),
        ],
    )
    def test_senseless_sizes(self, constructor, hidden, error):
        with pytest.raises(error, match="hidden"):
            constructor(hidden)

    def test_unknown_training_function(self, constructor):
        with pytest.raises(ValueError, match=r"trainFcn.*trainlm"):
            constructor(3, "trainml")


@pytest.mark.parametrize("constructor", [jn.feedforwardnet, jn.fitnet])
def test_feedforwardnet(constructor, data):
    net = constructor([4, 5]).configure(*data)
    assert list(net.transfer) == ["tansig", "tansig", "purelin"]
    assert list(net.layout) == ["b{1}", "IW{1,1}", "b{2}", "LW{2,1}", "b{3}", "LW{3,2}"]
    assert (net.trainFcn, net.performFcn) == ("trainlm", "mse")
    assert net.n_parameters == 4 * 4 + 5 * 5 + 2 * 6


def test_cascadeforwardnet(data):
    net = jn.cascadeforwardnet([4, 5]).configure(*data)
    assert net.inputConnect.all()
    np.testing.assert_array_equal(net.layerConnect, np.tri(3, k=-1, dtype=bool))
    assert net.n_parameters == 4 * 4 + 5 * (1 + 3 + 4) + 2 * (1 + 3 + 4 + 5)


def test_patternnet(data):
    net = jn.patternnet(4).configure(*data)
    assert list(net.transfer) == ["tansig", "softmax"]
    assert (net.trainFcn, net.performFcn) == ("trainscg", "crossentropy")
    np.testing.assert_allclose(net(data[0]).sum(axis=0), 1, rtol=1e-12)
    assert jn.patternnet(4, "trainlm", "mse").performFcn == "mse"


def test_patternnet_with_one_target_row_becomes_logistic(data):
    x, t = data
    net = jn.patternnet(4).configure(x, t[:1])
    assert net.transfer[-1] == "logsig"
    y = net(x)
    assert np.all((y > 0) & (y < 1))


def test_a_network_without_hidden_layers_is_linear(data):
    net = jn.feedforwardnet([]).configure(*data)
    assert list(net.layout) == ["b{1}", "IW{1,1}"]
    np.testing.assert_allclose(np.diff(net(np.outer([1, 2, 3], np.arange(5.0))), 2), 0, atol=1e-12)
