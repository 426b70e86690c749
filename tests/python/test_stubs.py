"""The stubs say what the compiled core takes, and the docstrings say in which shapes."""

import ast
import inspect
import re
from pathlib import Path

import jacnet as jn
import pytest
from jacnet import _core

STUBS = ast.parse((Path(jn.__file__).parent / "_core.pyi").read_text(encoding="utf-8"))
FUNCTIONS = {node.name: node for node in STUBS.body if isinstance(node, ast.FunctionDef)}
CLASSES = {node.name: node for node in STUBS.body if isinstance(node, ast.ClassDef)}
METHODS = {
    f"{name}.{node.name}": node
    for name, of in CLASSES.items()
    for node in of.body
    if isinstance(node, ast.FunctionDef)
}
OPERATORS = ("JacobianOperator", "GramOperator", "HessianOperator", "GaussNewtonOperator")
PUBLIC = [*jn.__all__, *OPERATORS]

# What has to do with no array, or with arrays of whatever is given.
WITHOUT_SHAPES = {
    "fitnet", "patternnet", "cascadeforwardnet", "feedforwardnet", "configure", "init", "save",
    "load", "plot", "build_info", "buffers", "clear_buffers", "get_include", "get_cmake_dir",
    "get_pkgconfig_dir", "check", "CheckResult", "trainlm", "minibatches", "LogDeterminant",
    "log_determinant", "Linearization", "Layout",
}  # fmt: skip
SHAPE = re.compile(
    r"\([A-Z][\w*]*(, [A-Z][\w*]*)*,?\)"  # (P,), (S*Q, S*Q)
    r"|\b[A-Z]\w* x [A-Z(]|\((k|n_points),\)|a float"
)


def of_stub(node):
    """(name, kind, default or None) of every argument; the default as it is written."""
    a = node.args
    plain = [*a.posonlyargs, *a.args]
    defaults = [None] * (len(plain) - len(a.defaults)) + a.defaults
    listed = [(x.arg, "positional", d) for x, d in zip(plain, defaults, strict=True)]
    listed += [(x.arg, "keyword", d) for x, d in zip(a.kwonlyargs, a.kw_defaults, strict=True)]
    return [(name, kind, None if d is None else ast.unparse(d)) for name, kind, d in listed]


def of_core(function):
    """The same at run time: inspect's signature, or what pybind11 puts into the docstring."""
    if inspect.isfunction(function) or getattr(function, "__text_signature__", None):
        text = f"def f{inspect.signature(function)}: ..."
    else:
        text = "def " + function.__doc__.splitlines()[0] + ": ..."
    arguments = of_stub(ast.parse(text).body[0])
    return [("self" if name == "lin" else name, *rest) for name, *rest in arguments]


def is_property(node):
    return any(isinstance(d, ast.Name) and d.id == "property" for d in node.decorator_list)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    assert of_stub(FUNCTIONS[name]) == [tuple(a) for a in of_core(getattr(_core, name))]


@pytest.mark.parametrize("name", METHODS)
def test_methods(name):
    of, method = name.split(".")
    actual = inspect.getattr_static(getattr(_core, of), method)
    if is_property(METHODS[name]):
        assert isinstance(actual, property)
        return
    bound = getattr(getattr(_core, of), method)
    assert of_stub(METHODS[name]) == [tuple(a) for a in of_core(bound)]


def test_nothing_is_left_out():
    core = {n for n in dir(_core) if not n.startswith("_")}
    assert core == {*FUNCTIONS, *CLASSES}
    for name, of in CLASSES.items():
        stubbed = {n.name for n in of.body if isinstance(n, ast.FunctionDef)}
        stubbed |= {n.target.id for n in of.body if isinstance(n, ast.AnnAssign)}
        actual = {n for n in vars(getattr(_core, name)) if not n.startswith("_")}
        assert actual == {n for n in stubbed if not n.startswith("_")}


def test_a_wrong_stub_is_seen():
    wrong = ast.parse("def jvp(net, x, v, *, out=None): ...").body[0]
    assert of_stub(wrong) != [tuple(a) for a in of_core(_core.jvp)]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_exist_and_are_explained(name):
    if name in OPERATORS:
        pytest.importorskip("scipy")
    doc = inspect.getdoc(getattr(jn, name))
    assert doc, f"{name} has no docstring"
    if name not in WITHOUT_SHAPES:
        assert SHAPE.search(doc), f"the docstring of {name} states no shape"


@pytest.mark.parametrize("name", [m for m in METHODS if m.startswith("Linearization.")])
def test_questions_are_explained(name):
    method = name.split(".")[1]
    if not method.startswith("_"):
        assert inspect.getattr_static(jn.Linearization, method).__doc__


def test_all_is_free_of_repetition():
    assert len(set(PUBLIC)) == len(PUBLIC)
