"""Sparse training: static ERK masks over He's values, kept while an optimizer runs."""

import numpy as np
import torch
from torch.nn.utils import prune

import fastinit
import fastinit.torch

torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Linear(64, 256),
    torch.nn.ReLU(),
    torch.nn.Linear(256, 256),
    torch.nn.ReLU(),
    torch.nn.Linear(256, 4),
)

# One weight of ten is kept, divided among the layers by Erdos-Renyi; biases stay dense.
recipe = fastinit.sparse_recipe(model, 0.1, fastinit.HeNormal(), correct_fan=True)
print(fastinit.Plan(model, recipe))
for name, density in fastinit.erk(
    {name: each for name, each in model.named_parameters() if each.dim() > 1}, 0.1
).items():
    print(f"{name}: {density:.1%}")

fastinit.torch.init_(model, recipe, seed=0)
masks = fastinit.torch.draw_masks(model, recipe, seed=0)


def nonzeros():
    weights = {name: each for name, each in model.named_parameters() if each.dim() > 1}
    return {name: int((each != 0).sum()) for name, each in weights.items()}


# The last layer is so small that all of its weights are kept, and it has no mask.
at_first = nonzeros()
assert list(masks) == ["0.weight", "2.weight"]
assert all(int(mask.sum()) == at_first[name] for name, mask in masks.items())
assert abs(sum(at_first.values()) - 0.1 * (64 * 256 + 256 * 256 + 256 * 4)) <= 3

# Train. The masks are applied after every step, so that the model stays sparse.
inputs = torch.randn(256, 64)
labels = (inputs[:, :4].cumsum(dim=1) > 0).sum(dim=1).clamp(max=3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
losses = []
for _ in range(60):
    loss = torch.nn.functional.cross_entropy(model(inputs), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    fastinit.torch.apply_masks_(model, masks)
    losses.append(loss.item())
assert losses[-1] < losses[0] / 2, (losses[0], losses[-1])
assert all(now <= then for now, then in zip(nonzeros().values(), at_first.values(), strict=True))

# torch's own pruning takes the same masks, and applies them in every forward pass.
fastinit.torch.prune_(model, masks)
assert prune.is_pruned(model)
assert "0.weight_orig" in dict(model.named_parameters())
prune.remove(model[0], "weight")

# Blocks for block-sparse kernels, 2 of 4 for sparse tensor cores, and CSR without a dense array.
blocks = fastinit.mask((256, 256), sparsity=0.9, per="tensor", block=(16, 16), seed=0, name="b")
assert blocks.sum() == 25 * 16 * 16  # ceil(0.9 x 256) of 256 blocks are zero
semi = fastinit.n_of_m((256, 256), 2, 4, seed=0, name="s")
assert (semi.reshape(-1, 4).sum(axis=1) == 2).all()
csr = fastinit.sparse((2000, 2000), 0.99, base="he_normal", per="tensor", seed=0, format="csr")
assert csr.nnz == 40_000

# A shard has its part of the count of the whole tensor.
whole = fastinit.mask((256, 256), 0.9, per="tensor", seed=0, name="w")
rows = fastinit.mask((256, 256), 0.9, per="tensor", seed=0, name="w", index=np.s_[64:128])
assert (rows == whole[64:128]).all()
