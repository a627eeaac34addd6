"""Folders that transformers loads: no key is missing or unexpected, every value is the plan's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastinit

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch and transformers
SMALL = {
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 50, "n_positions": 8},
    "llama": {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "vocab_size": 50,
    },
    "bert": {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "vocab_size": 50,
    },
    "t5": {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2, "vocab_size": 50},
}
CLASSES = {
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "bert": "BertForMaskedLM",
    "t5": "T5ForConditionalGeneration",
}


@pytest.mark.parametrize("size", ["5GB", "10KB"])
@pytest.mark.parametrize("name", SMALL)
def test_from_pretrained(tmp_path: Path, name: str, size: str) -> None:
    transformers: Any = pytest.importorskip("transformers")
    config = transformers.CONFIG_MAPPING[name](**SMALL[name], architectures=[CLASSES[name]])
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    plan = fastinit.Plan(tmp_path / "config.json", seed=0)
    folder = plan.save(tmp_path / "folder", max_shard_size=size).path
    assert (len(list(folder.glob("*.safetensors"))) > 1) == (size == "10KB")
    cls = getattr(transformers, CLASSES[name])
    model, report = cls.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    state = model.state_dict()
    for key, array in plan.init().items():
        np.testing.assert_array_equal(state[key].numpy(), array, err_msg=key)
    assert fastinit.verify(folder).ok
