"""The pages about torch: their Python runs as it stands."""

import re
from pathlib import Path

import pytest

from support import child

DOCS = Path(__file__).parent.parent / "docs"
PAGES = ("distributed", "lsuv")
# What a page leaves to the reader: a model, and `torchrun`, here of one process.
READERS = """
import os
os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
import torch
def build():
    model = torch.nn.Module()
    model.layers = torch.nn.ModuleList([torch.nn.Linear(4, 4)])
    return model
"""


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str) -> None:
    """All blocks of a page, in order."""
    path = DOCS / f"{page}.md"
    if not path.exists():
        pytest.skip("the pages are not beside the tests")
    blocks = re.findall(r"^```python\n(.*?)^```", path.read_text(), re.M | re.S)
    assert blocks
    child(READERS + "".join(blocks))
