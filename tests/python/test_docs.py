"""Every example of the documentation runs as it stands; those of one page share their names."""

import builtins
import os
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
REQUIRED = {"jacnet", "numpy"}
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def examples(page):
    """(first line, source) of every python block."""
    text = page.read_text(encoding="utf-8")
    return [(text[: m.start()].count("\n") + 2, m.group(1)) for m in BLOCK.finditer(text)]


def test_there_are_examples():
    assert sum(len(examples(page)) for page in PAGES) >= 4


@pytest.mark.parametrize("page", [p for p in PAGES if examples(p)], ids=lambda p: p.name)
def test_examples_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "MPLBACKEND", "Agg")
    names = {"__name__": page.stem}
    for line, source in examples(page):
        code = compile("\n" * (line - 1) + source, str(page), "exec")
        try:
            exec(code, names)
        except ImportError as error:
            missing = _missing(error)
            if missing is None or missing in REQUIRED:
                raise
            pytest.skip(f"{page.name}, line {line}, needs the optional package {missing}")
    capsys.readouterr()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_examples_end_in_something_to_see(page):
    for line, source in examples(page):
        assert re.search(r"\b(assert|print|check\(\))", source), f"{page.name}, line {line}"


QUANTITIES = {
    "gradient", "jacobian", "products", "per_sample", "hessian", "gauss_newton", "hessian_pieces",
    "hvp", "losses", "operators", "spectra", "input_derivatives", "sensitivity", "ntk",
    "uncertainty", "laplace", "minibatches",
}  # fmt: skip
SECTIONS = ["## Formula", "## Example", "## Shape and cost", "## Elsewhere", "## Sources"]


@pytest.mark.parametrize("name", sorted(QUANTITIES))
def test_pages_of_quantities_have_one_skeleton(name):
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    found = [line for line in text.splitlines() if line in SECTIONS]
    assert found == SECTIONS
    shape = text.split("## Shape and cost")[1].split("## Elsewhere")[0]
    assert "order" in shape.lower()
    assert "cost" in shape.lower()
    assert re.search("matlab", text.split("## Elsewhere")[1], re.IGNORECASE)


def test_the_index_names_every_page():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert {page.name for page in PAGES} - {"README.md"} == set(re.findall(r"\((\w+\.md)\)", index))


def _missing(error):
    """The package that is not installed, also where another message hides it."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name.split(".")[0]
        error = error.__cause__ or error.__context__
    return None


class TestMissingPackages:
    """What is skipped is skipped for the right reason."""

    def page(self, tmp_path, source):
        page = tmp_path / "page.md"
        page.write_text(f"# Page\n\n```python\n{source}\n```\n", encoding="utf-8")
        return page

    def run(self, page, tmp_path, monkeypatch, capsys):
        test_examples_run(page, tmp_path, monkeypatch, capsys)

    def test_optional(self, tmp_path, monkeypatch, capsys):
        page = self.page(tmp_path, "import no_such_package")
        with pytest.raises(pytest.skip.Exception, match=r"page\.md, line 4.*no_such_package"):
            self.run(page, tmp_path, monkeypatch, capsys)

    def test_hidden_behind_a_sentence_of_help(self, tmp_path, monkeypatch, capsys):
        real = builtins.__import__

        def importing(name, *args):
            if name.startswith("scipy"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return real(name, *args)

        monkeypatch.setattr(builtins, "__import__", importing)
        page = self.page(
            tmp_path,
            "from jacnet._quantiles import student_quantile\nstudent_quantile(0.9, 5)",
        )
        with pytest.raises(pytest.skip.Exception, match="scipy"):
            self.run(page, tmp_path, monkeypatch, capsys)

    def test_a_name_that_is_not_there_fails(self, tmp_path, monkeypatch, capsys):
        page = self.page(tmp_path, "from jacnet import no_such_function")
        with pytest.raises(ImportError, match="no_such_function"):
            self.run(page, tmp_path, monkeypatch, capsys)

    def test_a_failure_fails(self, tmp_path, monkeypatch, capsys):
        page = self.page(tmp_path, "assert 1 == 2")
        with pytest.raises(AssertionError):
            self.run(page, tmp_path, monkeypatch, capsys)
