"""Loading: whether the weights that code loads are still there when it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from fastinit.torch.auditing.auditor import Auditor, held
from fastinit.torch.auditing.evidence import Evidence, evidence_of
from fastinit.torch.auditing.report import Finding
from fastinit.torch.shards.wrappers import unwrapped


def loaded(
    make: Callable[[], Any], load: Callable[[torch.nn.Module], Any], seed: int
) -> dict[str, Evidence]:
    """Return what is known of the tensors of a model after ``load`` has run.

    It is that of the module that ``load`` returns, or else of the one that it is given.
    """
    auditor = Auditor(seed)
    with auditor:
        module = make()
        result = _load(auditor, load, module)
    if isinstance(result, torch.nn.Module):
        module = result
    return evidence_of(unwrapped(module), auditor)


def _load(auditor: Auditor, load: Callable[[torch.nn.Module], Any], module: torch.nn.Module) -> Any:
    auditor.loading = _load.__code__
    try:
        return load(module)
    finally:
        auditor.loading = None


def findings_of_load(evidence: dict[str, Evidence]) -> Iterator[Finding]:
    """Yield the tensors whose loaded values did not survive, and those without any values."""
    loads = 0
    for name, each in evidence.items():
        written = [write.call for write in each.writes if write.is_load]
        lost = [one for one in each.log.lost if one.write.is_load]
        loads += bool(written or lost)
        if each.is_unwritten and each.kind != "buffer, not saved":
            detail = "nothing writes it while weights are loaded"
            yield Finding(name, "never written", detail, None, True)
        last = max(written, default=0)
        replaced = [one for one in lost if one.call > last]
        if replaced:
            detail = f"{replaced[-1].how} after its weights had been loaded"
            yield Finding(name, "overwritten after load", detail, replaced[-1].origin, True)
            continue
        again = [write for write in each.writes if write.call > last] if written else []
        if again and not _survives(each):
            detail = "it is initialized again after its weights have been loaded"
            yield Finding(name, "overwritten after load", detail, again[0].origin, True)
    if not loads:
        detail = "load wrote no parameter and no buffer"
        yield Finding("", "overwritten after load", detail, None, False)


def _survives(evidence: Evidence) -> bool:
    kept = evidence.log.loaded
    if kept is None or evidence.values is None:
        return False
    return torch.equal(kept, held(evidence.tensor.detach()))
