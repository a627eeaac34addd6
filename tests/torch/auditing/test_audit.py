"""Audits find what is wrong with the initialization of a model, and nothing in correct ones."""

import json
import os
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import init

from fastinit.torch import AuditReport, audit
from helpers.models.clean import CLEAN, Gpt
from helpers.models.faulty import FAULTS, Base
from helpers.models.tiny_transformers import TYPES, builder


@pytest.mark.parametrize("what", FAULTS)
def test_faults(what: str) -> None:
    fault = FAULTS[what]
    report = audit(fault.build, **fault.options)
    assert [(each.name, each.verdict) for each in report.findings] == [(fault.name, fault.verdict)]
    assert fault.code in (report.findings[0].origin or "")
    with pytest.raises(AssertionError, match=f"{fault.name}: {fault.verdict}: .*{fault.code}"):
        report.assert_clean()


@pytest.mark.parametrize("what", CLEAN)
def test_clean_models(what: str) -> None:
    audit(CLEAN[what]).assert_clean()


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama", "mamba", "mixtral", "t5", "vit"])
def test_clean_transformers(kind: str) -> None:
    build = builder(kind)
    assert build is not None
    audit(build).assert_clean()


FAULTY_TYPES = {"rwkv"}  # it reads time_first for nothing but its shape, in arithmetic


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_all_transformers() -> None:
    faulty = {}
    for kind in TYPES:
        build = builder(kind)
        report = None if build is None else audit(build)
        if report is not None and report.findings:
            faulty[kind] = list(map(str, report.findings))
    assert faulty.keys() == FAULTY_TYPES, json.dumps(faulty, indent=1)


class Adaptive(torch.nn.Module):
    """A norm whose scales are looked up, as in Vocos and diffusion models."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.scale = torch.nn.Embedding(4, 8)
        torch.nn.init.constant_(self.scale.weight, value)


def test_scales_in_an_embedding() -> None:
    """Ones are scales that leave their input as it is; other constants make all units the same."""
    audit(Adaptive, args=(1.0,)).assert_clean()
    (found,) = audit(Adaptive, kwargs={"value": 0.5}).findings
    assert (found.name, found.verdict) == ("scale.weight", "constant")


def test_rows() -> None:
    """A row says how often a tensor was written, by whom, and what it should and does have."""
    rows = {each.name: each for each in audit(Gpt).rows}
    assert list(rows)[:2] == ["wte.weight", "wpe.weight"]
    assert "head.weight" not in rows  # it is tied
    row = rows["blocks.0.c_proj.weight"]
    assert (row.kind, row.shape, row.dtype, row.writes) == ("parameter", (16, 64), "float32", 3)
    assert [each.split(", line")[0] for each in row.writers] == [
        "torch.nn.modules.linear.Linear.reset_parameters",
        "helpers.models.clean.Gpt._init_weights",
        "helpers.models.clean.Gpt.__init__",
    ]
    assert row.expected is not None
    assert row.found is not None
    assert (row.expected.mean, row.expected.std) == (0.0, 0.01)
    assert row.found.std == pytest.approx(0.01, rel=0.1)
    bias = rows["blocks.0.fc.bias"]
    assert bias.expected == bias.found == (0.0, 0.0, 0.0, 0.0)
    default = audit(nn.Linear, args=(16, 4)).rows[0]
    assert default.expected is not None
    assert default.expected.low == pytest.approx(-0.25)
    assert default.expected.high == pytest.approx(0.25)
    assert audit(nn.Linear, args=(16, 4), seed=1).rows[0].found != default.found
    assert rows["mask"].kind == "buffer"


def test_large_tensors_have_no_memory() -> None:
    row = audit(CLEAN["large"]).rows[0]
    assert row.shape == (50_000, 4096)
    assert row.found is None


def test_data_and_table() -> None:
    report = audit(FAULTS["never written"].build)
    data = json.loads(json.dumps(report.to_dict()))
    assert data["findings"][0]["name"] == "scale"
    assert data["findings"][0]["verdict"] == "never written"
    assert data["rows"][1]["expected"]["std"] == 0.02
    table = str(report)
    assert table.startswith("Unwritten: 7 tensors, 1 finding, 0 notes\n")
    assert "\n! scale: never written: " in table
    assert "layers.*.weight  3       2  Normal(std=0.02)" in table
    many = repr(audit(lambda: nn.Sequential(*(nn.Linear(3 + k, 4) for k in range(99)))))
    assert max(map(len, many.splitlines())) <= 100
    assert len(many.splitlines()) <= 24


def notes_of(report: AuditReport) -> set[tuple[str, str]]:
    return {(each.name, each.verdict) for each in report.notes}


def test_notes() -> None:
    """What may be meant is a note."""
    assert ("lora_B", "constant") in notes_of(audit(CLEAN["adapter"]))
    assert ("cache", "never written") in notes_of(audit(CLEAN["scratch memory"]))
    numbered = audit(CLEAN["state space"])
    assert notes_of(numbered) == {("dt_proj.bias", "depends on construction order")}


def test_generators_and_environment_are_as_before() -> None:
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state()
    environment = dict(os.environ)
    audit(FAULTS["rank 0 of the group"].build)
    assert random.getstate() == before[0]
    assert str(np.random.get_state()) == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
    assert dict(os.environ) == environment
    assert not torch.distributed.is_initialized()
    assert not torch.are_deterministic_algorithms_enabled()


class Broadcast(Base):
    """A model that is drawn on rank 0, and sent to the others."""

    def __init__(self) -> None:
        super().__init__()
        distributed = torch.distributed
        self.table = nn.Parameter(torch.empty(16, 16))
        is_alone = not distributed.is_initialized()
        if is_alone or distributed.get_rank() == 0:
            init.normal_(self.table)
        if not is_alone:
            distributed.broadcast(self.table.data, 0)


def test_what_rank_0_sends_does_not_depend_on_the_rank() -> None:
    audit(Broadcast).assert_clean()


class Rank0Only(Base):
    """A model that no other rank can build."""

    def __init__(self) -> None:
        super().__init__()
        if torch.distributed.is_initialized():
            raise RuntimeError("not here")


def test_a_model_that_other_ranks_cannot_build() -> None:
    report = audit(Rank0Only)
    assert report.findings == ()
    assert notes_of(report) == {("", "not built")}
    assert "RuntimeError: not here" in str(report.notes[0])
