"""JSON files: built-in ones by name, others by path, and errors that say where in them."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def names(folder: Path) -> list[str]:
    """Return the names of the built-in files in ``folder``."""
    return sorted(path.stem for path in folder.glob("*.json"))


def find(source: str | os.PathLike[str], folder: Path, what: str) -> Path:
    """Return the path of a built-in file, given its name, or else ``source`` as a path.

    Raises:
        FileNotFoundError: ``source`` is neither.
    """
    if isinstance(source, str) and source in names(folder):
        return folder / f"{source}.json"
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(
            f"{str(source)!r} is neither a built-in {what} nor a file; built in: "
            f"{', '.join(names(folder))}; or pass the path of a JSON file"
        )
    return path


def parse(text: str | bytes) -> Any:
    """Return the data of a JSON text.

    Raises:
        ValueError: The text is not JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:  # bytes that are not UTF-8, too
        raise ValueError(f"this is not JSON: {error}") from None


@contextlib.contextmanager
def located(where: str) -> Iterator[None]:
    """Put ``where`` before the message of an error about the content of a file."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def text(data: dict[str, Any], listed: tuple[str, ...]) -> str:
    """Return an object as JSON with a line per field, and per item of the fields in ``listed``."""
    lines = []
    for field, value in data.items():
        written = json.dumps(value, ensure_ascii=False)
        if field in listed and value:
            items = (json.dumps(item, ensure_ascii=False) for item in value)
            written = "[\n  " + ",\n  ".join(items) + "\n ]"
        lines.append(f" {json.dumps(field)}: {written}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def compact(data: Any) -> str:
    """Return data as JSON without spaces."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def indented(data: Any) -> bytes:
    """Return data as the content of a JSON file in the style of transformers."""
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()


def mapping(data: Any) -> dict[str, Any]:
    """Return ``data`` if it is an object.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{data!r} is not an object; write {{...}}")
    return data


def fields(data: Any, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return ``data`` if it is an object with these fields and no others.

    Raises:
        ValueError: It is not an object, lacks a field or has one that is not allowed.
    """
    found = mapping(data)
    if missing := [name for name in required if name not in found]:
        raise ValueError(f"field {missing[0]!r} is missing; required are {', '.join(required)}")
    allowed = required + optional
    if unknown := [name for name in found if name not in allowed]:
        raise ValueError(f"field {unknown[0]!r} is not known; allowed are {', '.join(allowed)}")
    return found


def items(data: dict[str, Any], field: str) -> Iterator[tuple[str, Any]]:
    """Yield the position and the value of each item of a list; a missing field is an empty list.

    Raises:
        ValueError: The field is not a list.
    """
    found = data.get(field, [])
    if not isinstance(found, list):
        raise ValueError(f"{field}={found!r} is not a list; write [...]")
    for k, item in enumerate(found):
        yield f"{field}[{k}]", item
