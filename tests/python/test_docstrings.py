"""Every public docstring says what is computed, from what, in which shape, and what is refused."""

import inspect
import re
from typing import get_type_hints

import jacnet as jn
import pytest
from test_stubs import OPERATORS, of_core

FUNCTIONS = [n for n in jn.__all__ if inspect.isroutine(getattr(jn, n))]
CLASSES = [n for n in jn.__all__ if inspect.isclass(getattr(jn, n))]
METHODS = [
    f"{name}.{method}"
    for name in ("Linearization", "Laplace", "Uncertainty", "Accumulator", "Network")
    for method, of in vars(getattr(jn, name)).items()
    if not method.startswith("_") and inspect.isroutine(of)
]
CONSTRUCTED = ("Network", "Accumulator", *OPERATORS)  # other classes are made by functions
MODULES = ("datasets.simplefit", "datasets.nist", "plot.spectrum", "plot.sensitivity")

NO_RESULT = {"save", "clear_buffers", "Accumulator.add", "Network.save"}
NO_ERRORS = {  # whatever comes, or nothing does
    "build_info", "clear_buffers", "get_include", "get_cmake_dir", "get_pkgconfig_dir",
    "Linearization.parameters", "Network.copy", "Uncertainty.summary", "datasets.simplefit",
}  # fmt: skip


def found(name):
    if name in OPERATORS:
        pytest.importorskip("scipy")
    of = jn
    for part in name.split("."):
        of = getattr(of, part)
    return of


def explained(name):
    """The docstring, without the signature that pybind11 puts first."""
    doc = inspect.getdoc(found(name))
    assert doc, f"{name} has no docstring"
    last = name.split(".")[-1]
    return doc.split("\n\n", 1)[1] if doc.startswith(f"{last}(") and "\n\n" in doc else doc


def parameters_of(name):
    function = found(name)
    if inspect.isclass(function):
        function = function.__init__
    try:
        names = [parameter for parameter, *_ in of_core(function)]
    except SyntaxError:  # annotations of Python functions may be anything
        names = list(inspect.signature(function).parameters)
    return [n.lstrip("*") for n in names if n not in ("self", "lin", "cls")]


EVERYTHING = [*FUNCTIONS, *MODULES, *METHODS, *CONSTRUCTED]


@pytest.mark.parametrize("name", [*EVERYTHING, *CLASSES])
def test_the_first_line_is_a_sentence(name):
    first = explained(name).splitlines()[0]
    assert first.endswith("."), f"{name}: {first}"
    assert first[0].isupper() or first[0] in "(+`", f"{name}: {first}"


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_parameter_is_explained(name):
    doc = explained(name)
    for parameter in parameters_of(name):
        assert re.search(rf"(?<!\w){parameter}\b", doc), f"{name}: {parameter}"


@pytest.mark.parametrize("name", [n for n in EVERYTHING if n not in {*NO_RESULT, *CONSTRUCTED}])
def test_the_result_is_explained(name):
    doc = explained(name)
    section = re.search(r"^(Returns|Yields)\n-+\n", doc, re.MULTILINE)
    in_short = re.search(
        r"[Rr]eturn|\(P,\)|P x P|a dict\b|[Ff]older|copy|, a float|names?\b", doc.split("\n\n")[0]
    )
    assert section or in_short, f"{name}: {doc}"


@pytest.mark.parametrize("name", [n for n in EVERYTHING if n not in NO_ERRORS])
def test_what_is_refused_is_told(name):
    doc = explained(name)
    assert re.search(r"^Raises\n-+\n", doc, re.MULTILINE) or re.search(r"[Ee]rrors as", doc), name


@pytest.mark.parametrize("name", CLASSES)
def test_fields_are_explained(name):
    of, doc = found(name), explained(name)
    if not hasattr(of, "__dataclass_fields__") and not hasattr(of, "_fields"):
        return
    words = set(re.findall(r"\w+", doc))
    for field in get_type_hints(of):
        assert field in words or len(getattr(of, "_fields", "")) <= 3, f"{name}: {field}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_questions_about_samples_take_threads(name):
    without = {"linearize", "perform", "configure", "chunks", "train", "trainlm"}
    given = parameters_of(name)
    if {"net", "x"} <= set(given) and name not in without:
        assert "n_threads" in given


class TestTheTest:
    def test_pybind_signatures_are_left_out(self):
        assert explained("linearize").startswith("Linearization of a network")

    def test_parameters_are_found(self):
        assert parameters_of("hvp")[:4] == ["net", "x", "t", "v"]
        assert "out" in parameters_of("Linearization.gradient")
        assert "order" in parameters_of("defaultderiv")
        assert len(METHODS) > 50
