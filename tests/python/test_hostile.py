"""Whatever is passed for an argument is taken, or refused by the function and the argument."""

import inspect
import re

import jacnet as jn
import numpy as np
import pytest
from test_stubs import OPERATORS

R, S, Q = 3, 2, 7
RNG = np.random.default_rng(0)
NET = jn.Network([R, 4, S]).init(0)
OPEN = jn.feedforwardnet(3)
X, T = RNG.normal(size=(R, Q)), RNG.normal(size=(S, Q))
MANY = RNG.normal(size=(R, 40)), RNG.normal(size=(S, 40))
W, U = np.ones(NET.n_parameters), np.ones((S, Q))
LIN = jn.linearize(NET, X, T)
FIT = jn.uncertainty(NET, *MANY)
LAPLACE = jn.laplace(NET, *MANY, prior_precision=1.0, noise=1.0)
SUMS = jn.Accumulator(NET, ["gradient", "hessian"])
SUMS.add(X, T)

DATA, ONLY_X, DIFFERENCES = (NET, X, T), (NET, X), ("de_dwb", NET, X, T)
FUNCTIONS = {
    "configure": (OPEN, X, T), "init": (NET,), "sim": ONLY_X, "perform": (NET, T, T),
    "getwb": (NET,), "setwb": (NET, W), "formwb": (NET, NET.b, NET.IW, NET.LW),
    "separatewb": (NET, W), "feedforwardnet": (3,), "fitnet": (3,), "patternnet": (3,),
    "cascadeforwardnet": (3,), "defaultderiv": DIFFERENCES, "staticderiv": DIFFERENCES,
    "num2deriv": DIFFERENCES, "num5deriv": DIFFERENCES, "gradient": DATA, "jacobian": ONLY_X,
    "normal_equations": DATA, "gauss_newton": DATA, "hessian": DATA, "hessian_diagonal": DATA,
    "hessian_trace": DATA, "gauss_newton_diagonal": DATA, "hessian_block": (*DATA, "b{1}"),
    "gradients": DATA, "hessians": DATA, "fisher": DATA, "empirical_fisher": DATA,
    "jvp": (NET, X, W), "vjp": (NET, X, U), "hvp": (*DATA, W), "ggnvp": (*DATA, W),
    "gram": ONLY_X, "ntk": (NET, X, X), "input_hessian": ONLY_X, "laplacian": ONLY_X,
    "input_jvp": (NET, X, X), "input_vjp": (NET, X, U), "input_hvp": (NET, X, U, X),
    "sensitivity": ONLY_X, "linearize": DATA, "check": DATA, "eigenpairs": DATA,
    "spectral_density": DATA, "log_determinant": DATA, "minibatches": (10, 3),
    "batch_weight": (*DATA, [1, 2]), "chunks": (X, T, 3), "accumulate": ("gradient", NET, [(X, T)]),
    "uncertainty": (NET, *MANY), "parameter_covariance": (NET, *MANY),
    "prediction_interval": (FIT, X), "laplace": (NET, *MANY), "train": DATA, "trainlm": DATA,
}  # fmt: skip
CLASSES = {
    "Network": ([R, 4, S],), "Layout": ([],), "Accumulator": (NET, "gradient"),
    "JacobianOperator": ONLY_X, "GramOperator": ONLY_X,
    "HessianOperator": DATA, "GaussNewtonOperator": DATA,
}  # fmt: skip
METHODS = {
    **{
        f"lin.{name}": (lambda name=name: getattr(LIN, name), ())
        for name, of in vars(jn.Linearization).items()
        if not name.startswith("_") and callable(of)
    },
    "lin.jvp": (lambda: LIN.jvp, (W,)), "lin.vjp": (lambda: LIN.vjp, (U,)),
    "lin.hvp": (lambda: LIN.hvp, (W,)), "lin.ggnvp": (lambda: LIN.ggnvp, (W,)),
    "lin.hessian_block": (lambda: LIN.hessian_block, ("b{1}",)),
    "lin.with_loss": (lambda: LIN.with_loss, (U,)),
    "lin.input_jvp": (lambda: LIN.input_jvp, (X,)),
    "lin.input_vjp": (lambda: LIN.input_vjp, (U,)),
    "lin.input_hvp": (lambda: LIN.input_hvp, (U, X)),
    "net.configure": (lambda: NET.copy().configure, (X, T)),
    "net.init": (lambda: NET.copy().init, ()), "net.setwb": (lambda: NET.copy().setwb, (W,)),
    "net.set_learn": (lambda: NET.copy().set_learn, ("b{1}", True)),
    "net.set_transfer": (lambda: NET.copy().set_transfer, (0, "tansig")),
    "net.block": (lambda: NET.block, ("b{1}",)),
    "net.assign": (lambda: NET.copy().assign, (NET,)),
    "layout.permutation": (lambda: NET.layout.permutation, ("torch",)),
    "layout.reorder": (lambda: NET.layout.reorder, (W, "torch")),
    "layout.blocks_of": (lambda: NET.layout.blocks_of, (W,)),
    "layout.layer": (lambda: NET.layout.layer, (0,)),
    "layout.neuron": (lambda: NET.layout.neuron, (0, 1)),
    "layout.select": (lambda: NET.layout.select, ("b{1}",)),
    "sums.gradient": (lambda: SUMS.gradient, ()), "sums.hessian": (lambda: SUMS.hessian, ()),
    "sums.Accumulator.add": (lambda: jn.Accumulator(NET, "gradient").add, (X, T)),
    "fit.predict": (lambda: FIT.predict, (X,)), "fit.variance": (lambda: FIT.variance, (X,)),
    "fit.intervals": (lambda: FIT.intervals, ()),
    "fit.delta": (lambda: FIT.delta, (lambda w: w[0],)),
    "la.covariance": (lambda: LAPLACE.covariance, ()),
    "la.variance": (lambda: LAPLACE.variance, (X,)), "la.predict": (lambda: LAPLACE.predict, (X,)),
    "la.log_marginal_likelihood": (lambda: LAPLACE.log_marginal_likelihood, ()),
}  # fmt: skip
OPTIONS = {"check": {"verbose": False}, "train": {"epochs": 2}, "trainlm": {"epochs": 2},
           "log_determinant": {"damping": 1.0}}  # fmt: skip
NEEDS_SCIPY = {*OPERATORS, "prediction_interval", "fit.predict", "fit.intervals"}


class Wrong:
    """An array that fails when it is asked for."""

    def __array__(self, *args, **kwargs):
        raise ValueError("not now")


LOOP = []
LOOP.append(LOOP)
VALUES = {
    "None": None, "True": True, "three": 3, "negative": -1, "huge": 10**30, "half": 2.5,
    "nan": np.nan, "infinite": np.inf, "complex": 1j, "text": "abc", "no text": "",
    "long text": "a" * 10**5, "no Unicode": "\udc80", "bytes": b"abc", "empty": [],
    "ragged": [[1], [2, 3]], "texts": ["a", "b"], "Nones": [None], "itself": LOOP,
    "dict": {"a": 1}, "set": {1, 2}, "range": range(3), "object": object(), "type": dict,
    "no slice": slice("a"), "no step": slice(0, 5, 0), "0-D": np.array(3.0), "1-D": np.ones(3),
    "2-D": np.ones((2, 2)), "3-D": np.ones((2, 2, 2)), "no rows": np.zeros((0, Q)),
    "no columns": np.zeros((R, 0)), "booleans": np.ones((R, Q), bool),
    "objects": np.full((R, Q), None), "strings": np.full((R, Q), "a"),
    "NaN": np.full((R, Q), np.nan), "infinity": np.full((S, Q), np.inf),
    "dates": np.zeros((R, Q), "M8[s]"), "records": np.zeros(3, [("a", "f8")]),
    "masked": np.ma.ones((R, Q)), "wrong": Wrong(), "arrays": [X, X], "pair": (X, T),
    "read-only": np.broadcast_to(np.zeros(1), (S, Q)), "float32": np.ones((S, Q), "f4"),
    "network": NET, "not configured": OPEN, "no date": np.datetime64("NaT"),
}  # fmt: skip
INSTEAD = {  # what is named where the argument itself is in order, but does not fit another
    ("input_jvp", "samples"): "v", ("input_vjp", "samples"): "u", ("input_hvp", "samples"): "u",
    ("laplace", "samples"): "data", ("check", "samples"): "x", ("accumulate", "chunks"): "chunk",
    ("Network", "outputs"): "output layer", ("Network", "connect"): "input_connect",
    ("formwb", "net"): "b",
}  # fmt: skip
OTHERS = {"x": "[tuv] has "}  # another number of samples
CALLED_BACK = {("train", "callback"), ("fit.delta", "function")}  # errors of the caller's are his

CALLS = {
    **{name: (lambda name=name: getattr(jn, name), args) for name, args in FUNCTIONS.items()},
    **{name: (lambda name=name: getattr(jn, name), args) for name, args in CLASSES.items()},
    **METHODS,
}


def test_every_function_is_called():
    without = {"load", "save", "build_info", "buffers", "clear_buffers",
               "get_include", "get_cmake_dir", "get_pkgconfig_dir"}  # fmt: skip
    assert {n for n in jn.__all__ if inspect.isroutine(getattr(jn, n))} == {*FUNCTIONS, *without}


def refusal(name, parameter, position, value):
    """What a call raises when one of its arguments is replaced, or None."""
    make, args = CALLS[name]
    options = dict(OPTIONS.get(name, {}))
    if position < len(args):
        args = (*args[:position], value, *args[position + 1 :])
    else:
        options[parameter] = value
    try:
        make()(*args, **options)
    except Exception as error:  # whatever it is, it is looked at
        return error
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_arguments_are_taken_or_named(name):
    if name in NEEDS_SCIPY:
        pytest.importorskip("scipy")
    parameters = inspect.signature(CALLS[name][0]()).parameters.values()
    listed = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    for position, parameter in enumerate(listed):
        told = INSTEAD.get((name, parameter), OTHERS.get(parameter, parameter))
        for kind, value in VALUES.items():
            if (name, parameter) in CALLED_BACK and callable(value):
                continue
            if parameter in ("verbose", "progress") and value is True:
                continue
            error = refusal(name, parameter, position, value)
            if error is None:
                continue
            message, case = str(error), f"{name}({parameter}={kind}): {error!r:.300}"
            assert type(error) in (ValueError, TypeError, IndexError, MemoryError), case
            assert message.startswith(f"{name.partition('.')[2] or name}: "), case
            assert re.search(rf"\b({parameter}|{told})", message), case
            assert len(message) < 600, case


def test_a_message_that_names_nothing_is_seen(monkeypatch):
    def sim(net, x, *, n_threads=None, out=None):
        return np.asarray(x).sum() + len(net)

    monkeypatch.setattr(jn, "sim", sim)
    with pytest.raises(AssertionError, match=r"sim\(net="):
        test_arguments_are_taken_or_named("sim")
