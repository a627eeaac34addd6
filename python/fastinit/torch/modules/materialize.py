"""``materialize_``: from the meta device to initialized memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import torch

from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.streams import Seed
from fastinit.tables import listed
from fastinit.torch.modules.buffers import Owner, owners
from fastinit.torch.modules.plan import Rules, fill, plan_of
from fastinit.torch.shards.dtensor import is_distributed
from fastinit.torch.shards.wrappers import unwrapped


def materialize_(
    module: torch.nn.Module,
    recipe: Rules | None = None,
    seed: Seed | None = None,
    *,
    device: torch.device | str | None = None,
) -> torch.nn.Module:
    """Allocate the memory of a module on the meta device, and initialize it in one pass.

    It needs no memory but that of the module itself, and for DTensors (FSDP2, tensor parallelism)
    only that of this process's part. Parameters stay the same Python objects, so ties, optimizers,
    their own attributes and FSDP2 keep them. Tensors that are not on the meta device keep their
    values: if a part of a model has been loaded, the rest is initialized. A warning lists the
    parameters among them that nothing has written to since they were made, since some constructors
    (``torch.FloatTensor(2, 3)``) take no notice of the meta device and leave memory as it is.

    Buffers with known constants (running means, positions) get these. Their modules compute all
    other buffers, by ``reset_buffers``, ``init_non_persistent_buffers`` (timm), ``rope_init``
    (torchtune) or ``reset_parameters``, or by ``_init_weights`` of the transformers model that they
    are in. The parameters that these methods initialize are drawn again afterwards, and torch's
    generators keep their states.

    Args:
        module: A module that was built under ``torch.device("meta")``.
        recipe: As for ``init_``.
        seed: As for ``init_``.
        device: The device of the memory. None means that of the DTensors' mesh, else "cpu".

    Returns:
        ``module``.

    Raises:
        FileNotFoundError: ``recipe`` is neither built in nor a file.
        TypeError: An argument has the wrong type.
        ValueError: Nothing is on the meta device, a parameter is lazy, a module is a ScriptModule,
            no rule matches a parameter, a rule does not fit it, or no module computes some buffers,
            which the message lists. The module is then unchanged.

    Example:
        >>> import torch, fastinit.torch
        >>> with torch.device("meta"):
        ...     model = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.BatchNorm1d(4))
        >>> _ = fastinit.torch.materialize_(model, "default", seed=0)
        >>> model[0].weight.device.type, model[1].running_var
        ('cpu', tensor([1., 1., 1., 1.]))
    """
    found = plan_of(module, recipe, seed).select(None)
    chosen = [each for each in found if each[1].is_meta]
    drawn = {id(tensor): tensor for _, tensor, _ in chosen}
    computing = owners(unwrapped(module), set(drawn))
    if not chosen and not computing:
        raise ValueError("nothing in the module is on the meta device; use fastinit.torch.init_")
    _check_computed(name for each in computing if not each.methods for name in each.names())
    _warn_of_unwritten([name for name, tensor, _ in found if _is_unwritten(tensor)])
    target = _device(drawn.values(), device)
    with _Allocation(module, target, computing) as allocation:
        allocation.allocate(drawn.values())
        for each in computing:
            allocation.allocate(each.tensors.values())
        _check_computed(_compute(computing, target))
        fill(chosen)
    return module


class _Allocation:
    """Memory for meta tensors, which they lose again if an error occurs.

    torch swaps no tensor that has weak references. Recurrent layers keep some to their weights.
    """

    def __init__(
        self, module: torch.nn.Module, device: torch.device, computing: Sequence[Owner]
    ) -> None:
        self._recurrent = [each for each in module.modules() if isinstance(each, torch.nn.RNNBase)]
        self._device = device
        self._computing = computing
        self._swapped: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __enter__(self) -> Self:
        for each in self._recurrent:
            each._flat_weight_refs = []
        return self

    def allocate(self, tensors: Iterable[torch.Tensor]) -> None:
        """Allocate uninitialized memory; the tensors stay the same objects."""
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
        for each in self._recurrent:
            each._init_flat_weights()


@in_default_arithmetic
def _compute(computing: Sequence[Owner], device: torch.device) -> list[str]:
    """Let the modules compute their buffers, and return the names of those that none computed."""
    devices = [device] if device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices), device:
        return [name for each in computing for name in each.compute()]


def _is_unwritten(tensor: torch.Tensor) -> bool:
    """Return whether a parameter has memory that no operation in place has written to, or NaN.

    Deterministic algorithms of torch write NaN to some memory that is not initialized.
    """
    is_real = isinstance(tensor, torch.nn.Parameter) and not tensor.is_meta and tensor.numel() > 0
    if not is_real or tensor.is_inference() or is_distributed(tensor):
        return False
    first = tensor.detach()[(0,) * tensor.dim()]
    return tensor._version == 0 or (first.is_floating_point() and bool(first.float().isnan()))


def _warn_of_unwritten(names: list[str]) -> None:
    if names:
        warnings.warn(
            f"{listed(names)} were not on the meta device, and keep the values that their memory "
            "has. If you did not load these, draw them by fastinit.torch.init_(..., only=...)",
            stacklevel=3,
        )


def _check_computed(missing: Iterable[str]) -> None:
    names = list(missing)
    if names:
        raise ValueError(
            f"no module computes the buffers {listed(names)}; give their "
            "modules a method reset_buffers() that does, or build them outside of "
            "torch.device('meta')"
        )


def _device(tensors: Iterable[Any], wanted: torch.device | str | None) -> torch.device:
    if wanted is None:
        meshes = (each.device_mesh for each in tensors if is_distributed(each))
        return torch.device(next((mesh.device_type for mesh in meshes), "cpu"))
    device = torch.device(wanted)
    if device.type == "meta":
        raise ValueError("device='meta' has no memory; pass 'cpu' or 'cuda'")
    return device
