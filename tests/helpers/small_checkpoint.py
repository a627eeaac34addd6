"""A small model for the tests of checkpoints, its plan, and a reader of files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastinit
from fastinit import Manifest, Parameter, Plan, Recipe, Rule
from helpers.dtypes import dtype_of

NUMPY = {"BF16": dtype_of("bfloat16"), "F8_E5M2": dtype_of("float8_e5m2"), "BOOL": np.dtype(bool)}
PIECE = 1 << 22  # bytes that a digest hashes at a time
RULES = (
    Rule("*.weight", fastinit.Normal(std=0.02)),
    Rule("**", fastinit.Constant(1)),
)
MODEL = Manifest(
    "small",
    (
        Parameter("half.weight", (5, 7), dtype="bfloat16"),  # odd counts: neighbors need care
        Parameter("large.weight", (2 * PIECE // 4 + 1001,)),  # three pieces
        Parameter("pages.weight", (2048, 1024), dtype="bfloat16"),
        Parameter("mask", (3,), dtype="bool"),
        Parameter("empty.weight", (0, 4)),
        Parameter("double.weight", (3,), dtype="float64"),
        Parameter("scalar", ()),
        Parameter("byte.weight", (11,), dtype="float8_e5m2"),
        Parameter("\u03b2.weight", (9,)),
    ),
    {"tied.weight": "half.weight"},
    (Parameter("step", (), dtype="int64", value=1),),
)


def small(seed: int = 0) -> Plan:
    """A plan with every difficulty."""
    return Plan(MODEL, Recipe("small rules", "test", RULES), seed=seed)


def read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
    """The arrays of a safetensors file, of all dtypes and in its order, and their offsets."""
    content = path.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:begin])
    arrays, begins = {}, {}
    for name, entry in header.items():
        if name != "__metadata__":
            kind = entry["dtype"]
            dtype = NUMPY.get(kind) or np.dtype(f"{kind[0]}{int(kind[1:]) // 8}".lower())
            start, stop = (begin + offset for offset in entry["data_offsets"])
            arrays[name] = np.frombuffer(content[start:stop], dtype).reshape(entry["shape"])
            begins[name] = start
    return arrays, begins
