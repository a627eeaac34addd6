"""FLUX against a transcription of its published modules and of torchtitan's initialization."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fastinit import Plan
from fastinit.torch import record
from helpers.bits import check_bits

D, HEAD, MLP = 12, 4, 48


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(HEAD))


def module(**parts: nn.Module) -> nn.Module:
    made = nn.Module()
    for name, part in parts.items():
        made.add_module(name, part)
    return made


def norms() -> nn.Module:
    return module(query_norm=Scale(), key_norm=Scale())


def embedder(inputs: int) -> nn.Module:
    return module(in_layer=nn.Linear(inputs, D), silu=nn.SiLU(), out_layer=nn.Linear(D, D))


def modulation(count: int) -> nn.Module:
    return module(lin=nn.Linear(D, count * D))


def double_block() -> nn.Module:
    parts: dict[str, nn.Module] = {}
    for side in ("img", "txt"):
        parts[f"{side}_mod"] = modulation(6)
        attention = {"qkv": nn.Linear(D, 3 * D), "norm": norms(), "proj": nn.Linear(D, D)}
        parts[f"{side}_attn"] = module(**attention)
        parts[f"{side}_mlp"] = nn.Sequential(nn.Linear(D, MLP), nn.GELU(), nn.Linear(MLP, D))
    return module(**parts)


def single_block() -> nn.Module:
    return module(
        linear1=nn.Linear(D, 3 * D + MLP),
        linear2=nn.Linear(D + MLP, D),
        norm=norms(),
        modulation=modulation(3),
    )


def flux() -> nn.Module:
    """The modules of black-forest-labs/flux, src/flux/model.py, as torch starts them."""
    last = nn.Sequential(nn.SiLU(), nn.Linear(D, 2 * D))
    return module(
        img_in=nn.Linear(6, D),
        time_in=embedder(8),
        vector_in=embedder(10),
        guidance_in=embedder(8),
        txt_in=nn.Linear(14, D),
        double_blocks=nn.ModuleList([double_block(), double_block()]),
        single_blocks=nn.ModuleList([single_block()]),
        final_layer=module(linear=nn.Linear(D, 6), adaLN_modulation=last),
    )


def initialized() -> nn.Module:
    """What torchtitan's init_weights draws for them: models/flux/model (00f555e)."""
    model: Any = flux()
    init = nn.init
    linear = [each for each in model.modules() if isinstance(each, nn.Linear)]
    for each in linear:
        init.zeros_(each.bias)
    parts: dict[str, list[Any]] = {"xavier": [model.img_in, model.txt_in]}
    embedders = (model.time_in, model.vector_in, model.guidance_in)
    parts["normal"] = [part for each in embedders for part in (each.in_layer, each.out_layer)]
    parts["zero"] = [model.final_layer.linear, model.final_layer.adaLN_modulation[-1]]
    for each in model.double_blocks:
        for side in ("img", "txt"):
            attention, mlp = getattr(each, f"{side}_attn"), getattr(each, f"{side}_mlp")
            parts["xavier"] += [attention.qkv, attention.proj, mlp[0], mlp[2]]
            parts["zero"].append(getattr(each, f"{side}_mod").lin)
    for each in model.single_blocks:
        parts["xavier"] += [each.linear1, each.linear2]
        parts["zero"].append(each.modulation.lin)
    assert sum(map(len, parts.values())) == len(linear)
    for each in parts["xavier"]:
        init.xavier_uniform_(each.weight)
    for each in parts["normal"]:
        init.normal_(each.weight, std=0.02)
    for each in parts["zero"]:
        init.zeros_(each.weight)
    return model  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "build"), [("flux", initialized), ("flux:diffusers", flux)], ids=["flux", "diffusers"]
)
def test_flux(name: str, build: Any) -> None:
    recorded = record(build, seed=0)
    drawn = Plan(recorded.manifest, name, seed=0).init()
    for tensor, values in recorded.init().items():
        check_bits(drawn[tensor], values, tensor)


def diffusers_model() -> Any:
    models: Any = pytest.importorskip("diffusers").models
    return models.FluxTransformer2DModel(
        in_channels=6,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=14,
        pooled_projection_dim=10,
        guidance_embeds=True,
        axes_dims_rope=(2, 2, 4),
    )


@pytest.mark.slow
def test_names_of_diffusers() -> None:
    """Its own model starts as torch's layers do; adaLN-Zero leaves no branch without a zero."""
    recorded = record(diffusers_model, seed=0)
    theirs = Plan(recorded.manifest, "flux:diffusers", seed=0).init()
    for tensor, values in recorded.init().items():
        check_bits(theirs[tensor], values, tensor)
    drawn = Plan(recorded.manifest, "flux", seed=0).init()
    weights = {name: values for name, values in drawn.items() if name.endswith(".weight")}
    zeros = {name for name, values in weights.items() if not values.any()}
    blocks = {"transformer_blocks.0.norm1", "transformer_blocks.0.norm1_context"}
    blocks |= {"single_transformer_blocks.0.norm", "norm_out"}
    assert zeros == {f"{each}.linear.weight" for each in blocks} | {"proj_out.weight"}
    embedded = [values for name, values in weights.items() if "embedder.linear" in name]
    assert len(embedded) == 6
    assert all(abs(np.std(values) / 0.02 - 1) < 0.3 for values in embedded)
