"""Files of a model with random weights, for a server that is tested without the real ones."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaConfig

import fastinit

config = LlamaConfig(
    architectures=["LlamaForCausalLM"],
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    vocab_size=256,
)
config.save_pretrained("description")

plan = fastinit.Plan("description/config.json", seed=0, dtype="bfloat16")
print(plan)
saved = plan.save("weights", max_shard_size="100KB")
print(len(saved.files), "files")
assert fastinit.verify("weights").ok
assert Path("weights/config.json").exists()

# What a server does: load the folder, and generate.
model = AutoModelForCausalLM.from_pretrained("weights", dtype="bfloat16")
tokens = model.generate(torch.tensor([[1, 2, 3]]), max_new_tokens=4, do_sample=False)
assert tokens.shape == (1, 7)

# One shard of tensor parallelism draws its rows alone.
rows = plan.draw("model.layers.0.mlp.up_proj.weight", slice(0, 64))
loaded = model.get_parameter("model.layers.0.mlp.up_proj.weight")[:64]
assert (rows.view("uint16") == loaded.detach().view(torch.uint16).numpy()).all()
