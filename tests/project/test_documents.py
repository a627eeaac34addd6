"""The Python of README.md and the pages of docs/ runs as written, except what needs a GPU.

One process runs all pages, since torch and transformers take longer to import than the pages to
run. Each page has a namespace and a folder of its own. The pictures of docs/guide.md are drawn on
the way.
"""

import json
import re
from pathlib import Path

import pytest

from helpers.pages import numbers_are_finite, parsed
from helpers.processes import child

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
BLOCKS = {
    path.stem: "".join(BLOCK.findall(path.read_text()))
    for path in sorted([*ROOT.glob("README.md"), *DOCS.glob("*.md")])
}
PAGES = {page: code for page, code in BLOCKS.items() if code and page != "cuda"}

NEEDED = {"jax": ("flax", "equinox")}  # what a page needs beyond the extra "test"

# The pages assume a model, and `torchrun`, which is one process here.
RUN = """
import json, os, tempfile, traceback, warnings
os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
import torch
import fastinit
import pictures
warnings.simplefilter("error", fastinit.RepeatedStreamWarning)

def build():
    model = torch.nn.Module()
    model.layers = torch.nn.ModuleList([torch.nn.Linear(4, 4)])
    return model

failures, drawn = {}, {}
for page, code in PAGES.items():
    fastinit.repeated_streams.forget()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            if page == "guide":
                drawn = pictures.pictures(GUIDE)
            else:
                exec(compile(code, f"{page}.md", "exec"), {"__name__": page, "build": build})
        except Exception:
            failures[page] = traceback.format_exc()
print(json.dumps([failures, drawn]))
"""

pytestmark = pytest.mark.skipif("README" not in PAGES, reason="the pages are not beside the tests")


@pytest.fixture(scope="module")
def ran() -> tuple[dict[str, str], dict[str, str]]:
    """The pages that fail, with their tracebacks; the pictures of the guide."""
    guide = (DOCS / "guide.md").read_text()
    code = f"import sys\nsys.path.append({str(DOCS)!r})\nPAGES, GUIDE = {PAGES!r}, {guide!r}" + RUN
    failures, drawn = json.loads(child(code, OMP_NUM_THREADS="1").splitlines()[-1])
    return failures, drawn


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str, ran: tuple[dict[str, str], dict[str, str]]) -> None:
    """All blocks of a page run in order."""
    for module in NEEDED.get(page, ()):
        pytest.importorskip(module)
    failures, _ = ran
    assert page not in failures, failures[page]


def test_pictures_of_the_guide(ran: tuple[dict[str, str], dict[str, str]]) -> None:
    """Each is there, light, and has the words and about the numbers that its code has now."""
    _, drawn = ran
    shown = re.findall(r"\(pictures/([\w-]+\.svg)\)", (DOCS / "guide.md").read_text())
    assert sorted(drawn) == sorted(shown) == sorted(p.name for p in (DOCS / "pictures").iterdir())
    for name, content in drawn.items():
        committed = (DOCS / "pictures" / name).read_text()
        assert len(committed) < 100_000
        assert numbers_are_finite(parsed(committed))
        assert _words(content) == _words(committed)


def _words(picture: str) -> list[str]:
    """The texts of a picture, without their numbers."""
    return [re.sub(r"[-+0-9.e]+", "#", each.text or "") for each in parsed(picture).iter()]
