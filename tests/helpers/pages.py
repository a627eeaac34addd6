"""Pages and pictures, read strictly."""

import re
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"
_NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml")


def parsed(page: str) -> ElementTree.Element:
    """Read a page as XML, which forgives nothing, and check that it asks for nothing else."""
    root = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
    rest = page
    for each in _NAMESPACES:
        rest = rest.replace(f'xmlns="{each}"', "")
    assert not re.search(r"https?:|//|url\(|@import|<script", rest.replace("</", ""))
    for element in root.iter():
        for name in ("src", "href"):
            assert element.get(name, "data:,") == "data:,"
    return root


def texts(root: ElementTree.Element) -> list[str]:
    """The texts of all pictures."""
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def numbers_are_finite(root: ElementTree.Element) -> bool:
    """Whether no coordinate is NaN or infinite."""
    values = [value for each in root.iter() for name, value in each.items() if name != "aria-label"]
    return not any(re.search(r"\b(nan|inf)\b", value) for value in values)
