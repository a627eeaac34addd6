"""A first exercise: a network of two layers learns to tell two moons apart, in NumPy."""

import numpy as np

import fastinit

fastinit.seed(0)

# Data: two half circles with noise.
angle = fastinit.uniform(400, 0, np.pi)
upper = np.stack([np.cos(angle[:200]), np.sin(angle[:200])], axis=1)
lower = np.stack([1 - np.cos(angle[200:]), 0.5 - np.sin(angle[200:])], axis=1)
x = np.concatenate([upper, lower]) + fastinit.normal((400, 2), std=0.1)
y = np.repeat([0.0, 1.0], 200)[:, None]

# The network. Every call draws other numbers.
w1, b1 = fastinit.he_normal((32, 2)), fastinit.zeros(32)
w2, b2 = fastinit.he_normal((32, 32)), fastinit.zeros(32)
w3, b3 = fastinit.glorot_normal((1, 32)), fastinit.zeros(1)
assert not np.array_equal(w1[:2], w2[:2, :2])


def forward(x):
    h1 = np.maximum(x @ w1.T + b1, 0)
    h2 = np.maximum(h1 @ w2.T + b2, 0)
    return h1, h2, 1 / (1 + np.exp(-(h2 @ w3.T + b3)))


for _ in range(300):
    h1, h2, p = forward(x)
    d3 = (p - y) / len(x)
    d2 = (d3 @ w3) * (h2 > 0)
    d1 = (d2 @ w2) * (h1 > 0)
    for weight, bias, delta, before in ((w3, b3, d3, h2), (w2, b2, d2, h1), (w1, b1, d1, x)):
        weight -= 0.5 * delta.T @ before
        bias -= 0.5 * delta.sum(axis=0)

accuracy = ((forward(x)[2] > 0.5) == y).mean()
print(f"accuracy {accuracy:.3f}")
assert accuracy > 0.95

# The same seed gives the same network again.
fastinit.seed(0)
assert np.array_equal(fastinit.uniform(400, 0, np.pi), angle)
