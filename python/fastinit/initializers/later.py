"""Families of initializers that are imported when one of their names is first used.

``import fastinit`` would take twice as long with all of them, and most programs need a few.
"""

from __future__ import annotations

import importlib
from types import ModuleType

PUBLIC: dict[str, tuple[str, ...]] = {
    "adapters": ("adapter", "olora", "pissa"),
    "registered": ("Custom", "custom", "register"),
    "discrete": (
        "Integers",
        "Permutation",
        "Rademacher",
        "Ternary",
        "integers",
        "permutation",
        "rademacher",
        "ternary",
    ),
    "existing": ("Existing",),
    "growth": ("Redrawn", "RowMixture"),
    "layer_scale": ("LayerScale",),
    "loaded": ("Loaded",),
    "mapping": ("Mapped", "mapped"),
    "mimetic": ("Mimetic",),
    "norms": ("Normed", "normed"),
    "positions": ("DeformableRing", "Sinusoidal"),
    "products": ("Product", "product"),
    "random_bases": ("RandloraBasis", "randlora"),
    "recurrent": ("Chrono", "Rwkv7"),
    "splits": ("Split", "split"),
    "stacks": ("Stacked", "stacked"),
    "state_space": (
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
    "structured": ("BlockIdentity", "Hadamard"),
    "table": ("Arange", "Linspace"),
    "transposes": ("Transposed", "transposed"),
    "waves": ("SinusoidalWeights",),
    "zero": ("ZerO",),
}
"""The public names of each file, as its ``__all__`` has them."""

_OF_DATA = {
    "channel_scaled": ("ChannelScaled",),
    "composite": ("Composite",),
    "stored": ("Stored",),
    "values": ("Values",),
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
