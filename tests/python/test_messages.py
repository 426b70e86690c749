"""What messages say, word by word: function, argument, what came, what was expected, remedy."""

import errno

import jacnet as jn
import numpy as np
import pytest

R, S, Q = 3, 2, 5
NET = jn.Network([R, 4, S]).init(0)
RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(R, Q)), RNG.normal(size=(S, Q))
LIN = jn.linearize(NET, X, T)
TABLE = jn.sensitivity(NET, X)


def network(**options):
    return jn.Network([R, 4, S], **options)


def assigned(name, value, part=None):
    net = NET.copy()
    setattr(net if part is None else getattr(net, part), name, value)


def divided(**indices):
    net = NET.copy()
    net.divideFcn = "divideind"
    net.divideParam = indices
    return jn.train(net, X, T)


STEPS = 'a list of names and (name, {"param": value})'
BLOCKS = "b{1}, IW{1,1}, b{2}, LW{2,1}"
MESSAGES = [
    # sizes
    (lambda: jn.Network(3), TypeError, "Network: sizes must be a sequence like [1, 10, 1], got "),
    (lambda: jn.Network("ab"), TypeError, "Network: sizes must be a sequence like"),
    (lambda: jn.Network([3]), ValueError,
     "Network: sizes has length 1, expected at least an input and a layer size, like [1, 10, 1]"),
    (lambda: jn.Network([[], 3]), ValueError, "Network: sizes[0] is empty, expected input sizes"),
    (lambda: jn.Network([3, 4.0]), TypeError, "Network: sizes must be whole numbers, got float"),
    (lambda: jn.Network([3, -1]), ValueError, "Network: sizes holds -1, expected whole numbers"),
    (lambda: jn.feedforwardnet(0), ValueError,
     "feedforwardnet: hidden holds 0, expected whole numbers from 1 to below 2**62"),
    (lambda: jn.fitnet("ten"), TypeError, "fitnet: hidden must be whole numbers, got str"),
    (lambda: jn.cascadeforwardnet([3, None]), TypeError, "cascadeforwardnet: hidden must be whole"),
    # structure
    (lambda: network(transfer=3), TypeError,
     "Network: transfer must be one name or a sequence of one per layer, got int"),
    (lambda: network(transfer=["tansig"]), ValueError,
     "Network: transfer has length 1, expected one name or one per layer (2)"),
    (lambda: network(transfer=["tansig", 3]), TypeError,
     "Network: transfer[1] must be the name of a transfer function, got int"),
    (lambda: network(transfer="tansg"), ValueError,
     "Network: transfer: unknown transfer function 'tansg'; did you mean 'tansig'?"),
    (lambda: network(transfer="a" * 10**5), ValueError,
     f"Network: transfer: unknown transfer function '{'a' * 60}...'; known are"),
    (lambda: network(bias=3), TypeError, "Network: bias must be one flag or a sequence of one per"),
    (lambda: network(bias=["a", "b"]), TypeError, "Network: bias[0] must be True or False, got"),
    (lambda: network(connect=3), TypeError,
     "Network: connect must be 'chain', 'cascade' or (input_connect, layer_connect), got int"),
    (lambda: network(connect="chian"), ValueError,
     "Network: connect is 'chian', expected 'chain' or 'cascade'; did you mean 'chain'?"),
    (lambda: network(connect=([[1, 0]], np.zeros((2, 2)))), ValueError,
     "Network: input_connect has shape (1, 2), expected (2, 1); it fits after .T"),
    (lambda: network(outputs=3), TypeError,
     "Network: outputs must be a sequence of layers, counted from 0, got int"),
    (lambda: network(outputs=["a"]), TypeError, "Network: outputs must be whole numbers, got str"),
    (lambda: network(outputs=[7]), ValueError,
     "Network: outputs holds 7, but there are 2 layers, counted from 0"),
    (lambda: network(learn=3), TypeError,
     'Network: learn must be a dict of blocks and flags, like {"b{1}": False}, got int'),
    (lambda: network(learn={"b{1}": 0}), TypeError, "Network: learn: flag must be True or False"),
    (lambda: network(learn={"b{9}": False}), ValueError, "Network: learn: name is 'b{9}', but the"),
    (lambda: network(performance="msr"), ValueError,
     "Network: performance is 'msr', expected 'mse', 'sse', 'mae', 'sae' or 'crossentropy'; did"),
    # processing
    (lambda: network(input_processing=3), TypeError,
     f"Network: input_processing must be {STEPS}, got int"),
    (lambda: network(output_processing=[3]), TypeError,
     f"Network: output_processing must be {STEPS}, got int in it"),
    (lambda: network(input_processing=["mapminmx"]), ValueError,
     "Network: input_processing: unknown process function 'mapminmx'; did you mean 'mapminmax'?"),
    (lambda: network(input_processing=[("mapminmax", {"ymin": "a"})]), TypeError,
     "Network: input_processing: 'mapminmax': ymin must be a number, got str"),
    (lambda: network(input_processing=[("mapminmax", {"ymn": 0})]), ValueError,
     "Network: input_processing: mapminmax has no parameter 'ymn'; did you mean 'ymin'? There are"),
    (lambda: network(input_processing=[("fixunknowns", {"q": 0})]), ValueError,
     "Network: input_processing: fixunknowns has no parameter 'q'; there are: none"),
    (lambda: network(input_processing=[["mapstd"], ["mapstd"]]), ValueError,
     "Network: input_processing has length 2, expected 1 lists of steps"),
    # settings
    (lambda: jn.feedforwardnet(3, "trainml"), ValueError,
     "feedforwardnet: trainFcn is 'trainml', expected 'trainlm' or 'trainscg'; did you mean"),
    (lambda: jn.fitnet(3, 3), TypeError, "fitnet: trainFcn must be 'trainlm' or 'trainscg', "),
    (lambda: jn.patternnet(3, performFcn="ms"), ValueError, "patternnet: performFcn is 'ms', "),
    (lambda: assigned("trainFcn", 3), TypeError, "Network: trainFcn must be 'trainlm' or"),
    (lambda: assigned("divideFcn", "dividernd"), ValueError, "Network: divideFcn is 'dividernd'"),
    (lambda: assigned("name", 3), TypeError, "Network: name must be a str, got int"),
    (lambda: assigned("normalization", "standrd"), ValueError,
     "Network: normalization: unknown normalization 'standrd'; did you mean 'standard'?"),
    (lambda: assigned("regularization", 2), ValueError,
     "Network: regularization is 2, expected 0 to 1"),
    (lambda: assigned("annotations", 3), TypeError,
     "Network: annotations must be a dict of texts, got int"),
    (lambda: assigned("annotations", {1: 2}), TypeError,
     "Network: annotations must be a dict of texts, got dict of others"),
    (lambda: assigned("normalization", 3, "performParam"), TypeError,
     "net.performParam.normalization must be 'none', 'standard' or 'percent', got int"),
    (lambda: assigned("epochs", "a", "trainParam"), TypeError,
     "net.trainParam.epochs must be a whole number >= 0, got str"),
    (lambda: assigned("mu", -1, "trainParam"), ValueError,
     "net.trainParam.mu is -1, expected a number > 0"),
    (lambda: assigned("trainParam", 3), TypeError,
     "net.trainParam must be a dict of parameters, got int"),
    (lambda: NET.trainParam["epoch"], KeyError, "\"net.trainParam has no 'epoch'; did you mean"),
    (lambda: assigned("transfer", "tansig"), AttributeError,
     "net.transfer follows from the structure: use set_transfer, set_learn or configure, or make"),
    (lambda: assigned("IW", 3), AttributeError, "net.IW has views: assign to one, net.IW[...] ="),
    # training
    (lambda: jn.train(NET, X, T, sed=3), AttributeError,
     "train: unknown argument 'sed'; did you mean 'seed'? There are: net, x, t"),
    (lambda: jn.train(NET, X, T, epochs=-1), ValueError,
     "train: epochs is -1, expected a whole number >= 0"),
    (lambda: jn.train(NET, X, T, callback=3), TypeError, "train: callback must be callable, got"),
    (lambda: jn.train(NET, X, T, verbose="no"), TypeError, "train: verbose must be True or False"),
    (lambda: divided(trainInd="abc"), TypeError,
     "net.divideParam.trainInd must be a vector of sample indices (from 0), got str"),
    (lambda: divided(trainInd=[[1], [2, 3]]), TypeError,
     "net.divideParam.trainInd must be a vector of sample indices (from 0), got list"),
    (lambda: divided(trainInd=[-1]), ValueError,
     "net.divideParam.trainInd holds -1, expected sample indices from 0"),
    # parameters
    (lambda: NET.copy().set_learn("b{9}", True), ValueError,
     "set_learn: name is 'b{9}', but the network has no such block; did you mean 'b{1}'? It has "
     + BLOCKS),
    (lambda: NET.copy().set_learn(3, True), TypeError,
     "set_learn: name must be the name of a block, got int"),
    (lambda: NET.block("a" * 10**5), ValueError, f"block: name is '{'a' * 60}...', but the net"),
    (lambda: NET.IW.__setitem__((0, 0), np.ones((3, 4))), ValueError,
     "net.IW[0, 0] has shape (3, 4), expected (4, 3); it fits after .T"),
    (lambda: NET.IW.__setitem__((0, 0), [[1], [2, 3]]), TypeError,
     "net.IW[0, 0] must hold real numbers, got a list whose rows differ in length; pass a float64"),
    (lambda: NET.b.__setitem__(0, np.full(4, np.nan)), ValueError,
     "net.b[0] holds NaN or infinity, expected finite numbers"),
    (lambda: jn.formwb(NET, 3, NET.IW, NET.LW), TypeError,
     "formwb: b must be a mapping keyed like net.b, got int"),
    (lambda: NET.layout.permutation(3), TypeError,
     "permutation: order must be 'matlab', 'torch', 'keras' or 'sklearn', got int"),
    (lambda: NET.layout.reorder(3, "torch"), ValueError,
     "reorder: axis 0 of result, of shape (), does not run over the 26 parameters; name those"),
    (lambda: NET.layout.reorder([[1], [2, 3]], "torch"), TypeError,
     "reorder: result must be an array, got list"),
    (lambda: NET.layout.blocks_of(NET.wb, "ab"), TypeError,
     "blocks_of: axes must be a whole number or a list of them, got str"),
    (lambda: NET.layout.blocks_of(NET.wb, []), ValueError,
     "blocks_of: axes is empty, expected at least one axis"),
    (lambda: jn.Layout([3]), TypeError, "Layout: blocks must be Blocks, got int; use net.layout"),
    # choices of parameters
    (lambda: LIN.hessian_block(("neuron", 0)), ValueError,
     "hessian_block: rows is ('neuron', 0), expected ('layer', l) or ('neuron', l, i), counted"),
    (lambda: LIN.hessian_block("b{1}", ("layer", 0, 1)), ValueError,
     "hessian_block: cols is ('layer', 0, 1), expected ('layer', l) or ('neuron', l, i)"),
    (lambda: LIN.hessian_block(("foo", 1)), ValueError,
     "hessian_block: rows: no block 'foo' among the parameters; there are: "
     f"{BLOCKS}, ('layer', l), ('neuron', l, i)"),
    (lambda: LIN.hessian_block(slice("a")), TypeError,
     "hessian_block: rows is no slice of parameters: slice indices must be"),
    (lambda: NET.layout.layer(True), TypeError,
     "layer: layer must be a whole number from 0, got bool"),
    # error weights
    (lambda: jn.gradient(NET, X, T, ew=np.ones(4)), ValueError,
     "gradient: ew has shape (4,), expected one weight, (1, 5), (2, 1) or (2, 5)"),
    (lambda: jn.gradient(NET, X, T, ew=np.ones(2)), ValueError,
     "gradient: ew has shape (2,), expected one weight, (1, 5), (2, 1) or (2, 5); "
     "pass ew[:, None]"),
    (lambda: jn.perform(NET, T, T, np.ones(4)), ValueError, "perform: ew has shape (4,), expected"),
    (lambda: jn.train(NET, X, T, ew=np.ones(4)), ValueError, "train: ew has shape (4,), expected"),
    # words
    (lambda: jn.defaultderiv("de_dw", NET, X, T), ValueError,
     "defaultderiv: what is 'de_dw', expected 'de_dwb' or 'dperf_dwb'; did you mean 'de_dwb'?"),
    (lambda: jn.defaultderiv("de_dwb", NET, X, T, np.array(3.0)), ValueError,
     "defaultderiv: xi (delay states) needs a dynamic network; networks are static, pass None"),
    (lambda: jn.laplace(NET, X, T, structure=3), TypeError,
     "laplace: structure must be 'full', 'diagonal' or 'last-layer', got int"),
    (lambda: jn.laplace(NET, X, T, prior_precision=["a"]), TypeError,
     "laplace: prior_precision must be a number or an array (P,), got list"),
    (lambda: jn.uncertainty(NET, X, T, order=3), TypeError, "uncertainty: order must be 'matlab',"),
    (lambda: jn.accumulate("hesian", NET, []), ValueError,
     "accumulate: what is 'hesian', expected 'performance', 'gradient', 'hessian', 'gauss_newton' "
     "or 'normal_equations'; did you mean 'hessian'?"),
    (lambda: jn.datasets.nist(3), TypeError, "nist: name must be the name of a set, got int"),
    # samples
    (lambda: jn.minibatches(10**30, 3), MemoryError, "minibatches: the order of n = 1000000"),
    (lambda: jn.minibatches(10, 3, seed=True), TypeError, "minibatches: seed is of type bool, exp"),
    (lambda: jn.chunks(X, T, 3, samples=slice("a")), ValueError,
     "chunks: samples is no slice of samples: slice indices must be"),
    (lambda: jn.chunks(X, T, 3, samples=[[1], [2, 3]]), TypeError,
     "chunks: samples must be whole numbers, a boolean mask or a slice, got list"),
    (lambda: jn.accumulate("gradient", NET, np.array(3.0)), TypeError,
     "accumulate: chunks must be an iterable of (x, t) or (x, t, ew), got ndarray; jn.chunks(x, t"),
    (lambda: jn.vjp(jn.feedforwardnet(3), X, T), ValueError, "vjp: the network is not configured"),
    (lambda: jn.sim(NET, np.broadcast_to(X[:, :1], (R, 2**50))), MemoryError,
     "sim: the result of shape (2, 1125899906842624) needs"),
    (lambda: jn.spectral_density(NET, X, T, probes=10**30), MemoryError,
     "spectral_density: the curves of 1000000000000000000000000000000 probes needs"),
    # tables and pictures
    (lambda: jn.sensitivity(NET, X, input_names=3), TypeError,
     "sensitivity: input_names must be a list of 3 names, got int"),
    (lambda: jn.sensitivity(NET, X, input_names=[1, 2, 3]), TypeError,
     "sensitivity: input_names must be a list of 3 names, got list of others"),
    (lambda: jn.plot.sensitivity(TABLE, output=2.5), TypeError,
     "plot.sensitivity: output is a float, expected a number below 2 or one of the names y[0]"),
    (lambda: jn.plot.sensitivity(TABLE, output="z"), ValueError, "plot.sensitivity: output is 'z'"),
    (lambda: jn.plot.sensitivity(TABLE, ax=3), TypeError,
     "plot.sensitivity: ax must be matplotlib axes, got int"),
    (lambda: jn.plot.spectrum([1.0], log="no"), TypeError,
     "plot.spectrum: log must be True or False, got str"),
    (lambda: jn.plot.spectrum([1.0], label=3), TypeError,
     "plot.spectrum: label must be a str or None, got int"),
    (lambda: jn.spectral_density(NET, X, T, steps=3, probes=2).trace(3), TypeError,
     "trace: f must take an array of eigenvalues and return as many numbers, got int"),
    # files and names
    (lambda: jn.load(3), TypeError, "load: path must be a str or a path, got int"),
    (lambda: NET.save(None), TypeError, "save: path must be a str or a path, got NoneType"),
    (lambda: jn.load("a\0b"), ValueError, r"load: path is 'a\x00b', expected no null character"),
    (lambda: jn.Network.from_bytes(3), TypeError,
     "from_bytes: data must be bytes, as to_bytes returns, got int"),
    (lambda: jn.Network.from_bytes(b"abc"), ValueError, "from_bytes: this is not a jacnet network"),
    (lambda: jn.gradiant, AttributeError,
     "module 'jacnet' has no attribute 'gradiant'; did you mean 'gradient'?"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "message"), MESSAGES, ids=[message[:50] for *_, message in MESSAGES]
)
def test_messages(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value)[: len(message)] == message
    assert len(str(caught.value)) < 600


def test_inputs_are_called_as_the_function_calls_them():
    pytest.importorskip("scipy")
    net = jn.Network([1, 1], ["purelin"])
    x = np.arange(5.0)
    fit = jn.uncertainty(net, x, np.sin(x))
    with pytest.raises(ValueError, match=r"^prediction_interval: x_new has .* pass x_new\.T$"):
        jn.prediction_interval(fit, np.ones((5, 1)))


class TestFiles:
    def test_missing(self):
        with pytest.raises(FileNotFoundError, match=r"jacnet\.load: No such file.*/nonexist") as c:
            jn.load("/nonexist")
        assert (c.value.errno, c.value.filename) == (errno.ENOENT, "/nonexist")
        with pytest.raises(FileNotFoundError, match=r"jacnet\.save: .*'/nonexist/a'"):
            jn.save(NET, "/nonexist/a")

    def test_a_folder(self, tmp_path):
        with pytest.raises(OSError, match=r"jacnet\.load: "):
            jn.load(tmp_path)

    def test_no_network(self, tmp_path):
        path = tmp_path / "data.csv"
        path.write_text("1, 2")
        with pytest.raises(ValueError, match=r"^load: .*data\.csv: this is not a jacnet network f"):
            jn.load(path)


def test_no_layers_to_choose_from():
    net = jn.Network([1, 1], learn={"b{1}": False, "IW{1,1}": False})
    with pytest.raises(ValueError, match="eigenpairs: the network has no parameters that learn"):
        jn.eigenpairs(net, [1.0], [1.0])


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_matrices_of_numpy_are_checked_too():
    assert jn.check(NET, np.asmatrix(X), np.asmatrix(T), verbose=False).passed
