"""The calls of other libraries in docs/*.md, where these are installed: the numbers agree."""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_docs import examples

DOCS = Path(__file__).parents[2] / "docs"
START = DOCS / "elsewhere.md"  # makes the network that all pages speak of
PEERS = {
    "torch": "torch",
    "jax": "jax",
    "backpack": "backpack",
    "curvlinops": "curvlinops",
    "neural-tangents": "neural_tangents",
    "laplace-torch": "laplace",
    "scipy": "scipy",
}
TITLED = re.compile(r"^```python (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def calls(page, peer):
    """(first line, source) of every block of a page that has the peer's name for a title."""
    text = page.read_text(encoding="utf-8")
    found = [m for m in TITLED.finditer(text) if m.group(1) == peer]
    return [(text[: m.start()].count("\n") + 2, m.group(2)) for m in found]


CASES = [(page, peer) for page in sorted(DOCS.glob("*.md")) for peer in PEERS if calls(page, peer)]


@pytest.fixture(autouse=True)
def precision():
    """JAX and torch are left in the precision that they had."""
    jax, torch = sys.modules.get("jax"), sys.modules.get("torch")
    wide = jax.config.jax_enable_x64 if jax else False
    dtype = torch.get_default_dtype() if torch else None
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_enable_x64", wide)
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        torch.set_default_dtype(dtype or torch.float32)


@pytest.mark.parametrize(("page", "peer"), CASES, ids=lambda of: getattr(of, "stem", of))
@pytest.mark.filterwarnings("ignore")  # theirs
def test_the_numbers_are_the_same(page, peer, capsys):
    if find_spec(PEERS[peer]) is None:
        pytest.skip(f"{peer} is not installed")
    if any("from scipy" in source for _, source in calls(page, peer)):
        pytest.importorskip("scipy")
    names = {"__name__": page.stem}
    blocks = [(START, examples(START)[0]), *((START, block) for block in calls(START, peer))]
    if page != START:
        blocks += [(page, block) for block in calls(page, peer)]
    for source, (line, text) in blocks:
        exec(compile("\n" * (line - 1) + text, str(source), "exec"), names)


def test_every_call_is_compared():
    for page, peer in CASES:
        for line, source in calls(page, peer):
            assert re.search(r"^ *assert .*same\(", source, re.MULTILINE), (
                f"{page.name}, line {line}"
            )


def test_titles_are_known():
    titles = {
        m.group(1) for page in DOCS.glob("*.md") for m in TITLED.finditer(page.read_text("utf-8"))
    }
    assert titles <= set(PEERS)
    assert titles >= {"torch", "jax", "backpack", "curvlinops"}
