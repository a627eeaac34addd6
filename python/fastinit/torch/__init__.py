"""fastinit for PyTorch: ``import fastinit.torch as init`` replaces ``from torch.nn import init``.

It has every function of torch.nn.init, with the same name and arguments, and with ``seed=`` and
``name=`` in addition. With ``seed=`` they fill a DTensor too, each process its own part of the
whole. Names that fastinit does not define are torch.nn.init's. ``init_``, ``materialize_`` and
``lsuv_`` initialize whole modules, and ``fill_shard_`` fills a part of a tensor that no process
holds. ``param_groups`` gives an optimizer the learning rates of a plan.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

try:
    from torch.nn import init as _torchs
except ImportError as error:
    raise ImportError(
        f"fastinit.torch needs PyTorch ({error}); pip install 'fastinit-nn[torch]'"
    ) from error

from torch.nn.init import calculate_gain, eye, eye_

from fastinit.missing_names import missing as _missing
from fastinit.package import check_package
from fastinit.torch.acceleration.accelerate import accelerate
from fastinit.torch.nn_init.additions import (
    fan_in_uniform_,
    lecun_normal_,
    lecun_uniform_,
    truncated_normal_,
    variance_scaling_,
)
from fastinit.torch.nn_init.constants import constant_, ones_, zeros_
from fastinit.torch.nn_init.deprecated import (
    constant,
    dirac,
    kaiming_normal,
    kaiming_uniform,
    normal,
    orthogonal,
    sparse,
    uniform,
    xavier_normal,
    xavier_uniform,
)
from fastinit.torch.nn_init.dirac import dirac_
from fastinit.torch.nn_init.distributions import normal_, trunc_normal_, uniform_
from fastinit.torch.nn_init.orthogonal import orthogonal_
from fastinit.torch.nn_init.sparse import sparse_
from fastinit.torch.nn_init.variance_scaling import (
    kaiming_normal_,
    kaiming_uniform_,
    xavier_normal_,
    xavier_uniform_,
)
from fastinit.torch.shards.fill_shard import fill_shard_

if TYPE_CHECKING:
    from fastinit.probes.report import ProbeReport
    from fastinit.probes.rows import ProbeAttention, ProbeRow, ProbeStack, ProbeWeight
    from fastinit.torch.auditing.audit import audit
    from fastinit.torch.auditing.report import AuditReport, AuditRow, Finding
    from fastinit.torch.balancing.balance import balance_
    from fastinit.torch.balancing.balance_report import BalanceReport, BalanceRow
    from fastinit.torch.balancing.lsuv import lsuv_
    from fastinit.torch.balancing.report import LsuvReport, LsuvRow
    from fastinit.torch.guide.recommend import recommend_recipe
    from fastinit.torch.modules.init import init_
    from fastinit.torch.modules.masks import apply_masks_, draw_masks, prune_
    from fastinit.torch.modules.materialize import materialize_
    from fastinit.torch.modules.param_groups import param_groups
    from fastinit.torch.probing.probe import probe
    from fastinit.torch.recording.record import record
    from fastinit.torch.training.compare import compare
    from fastinit.torch.training.compare_report import CompareReport
    from fastinit.torch.training.coord_check import coord_check
    from fastinit.torch.training.coord_report import CoordReport

__all__ = [
    "AuditReport",
    "AuditRow",
    "BalanceReport",
    "BalanceRow",
    "CompareReport",
    "CoordReport",
    "Finding",
    "LsuvReport",
    "LsuvRow",
    "ProbeAttention",
    "ProbeReport",
    "ProbeRow",
    "ProbeStack",
    "ProbeWeight",
    "accelerate",
    "apply_masks_",
    "audit",
    "balance_",
    "calculate_gain",
    "compare",
    "constant",
    "constant_",
    "coord_check",
    "dirac",
    "dirac_",
    "draw_masks",
    "eye",
    "eye_",
    "fan_in_uniform_",
    "fill_shard_",
    "init_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "lecun_normal_",
    "lecun_uniform_",
    "lsuv_",
    "materialize_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "param_groups",
    "probe",
    "prune_",
    "recommend_recipe",
    "record",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "truncated_normal_",
    "uniform",
    "uniform_",
    "variance_scaling_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

check_package()


# Imported on first use: the functions that fill one tensor do not need these modules.
_LAZY = {
    "AuditReport": "fastinit.torch.auditing.report",
    "AuditRow": "fastinit.torch.auditing.report",
    "BalanceReport": "fastinit.torch.balancing.balance_report",
    "BalanceRow": "fastinit.torch.balancing.balance_report",
    "Finding": "fastinit.torch.auditing.report",
    "LsuvReport": "fastinit.torch.balancing.report",
    "LsuvRow": "fastinit.torch.balancing.report",
    "ProbeAttention": "fastinit.probes.rows",
    "ProbeReport": "fastinit.probes.report",
    "ProbeRow": "fastinit.probes.rows",
    "ProbeStack": "fastinit.probes.rows",
    "ProbeWeight": "fastinit.probes.rows",
    "apply_masks_": "fastinit.torch.modules.masks",
    "draw_masks": "fastinit.torch.modules.masks",
    "CompareReport": "fastinit.torch.training.compare_report",
    "CoordReport": "fastinit.torch.training.coord_report",
    "audit": "fastinit.torch.auditing.audit",
    "balance_": "fastinit.torch.balancing.balance",
    "compare": "fastinit.torch.training.compare",
    "coord_check": "fastinit.torch.training.coord_check",
    "init_": "fastinit.torch.modules.init",
    "lsuv_": "fastinit.torch.balancing.lsuv",
    "materialize_": "fastinit.torch.modules.materialize",
    "param_groups": "fastinit.torch.modules.param_groups",
    "probe": "fastinit.torch.probing.probe",
    "prune_": "fastinit.torch.modules.masks",
    "record": "fastinit.torch.recording.record",
    "recommend_recipe": "fastinit.torch.guide.recommend",
}


# Names of fastinit's own functions, where torch has others.
_MEANT = {
    f"{own}_{kind}_": f"{torchs}_{kind}_"
    for own, torchs in (("he", "kaiming"), ("glorot", "xavier"))
    for kind in ("normal", "uniform")
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(importlib.import_module(_LAZY[name]), name)
        globals()[name] = value
        return value
    if name.startswith("__") or not hasattr(_torchs, name):
        raise _missing("fastinit.torch", name, __dir__(), _MEANT)
    return getattr(_torchs, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *_torchs.__all__})
