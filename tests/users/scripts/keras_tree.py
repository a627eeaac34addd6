"""Keras: the paths and variables of a model are a mapping; the values come back by path."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np

import fastinit

model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Dense(32, activation="relu", name="first"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.Dense(1, name="head"),
    ]
)
variables = {each.path: each for each in model.weights}

# Kernels are (in, out); a single initializer is for the weights, norms and biases keep their start.
plan = fastinit.Plan(variables, fastinit.GlorotUniform(layout="*io"), seed=0)
print(plan.explain())
values = plan.init()

for path, variable in variables.items():
    variable.assign(values[path])

# The name of a stream is the path, so each kernel can be drawn alone.
first = model.get_layer("first").kernel
kernel = fastinit.glorot_uniform((8, 32), layout="*io", seed=0, name=first.path)
assert (np.asarray(first) == kernel).all()
norm = model.get_layer("norm")
for ones in (norm.gamma, norm.moving_variance):
    assert (np.asarray(ones) == 1).all()
for zeros in (norm.beta, norm.moving_mean, model.get_layer("head").bias):
    assert (np.asarray(zeros) == 0).all()

assert model.predict(np.ones((4, 8), np.float32), verbose=0).shape == (4, 1)

# The shapes alone do as well, as a tree by layer.
shapes = {layer.name: {each.name: each.shape for each in layer.weights} for layer in model.layers}
tree = fastinit.Plan(shapes, "glorot_uniform", seed=0).init()
assert tree["first"]["kernel"].shape == (8, 32)
