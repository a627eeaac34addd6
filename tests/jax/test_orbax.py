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
where = jax.tree.map(lambda leaf: NamedSharding(mesh, P(*[None] * (leaf.ndim - 1), "x")), shapes())
half = jax.tree.map(lambda leaf: leaf.update(dtype=jnp.bfloat16), shapes())
targets = {
    "float32": jax.tree.map(lambda leaf, s: leaf.update(sharding=s), shapes(), where),
    "bfloat16": jax.tree.map(lambda leaf, s: leaf.update(sharding=s), half, where),
}
with ocp.StandardCheckpointer() as checkpointer:
    for dtype, target in targets.items():
        drawn = ours.init_tree(target, rules(), seed=3)
        checkpointer.save(f"{sys.argv[1]}/{dtype}", drawn)
        checkpointer.wait_until_finished()
        restored = checkpointer.restore(f"{sys.argv[1]}/{dtype}", target)
        whole = fastinit.Plan(target, rules(), seed=3).init()
        jax.tree.map(check_bits, jax.device_get(restored), whole)
        assert jax.tree.map(lambda leaf: leaf.sharding, restored) == where
"""


@pytest.mark.parametrize("devices", [1, 8])
def test_saved_and_restored(devices: int, tmp_path: Path) -> None:
    flags = f"--xla_force_host_platform_device_count={devices}"
    child(f"import sys; sys.argv[1:] = [{str(tmp_path)!r}]\n{PROGRAM}", XLA_FLAGS=flags)
