"""Trees that orbax saves and restores, on one device and on eight."""

from pathlib import Path

import pytest

from helpers.processes import child

pytest.importorskip("orbax.checkpoint")

PROGRAM = """
import sys

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from jax.sharding import NamedSharding, PartitionSpec as P

import fastinit
import fastinit.jax as ours
from helpers.bits import check_bits
from helpers.jax.trees import rules, shapes

mesh = jax.make_mesh((len(jax.devices()),), ("x",))
leaves, structure = jax.tree.flatten(shapes())
dtypes = jnp.float32, jnp.bfloat16, jnp.float8_e4m3fn


def target(is_divided):
    # The shapes in several dtypes, divided along their last axes or whole on every device.
    specs = [P(*[None] * (leaf.ndim - 1), "x") if is_divided else P() for leaf in leaves]
    return structure.unflatten(
        leaf.update(dtype=dtypes[k % 3], sharding=NamedSharding(mesh, spec))
        for k, (leaf, spec) in enumerate(zip(leaves, specs))
    )


drawn = ours.init_tree(target(True), rules(), seed=3)
whole = fastinit.Plan(target(True), rules(), seed=3).init()
with ocp.StandardCheckpointer() as checkpointer:
    checkpointer.save(f"{sys.argv[1]}/saved", drawn)
    checkpointer.wait_until_finished()
    for is_divided in (True, False):
        wanted = target(is_divided)
        restored = checkpointer.restore(f"{sys.argv[1]}/saved", wanted)
        jax.tree.map(check_bits, jax.device_get(restored), whole)
        shardings = [jax.tree.map(lambda leaf: leaf.sharding, tree) for tree in (restored, wanted)]
        assert shardings[0] == shardings[1]
"""


@pytest.mark.parametrize("devices", [1, 8])
def test_saved_and_restored(devices: int, tmp_path: Path) -> None:
    flags = f"--xla_force_host_platform_device_count={devices}"
    child(f"import sys; sys.argv[1:] = [{str(tmp_path)!r}]\n{PROGRAM}", XLA_FLAGS=flags)
