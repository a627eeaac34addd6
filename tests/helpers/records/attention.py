"""The records of the initializers of attention layers and of their adapters."""

from fastinit import Mimetic, RandloraBasis
from helpers.records.record import Record, golden

GOLDEN_ROLES = (
    ("query", "float32"),
    ("key", "float64"),
    ("value", "bfloat16"),
    ("output", "float32"),
)

ATTENTION = (
    Record(
        "Mimetic",
        Mimetic,
        {"role": "query", "heads": 2, "stream": "{name}.z"},
        fits=(
            ((24, 24), {}),
            ((20, 24), {"role": "key"}),
            ((2, 10, 24), {"role": "output", "layout": "iio"}),
        ),
        on_host=True,
        elementwise=False,
        objects=(
            Mimetic("query", 2, stream="{name}.z", layout="oi"),
            Mimetic("output", 2, 0.5, 0.3, "z", layout="io"),
        ),
        goldens=tuple(
            golden(dtype, 7, f"attn.{role}.weight", (24, 24), role=role, heads=3)
            for role, dtype in GOLDEN_ROLES
        ),
    ),
    Record(
        "RandloraBasis",
        RandloraBasis,
        least_rank=0,
        moments=lambda _: (0.0, 1.0),
        objects=(RandloraBasis(), RandloraBasis(3)),
        goldens=(golden(), golden("bfloat16", 7, "b", sparsity=3.0)),
    ),
)
