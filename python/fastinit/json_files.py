"""JSON documents: built-in ones by name, anyone's by path, and errors that say where in them."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def names(folder: Path) -> list[str]:
    """The names of the built-in documents in ``folder``."""
    return sorted(path.stem for path in folder.glob("*.json"))


def find(source: str | os.PathLike[str], folder: Path, what: str) -> Path:
    """The file of a built-in name, or else of a path.

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
    """The data of a JSON text.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return json.loads(text)
    except ValueError as error:  # also bytes that are no UTF-8
        raise ValueError(f"this is not JSON: {error}") from None


@contextlib.contextmanager
def located(where: str) -> Iterator[None]:
    """Put ``where`` before the message of an error about the content of a document."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def text(data: dict[str, Any], listed: tuple[str, ...]) -> str:
    """An object as readable JSON: a field a line, and an item a line in the fields ``listed``."""
    lines = []
    for field, value in data.items():
        written = json.dumps(value, ensure_ascii=False)
        if field in listed and value:
            items = (json.dumps(item, ensure_ascii=False) for item in value)
            written = "[\n  " + ",\n  ".join(items) + "\n ]"
        lines.append(f" {json.dumps(field)}: {written}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def mapping(data: Any) -> dict[str, Any]:
    """``data``, once it is known to be an object.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{data!r} is no object; write {{...}}")
    return data


def fields(data: Any, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """``data``, once it is known to be an object with these fields and no others.

    Raises:
        ValueError: it is no object, lacks a field or has one that is not allowed.
    """
    found = mapping(data)
    if missing := [name for name in required if name not in found]:
        raise ValueError(f"field {missing[0]!r} is missing; required are {', '.join(required)}")
    allowed = required + optional
    if unknown := [name for name in found if name not in allowed]:
        raise ValueError(f"field {unknown[0]!r} is not known; allowed are {', '.join(allowed)}")
    return found


def items(data: dict[str, Any], field: str) -> Iterator[tuple[str, Any]]:
    """(where it is, item) for each item of a list field; a missing field is an empty list.

    Raises:
        ValueError: the field is no list.
    """
    found = data.get(field, [])
    if not isinstance(found, list):
        raise ValueError(f"{field}={found!r} is no list; write [...]")
    for k, item in enumerate(found):
        yield f"{field}[{k}]", item
