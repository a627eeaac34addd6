"""Functions of the distributed tests' processes: draw shards, and return what they hold."""

import functools
import math
import resource
from typing import Any

import numpy as np
import torch
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset
from torch.distributed.tensor.debug import CommDebugMode
from torch.distributed.tensor.placement_types import Placement, _StridedShard

import fastinit
import fastinit.torch
from fastinit.streams import resolve
from fastinit.torch.shards.batch import ShardedFillBatch
from helpers.drawn_elements import drawn_elements
from helpers.dtypes import dtype_of
from helpers.torch_arrays import dtype_name

SEED, NAME = 11, "whole"


@functools.cache
def mesh_of(shape: tuple[int, ...]) -> DeviceMesh:
    """A mesh of the first ranks, whose groups take longer to join than most tests."""
    return DeviceMesh("cpu", torch.arange(math.prod(shape)).reshape(shape))


def placement(text: str) -> Placement:
    """`R`, `S0` for Shard(0), `S0/2` for _StridedShard(0, split_factor=2)."""
    if text == "R":
        return Replicate()
    dim, _, split_factor = text[1:].partition("/")
    if split_factor:
        return _StridedShard(int(dim), split_factor=int(split_factor))
    return Shard(int(dim))


def empty(
    shape: tuple[int, ...], mesh: DeviceMesh, placements: list[Placement], dtype: torch.dtype
) -> DTensor:
    """A DTensor of NaN."""
    local_shape, _ = compute_local_shape_and_global_offset(shape, mesh, placements)
    local = torch.full(local_shape, math.nan, dtype=dtype)
    stride = torch.empty(shape, device="meta").stride()
    return DTensor.from_local(
        local, mesh, placements, run_check=False, shape=torch.Size(shape), stride=stride
    )


def gathered(tensor: DTensor) -> torch.Tensor:
    """The whole tensor, put together by torch.

    torch 2.11 first reads the order of the shards off each `_StridedShard`, and fails where a split
    factor is not the size of another mesh dimension. Told that it need not, it gathers those too.
    """
    try:
        return tensor.full_tensor()
    except ValueError as error:
        if "use_strided_shard_as_shard_order" not in str(error):
            raise
    spec: Any = tensor._spec
    spec.use_strided_shard_as_shard_order = False
    spec.shard_order = type(spec).compute_default_shard_order(spec.placements)
    return tensor.full_tensor()


def drawn(
    initializer: fastinit.Initializer,
    shape: tuple[int, ...],
    mesh_shape: tuple[int, ...],
    placements: str,
    dtype: torch.dtype,
) -> tuple[str, int, int]:
    """(digest of the gathered tensor, elements drawn, elements held) of this rank."""
    mesh = mesh_of(mesh_shape)
    if mesh.get_coordinate() is None:
        return "", 0, 0
    tensor = empty(shape, mesh, [placement(each) for each in placements.split()], dtype)
    with CommDebugMode() as communication, drawn_elements() as found:  # type: ignore[no-untyped-call]
        filling = ShardedFillBatch()
        templates = initializer.templates(shape, dtype_of(dtype_name(dtype)))
        filling.add(tensor, templates, resolve(SEED, NAME))
        filling.run()
    assert communication.get_total_counts() == 0
    return fastinit.digest(gathered(tensor)), sum(found), tensor.to_local().numel()


def split_by_torch(
    initializer: fastinit.Initializer,
    shape: tuple[int, ...],
    mesh_shape: tuple[int, ...],
    placements: str,
) -> bool:
    """Whether this rank's part is that of torch's own division of the whole."""
    mesh = mesh_of(mesh_shape)
    if mesh.get_coordinate() is None:
        return True
    placed = [placement(each) for each in placements.split()]
    whole = torch.from_numpy(initializer(shape, seed=SEED, name=NAME))
    expected = distribute_tensor(whole, mesh, placed, src_data_rank=None).to_local()
    tensor = empty(shape, mesh, placed, torch.float32)
    filling = ShardedFillBatch()
    filling.add(tensor, initializer.templates(shape, np.dtype("float32")), resolve(SEED, NAME))
    filling.run()
    return torch.equal(tensor.to_local(), expected)


def memory_grown(shape: tuple[int, int]) -> float:
    """The most megabytes by which this process grows while it draws a part of the rows."""
    tensor = torch.distributed.tensor.empty(shape, device_mesh=mesh_of((4,)), placements=[Shard(0)])
    filling = ShardedFillBatch()
    filling.add(
        tensor, fastinit.Normal().templates(shape, np.dtype("float32")), resolve(SEED, NAME)
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    filling.run()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def bytes_digest(tensor: torch.Tensor) -> str:
    """The digest of a tensor's bytes, for dtypes that NumPy or fastinit's arrays lack."""
    return fastinit.digest(tensor.view(torch.uint8).numpy())


def drop_in(
    function: str,
    arguments: tuple[Any, ...],
    shape: tuple[int, ...],
    mesh_shape: tuple[int, ...],
    placements: str,
    dtype: torch.dtype,
) -> str:
    """Digest of a gathered DTensor that a function of fastinit.torch filled."""
    placed = [placement(each) for each in placements.split()]
    tensor = empty(shape, mesh_of(mesh_shape), placed, dtype).requires_grad_()
    version = tensor._version
    assert getattr(fastinit.torch, function)(tensor, *arguments, seed=SEED, name=NAME) is tensor
    assert tensor._version > version
    assert tensor.is_leaf
    return bytes_digest(gathered(tensor.detach()))


def drop_in_after_a_pending_draw() -> bool:
    """Whether a DTensor filled in ``accelerate`` holds that, and not what was pending."""
    local = torch.empty(3, 5)
    tensor = DTensor.from_local(local, mesh_of((4,)), [Shard(0)])
    with fastinit.torch.accelerate(seed=0):
        torch.nn.init.zeros_(torch.nn.init.normal_(local)[1:])
        fastinit.torch.uniform_(tensor, seed=SEED, name=NAME)
    expected = torch.from_numpy(fastinit.uniform((12, 5), seed=SEED, name=NAME))
    return torch.equal(tensor.full_tensor(), expected)


def drop_in_refused() -> list[str]:
    """The errors of a DTensor and a module without a seed, and of a partial sum; none writes."""
    local = torch.ones(3, 3)
    messages = []
    for placed, options in ((Shard(0), {"name": NAME}), (Partial(), {"seed": SEED})):
        tensor = DTensor.from_local(local, mesh_of((4,)), [placed])
        try:
            fastinit.torch.kaiming_normal_(tensor, **options)
        except ValueError as error:
            messages.append(str(error))
    module = torch.nn.Linear(1, 1, bias=False)
    module.weight = torch.nn.Parameter(DTensor.from_local(local, mesh_of((4,)), [Shard(0)]))
    try:
        fastinit.torch.init_(module, "he_normal")
    except ValueError as error:
        messages.append(str(error))
    assert bool((local == 1).all())
    return messages


def refused() -> tuple[str, str]:
    """The errors of a partial sum, and of a division that is not torch.chunk's."""
    mesh = mesh_of((4,))
    partial = DTensor.from_local(torch.ones(3), mesh, [Partial()])
    ragged = DTensor.from_local(
        torch.ones(5, 2),
        mesh,
        [Shard(0)],
        run_check=False,
        shape=torch.Size((10, 2)),
        stride=(2, 1),
    )
    messages = []
    for tensor in (partial, ragged):
        templates = fastinit.Normal().templates(tuple(tensor.shape), np.dtype("float32"))
        try:
            ShardedFillBatch().add(tensor, templates, (0, 0))
        except ValueError as error:
            messages.append(str(error))
    return messages[0], messages[1]
