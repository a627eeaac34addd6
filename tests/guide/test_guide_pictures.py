"""The pictures of docs/guide.md are those that the code on the page draws."""

import importlib.util
import re
from pathlib import Path

import pytest

from helpers.pages import numbers_are_finite, parsed

DOCS = Path(__file__).parents[2] / "docs"

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the pages are not beside the tests")


def test_pictures_of_the_guide() -> None:
    """Each is there, light, and has the words and about the numbers that its code has now."""
    spec = importlib.util.spec_from_file_location("pictures", DOCS / "pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (DOCS / "guide.md").read_text()
    drawn = module.pictures(page)
    shown = re.findall(r"\(pictures/([\w-]+\.svg)\)", page)
    assert sorted(drawn) == sorted(shown) == sorted(p.name for p in (DOCS / "pictures").iterdir())
    for name, content in drawn.items():
        committed = (DOCS / "pictures" / name).read_text()
        assert len(committed) < 100_000
        root = parsed(committed.replace(module.STYLE, ""))
        assert numbers_are_finite(root)
        words = [re.sub(r"[-+0-9.e]+", "#", each.text or "") for each in root.iter()]
        again = parsed(content.replace(module.STYLE, ""))
        assert [re.sub(r"[-+0-9.e]+", "#", each.text or "") for each in again.iter()] == words
