"""Modules inside wrappers: torch.compile, activation checkpointing, DDP and FSDP2."""

from __future__ import annotations

import sys

import torch

# Wrappers insert these into the names of the parameters that they wrap.
_INSERTED = ("_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module")


def unwrapped(module: torch.nn.Module) -> torch.nn.Module:
    """Return the module that ``torch.compile`` or ``DistributedDataParallel`` wraps."""
    while True:
        if isinstance(module, torch.nn.parallel.DistributedDataParallel):
            module = module.module
        elif isinstance(inner := module._modules.get("_orig_mod"), torch.nn.Module):
            module = inner
        else:
            return module


def own_name(name: str) -> str:
    """Return a parameter's name without what wrappers insert."""
    return ".".join(part for part in name.split(".") if part not in _INSERTED)


def reshard(module: torch.nn.Module) -> None:
    """Make FSDP2 modules hold their shards, which are the parameters that last."""
    fsdp = sys.modules.get("torch.distributed.fsdp")
    if fsdp is not None:
        for each in module.modules():
            if isinstance(each, fsdp.FSDPModule):
                each.reshard()
