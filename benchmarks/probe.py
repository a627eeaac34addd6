"""The cost of a probe, relative to one forward and one backward pass of the same model.

    python -m benchmarks.probe --json benchmarks/results/probe.json

An entry of ``results`` has ``task`` (the model and its batch), ``library`` ("fastinit"), ``probe``
and ``passes`` (processor seconds of one thread, as ``seconds`` elsewhere) and ``ratio``, the
spread of the ratios of the rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

import fastinit
from benchmarks import common
from fastinit.torch import probe

NOTES = [
    "Processor time of one thread of torch; both contenders run in turn, in one process.",
    "The passes are a forward pass, the loss and torch.autograd.grad of all parameters.",
]


def main(argv: Sequence[str] | None = None) -> int:
    """Check, measure and print; write the results if a path is given."""
    parser = common.argument_parser("probe", __doc__)
    parser.add_argument("--models", default="gpt2,resnet-18,mlp", help="which of them")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(argv)
    settings = {"models": options.models, "repeats": options.repeats}
    report = common.new_report("probe", settings, NOTES)
    torch.set_num_threads(1)  # threads that wait for each other take processor time, too
    for name in common.listed(options.models):
        model, batch, loss = MODELS[name]()
        _check(report, name, model, batch, loss)
        entry = _measured(name, model, batch, loss, options.repeats)
        report["results"].append(entry)
        ratio = entry["ratio"]["median"]
        print(f"{name}: {ratio:.2f} x the passes ({entry['passes']['median']:.3g} s)")
    common.write(options.json, report)
    return 0


Case = tuple[nn.Module, Any, Callable[[Any], torch.Tensor]]


def _gpt2() -> Case:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(n_layer=6, n_embd=384, n_head=6, vocab_size=8192, n_positions=256)
    config.bos_token_id = config.eos_token_id = 1
    tokens = torch.arange(4 * 256).reshape(4, 256) * 37 % 8192
    model: nn.Module = GPT2LMHeadModel(config)
    return model, {"input_ids": tokens, "labels": tokens}, lambda output: output.loss


def _resnet() -> Case:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512], layer_type="basic", num_labels=10
    )
    images = torch.from_numpy(fastinit.normal((8, 3, 96, 96), seed=0))
    model: nn.Module = ResNetForImageClassification(config)
    return model, {"pixel_values": images}, lambda output: output.logits.square().mean()


def _mlp() -> Case:
    layers: list[nn.Module] = []
    for _ in range(8):
        layers += [nn.Linear(512, 512), nn.ReLU()]
    batch = torch.from_numpy(fastinit.normal((256, 512), seed=0))
    return nn.Sequential(*layers), batch, lambda output: output.square().mean()


MODELS: dict[str, Callable[[], Case]] = {"gpt2": _gpt2, "resnet-18": _resnet, "mlp": _mlp}


def _passes(model: nn.Module, batch: Any, loss: Callable[[Any], torch.Tensor]) -> float:
    output = model(**batch) if isinstance(batch, dict) else model(batch)
    scalar = loss(output)
    torch.autograd.grad(scalar, list(model.parameters()), allow_unused=True)
    return float(scalar.detach())


def _check(report: dict[str, Any], name: str, model: nn.Module, batch: Any, loss: Any) -> None:
    """Check that the probe finds the loss of the passes."""
    model.eval()
    expected, found = _passes(model, batch, loss), probe(model, batch, loss).loss
    ok = found is not None and abs(found - expected) <= 1e-5 * abs(expected)
    entry = {"what": f"loss of {name}", "library": "fastinit", "ok": ok, "loss": found}
    common.add_check(report, entry)


def _measured(name: str, model: nn.Module, batch: Any, loss: Any, repeats: int) -> dict[str, Any]:
    figures = common.interleaved(
        {
            "probe": lambda: _processor_seconds(lambda: probe(model, batch, loss)),
            "passes": lambda: _processor_seconds(lambda: _passes(model, batch, loss)),
        },
        repeats,
    )
    ratios = [a / b for a, b in zip(figures["probe"], figures["passes"], strict=True)]
    spreads = {what: common.spread(each) for what, each in figures.items()}
    return {"task": name, "library": "fastinit", **spreads, "ratio": common.spread(ratios)}


def _processor_seconds(run: Callable[[], Any]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


if __name__ == "__main__":
    raise SystemExit(main())
