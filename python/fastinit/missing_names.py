"""Errors for names that a package does not have, with the name that was meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_TORCHS = "fastinit.torch has the functions that fill torch's tensors and modules in place"

# What other libraries, or other packages of this one, call what ``fastinit`` has.
MEANT = {
    "calculate_gain": "gain",
    "default_rng": "Stream",
    "full": "constant",
    "Generator": "Stream",
    "KaimingNormal": "HeNormal",
    "KaimingUniform": "HeUniform",
    "manual_seed": "seed",
    "Ones": "Constant",
    "rand": "uniform",
    "randn": "normal",
    "random_normal": "normal",
    "random_uniform": "uniform",
    "RandomNormal": "Normal",
    "RandomState": "Stream",
    "RandomUniform": "Uniform",
    "set_seed": "seed",
    "trunc_normal": "truncated_normal",
    "TruncNormal": "TruncatedNormal",
    "XavierNormal": "GlorotNormal",
    "XavierUniform": "GlorotUniform",
    "Zeros": "Constant",
}
_ELSEWHERE = {
    **dict.fromkeys(("audit", "compare", "coord_check", "param_groups"), "fastinit.torch has it"),
    "accelerate": "fastinit.torch and fastinit.keras have it",
    "init_tree": "fastinit.jax has it",
    "probe": "fastinit.torch and fastinit.jax have it",
    "random": "its functions are in fastinit itself, such as normal and uniform",
    "record": "Plan.record is meant",
    "sharded": "fastinit.jax has it",
}


def missing(
    package: str, name: str, known: Iterable[str], meant: Mapping[str, str] | None = None
) -> AttributeError:
    """Return the error for a name that a package does not have.

    Args:
        package: The package's name.
        name: The name.
        known: The package's names, of which a similar one is proposed.
        meant: Names that others use, and those of the package; None for those of ``fastinit``.
    """
    found = (MEANT if meant is None else meant).get(name)
    remark = _ELSEWHERE.get(name) if meant is None else None
    if remark is None and meant is None and name.endswith("_") and not name.startswith("_"):
        remark = _TORCHS
    if found is None and remark is None and not name.startswith("_"):
        from difflib import get_close_matches  # here: it takes a millisecond, and few need it

        found = next(iter(get_close_matches(name, known, n=1)), None)
    hint = remark if found is None else f"did you mean {found!r}?"
    text = f"module {package!r} has no attribute {name!r}{f'; {hint}' if hint else ''}"
    return AttributeError(text, name=name, obj=None)  # with an obj, tracebacks propose names again
