"""The network: structure, parameters as views of one vector, settings, copies, display."""

import copy

import jacnet as jn
import numpy as np
import pytest


@pytest.fixture
def net():
    return jn.Network([2, 3, 1]).init(0)


@pytest.fixture
def x():
    return np.random.default_rng(0).uniform(-1, 1, (2, 9))


class TestStructure:
    def test_chain(self):
        net = jn.Network([3, 5, 4, 2])
        assert list(net.input_sizes) == [3]
        assert list(net.layer_sizes) == [5, 4, 2]
        assert list(net.output_sizes) == [2]
        assert list(net.transfer) == ["tansig", "tansig", "purelin"]
        np.testing.assert_array_equal(net.biasConnect, [True] * 3)
        np.testing.assert_array_equal(net.inputConnect, [[True], [False], [False]])
        np.testing.assert_array_equal(net.layerConnect, np.eye(3, k=-1, dtype=bool))
        np.testing.assert_array_equal(net.outputConnect, [False, False, True])
        assert net.n_parameters == 5 * 4 + 4 * 6 + 2 * 5
        assert net.configured

    def test_cascade(self):
        net = jn.Network([3, 5, 4, 2], connect="cascade")
        assert net.inputConnect.all()
        np.testing.assert_array_equal(net.layerConnect, np.tri(3, k=-1, dtype=bool))
        assert net.n_parameters == 5 * 4 + 4 * (1 + 3 + 5) + 2 * (1 + 3 + 5 + 4)

    def test_any_graph(self, x):
        graph = ([[True], [False], [True]], [[0, 0, 0], [1, 0, 0], [0, 1, 0]])
        net = jn.Network([2, 3, 3, 1], connect=graph).init(1)
        first = np.tanh(net.IW[0, 0] @ x + net.b[0][:, None])
        second = np.tanh(net.LW[1, 0] @ first + net.b[1][:, None])
        y = net.IW[2, 0] @ x + net.LW[2, 1] @ second + net.b[2][:, None]
        np.testing.assert_allclose(net(x), y, rtol=1e-13, atol=1e-15)

    def test_several_inputs_and_outputs(self, x):
        net = jn.Network([[2, 1], 3, 2], outputs=[0, 1], transfer="purelin").init(2)
        other = x[:1] ** 2
        first = net.IW[0, 0] @ x + net.IW[0, 1] @ other + net.b[0][:, None]
        second = net.LW[1, 0] @ first + net.b[1][:, None]
        assert list(net.output_sizes) == [3, 2]
        np.testing.assert_allclose(net([x, other]), np.vstack([first, second]), rtol=1e-13)

    def test_one_name_or_flag_for_all_layers(self):
        net = jn.Network([2, 3, 1], transfer="logsig", bias=False)
        assert list(net.transfer) == ["logsig", "logsig"]
        assert not net.biasConnect.any()
        assert net.n_parameters == 9

    @pytest.mark.parametrize(
        ("sizes", "error"),
        [
            ([], ValueError),
            ([2], ValueError),
            (3, TypeError),
            ([2, 1.5], TypeError),
            ([2, -1], ValueError),
        ],
    )
    def test_senseless_sizes(self, sizes, error):
        with pytest.raises(error, match="sizes"):
            jn.Network(sizes)

    def test_senseless_connections(self):
        with pytest.raises(TypeError, match="cascade"):
            jn.Network([2, 3, 1], connect=7)
        with pytest.raises(ValueError, match="cascade"):
            jn.Network([2, 3, 1], connect="cascad")
        with pytest.raises(ValueError, match=r"input_connect.*\(2, 1\).*\.T"):
            jn.Network([2, 3, 1], connect=([[True, False]], np.eye(2, k=-1)))
        with pytest.raises(ValueError, match="earlier"):
            jn.Network([2, 3, 1], connect=([[True], [False]], np.eye(2)))

    def test_one_entry_per_layer(self):
        with pytest.raises(ValueError, match=r"transfer has length 3.*\(2\)"):
            jn.Network([2, 3, 1], transfer=["tansig"] * 3)
        with pytest.raises(ValueError, match=r"bias has length 1.*\(2\)"):
            jn.Network([2, 3, 1], bias=[True])


class TestSimulation:
    def test_formula(self, net, x):
        hidden = np.tanh(net.IW[0, 0] @ x + net.b[0][:, None])
        y = net.LW[1, 0] @ hidden + net.b[1][:, None]
        np.testing.assert_allclose(net(x), y, rtol=1e-14, atol=1e-16)
        np.testing.assert_array_equal(jn.sim(net, x), net(x))

    def test_processing(self, x):
        t = 3 * x[:1] - x[1:] + 7
        steps = ["mapminmax"]
        net = jn.Network([2, 1], "purelin", input_processing=steps, output_processing=steps)
        net.configure(x, t)
        lo, hi = x.min(axis=1, keepdims=True), x.max(axis=1, keepdims=True)
        scaled = 2 * (x - lo) / (hi - lo) - 1
        y = net.IW[0, 0] @ scaled + net.b[0][:, None]
        np.testing.assert_allclose(net(x), (y + 1) / 2 * np.ptp(t) + t.min(), rtol=1e-12)

    def test_out(self, net, x):
        out = np.empty((1, 9))
        assert net(x, out=out) is out
        np.testing.assert_array_equal(out, net(x))

    def test_no_samples(self, net):
        assert net(np.zeros((2, 0))).shape == (1, 0)


class TestParameters:
    def test_views_share_memory_with_the_vector(self, net):
        for view in (*net.IW.values(), *net.LW.values(), *net.b.values(), net.wb):
            assert np.shares_memory(view, net.wb)
            assert view.flags.writeable
        assert net.IW[0, 0].flags.f_contiguous
        assert np.shares_memory(net.wb, net.wb)

    def test_writing_through(self, net, x):
        net.IW[0, 0] = np.arange(6).reshape(3, 2)
        np.testing.assert_array_equal(net.wb[3:9], [0, 2, 4, 1, 3, 5])
        net.b[1][:] = 5
        net.LW[1, 0][0, 2] = 7
        np.testing.assert_array_equal(net.wb[[9, 12]], [5, 7])
        before = net(x)
        net.wb[9] += 1
        np.testing.assert_allclose(net(x), before + 1)

    def test_a_view_outlives_its_network(self):
        view = jn.Network([2, 30, 1]).init(0).wb
        np.testing.assert_array_equal(view, jn.Network([2, 30, 1]).init(0).wb)

    def test_assignment_checks_shapes(self, net):
        net.b[0] = [[1], [2], [3]]
        np.testing.assert_array_equal(net.b[0], [1, 2, 3])
        with pytest.raises(ValueError, match=r"net\.IW\[0, 0\].*\(2, 3\).*\(3, 2\).*\.T"):
            net.IW[0, 0] = np.zeros((2, 3))
        with pytest.raises(ValueError, match="finite"):
            net.b[0] = [1, np.nan, 2]
        with pytest.raises(TypeError, match="complex"):
            net.b[0] = [1, 2j, 2]

    def test_absent_block(self, net):
        with pytest.raises(KeyError, match=r"no LW\[0, 0\].*LW\[1, 0\]"):
            net.LW[0, 0]
        assert list(net.LW) == [(1, 0)]
        assert "(3, 2)" in repr(net.IW)

    def test_getwb_copies(self, net):
        wb = jn.getwb(net)
        np.testing.assert_array_equal(wb, net.wb)
        assert not np.shares_memory(wb, net.wb)

    def test_setwb(self, net):
        changed = jn.setwb(net, np.arange(13))
        np.testing.assert_array_equal(changed.wb, np.arange(13))
        assert not np.array_equal(net.wb, changed.wb)
        assert net.setwb(np.ones(13)) is net
        np.testing.assert_array_equal(net.wb, 1)

    @pytest.mark.parametrize("bad", [np.zeros(12), np.zeros((2, 13)), np.full(13, np.inf)])
    def test_setwb_refuses(self, net, bad):
        before = net.wb.copy()
        with pytest.raises(ValueError, match="wb"):
            net.setwb(bad)
        np.testing.assert_array_equal(net.wb, before)

    @pytest.mark.parametrize("bad", ["abc", np.zeros(13, complex), None])
    def test_setwb_refuses_types(self, net, bad):
        with pytest.raises(TypeError, match="wb"):
            net.setwb(bad)

    def test_formwb_and_separatewb(self, net):
        b, IW, LW = jn.separatewb(net, np.arange(13))
        np.testing.assert_array_equal(IW[0, 0], [[3, 6], [4, 7], [5, 8]])
        np.testing.assert_array_equal(jn.formwb(net, b, IW, LW), np.arange(13))
        np.testing.assert_array_equal(jn.formwb(net, net.b, net.IW, net.LW), net.wb)
        assert not np.shares_memory(IW[0, 0], net.wb)

    def test_formwb_misses_a_block(self, net):
        with pytest.raises(ValueError, match=r"LW\[1, 0\] is missing"):
            jn.formwb(net, net.b, net.IW, {})

    def test_freezing(self, net, x):
        y = net(x)
        net.set_learn("b{1}", False)
        assert net.n_parameters == 10
        np.testing.assert_allclose(net(x), y, rtol=1e-14)
        net.b[0] = [4, 5, 6]  # frozen blocks can be written all the same
        assert not np.allclose(net(x), y)
        assert jn.defaultderiv("de_dwb", net, x, y).shape == (10, 9)

    def test_freezing_at_construction(self):
        net = jn.Network([2, 3, 1], learn={"LW{2,1}": False})
        assert list(net.layout) == ["b{1}", "IW{1,1}", "b{2}"]
        with pytest.raises(ValueError, match=r"LW\{2,2\}.*LW\{2,1\}"):
            jn.Network([2, 3, 1], learn={"LW{2,2}": False})


class TestConfigure:
    def test_sizes_come_from_data(self, x):
        net = jn.Network([0, 3, 0])
        assert not net.configured
        assert net.configure(x, np.vstack([x, x[:1]])) is net
        assert net.configured
        assert (list(net.input_sizes), list(net.output_sizes)) == ([2], [3])
        assert np.any(net.wb)  # configuring ends with an initialisation

    def test_free_functions_leave_their_argument(self, x):
        net = jn.feedforwardnet(3)
        configured = jn.configure(net, x, x[:1])
        assert configured.configured
        assert not net.configured
        first = jn.init(configured, 1)
        np.testing.assert_array_equal(first.wb, configured.copy().init(1).wb)
        assert not np.array_equal(first.wb, configured.wb)

    def test_constant_rows_are_removed_and_put_back(self, x):
        x = np.vstack([x, np.ones(9)])
        t = np.vstack([np.full(9, 4.0), x[:1]])
        net = jn.feedforwardnet(3).configure(x, t)
        assert net.IW[0, 0].shape == (3, 2)
        assert list(net.output_sizes) == [2]
        np.testing.assert_array_equal(net(x)[0], 4)

    def test_mismatch(self, x):
        with pytest.raises(ValueError, match=r"configure: t .*8.*9"):
            jn.feedforwardnet(3).configure(x, x[:1, 1:])

    def test_no_samples(self):
        with pytest.raises(ValueError, match="configure"):
            jn.feedforwardnet(3).configure(np.zeros((2, 0)), np.zeros((1, 0)))

    def test_init_of_an_open_network(self):
        with pytest.raises(ValueError, match="configure"):
            jn.feedforwardnet(3).init(0)

    def test_seeds(self, net):
        np.testing.assert_array_equal(net.init(4).wb, jn.Network([2, 3, 1]).init(4).wb)
        assert not np.array_equal(net.init().wb, net.copy().init().wb)


class TestSettings:
    def test_training_parameters(self, net):
        assert net.trainFcn == "trainlm"
        assert dict(net.trainParam) == {
            "epochs": 1000, "time": np.inf, "goal": 0, "max_fail": 6, "min_grad": 1e-7,
            "mu": 1e-3, "mu_dec": 0.1, "mu_inc": 10, "mu_max": 1e10, "show": 25,
        }  # fmt: skip
        net.trainParam.epochs = 7
        net.trainParam["goal"] = 1e-3
        assert (net.trainParam.epochs, net.trainParam.goal) == (7, 1e-3)
        net.trainParam = {"mu": 0.5}
        assert (net.trainParam.epochs, net.trainParam.mu) == (7, 0.5)

    def test_another_function_brings_its_own_parameters(self, net):
        net.trainParam.epochs = 7
        net.trainFcn = "trainscg"
        assert net.trainParam.epochs == 1000
        assert net.trainParam.min_grad == 1e-6

    def test_division(self, net):
        net.divideParam.trainRatio = 0.5
        assert dict(net.divideParam) == {"trainRatio": 0.5, "valRatio": 0.15, "testRatio": 0.15}
        net.divideFcn = "divideind"
        net.divideParam.trainInd = np.array([2, 3])
        assert net.divideParam.trainInd == [2, 3]
        net.divideFcn = "dividetrain"
        assert dict(net.divideParam) == {}

    def test_performance(self, net):
        assert net.performFcn == "mse"
        net.performFcn = "sae"
        net.performParam.regularization = 0.25
        net.performParam.normalization = "percent"
        assert dict(net.performParam) == {"regularization": 0.25, "normalization": "percent"}

    @pytest.mark.parametrize(
        ("setting", "value", "error"),
        [
            ("epochs", -1, ValueError),
            ("epochs", 2.5, ValueError),
            ("epochs", "many", TypeError),
            ("epochs", True, TypeError),
            ("mu_dec", 1.0, ValueError),
            ("goal", np.nan, ValueError),
        ],
    )
    def test_senseless_values(self, net, setting, value, error):
        with pytest.raises(error, match=rf"trainParam\.{setting}"):
            setattr(net.trainParam, setting, value)

    def test_misspelt_names(self, net):
        with pytest.raises(AttributeError, match="epochs"):
            net.trainParam.epoch = 3
        with pytest.raises(AttributeError, match="trainFcn"):
            net.trianFcn = "trainlm"
        with pytest.raises(AttributeError, match="layout"):
            _ = net.layuot
        with pytest.raises(ValueError, match=r"trainlmm.*trainlm"):
            net.trainFcn = "trainlmm"
        with pytest.raises(ValueError, match=r"dividernd.*dividerand"):
            net.divideFcn = "dividernd"

    def test_name(self, net):
        net.name = "pump"
        assert "'pump'" in repr(net)
        with pytest.raises(TypeError, match="name"):
            net.name = 3


class TestCopies:
    @pytest.mark.parametrize("duplicate", [jn.Network.copy, copy.copy, copy.deepcopy])
    def test_are_independent(self, net, x, duplicate):
        net.trainParam.epochs = 7
        twin = duplicate(net)
        assert type(twin) is jn.Network
        assert twin.trainParam.epochs == 7
        np.testing.assert_array_equal(twin(x), net(x))
        twin.wb[:] = 0
        twin.trainParam.epochs = 8
        twin.performFcn = "sse"
        assert np.any(net.wb)
        assert net.trainParam.epochs == 7
        assert net.performFcn == "mse"

    def test_of_an_open_network(self):
        assert not jn.feedforwardnet(3).copy().configured


class TestDisplay:
    def test_repr(self, net):
        assert repr(net) == ("<jacnet.Network 2-3-1, tansig/purelin, 13 parameters, mse, trainlm>")
        assert "?-10-?" in repr(jn.feedforwardnet(10))
        assert "not configured" in repr(jn.feedforwardnet(10))
        assert "(2+3)-4-1" in repr(jn.Network([[2, 3], 4, 1]))
        assert "cascade" in repr(jn.cascadeforwardnet([4, 3]))

    def test_html(self, net):
        net.name = "<b>"
        html = net._repr_html_()
        assert "&lt;b&gt;" in html
        assert html.count("<tr>") == 5


FREE_FUNCTIONS = {
    "configure": lambda net: jn.configure(net, [[1.0]], [[1.0]]),
    "init": jn.init,
    "getwb": jn.getwb,
    "setwb": lambda net: jn.setwb(net, [0.0]),
    "formwb": lambda net: jn.formwb(net, {}, {}, {}),
    "separatewb": lambda net: jn.separatewb(net, [0.0]),
    "sim": lambda net: jn.sim(net, [[1.0]]),
    "save": lambda net: jn.save(net, "nowhere"),
    "train": lambda net: jn.train(net, [[1.0]], [[1.0]]),
}


@pytest.mark.parametrize("name", FREE_FUNCTIONS)
def test_no_network(name):
    with pytest.raises(TypeError, match=rf"{name}: net .*Network.* list"):
        FREE_FUNCTIONS[name]([1, 10, 1])


def test_separatewb_names_itself():
    with pytest.raises(ValueError, match=r"^separatewb: wb has 1 elements.* 13 parameters"):
        jn.separatewb(jn.Network([2, 3, 1]), [0.0])


def test_sim_into_an_array():
    net, out = jn.Network([2, 3, 1]).init(0), np.empty((1, 5))
    assert jn.sim(net, np.ones((2, 5)), n_threads=1, out=out) is out
    np.testing.assert_array_equal(out, net(np.ones((2, 5))))
