"""Draw the pictures of guide.md from the code on that page: python docs/pictures.py.

Each block of Python that begins with a comment such as ``# picture: zeros.svg, chart 1`` ends with
a report, ``found``, of which that chart is drawn. The pictures suit dark and light pages.
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
    """Run the code of a page, and return the SVG of each picture by the name of its file."""
    drawn = {}
    names: dict[str, Any] = {}
    for code in BLOCK.findall(page):
        exec(compile(code, "guide.md", "exec"), names)
        for each in PICTURE.finditer(code):
            chart = names["found"].charts()[int(each["number"]) - 1]
            drawn[each["file"]] = standing_alone(svg.draw(chart))
    return drawn


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
