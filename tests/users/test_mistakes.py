"""Mistakes that are made often: the error names what was called, what was given and the remedy."""

import re
from typing import Any

import jax.numpy
import numpy as np
import pytest
import torch

import fastinit
import fastinit.jax
import fastinit.torch

NAMES: dict[str, Any] = {
    "fastinit": fastinit,
    "np": np,
    "torch": torch,
    "jax": jax,
    "w": torch.empty(64, 32),
    "stream": fastinit.Stream(0),
    "model": torch.nn.Sequential(torch.nn.Linear(4, 4)),
    "batch": torch.ones(2, 4),
    "plan": fastinit.Plan({"w": (4, 3)}, "he_normal", seed=0),
}

ERRORS = (AttributeError, FileNotFoundError, TypeError, ValueError)

# The code; the function or the argument, what was given, and the remedy, as the error has them.
MISTAKES: dict[str, tuple[str, str, str]] = {
    # ---- shapes
    "fastinit.he_normal(64, 32)": ("he_normal", "64, 32", "write he_normal((64, 32))"),
    "fastinit.zeros(64, 32)": ("zeros", "64, 32", "write zeros((64, 32))"),
    "fastinit.HeNormal()(64, 32)": ("HeNormal", "64, 32", "write HeNormal()((64, 32))"),
    "fastinit.HeNormal((64, 32))": ("HeNormal()", "by position", "HeNormal()((64, 32))"),
    "fastinit.normal((64, 32), 0, 0.02, 7)": ("normal()", "by position", "other options by name"),
    "fastinit.eye(3, 3)": ("eye(", "(3, 3)", "the shape is one tuple: write eye((3, 3))"),
    "fastinit.he_normal(w)": ("shape=", "(64, 32)", "the array itself as out="),
    "fastinit.he_normal((64, -1))": ("shape=", "(64, -1)", "sizes are 0 or more"),
    "fastinit.he_normal(64)": ("shape", "(64,)", "of a bias, 'o'"),
    "fastinit.he_normal((64, 32), kernel_size=3)": (
        "he_normal()", "'kernel_size'", "The shape is that of the whole weight",
    ),
    # ---- names that other libraries use
    "fastinit.normal((64, 32), stddev=0.02)": ("normal()", "'stddev'", "did you mean 'std'?"),
    "fastinit.normal((64, 32), loc=0, scale=1)": ("normal()", "'loc'", "mean 'mean', 'std'?"),
    "fastinit.he_normal((64, 32), stddev=0.02)": (
        "he_normal()", "'stddev'", "did you mean 'gain'? The std is gain / sqrt(fan)",
    ),
    "fastinit.uniform((64, 32), a=-1, b=1)": ("uniform()", "'a', 'b'", "mean 'low', 'high'?"),
    "fastinit.truncated_normal((64, 32), std=0.02, a=-0.04, b=0.04)": (
        "truncated_normal()", "'a', 'b'", "'lower', 'upper'? They are in sigmas",
    ),
    "fastinit.he_normal((64, 32), key=0)": ("he_normal()", "'key'", "did you mean 'seed'?"),
    "fastinit.he_normal((64, 32), generator=torch.Generator())": (
        "he_normal()", "'generator'", "did you mean 'seed'? It is an integer or a fastinit.Stream",
    ),
    "fastinit.HeNormal(fan_mode='fan_in')": ("HeNormal()", "'fan_mode'", "did you mean 'mode'?"),
    "fastinit.Normal(sdt=1)": ("Normal()", "'sdt'", "did you mean 'std'?"),
    # ---- seeds and names
    "fastinit.he_normal((64, 32), seed='0')": ("seed=", "'0'", "pass an integer in [0, 2**64)"),
    "fastinit.he_normal((64, 32), seed=-1)": ("seed=", "-1", "seeds lie in [0, 2**64)"),
    "fastinit.normal(4, seed=stream('a'), name='b')": ("name=", "'b'", "one too many"),
    # ---- dtypes, devices, layouts, memory
    "fastinit.normal((64, 32), dtype='float8')": ("dtype=", "float8", "float8_e4m3fn has more"),
    "fastinit.normal((64, 32), dtype='int32')": ("dtype=", "int32", "use one of float64, float32"),
    "fastinit.normal((64, 32), dtype='complex32')": ("dtype=", "complex32", "use complex64"),
    "fastinit.normal((64, 32), device='mps')": ("device=", "'mps'", "draw on the CPU and move"),
    "fastinit.normal((64, 32), device='tpu')": ("device=", "'tpu'", "use device='cpu', 'cuda'"),
    "fastinit.he_normal((64, 32, 3, 3), layout='NCHW')": (
        "layout=", "'NCHW'", "'oi*' is torch's, '*io' that of JAX and Keras",
    ),
    "fastinit.normal((64, 16), out=w)": ("out=", "(64, 32)", "pass out= of that shape"),
    "fastinit.normal((64, 32), out=w.T)": ("out=", "not C-contiguous", "pass a writeable"),
    "fastinit.normal((64, 32), out=jax.numpy.zeros((64, 32)))": (
        "out=", "JAX array, which is immutable", "pass a writeable C-contiguous array",
    ),
    "fastinit.normal((64, 32), index=np.s_[::2])": ("axis 0", "a step", "only contiguous parts"),
    # ---- names that the packages do not have
    "fastinit.trunc_normal((64, 32))": ("'fastinit'", "'trunc_normal'", "mean 'truncated_normal'?"),
    "fastinit.xavier_norml((64, 32))": ("'fastinit'", "'xavier_norml'", "mean 'xavier_normal'?"),
    "fastinit.manual_seed(0)": ("'fastinit'", "'manual_seed'", "did you mean 'seed'?"),
    "fastinit.default_rng(0)": ("'fastinit'", "'default_rng'", "did you mean 'Stream'?"),
    "fastinit.random.normal(0, 1, 3)": ("'fastinit'", "'random'", "such as normal and uniform"),
    "fastinit.kaiming_normal_(w)": ("'fastinit'", "'kaiming_normal_'", "fastinit.torch has"),
    "fastinit.probe(w)": ("'fastinit'", "'probe'", "fastinit.torch and fastinit.jax have it"),
    "fastinit.torch.he_normal_(w)": ("'fastinit.torch'", "'he_normal_'", "'kaiming_normal_'?"),
    "fastinit.jax.init_(0)": ("'fastinit.jax'", "'init_'", "did you mean 'init_tree'?"),
    "fastinit.jax.he_normal(jax.random.key(0), (64, 32))": (
        "he_normal() returns", "is a key", "write fastinit.jax.he_normal(), which",
    ),
    # ---- seeds of other libraries
    "fastinit.normal(4, seed=np.random.default_rng(0))": (
        "seed=", "Generator", "as int(generator.integers(2**63))",
    ),
    "fastinit.normal(4, seed=torch.Generator())": ("seed=", "Generator", ".initial_seed()"),
    "fastinit.normal(4, seed=jax.random.key(0))": ("seed=", "PRNGKeyArray", "fastinit.jax has"),
    # ---- models, recipes and plans
    "fastinit.Plan('gpt3')": ("'gpt3'", "built-in model", "did you mean 'gpt2'?"),
    "fastinit.torch.init_(model, 'kaiming')": (
        "'kaiming'", "nor the name of an initializer", "did you mean 'kaiming_normal'?",
    ),
    "fastinit.recipe('lama')": ("'lama'", "built-in recipe", "did you mean 'llama'?"),
    "fastinit.Plan('meta-llama/Llama-2-7b')": ("'meta-llama/Llama-2-7b'", "Hub", "save_pretrained"),
    "fastinit.Plan({'w': (4, 3)}, fastinit.recommend('relu'))": (
        "recipe is a", "Recommendation", "pass .initializer",
    ),
    "plan.init_into(torch.nn.Linear(3, 4))": ("arrays is", "Linear", "module.state_dict()"),
    "plan.save('model.pt')": ("model.pt", "suffix", "ends in .safetensors"),
    "fastinit.Recipe.mup(torch.nn.Linear(3, 4), torch.nn.Linear(3, 4))": (
        "model is", "Linear", "Manifest.from_torch(module)",
    ),
    "fastinit.gain('gelu')": ("activation=", "'gelu'", "fastinit.gain('gelu', match='forward')"),
    "fastinit.eye(3)": ("shape", "(3,)", "pass (3, 3)"),
    # ---- models that run
    "fastinit.torch.probe(model, batch, batch)": ("loss=", "is a Tensor", "lambda output:"),
    "fastinit.torch.probe(model, batch, loss=torch.nn.CrossEntropyLoss())": (
        "loss=", "CrossEntropyLoss() takes more than one argument", "lambda output:",
    ),
    "fastinit.torch.probe(model, (batch, batch))": (
        "batch is", "a tuple, 2 arguments", "the forward of Sequential takes others (input)",
    ),
    "fastinit.torch.probe(model, batch[:0])": ("batch is empty", "", "pass one sample or more"),
    "fastinit.torch.probe(torch.nn.Bilinear(4, 4, 4), batch)": (
        "batch is", "a Tensor, 1 argument", "takes others (input1, input2)",
    ),
    "fastinit.jax.probe(lambda own, x: x @ own, batch[:0].numpy(), variables=batch.numpy().T)": (
        "batch is empty", "", "pass one sample or more",
    ),
    "fastinit.torch.lsuv_(model, (batch, batch))": ("batch is", "a tuple", "model's inputs alone"),
    "fastinit.torch.audit(model)": ("build is", "a Sequential", "pass the function or the class"),
    "fastinit.Plan.record(model)": ("build is", "a Sequential", "pass the function or the class"),
    "fastinit.Plan.record(torch.nn.Linear)": ("build=", "no argument", "pass such a function"),
    "fastinit.Plan.record('gpt2')": ("build=", "'gpt2'", "pass such a path, or a function"),
    "fastinit.torch.compare(model, {'he': 'he_normal'}, (batch, batch))": (
        "build is", "a Sequential", "pass the function",
    ),
    "fastinit.torch.compare(list, ['he_normal'], (batch, batch))": (
        "starts=", "['he_normal'] is a list", "pass a mapping",
    ),
    "fastinit.torch.compare(list, {'he': 'he_normal'}, batch)": (
        "data=", "is a Tensor", "pass a tuple of inputs and targets",
    ),
    "fastinit.torch.coord_check(model, (64, 128), batch)": ("build is", "a Sequential", "pass the"),
    "fastinit.torch.coord_check(lambda: model, (64, 128), batch)": (
        "build=", "is called with 64", "pass such a function",
    ),
    "fastinit.torch.coord_check(torch.nn.Linear, 64, batch)": (
        "widths=", "64 is an int", "two widths or more",
    ),
    "fastinit.torch.accelerate(lambda: model)": ("accelerate", "is not called", "@accelerate()"),
    "fastinit.recommend(torch.nn.ReLU)": ("activation is", "the class ReLU", "ReLU()"),
    "fastinit.recommend(model)": ("activation=", "Sequential", "recommend_recipe is for models"),
    "fastinit.torch.recommend_recipe(model, activation=batch)": (
        "activation=", "a Tensor", "pass a name",
    ),
    # ---- values
    "fastinit.normal((64, 32), std=-1)": ("std=", "-1", "pass 0 or more"),
    "fastinit.normal((64, 32), std='0.02')": ("std=", "'0.02'", "pass a number"),
    "fastinit.uniform((64, 32), 1, -1)": ("low=1", "high=-1", "exchange them"),
    "fastinit.he_normal((64, 32), nonlinearity='gelu')": (
        "nonlinearity=", "'gelu'", "pass gain= as a number",
    ),
    "fastinit.he_normal((64, 32), mode='fanin')": ("mode=", "'fanin'", "use one of fan_in"),
    "fastinit.sparse((64, 32), 90)": ("sparsity=", "90", "pass a number from 0 to 1"),
    "fastinit.n_m((64, 30))": ("m=4", "size 30 of shape (64, 30)", "does not divide"),
    # ---- other types
    "fastinit.verify(5)": ("path=", "5 is an int", "pass a path, as a string or a Path"),
    "fastinit.load_plan({'w': 3})": ("path=", "{'w': 3}", "pass a path, as a string or a Path"),
    "fastinit.diff('/dev/null', 3)": ("right=", "3 is an int", "pass a path"),
    "fastinit.transfer({'w': 3}, 'gpt2')": ("path=", "{'w': 3}", "pass a path"),
    "plan.diff(3)": ("other=", "3 is an int", "pass a Plan"),
    "fastinit.sparse((4, 4), 0.5, base=fastinit.HeNormal)": (
        "base is", "the class HeNormal", "pass an object of it, HeNormal()",
    ),
    "fastinit.pissa(np.full((4, 4), np.nan), 2)": ("weight", "not finite", "pass finite ones"),
    "fastinit.recipe(3)": ("recipe=", "3 is an int", "pass a path"),
    "fastinit.Recipe.from_json(3)": ("text=", "3 is an int", "pass JSON"),
    "fastinit.fixup('gpt2')": ("model is", "a str", "pass a manifest, as Manifest."),
    "fastinit.Recipe.mup('gpt2', 'gpt2')": ("model is", "a str", "pass a manifest"),
    "fastinit.fixup(fastinit.Manifest.load('gpt2'), '[')": (
        "branches=", "'['", "not regular expressions",
    ),
    "fastinit.Manifest('m', 'wb')": ("parameters=", "'wb' is a str", "pass a tuple of Parameter"),
    "fastinit.Manifest('m', [3])": ("parameters[0]=", "3 is an int", "pass a Parameter"),
    "fastinit.Initializer.from_dict(())": ("data=", "() is a tuple", "pass a dict, as to_dict"),
    "fastinit.adapter({'a': 1}, 8)": ("shape=", "{'a': 1}", "sequence of integers"),
    "fastinit.describe('normal', (0, 4))": ("shape=", "(0, 4)", "pass sizes of 1 or more"),
    "fastinit.digest({'w': 3})": ("array", "dict", "pass numbers"),
    "fastinit.torch.lecun_normal_([3])": ("tensor", "list", "pass a torch.Tensor"),
    "fastinit.torch.param_groups(torch.nn.Linear(2, 2), 'gpt2', 0.1)": (
        "plan=", "'gpt2' is a str", "pass a Plan",
    ),
    "fastinit.torch.audit(torch.nn.Flatten, expected=[])": ("expected=", "[] is a list", "a Plan"),
    "fastinit.jax.sharded('normal', (4, 4), 'x')": ("sharding=", "'x'", "NamedSharding(mesh"),
    "fastinit.he_normal((64, 32), gain=2, nonlinearity='relu')": (
        "gain=2", "nonlinearity='relu'", "pass one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", MISTAKES)
def test_mistake(code: str) -> None:
    called, given, remedy = MISTAKES[code]
    with pytest.raises(ERRORS) as caught:
        eval(code, NAMES)
    message = str(caught.value)
    assert called in message
    assert given in message
    assert remedy in message
    if called.endswith("()"):  # all options are listed
        assert re.search(r"The options are \w+|by position, and other options by name", message)
