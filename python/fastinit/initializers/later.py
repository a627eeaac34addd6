"""Families of initializers that are imported when one of their names is first used.

``import fastinit`` would take twice as long with all of them, and most programs need a few.
"""

from __future__ import annotations

import importlib
from types import ModuleType

PUBLIC: dict[str, tuple[str, ...]] = {
    "schemes.adapters": ("adapter", "olora", "pissa"),
    "schemes.data_adapters": ("corda", "eva", "lora_ga"),
    "registered": ("Custom", "custom", "register"),
    "distributions.discrete": (
        "Integers",
        "Permutation",
        "Rademacher",
        "Ternary",
        "integers",
        "permutation",
        "rademacher",
        "ternary",
    ),
    "existing.existing": ("Existing",),
    "existing.growth": ("Redrawn", "RowMixture"),
    "masks.bernoulli": ("Bernoulli", "bernoulli"),
    "masks.sparse": ("NM", "Sparse", "mask", "n_m", "n_of_m", "sparse"),
    "matrices.factors": ("factorized", "lora"),
    "matrices.identity": ("Dirac", "Identity", "dirac", "eye", "identity"),
    "matrices.orthogonal": (
        "DeltaOrthogonal",
        "Orthogonal",
        "delta_orthogonal",
        "orthogonal",
    ),
    "schemes.kan": ("KanSpline",),
    "schemes.layer_scale": ("LayerScale",),
    "existing.loaded": ("Loaded",),
    "composites.mapping": ("Mapped", "mapped"),
    "schemes.mimetic": ("Mimetic",),
    "composites.norms": ("Normed", "normed"),
    "tables.positions": ("DeformableRing", "Sinusoidal"),
    "composites.products": ("Product", "product"),
    "schemes.random_bases": ("RandloraBasis", "randlora"),
    "schemes.recurrent": ("Chrono",),
    "schemes.rwkv": ("Rwkv", "Rwkv7"),
    "composites.splits": ("Split", "split"),
    "composites.stacks": ("Stacked", "stacked"),
    "schemes.state_space": (
        "HippoLegS",
        "LruGamma",
        "LruNu",
        "LruTheta",
        "Mamba2ALog",
        "MambaALog",
        "MambaDtBias",
        "RgLru",
        "S4DImag",
    ),
    "tables.structured": ("BlockIdentity", "Hadamard"),
    "tables.table": ("Arange", "Linspace"),
    "composites.transposes": ("Transposed", "transposed"),
    "tables.waves": ("SinusoidalWeights",),
    "tables.zero": ("ZerO",),
}
"""The public names of each file, as its ``__all__`` has them."""

_OF_DATA = {
    "composites.channel_scaled": ("ChannelScaled",),
    "composites.composite": ("Composite",),
    "existing.stored": ("Stored",),
    "existing.values": ("Values",),
}
"""The classes that only data names."""

FILES = {name: file for file, names in (PUBLIC | _OF_DATA).items() for name in names}
"""The file of each name."""


def imported(name: str) -> ModuleType:
    """Return the module of a name."""
    return importlib.import_module(f"fastinit.initializers.{FILES[name]}")


def import_all() -> None:
    """Import all public families, so that their classes are known."""
    for names in PUBLIC.values():
        imported(names[0])
