"""Draw the pictures of guide.md from the code on that page: python docs/pictures.py.

Each block of Python that begins with a comment such as ``# picture: zeros.svg`` ends with a report,
``found``, of which the named chart is drawn. The pictures suit dark and light pages.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fastinit.plots import svg

DOCS = Path(__file__).parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
PICTURE = re.compile(r"^# picture: (?P<file>[\w-]+\.svg), chart (?P<number>\d+)$", re.M)
STYLE = (
    "<style>svg { color: #1b1f24; background: #ffffff; } "
    "@media (prefers-color-scheme: dark) { svg { color: #e6e9ed; background: #14171c; } }</style>"
)


def pictures(page: str) -> dict[str, str]:
    """Return the SVG of each picture of a page, by the name of its file."""
    found = {}
    for code in BLOCK.findall(page):
        if names := list(PICTURE.finditer(code)):
            names_of_block: dict[str, Any] = {}
            exec(compile(code, "guide.md", "exec"), names_of_block)
            charts = names_of_block["found"].charts()
            for each in names:
                found[each["file"]] = standing_alone(svg.draw(charts[int(each["number"]) - 1]))
    return found


def standing_alone(picture: str) -> str:
    """Return a picture with the colors of the reader's scheme."""
    head, end, rest = picture.partition(">")
    return f"{head}{end}{STYLE}{rest}\n"


def main() -> None:
    """Draw all."""
    for name, content in pictures((DOCS / "guide.md").read_text()).items():
        (DOCS / "pictures" / name).write_text(content)


if __name__ == "__main__":
    main()
