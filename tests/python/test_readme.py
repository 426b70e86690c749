"""The README shows the script that runs, and what it prints."""

import re
from pathlib import Path

import jacnet as jn
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_example_is_the_quickstart(readme):
    quickstart = (ROOT / "examples/python/quickstart.py").read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```", readme, re.DOTALL).group(1)
    assert shown == quickstart[quickstart.index("import jacnet") :]


def test_layout_is_what_is_printed(readme):
    assert f"```\n{jn.Network([1, 10, 1]).layout}\n```" in readme


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])
def test_links_lead_somewhere(page):
    page = ROOT / page
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
