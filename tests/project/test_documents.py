"""The Python of README.md and the pages of docs/ runs as written, except what needs a GPU.

One process runs all pages, since torch and transformers take longer to import than the pages to
run. Each page has a namespace and a folder of its own.
"""

import json
import re
from pathlib import Path

import pytest

from helpers.processes import child

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
BLOCKS = {
    path.stem: "".join(BLOCK.findall(path.read_text()))
    for path in sorted([*ROOT.glob("README.md"), *(ROOT / "docs").glob("*.md")])
}
PAGES = {page: code for page, code in BLOCKS.items() if code and page != "cuda"}

NEEDED = {"jax": ("flax", "equinox")}  # what a page needs beyond the extra "test"

# The pages assume a model, and `torchrun`, which is one process here.
RUN = """
import json, os, tempfile, traceback, warnings
os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
import torch
import fastinit
warnings.simplefilter("error", fastinit.RepeatedStreamWarning)

def build():
    model = torch.nn.Module()
    model.layers = torch.nn.ModuleList([torch.nn.Linear(4, 4)])
    return model

failures = {}
for page, code in PAGES.items():
    fastinit.repeated_streams.forget()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            exec(compile(code, f"{page}.md", "exec"), {"__name__": page, "build": build})
        except Exception:
            failures[page] = traceback.format_exc()
print(json.dumps(failures))
"""


@pytest.fixture(scope="module")
def failures() -> dict[str, str]:
    """The pages that fail, with their tracebacks."""
    code = f"PAGES = {PAGES!r}" + RUN
    found: dict[str, str] = json.loads(child(code).splitlines()[-1])
    return found


@pytest.mark.skipif("README" not in PAGES, reason="the pages are not beside the tests")
@pytest.mark.parametrize("page", PAGES)
def test_page(page: str, failures: dict[str, str]) -> None:
    """All blocks of a page run in order."""
    for module in NEEDED.get(page, ()):
        pytest.importorskip(module)
    assert page not in failures, failures[page]
