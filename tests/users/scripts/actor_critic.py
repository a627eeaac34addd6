"""Reinforcement learning: actor and critic of one seed, their targets, and several runs."""

import math

import torch
from torch import nn

import fastinit
import fastinit.torch as init


def network(inputs, outputs, gain, stream):
    """Orthogonal weights, as PPO and its kin begin with: sqrt(2) inside, a gain at the end."""
    layers = [
        nn.Linear(inputs, 64),
        nn.Tanh(),
        nn.Linear(64, 64),
        nn.Tanh(),
        nn.Linear(64, outputs),
    ]
    for k, layer in enumerate(layers):
        if isinstance(layer, nn.Linear):
            last = k == len(layers) - 1
            init.orthogonal_(
                layer.weight, gain if last else math.sqrt(2), seed=stream(f"{k}.weight")
            )
            init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def agent(seed):
    stream = fastinit.Stream(seed)
    actor = network(8, 2, 0.01, stream.child("actor"))
    critic = network(8, 1, 1.0, stream.child("critic"))
    target = network(8, 1, 1.0, stream.child("critic"))
    noise = [torch.from_numpy(fastinit.normal(2, seed=stream)) for _ in range(3)]
    return actor, critic, target, noise


actor, critic, target, noise = agent(seed=0)
assert not torch.equal(actor[0].weight, critic[0].weight)  # of the same shape
assert torch.equal(critic[2].weight, target[2].weight)
assert len({tuple(each.tolist()) for each in noise}) == 3

# The first action is close to zero, the value of a state is not.
state = torch.randn(32, 8)
assert actor(state).abs().mean() < 0.1 < critic(state).abs().mean()

# Runs of other seeds differ, and each repeats.
runs = [agent(seed)[0][0].weight for seed in (0, 1, 2, 0)]
assert torch.equal(runs[0], runs[3])
assert not torch.equal(runs[0], runs[1])

# A whole network in one line, from the path of its part.
stream = fastinit.Stream(0)
policy = init.init_(
    nn.Sequential(nn.Linear(8, 64), nn.Linear(64, 2)), "default", seed=stream.child("policy")
)
value = init.init_(
    nn.Sequential(nn.Linear(8, 64), nn.Linear(64, 2)), "default", seed=stream.child("value")
)
assert not torch.equal(policy[0].weight, value[0].weight)

# Workers of a parallel sampler have Streams of their own.
exploration = [fastinit.normal(4, seed=stream.child("worker").child(k)) for k in range(4)]
assert len({tuple(each.tolist()) for each in exploration}) == 4
