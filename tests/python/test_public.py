"""What is written in Python answers a wrong call as compiled functions do."""

import copy
import inspect
import pickle
import timeit

import jacnet as jn
import pytest
from jacnet._calls import public
from test_stubs import OPERATORS

MODULES = {"datasets": jn.datasets.__all__, "plot": ("spectrum", "sensitivity")}


def found(name):
    if name.split(".")[0] in OPERATORS:
        pytest.importorskip("scipy")
    of = jn
    for part in name.split("."):
        of = getattr(of, part)
    return of


TOP = [*jn.__all__, *(f"{m}.{n}" for m, names in MODULES.items() for n in names)]
FUNCTIONS = [n for n in TOP if inspect.isfunction(found(n))]
CLASSES = [n for n in TOP if inspect.isclass(found(n)) and n != "Linearization"] + list(OPERATORS)
METHODS = [
    f"{name}.{method}"
    for name in (n for n in TOP if inspect.isclass(found(n)))
    for method, of in vars(found(name)).items()
    if not method.startswith("_") and inspect.isfunction(getattr(of, "__func__", of))
]
EVERY = [*FUNCTIONS, *CLASSES, *METHODS]
TAKES_ANY_NAME = {"train", "trainlm"}  # those of net.trainParam


def said(name):
    """What messages begin with."""
    return name if name.startswith("plot.") else name.split(".")[-1]


def bound(name):
    """Called with all but ``self``: arguments are looked at before it is."""
    of = found(name)
    if name in METHODS and not inspect.ismethod(of):
        return lambda *args, **options: of(None, *args, **options)
    return of


def parameters(name):
    of = found(name)
    listed = list(inspect.signature(of).parameters.values())
    return listed[1:] if name in METHODS and not inspect.ismethod(of) else listed


def required(name):
    single = [p for p in parameters(name) if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return [p.name for p in single if p.default is p.empty]


def positional(name):
    return [p.name for p in parameters(name) if p.kind is p.POSITIONAL_OR_KEYWORD]


def refused(name, /, *args, **options):
    with pytest.raises(TypeError) as caught:
        bound(name)(*args, **options)
    message = str(caught.value)
    assert len(message) < 700
    start, _, shown = message.partition(" it as ")
    assert start.startswith(f"{said(name)}: ")
    assert start.endswith(("call", "Call"))
    assert shown.split("(")[0].split(".")[-1] == name.split(".")[-1]
    assert "self" not in shown
    return start.removeprefix(f"{said(name)}: ")


def test_all_are_found():
    assert {"accumulate", "datasets.nist", "plot.spectrum"} <= set(FUNCTIONS)
    assert {"Network", "Eigenpairs", "CheckResult", "GramOperator"} <= set(CLASSES)
    assert {"Linearization.check", "Network.from_bytes", "Layout.select"} <= set(METHODS)
    others = [n for n in jn.__all__ if not inspect.isclass(found(n)) and n not in FUNCTIONS]
    compiled = {n for n in others if type(found(n)) is type(jn.gradient)}
    assert set(others) - compiled == set(MODULES)


@pytest.mark.parametrize("name", [n for n in EVERY if required(n)])
def test_missing(name):
    assert refused(name) == f"{required(name)[0]} is missing; call"


@pytest.mark.parametrize("name", [n for n in EVERY if n not in TAKES_ANY_NAME])
def test_unknown(name):
    assert refused(name, no_such_thing="x" * 10**6) == "unknown argument 'no_such_thing'; call"
    for parameter in parameters(name):
        if len(parameter.name) >= 4:
            wrong = parameter.name[:-1]
            expected = f"unknown argument '{wrong}'; did you mean '{parameter.name}'? Call"
            assert refused(name, **{wrong: 1}) == expected


@pytest.mark.parametrize("name", [n for n in EVERY if n != "trainlm"])
def test_too_many(name):
    most = len(positional(name))
    takes = f"{most or 'no'} argument{'' if most == 1 else 's'}"
    assert refused(name, *range(most + 1)) == f"takes {takes} by position, got {most + 1}; call"


@pytest.mark.parametrize("name", [n for n in EVERY if positional(n)])
def test_given_twice(name):
    first = positional(name)[0]
    assert refused(name, 1, **{first: 2}) == f"{first} is given twice; call"


@pytest.mark.parametrize("name", [n for n in METHODS if not inspect.ismethod(found(n))])
def test_self_is_missing(name):
    with pytest.raises(TypeError, match=f"^{said(name)}: self is missing; call it as "):
        found(name)()


def test_training_names_itself():
    """Its other names are those of net.trainParam."""
    with pytest.raises(TypeError, match=r"^trainlm: takes 6 arguments by position, got 7; call"):
        jn.trainlm(jn.feedforwardnet(2), [1, 2], [1, 2], None, None, None, 3)


OF_INSTANCES = [name for name in METHODS if not inspect.ismethod(found(name))]


@pytest.mark.parametrize("name", [*FUNCTIONS, *OF_INSTANCES])
def test_can_be_read_and_pickled(name):
    function = found(name)
    assert inspect.getdoc(function)
    assert function.__qualname__ == name.removeprefix("plot.").removeprefix("datasets.")
    assert pickle.loads(pickle.dumps(function)) is function
    assert copy.deepcopy(function) is function


def test_signatures_stay():
    assert str(inspect.signature(jn.getwb)) == "(net: 'Network') -> 'np.ndarray'"
    assert list(inspect.signature(jn.Network).parameters)[:3] == ["sizes", "transfer", "bias"]
    assert list(inspect.signature(jn.Eigenpairs).parameters) == ["values", "vectors", "residuals"]
    assert "def minibatches(" in inspect.getsource(jn.minibatches)


def test_subclasses_are_made_as_before():
    class Named(jn.Network):
        def __init__(self, sizes, label):
            super().__init__(sizes)
            self.label = label

    assert Named([1, 2, 1], label="a").label == "a"
    pairs = jn.Eigenpairs(1, 2, residuals=3)
    assert pickle.loads(pickle.dumps(pairs)) == pairs == pairs._replace(values=1)


@public
def inner(a, *, b=None):
    """Raises on its own account."""
    if b:
        return len(a, b)
    raise TypeError("from within")


def test_what_is_raised_within_passes():
    with pytest.raises(TypeError, match=r"^from within$") as caught:
        inner(3)
    assert caught.value.__traceback__.tb_next.tb_next is not None
    with pytest.raises(TypeError, match=r"takes exactly one argument"):
        inner([1], b=2)
    with pytest.raises(TypeError, match=r"^inner: b is given twice|^inner: takes 1 argument by"):
        inner(1, 2, b=3)


def test_costs_no_time_to_speak_of():
    def plain(a, *, b=None):
        return a

    def best(function):
        return min(timeit.repeat(lambda: function(1, b=2), number=2000, repeat=20)) / 2000

    assert best(public(plain)) - best(plain) < 1e-6
