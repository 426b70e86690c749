"""How compiled functions and methods are called: every one names what is missing or unknown."""

import copy
import inspect
import pickle
import pydoc
import signal
import weakref
from types import MethodType

import jacnet as jn
import numpy as np
import pytest
from jacnet import _core

FUNCTION = type(jn.gradient)
FUNCTIONS = {name: f for name, f in vars(_core).items() if isinstance(f, FUNCTION)}
METHODS = {name: f for name, f in vars(jn.Linearization).items() if isinstance(f, FUNCTION)}
OF_NETWORKS = {n: f for n, f in vars(_core.Network).items() if isinstance(f, FUNCTION)}
CALLS = FUNCTIONS | {f"lin.{name}": f for name, f in METHODS.items()}
CALLS |= {f"net.{name}".removesuffix(".__call__"): f for name, f in OF_NETWORKS.items()}


def name_of(call):
    """What messages begin with."""
    return "sim" if call == "net" else call.split(".")[-1]


def parameters(call):
    """All but `self`."""
    found = list(inspect.signature(CALLS[call]).parameters.values())
    return found[1:] if found and found[0].name == "self" else found


def required(call):
    return [p.name for p in parameters(call) if p.default is p.empty]


def positional(call):
    return [p.name for p in parameters(call) if p.kind is p.POSITIONAL_OR_KEYWORD]


def bound(call, problem):
    """The function, or the method of an instance."""
    if call in FUNCTIONS:
        return FUNCTIONS[call]
    net, lin = problem[0], problem[-1]
    if call == "net":
        return net
    return getattr(net if call.startswith("net.") else lin, name_of(call))


every = pytest.mark.parametrize("call", CALLS)
every_method = pytest.mark.parametrize("name", METHODS)


@pytest.fixture
def problem():
    net = jn.Network([3, 4, 2]).init(0)
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(3, 7)), rng.normal(size=(2, 7))
    return net, x, t, jn.linearize(net, x, t)


def refused(function, *args, **options):
    with pytest.raises(TypeError) as caught:
        function(*args, **options)
    assert len(str(caught.value)) < 600
    return str(caught.value)


def test_nothing_is_called_otherwise():
    """Else pybind11 answers, and lists values."""
    public = {n for n in vars(_core) if not n.startswith("_")} - {"Network", "Linearization"}
    assert public == set(FUNCTIONS)
    callables = {n for n, f in vars(_core.Network).items() if callable(f)}
    assert {n for n in callables - set(OF_NETWORKS) if n[:2] != "__"} == {"_pybind11_conduit_v1_"}
    others = {n for n, f in vars(jn.Linearization).items() if callable(f)} - set(METHODS)
    assert {n for n in others if not n.startswith("_")} == {"check"}  # of Python's own


@pytest.mark.parametrize("call", [c for c in CALLS if required(c)])
def test_missing(call, problem):
    message = refused(bound(call, problem))
    first = required(call)[0]
    assert message.startswith(f"{name_of(call)}: {first} is missing; call it as {call}(")
    assert "self" not in message


@every
def test_unknown(call, problem):
    function = bound(call, problem)
    message = refused(function, no_such_thing=np.zeros(10**6))
    assert f"{name_of(call)}: unknown argument 'no_such_thing'; call it as {call}(" in message
    for parameter in parameters(call):
        if len(parameter.name) < 3:
            continue  # nothing is near
        wrong = parameter.name[:-1]
        message = refused(function, **{wrong: np.zeros(10**6)})
        assert message.startswith(
            f"{name_of(call)}: unknown argument '{wrong}'; did you mean '{parameter.name}'? "
            f"Call it as {call}("
        )


@every
def test_too_many(call, problem):
    most = len(positional(call))
    message = refused(bound(call, problem), *range(most + 1))
    takes = f"{most or 'no'} argument{'' if most == 1 else 's'}"
    assert message.startswith(f"{name_of(call)}: takes {takes} by position, got {most + 1};")


@pytest.mark.parametrize("call", [c for c in CALLS if positional(c)])
def test_given_twice(call, problem):
    first = positional(call)[0]
    message = refused(bound(call, problem), 1, **{first: 2})
    assert message.startswith(f"{name_of(call)}: {first} is given twice; call it as {call}(")


def test_names_that_are_no_words(problem):
    net, x, t, _ = problem
    assert "unknown argument '\\udc80'" in refused(jn.gradient, net, x, t, **{"\udc80": 1})
    assert "unknown argument 'aaa" in refused(jn.gradient, net, x, t, **{"a" * 10**6: 1})
    with pytest.raises(ValueError, match=r"hessian: kind is '\\udc80', expected 'exact' or"):
        jn.hessian(net, x, t, kind="\udc80")
    with pytest.raises(ValueError, match=r"defaultderiv: what is 'aaa.*\.\.\., expected"):
        jn.defaultderiv("a" * 10**6, net, x, t)
    with pytest.raises(ValueError, match=r"hessian: kind is 'aaa.*\.\.\., expected"):
        jn.hessian(net, x, t, kind="a" * 10**6)


def test_methods_of_networks(problem):
    net, _, _, lin = problem
    assert refused(net.block, 3) == "block: name must be the name of a block, got int"
    assert refused(net.assign, lin).startswith("assign: other must be a jacnet.Network, got Lin")
    assert "layer must be a whole number" in refused(net.set_transfer, "first", "tansig")
    assert "name must be the name of a transfer function" in refused(net.set_transfer, 0, None)
    with pytest.raises(ValueError, match=r"'tansg'; did you mean 'tansig'\?"):
        net.set_transfer(0, "tansg")
    net.set_transfer(0, "logsig")
    assert net.transfer == ["logsig", "purelin"]


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("performance", "the name of a performance function"),
        ("normalization", "'none', 'standard' or 'percent'"),
        ("regularization", "a number"),
    ],
)
def test_settings_of_networks(name, due, problem):
    message = refused(setattr, problem[0], name, [1])
    assert message == f"Network: {name} must be {due}, got list"


class TestSelf:
    @every_method
    @pytest.mark.parametrize("bad", [None, 3, "lin", np.zeros(3), jn.Linearization])
    def test_wrong(self, name, bad):
        kind = "None" if bad is None else type(bad).__name__
        expected = f"{name}: self must be a jacnet.Linearization, got {kind}"
        assert refused(METHODS[name], bad) == expected
        assert bad is None or refused(MethodType(METHODS[name], bad)) == expected

    @every_method
    def test_a_network(self, name, problem):
        assert "got Network" in refused(METHODS[name], problem[0])

    @pytest.mark.parametrize("name", OF_NETWORKS)
    def test_of_a_network(self, name, problem):
        called = "sim" if name == "__call__" else name
        expected = f"{called}: self must be a jacnet.Network, got Linearization"
        assert refused(OF_NETWORKS[name], problem[-1]) == expected

    @every_method
    def test_none(self, name):
        assert refused(METHODS[name]).startswith(f"{name}: self is missing; call it as lin.{name}(")

    def test_through_the_class(self, problem):
        net, _, _, lin = problem
        v = np.arange(net.n_parameters, dtype=float)
        expected = lin.hvp(v)
        np.testing.assert_array_equal(jn.Linearization.hvp(lin, v), expected)
        np.testing.assert_array_equal(jn.Linearization.hvp(lin, v=v), expected)
        ask = lin.hvp
        np.testing.assert_array_equal(ask(v, n_threads=1), expected)

    def test_functions_do_not_bind(self, problem):
        net, x, t, _ = problem

        class Holder:
            ask = jn.gradient

        np.testing.assert_array_equal(Holder().ask(net, x, t), jn.gradient(net, x, t))


TAKES_A_NETWORK = [name for name in FUNCTIONS if name != "train" and "net" in positional(name)]


class TestLinearizationForNetwork:
    @pytest.mark.parametrize("name", TAKES_A_NETWORK)
    def test_says_what_to_call(self, name, problem):
        lin = problem[-1]
        wants = f"lin.{name}(...)" if name in METHODS else "the network and the data"
        message = refused(FUNCTIONS[name], net=lin)
        assert message.startswith(f"{name}: net is a jacnet.Linearization, expected a jacnet.Net")
        assert wants in message

    def test_whatever_else_is_given(self, problem):
        _, x, t, lin = problem
        for args in ((lin,), (lin, x), (lin, x, t)):
            assert "lin.hessian(...)" in refused(jn.hessian, *args)


class TestObjects:
    @every
    def test_can_be_read(self, call):
        function = CALLS[call]
        assert function.__name__ == ("__call__" if call == "net" else name_of(call))
        assert function.__module__ == "jacnet._core"
        assert inspect.isroutine(function)
        text = pydoc.plain(pydoc.render_doc(function))
        assert f"{function.__name__}{inspect.signature(function)}" in text
        assert function.__doc__.splitlines()[0] in text

    def test_signature_of_a_method(self, problem):
        assert str(inspect.signature(jn.Linearization.hvp)).startswith("(self, v, *, order=None")
        assert str(inspect.signature(problem[-1].hvp)).startswith("(v, *, order=None")
        assert repr(jn.Linearization.hvp) == "<jacnet function Linearization.hvp>"

    @every
    def test_are_pickled_by_name(self, call):
        assert pickle.loads(pickle.dumps(CALLS[call])) is CALLS[call]
        assert copy.deepcopy(CALLS[call]) is CALLS[call]

    def test_none_can_be_made(self):
        assert "cannot create" in refused(FUNCTION)


def test_linearizations_are_not_pickled(problem):
    lin = problem[-1]
    for make in (pickle.dumps, copy.copy, copy.deepcopy):
        message = refused(make, lin)
        assert message.startswith("Linearization: cannot be pickled or copied")
        assert "pickle the network and the data, and call linearize(net, x, t) again" in message


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_a_question_within_a_question():
    """A signal handler comes in while a question is answered, on its own thread."""
    rng = np.random.default_rng(0)
    net = jn.Network([10, 60, 60, 5]).init(0)
    lin = jn.linearize(net, rng.normal(size=(10, 3000)), rng.normal(size=(5, 3000)))
    messages = []

    def handler(*_):
        try:
            lin.gradient()
        except RuntimeError as error:
            messages.append(str(error))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:
        while not messages:
            lin.hessian()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert messages[0].startswith("gradient: this linearization is answering another question")
    assert "call linearize once for each thread" in messages[0]


def test_linearizations_keep_their_networks():
    def made():
        net = jn.Network([3, 4, 2]).init(0)
        return jn.linearize(net, np.ones((3, 5)), np.ones((2, 5)))

    lin = made()
    own = lin.with_loss(lin.outputs())
    expected, with_loss = lin.gradient(order="torch"), own.gradient(order="torch")
    del lin
    for _ in range(50):
        jn.Network([3, 4, 2]).init(1)  # would take the place of what is gone
        np.testing.assert_array_equal(made().gradient(order="torch"), expected)
        np.testing.assert_array_equal(own.gradient(order="torch"), with_loss)


def test_weak_references():
    assert weakref.ref(jn.gradient)() is jn.gradient
    lin = jn.linearize(jn.Network([1, 2, 1]), np.ones((1, 3)))
    assert weakref.WeakMethod(lin.jacobian)() == lin.jacobian


@pytest.mark.parametrize("argument", ["n_threads", "samples"])
def test_an_interrupt_while_an_argument_is_read_goes_through(argument):
    class Interrupted:
        def __index__(self):
            raise KeyboardInterrupt

        __array__ = __index__

    net = jn.Network([1, 2, 1])
    with pytest.raises(KeyboardInterrupt):
        jn.jacobian(net, np.ones((1, 3)), **{argument: Interrupted()})
