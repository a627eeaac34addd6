"""From the meta device straight to initialized memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

import torch

from fastinit.torch.modules.buffers import Owner, owners
from fastinit.torch.modules.init import Rules, draw, plan_of, unwrapped
from fastinit.torch.shards.placements import is_distributed

_LISTED = 10  # names in an error message


def materialize_(
    module: torch.nn.Module,
    recipe: Rules | None = None,
    seed: int | None = None,
    *,
    device: torch.device | str | None = None,
) -> torch.nn.Module:
    """Give a module on the meta device memory, and initialize it in one pass.

    Nothing but the memory of the module itself is needed; of DTensors (FSDP2, tensor parallelism)
    that of this process's part. Parameters stay the same Python objects, so ties, optimizers,
    their own attributes and FSDP2 keep them. Tensors that are not on the meta device are left
    alone: a model of which a part was loaded gets the rest.

    Buffers of known content (running means, positions) get it. All others are computed by their
    module, by its ``reset_buffers``, ``init_non_persistent_buffers`` (timm), ``rope_init``
    (torchtune) or ``reset_parameters``, or by the ``_init_weights`` of the model of transformers
    that it is in. The parameters that these draw are drawn again, and torch's generators are left
    as they were.

    Args:
        module: built under ``torch.device("meta")``.
        recipe: as in ``init_``.
        seed: as in ``init_``.
        device: of the memory; None for that of the DTensors' mesh, else "cpu".

    Returns:
        ``module``.

    Raises:
        FileNotFoundError: ``recipe`` is neither built in nor a file.
        TypeError: an argument of the wrong type.
        ValueError: nothing is on the meta device, no rule matches a parameter or a rule does not
            fit it, or nobody computes some buffers; the message lists them. The module is then as
            it was.

    Example:
        >>> import torch, fastinit.torch
        >>> with torch.device("meta"):
        ...     model = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.BatchNorm1d(4))
        >>> _ = fastinit.torch.materialize_(model, "default", seed=0)
        >>> model[0].weight.device.type, model[1].running_var
        ('cpu', tensor([1., 1., 1., 1.]))
    """
    chosen = [each for each in plan_of(module, recipe, seed).select(None) if each[1].is_meta]
    drawn = {id(tensor): tensor for _, tensor, _ in chosen}
    computing = owners(unwrapped(module), set(drawn))
    if not chosen and not computing:
        raise ValueError("nothing of the module is on the meta device; use fastinit.torch.init_")
    _check_computed(name for each in computing if not each.makers for name in each.names())
    target = _device(drawn.values(), device)
    with _Memory(target, computing) as memory:
        memory.give(drawn.values())
        for each in computing:
            memory.give(each.tensors.values())
        _check_computed(_compute(computing, target))
        draw(chosen)
    return module


class _Memory:
    """Gives meta tensors memory, which they lose again where something goes wrong."""

    def __init__(self, device: torch.device, computing: Sequence[Owner]) -> None:
        self._device = device
        self._computing = computing
        self._swapped: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __enter__(self) -> _Memory:
        return self

    def give(self, tensors: Iterable[torch.Tensor]) -> None:
        """Memory with nothing in it; the tensors stay the objects that they are."""
        for tensor in tensors:
            fresh = torch.empty_like(tensor, device=self._device)
            if isinstance(tensor, torch.nn.Parameter):
                fresh = torch.nn.Parameter(fresh, requires_grad=tensor.requires_grad)
            if type(fresh) is not type(tensor):
                fresh.__class__ = type(tensor)
            vars(fresh).update({**vars(tensor), **vars(fresh)})
            torch.utils.swap_tensors(tensor, fresh)  # type: ignore[no-untyped-call]
            self._swapped.append((tensor, fresh))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            for owner in self._computing:
                owner.restore()
            for tensor, meta in self._swapped:
                torch.utils.swap_tensors(tensor, meta)  # type: ignore[no-untyped-call]


def _compute(computing: Sequence[Owner], device: torch.device) -> list[str]:
    """Let the modules compute their buffers; the names of those that nobody computed."""
    devices = [device] if device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices), device:
        return [name for each in computing for name in each.compute()]


def _check_computed(missing: Iterable[str]) -> None:
    names = list(missing)
    if names:
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        raise ValueError(
            f"nobody computes the buffers {', '.join(names[:_LISTED])}{more}; give their modules "
            "a method reset_buffers() that does, or build them outside of torch.device('meta')"
        )


def _device(tensors: Iterable[Any], wanted: torch.device | str | None) -> torch.device:
    if wanted is None:
        meshes = (each.device_mesh for each in tensors if is_distributed(each))
        return torch.device(next((mesh.device_type for mesh in meshes), "cpu"))
    device = torch.device(wanted)
    if device.type == "meta":
        raise ValueError("device='meta' has no memory; pass 'cpu' or 'cuda'")
    return device
