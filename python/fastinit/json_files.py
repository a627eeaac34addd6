"""JSON files: built-in ones by name, others by path, and errors that say where in them."""

from __future__ import annotations

import codecs
import contextlib
import difflib
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from fastinit import checks, regular_files
from fastinit.native.arithmetic import in_default_arithmetic

LARGEST = 100_000_000  # bytes of a text: the largest header of the safetensors package

_MOST_VALUES = 10_000_000  # a header of that size has fewer
_DEEPEST = 64
_LONGEST_NUMBER = 100  # characters
_LONGEST_MESSAGE = 2000
_TO_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b'[]{}"'))
_PAIR = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_FLOATS = {name: float(name) for name in ("NaN", "Infinity", "-Infinity")}


def names(folder: Path) -> list[str]:
    """Return the names of the built-in files in ``folder``; a + in a file's name is a colon."""
    return sorted(path.stem.replace("+", ":") for path in folder.glob("*.json"))


def find(
    source: str | os.PathLike[str],
    folder: Path,
    what: str,
    other: str = "",
    near: str | None = None,
) -> Path:
    """Return the path of a built-in file, given its name, or else ``source`` as a path.

    Args:
        source: A name or a path.
        folder: The folder of the built-in files.
        what: What the files hold, for the error.
        other: What else a name may be, for the error.
        near: The name that was meant, if it is known.

    Raises:
        FileNotFoundError: ``source`` is neither.
        OSError: The path cannot be followed.
        TypeError: ``source`` is neither a string nor a path.
        ValueError: The path is that of a pipe, a socket or a device.
    """
    if isinstance(source, str) and source in names(folder):
        return folder / f"{source.replace(':', '+')}.json"
    path = checks.path(source, what)
    if not path.exists():
        known = names(folder)
        variants = [name for name in known if name.startswith(f"{source}:")]
        if near is None and not variants:
            near = next(iter(difflib.get_close_matches(str(source), known, n=1)), None)
        raise FileNotFoundError(
            f"{str(source)!r} is neither a built-in {what} nor a file"
            f"{f' nor {other}' if other else ''}; {f'did you mean {near!r}? ' if near else ''}"
            f"{'its variants are' if variants else 'built in:'} {', '.join(variants or known)}; or "
            "pass the path of a JSON file"
        )
    if not path.is_dir():
        with located(str(path)):
            regular_files.check(path.stat())
    return path


def read(path: Path, most: int = LARGEST) -> Any:
    """Return the data of a JSON file of at most ``most`` bytes; see ``parse``.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a regular file, is too large or is not JSON; the message does not name
            the file.
    """
    return parse(regular_files.content(path, most))


@in_default_arithmetic  # in which Python rounds a decimal such as 0.02
def parse(text: str | bytes) -> Any:
    """Return the data of a JSON text of any origin, in bounded time and memory.

    An object ``{"__float__": "Infinity"}`` (or ``"-Infinity"`` or ``"NaN"``) is a float, as
    transformers writes those that JSON lacks.

    Raises:
        TypeError: ``text`` is neither a string nor bytes.
        ValueError: The text is not JSON in UTF-8 without a byte-order mark; has a field twice in
            one object, a number that no float can hold, NaN or Infinity; or is too large or nested
            too deeply.
    """
    if not isinstance(text, (str, bytes)):
        raise checks.wrong_type(text, "text", "JSON, as a string or bytes")
    try:
        content = text.encode() if isinstance(text, str) else text
        decoded = content.decode()
    except UnicodeError as error:
        raise ValueError(f"this is not JSON: {error}") from None
    _check_size(content)
    if content.startswith(codecs.BOM_UTF8):
        raise ValueError("it begins with a byte-order mark; write UTF-8 without one")
    try:
        return _DECODER.decode(decoded)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is not JSON: {error}") from None


def check_surrogates(content: bytes) -> None:
    """Check that the strings of a JSON text can be written as UTF-8.

    Raises:
        ValueError: One of them has half a surrogate pair.
    """
    if _SURROGATE.search(content):
        pairless = _PAIR.sub(b"", content.replace(rb"\\", b""))
        if found := _SURROGATE.search(pairless):
            raise ValueError(f"{found[0].decode()}.. is half a surrogate pair; write both halves")


@contextlib.contextmanager
def located(where: str) -> Iterator[None]:
    """Put ``where`` before the message of an error about the content of a file."""
    try:
        yield
    except (TypeError, ValueError) as error:
        message = str(error)
        if len(message) > _LONGEST_MESSAGE:  # it may quote a large part of a file
            half = _LONGEST_MESSAGE // 2
            message = f"{message[:half]} ... {message[-half:]}"
        raise ValueError(f"{where}: {message}") from error


def text(data: dict[str, Any], listed: tuple[str, ...]) -> str:
    """Return an object as JSON with a line per field, and per item of the fields in ``listed``."""
    lines = []
    for field, value in data.items():
        written = _dumps(value)
        if field in listed and value:
            items = (_dumps(item) for item in value)
            written = "[\n  " + ",\n  ".join(items) + "\n ]"
        lines.append(f" {json.dumps(field)}: {written}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def compact(data: Any) -> str:
    """Return data as JSON without spaces."""
    return _dumps(data, separators=(",", ":"))


def indented(data: Any) -> bytes:
    """Return data as the content of a JSON file in the style of transformers."""
    return (_dumps(data, indent=2) + "\n").encode()


def mapping(data: Any) -> dict[str, Any]:
    """Return ``data`` if it is an object.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{data!r} is not an object; write {{...}}")
    return data


def strings(data: Any, what: str) -> dict[str, str]:
    """Return ``data`` if it is an object whose fields are strings.

    Raises:
        ValueError: It is not; the message begins with ``what``.
    """
    with located(what):
        for name, value in mapping(data).items():
            if not isinstance(value, str):
                raise ValueError(f"{name!r} is {value!r}, not a string")
    found: dict[str, str] = data
    return found


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


def versions(data: dict[str, Any], **own: int) -> None:
    """Check that fields have the numbers of the versions that this fastinit draws.

    Raises:
        ValueError: One of them has another number.
    """
    for field, number in own.items():
        if isinstance(data[field], bool) or data[field] != number:
            raise ValueError(
                f"the plan has {field} {data[field]!r}, this fastinit draws {number}; use the "
                "version of fastinit that made it"
            )


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


def _object(pairs: list[tuple[str, Any]]) -> Any:
    """Return the object with these fields, or the float that it stands for."""
    found = dict(pairs)
    if len(found) < len(pairs):
        name, count = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"field {name!r} occurs {count} times in one object; write it once")
    if len(found) == 1 and isinstance(number := found.get("__float__"), str):
        if number not in _FLOATS:
            raise ValueError(f"__float__ is {number!r}; known are {', '.join(_FLOATS)}")
        return _FLOATS[number]
    return found


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"an integer has {len(text)} digits; at most {_LONGEST_NUMBER} are read")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is beyond float64; write a number below 1.8e308")
    return number


def _constant(text: str) -> NoReturn:
    raise ValueError(f'{text} is not JSON; write {{"__float__": "{text}"}}')


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _check_size(content: bytes) -> None:
    """Check the number of bytes, of values and of levels, before any memory is taken for them."""
    if len(content) > LARGEST:
        raise ValueError(f"it has {len(content)} bytes; at most {LARGEST} are read")
    opening = content.count(b"[") + content.count(b"{")
    if opening + content.count(b",") > _MOST_VALUES:
        raise ValueError(f"it has more than {_MOST_VALUES} values; split it")
    if opening <= _DEEPEST:
        return
    unescaped = content.replace(rb"\\", b"").replace(rb"\"", b"")
    outside = unescaped.translate(None, _NO_BRACKETS).split(b'"')[::2]  # of strings
    brackets = b"".join(outside).translate(_TO_BRACKETS)
    for _ in range(_DEEPEST):  # each turn removes the innermost level
        brackets = brackets.replace(b"[]", b"")
    if brackets:
        raise ValueError(
            f"this is not JSON: it is nested in more than {_DEEPEST} levels, or a bracket is "
            "missing"
        )


@in_default_arithmetic  # where subnormals count as zero, Python writes 0.0 for them
def _dumps(data: Any, **form: Any) -> str:
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False, **form)
    except ValueError:  # a number that JSON lacks; the search for it takes time
        return json.dumps(encoded(data), ensure_ascii=False, allow_nan=False, **form)


def encoded(data: Any) -> Any:
    """Return data with ``{"__float__": "Infinity"}`` and the like for floats that JSON lacks."""
    if isinstance(data, float) and not math.isfinite(data):
        return {"__float__": next(k for k, v in _FLOATS.items() if repr(v) == repr(data))}
    if isinstance(data, dict):
        return {key: encoded(value) for key, value in data.items()}
    return [encoded(each) for each in data] if isinstance(data, (list, tuple)) else data


def decoded(data: Any) -> Any:
    """Return data with the floats that ``encoded`` replaced."""
    if isinstance(data, dict):
        tag = data.get("__float__")
        if len(data) == 1 and isinstance(tag, str) and tag in _FLOATS:
            return _FLOATS[tag]
        return {key: decoded(value) for key, value in data.items()}
    return [decoded(each) for each in data] if isinstance(data, list) else data
