"""The layers of PyTorch Geometric: convolutions, norms, aggregations and dense layers."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

from benchmarks.common import LeftOutError, required

# What required arguments of these names are.
_ARGUMENTS: dict[str, Any] = {
    **dict.fromkeys(("in_channels", "channels", "hidden_channels", "out_channels"), 16),
    **dict.fromkeys(("in_dim", "hidden_dim", "out_dim", "embed_dim", "embedding_dim"), 16),
    **dict.fromkeys(("num_features", "nhid", "ninp", "node_dim", "in_features", "size"), 16),
    **dict.fromkeys(("num_relations", "num_bases", "num_types", "num_edge_types"), 3),
    **dict.fromkeys(("kernel_size", "num_layers", "heads", "K", "dim", "num_blocks", "k"), 2),
    **dict.fromkeys(("edge_dim", "num_clusters", "num_classes", "num_seeds", "num_heads"), 4),
    **dict.fromkeys(("num_nodes", "num_embeddings", "max_num_elements", "num_entities"), 10),
    **dict.fromkeys(("num_node_types", "num_seed_points", "num_steps", "processing_steps"), 2),
    **dict.fromkeys(("num_timesteps", "num_correction_layers", "num_smoothing_layers"), 2),
    **dict.fromkeys(("hidden_node_channels", "hidden_edge_channels", "memory_dim", "time_dim"), 16),
    **dict.fromkeys(("dim_emb", "dim_pe_in", "dim_pe_out", "input_dim", "output_dim"), 16),
    **dict.fromkeys(("space_dimensions", "propagate_dimensions", "edge_type_emb_dim"), 4),
    **dict.fromkeys(("edge_attr_emb_dim", "groups", "num_bilinear", "patch_size"), 4),
    **dict.fromkeys(("correction_alpha", "smoothing_alpha", "q"), 0.5),
    **dict.fromkeys(("depth", "filter_size", "seq_len"), 2),
    **dict.fromkeys(("num_rels",), 3),
    "mode": "cat",
    "types": ["a", "b"],
    "first_aggr": True,
    "aggr": "mean",
    "aggregators": ["mean", "max"],
    "scalers": ["identity"],
    "scaler": ["identity"],
    "deg": torch.tensor([0, 2, 3]),
    "channels_per_level": [16, 16],
    "aggrs": ["mean", "max"],
    "num_radial": 6,
    "num_spherical": 3,
    "basis_emb_size": 8,
    "int_emb_size": 16,
    "out_emb_channels": 16,
    "ratio": 0.5,
    "dropout": 0.1,
    "alpha": 0.1,
    "theta": 0.5,
    "layer": 1,
    "metadata": (["a", "b"], [("a", "to", "b"), ("b", "to", "a")]),
}
_NETS = (
    "module",
    "mlp_h",
    "mlp_f",
    "mlp_g",
    "encoder",
    "nn",
    "mlp",
    "edge_nn",
    "local_nn",
    "gate_nn",
    "pre_nn",
    "post_nn",
    "net",
)


class Geometric:
    """The layers that torch_geometric.nn exports."""

    package = "torch_geometric"

    def names(self) -> list[str]:
        """Return the names of the layers."""
        return sorted(self._kinds())

    def build(self, name: str) -> Any:
        """Return a function that builds a layer.

        Raises:
            LeftOutError: It needs arguments that are not known here.
        """
        kind = self._kinds()[name]
        needed = [
            each.name
            for each in inspect.signature(kind).parameters.values()
            if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
        ]
        unknown = [each for each in needed if each not in _ARGUMENTS and each not in _NETS]
        if unknown:
            raise LeftOutError(f"it needs {', '.join(unknown)}")

        def make() -> Any:
            nets = {each: _net() for each in needed if each in _NETS}
            return kind(**{each: _ARGUMENTS[each] for each in needed if each not in nets}, **nets)

        return make

    def _kinds(self) -> dict[str, Any]:
        rooms = [required("torch_geometric.nn"), required("torch_geometric.nn.conv")]
        rooms.append(required("torch_geometric.nn.models"))
        return {
            name: kind
            for room in rooms
            for name, kind in vars(room).items()
            if isinstance(kind, type) and issubclass(kind, nn.Module)
        }


def _net() -> nn.Module:
    return nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
