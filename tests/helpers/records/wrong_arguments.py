"""Wrong arguments that several initializers refuse: (arguments, error, what its message says).

They join or replace ``shape=(8, 8)`` and an ``out`` of that shape.
"""

import math
from typing import Any

import numpy as np

import fastinit

Wrong = tuple[dict[str, Any], type[Exception], str]
COMMON: list[Wrong] = [
    ({"shape": -1}, ValueError, "shape=(-1,) has a negative size"),
    ({"shape": (2, -3)}, ValueError, "shape=(2, -3) has a negative size"),
    ({"shape": (2**29, 2**29)}, ValueError, "fewer than 2**58"),
    ({"shape": 2**70}, ValueError, "fewer than 2**58"),
    ({"shape": 2.0}, TypeError, "shape=2.0 is not an integer"),
    ({"shape": (2, 3.0)}, TypeError, "shape=(2, 3.0) is not an integer"),
    ({"shape": "ab"}, TypeError, "shape='ab' is not an integer"),
    ({"shape": None}, TypeError, "shape=None is not an integer"),
    ({"seed": True}, TypeError, "seed=True is a bool"),
    ({"seed": 1.0}, TypeError, "seed=1.0 is a float"),
    ({"seed": -1}, ValueError, "seed=-1 is out of range"),
    ({"seed": 2**64}, ValueError, "seeds lie in [0, 2**64)"),
    ({"name": 1.5}, TypeError, "name=1.5 is a float"),
    ({"name": -1}, ValueError, "name=-1 is out of range"),
    ({"dtype": "float31"}, ValueError, "dtype='float31' is not known; known are float64, "),
    ({"dtype": "complex32"}, ValueError, "dtype=complex32 is not drawn; use complex64 or complex"),
    ({"dtype": "float8_e4m3fnuz"}, ValueError, "float8_e4m3fnuz is not drawn; use float8_e4m3fn"),
    ({"dtype": "int4"}, ValueError, "dtype=int4 is not drawn; use int8, or wider"),
    ({"dtype": []}, ValueError, "dtype=[] is not known; known are float64, "),
    ({"dtype": ">f4"}, ValueError, "byte order; pass 'float32'"),
    ({"device": "cuda"}, ValueError, "device='cuda' but out= lies on cpu; leave device out"),
    ({"device": "tpu"}, ValueError, "device='tpu' is not known; use device='cpu', 'cuda' or"),
    ({"device": "cuda:"}, ValueError, "device='cuda:' is not known; use device='cpu', 'cuda' or"),
    ({"device": 0}, ValueError, "device=0 is not known; use device='cpu', 'cuda' or"),
    ({"index": 8}, IndexError, "index 8 is out of range on axis 0 of size 8"),
    ({"index": (0, -9)}, IndexError, "index -9 is out of range on axis 1 of size 8"),
    ({"index": np.s_[:9]}, IndexError, "slice 0:9 is out of range on axis 0 of size 8"),
    ({"index": np.s_[::2]}, ValueError, "on axis 0 has a step"),
    ({"index": np.s_[::-1]}, ValueError, "on axis 0 has a step"),
    ({"index": (0, 0, 0)}, IndexError, "more items than shape (8, 8) has axes"),
    ({"index": (..., ...)}, IndexError, "more than one Ellipsis"),
    ({"index": (None, 0)}, TypeError, "index item None is a NoneType"),
    ({"index": True}, TypeError, "index item True is a bool"),
    ({"index": 0.0}, TypeError, "index item 0.0 is a float"),
    ({"index": [0]}, TypeError, "index item [0] is a list"),
    ({"index": np.s_["a":]}, TypeError, "'a'"),
    ({"stdev": 1}, TypeError, "has no option 'stdev'"),
]
DRAWN: list[Wrong] = [({"dtype": "int8"}, ValueError, "dtype=int8 does not hold")]
SCALED: list[Wrong] = [
    ({"mode": "fan"}, ValueError, "mode='fan' is not known; use one of fan_in, "),
    ({"layout": "xyz"}, ValueError, "layout='xyz' is not understood; write one letter per axis"),
    ({"layout": ""}, ValueError, "layout='' is not understood; write one letter per axis"),
    ({"layout": "o*i*"}, ValueError, "layout='o*i*' has more than one *"),
    ({"layout": "oii"}, ValueError, "shape (8, 8) has 2 axes, layout='oii' 3"),
    ({"layout": "o"}, ValueError, "shape (8, 8) has 2 axes, layout='o' 1"),
    ({"layout": "okk"}, ValueError, "shape (8, 8) has 2 axes, layout='okk' 3"),
    ({"shape": 8, "out": None}, ValueError, "pass the layout of this weight (of a bias, 'o')"),
    ({"groups": 0}, ValueError, "groups=0 is not positive; pass 1 or more"),
    ({"groups": True}, TypeError, "groups=True is a bool; pass 1 or more"),
    ({"groups": 2.0}, TypeError, "groups=2.0 is a float; pass 1 or more"),
    ({"groups": 3}, ValueError, "groups=3 does not divide the output axis of size 8"),
    ({"fan": 0}, ValueError, "fan=0.0 is not positive"),
    ({"fan": math.inf}, ValueError, "fan=inf is not finite"),
    ({"fan": "x"}, TypeError, "fan='x' is a str"),
]
PRESETS: list[Wrong] = [
    ({"gain": -1}, ValueError, "gain=-1 is negative"),
    ({"gain": math.nan}, ValueError, "gain=nan is not finite"),
    ({"gain": 1e200}, ValueError, "gain=1e+200"),
    ({"gain": 1.0, "nonlinearity": "relu"}, ValueError, "say the same; pass one"),
    (
        {"nonlinearity": "gelu"},
        ValueError,
        "nonlinearity='gelu' has no gain in the table of torch; known",
    ),
    ({"gain": "gelu"}, ValueError, "gain='gelu' has no gain in the table of torch; known are "),
    ({"gain": "relu", "nonlinearity": "relu"}, ValueError, "gain='relu' and nonlinearity='relu'"),
    ({"a": 0.1}, ValueError, "pass nonlinearity='leaky_relu' with it"),
    ({"a": 0.1, "nonlinearity": "relu"}, ValueError, "means nothing for 'relu'"),
    ({"a": math.inf, "nonlinearity": "leaky_relu"}, ValueError, "a=inf is not finite"),
]
TRUNCATED: list[Wrong] = [({"truncated": True}, ValueError, "truncated=True is for normal")]
SPREAD: list[Wrong] = [
    *(({"mean": x}, ValueError, f"mean={x} is not finite") for x in (math.nan, math.inf)),
    *(({"std": x}, ValueError, f"std={x} is not finite") for x in (math.nan, math.inf)),
    ({"std": -0.5}, ValueError, "std=-0.5 is negative; pass 0 or more"),
    ({"std": "1"}, TypeError, "std='1' is a str; pass a number"),
    ({"std": 10**400}, ValueError, "std is too large"),
    ({"std": 1e-40}, ValueError, "outside the normal numbers of float32"),
    ({"std": 1e39}, ValueError, "outside the normal numbers of float32"),
    ({"std": 1e-310, "dtype": "float64"}, ValueError, "outside the normal numbers of float64"),
    ({"mean": 1e-40}, ValueError, "mean=1e-40 is outside the normal numbers"),
]
CUT: list[Wrong] = [
    ({"lower": 2, "upper": 1}, ValueError, "lower=2.0 is not below upper=1.0"),
    ({"lower": 1, "upper": 1}, ValueError, "lower=1.0 is not below upper=1.0"),
    ({"lower": math.nan}, ValueError, "lower=nan is not a bound"),
    ({"upper": None}, TypeError, "upper=None is a NoneType"),
    ({"lower": 40, "upper": 41}, ValueError, "leave less probability than 2^-125"),
    ({"mean": 9, "std": 1e-3, "dtype": "float8_e5m2"}, ValueError, "no value between the bounds"),
]
LAYOUT: list[Wrong] = [
    ({"layout": "xyz"}, ValueError, "layout='xyz' is not understood; write one letter per axis"),
    ({"layout": "oi*", "shape": 8, "out": None}, ValueError, "shape (8,) has 1 axis"),
]
BASE: list[Wrong] = [
    ({"base": "he"}, ValueError, "base='he' is not known; use one of he_normal, "),
    ({"base": 1.0}, TypeError, "base=1.0 is a float; pass an initializer object"),
    ({"base": {"type": "Sparse", "sparsity": 0.5}}, ValueError, "draw the same words"),
    ({"base": fastinit.HeNormal(layout="*io")}, ValueError, "make them agree"),
    ({"correct_fan": True}, ValueError, "needs a base whose std comes from a fan"),
    ({"correct_fan": 1, "base": "he_normal"}, TypeError, "correct_fan=1 is an int; pass True or"),
    ({"correct_fan": "false", "base": "he_normal"}, TypeError, "correct_fan='false' is a str"),
]
BLOCK: list[Wrong] = [
    ({"block": 4}, TypeError, "block=4 is an int; pass a tuple with the size of a block on each"),
    ({"block": (4.0, 4)}, TypeError, "block=4.0 is a float; pass 1 or more"),
    ({"block": (0, 4)}, ValueError, "block=0 is not positive"),
    ({"block": (4,)}, ValueError, "block=(4,) has 1 sizes and shape (8, 8) 2 axes"),
    ({"block": (4, 3)}, ValueError, "block=(4, 3) does not divide shape (8, 8); 8 % 3 is not 0"),
]
COUNTS: list[Wrong] = [
    *(({"sparsity": x}, ValueError, f"sparsity={x} is out of range") for x in (-0.1, 1.1)),
    ({"sparsity": math.nan}, ValueError, "sparsity=nan is not finite"),
    ({"sparsity": "x"}, TypeError, "sparsity='x' is a str"),
    ({"sparsity": None}, ValueError, "pass one of them"),
    ({"nonzeros": 3}, ValueError, "pass one of them"),
    ({"sparsity": None, "nonzeros": 9}, ValueError, "nonzeros=9 is more than the 8 weights"),
    ({"sparsity": None, "nonzeros": -1}, ValueError, "nonzeros=-1 is negative"),
    ({"sparsity": None, "nonzeros": 1.5}, TypeError, "nonzeros=1.5 is a float"),
    ({"per": "column"}, ValueError, "per='column' is not known; use 'in', 'out' or 'tensor'"),
    ({"block": (2, 2)}, ValueError, "blocks are counted in the whole tensor; pass per='tensor'"),
    (
        {"sparsity": None, "nonzeros": 65, "per": "tensor"},
        ValueError,
        "nonzeros=65 is more than the 64 weights that there are in shape (8, 8)",
    ),
    (
        {"sparsity": None, "nonzeros": 6, "per": "tensor", "block": (2, 2)},
        ValueError,
        "nonzeros=6 is not a number of whole blocks of 4 weights",
    ),
    *(({"per": "tensor"} | wrong, error, message) for wrong, error, message in BLOCK),
    ({"layout": "ob"}, ValueError, "no input axis, which a mask needs"),
    ({"layout": "bi"}, ValueError, "no output axis, which a mask needs"),
]
IDENTITY: list[Wrong] = [
    ({"layout": "oo"}, ValueError, "does not have one output and one input axis"),
    ({"layout": "oio*"}, ValueError, "does not have one output and one input axis"),
]
GAIN: list[Wrong] = [
    ({"gain": math.inf}, ValueError, "gain=inf is not finite"),
    ({"gain": "x"}, ValueError, "gain='x' has no gain in the table of torch; known are "),
    ({"gain": b"x"}, TypeError, "gain=b'x' is a bytes; pass a number"),
    ({"gain": 0.5, "dtype": "int8"}, ValueError, "is not an integer, as dtype=int8 needs"),
    ({"gain": 2, "dtype": "bool"}, ValueError, "which holds 0 to 1"),
]
MATRIX: list[Wrong] = [
    *DRAWN,
    ({"gain": math.nan}, ValueError, "gain=nan is not finite"),
    ({"gain": "2"}, ValueError, "gain='2' has no gain in the table of torch; known are "),
    ({"gain": [2]}, TypeError, "gain=[2] is a list; pass a number"),
    ({"gain": 1e-40}, ValueError, "gain=1e-40 is outside the normal numbers of float32"),
    ({"gain": 7e4, "dtype": "float16"}, ValueError, "gain=70000.0 overflows dtype=float16"),
    ({"layout": "ox"}, ValueError, "layout='ox' is not understood; write one letter per axis"),
    ({"layout": "oii"}, ValueError, "shape (8, 8) has 2 axes, layout='oii' 3"),
    ({"layout": "ib"}, ValueError, "layout='ib' has no output axis o"),
    ({"dtype": "float8_e5m2"}, ValueError, "use one of float64, float32, float16, bfloat16"),
]
SPARSE: list[Wrong] = [
    *LAYOUT,
    *COUNTS,
    *BASE,
    ({"std": -1}, ValueError, "std=-1 is negative"),
    ({"std": 1.0, "base": "he_normal"}, ValueError, "say the same; pass one"),
    ({"std": 1e-40}, ValueError, "outside the normal numbers of float32"),
    ({"dtype": "int8"}, ValueError, "dtype=int8 does not hold"),
    ({"format": "bsr"}, ValueError, "format='bsr' is not known; use one of csr, csc, coo"),
    ({"format": "csr"}, ValueError, "makes a new array on the CPU; leave out="),
    ({"format": "csr", "out": None, "index": 0}, ValueError, "pass two axes"),
    ({"format": "csr", "out": None, "shape": (4, 4, 4)}, ValueError, "pass two axes"),
    ({"format": "csr", "out": None, "dtype": "float16"}, ValueError, "scipy.sparse has no"),
    (
        {"format": "csr", "out": None, "base": fastinit.Identity()},
        ValueError,
        "needs a base whose elements are drawn independently",
    ),
]
N_M: list[Wrong] = [
    *BASE,
    ({"n": 5}, ValueError, "n=5 is more than m=4"),
    ({"n": -1}, ValueError, "n=-1 is negative"),
    ({"m": 0, "n": 0}, ValueError, "m=0 is out of range"),
    ({"m": 3}, ValueError, "m=3 does not divide the input axis of size 8"),
    ({"n": 1.0}, TypeError, "n=1.0 is a float"),
    ({"layout": "ob"}, ValueError, "does not have exactly one input axis"),
    ({"layout": "ii"}, ValueError, "does not have exactly one input axis"),
    ({"shape": 8, "out": None}, ValueError, "shape (8,) has 1 axis"),
    ({"base": "he_normal", "dtype": "int8"}, ValueError, "dtype=int8 does not hold"),
]
BERNOULLI: list[Wrong] = [
    *BASE,
    *(({"p": x}, ValueError, f"p={x} is out of range") for x in (-0.1, 1.5)),
    ({"p": math.nan}, ValueError, "p=nan is not finite"),
    ({"p": True}, TypeError, "p=True is a bool"),
    *BLOCK,
]
DIRAC: list[Wrong] = [
    *LAYOUT,
    *IDENTITY,
    *GAIN,
    ({"groups": 0}, ValueError, "groups=0 is not positive"),
    ({"groups": 1.0}, TypeError, "groups=1.0 is a float"),
    ({"groups": 3}, ValueError, "groups=3 does not divide axis 0 of size 8"),
]
UNIFORM: list[Wrong] = [
    ({"low": 2, "high": 1}, ValueError, "low=2.0 is above high=1.0; exchange them"),
    ({"low": -math.inf}, ValueError, "low=-inf is not finite"),
    ({"high": math.nan}, ValueError, "high=nan is not finite"),
    ({"high": "x"}, TypeError, "high='x' is a str"),
    ({"high": 1e-31}, ValueError, "too close for float32 arithmetic"),
    ({"low": 1, "high": 1.01, "dtype": "float8_e5m2"}, ValueError, "use a wider dtype"),
]
CONSTANT: list[Wrong] = [
    ({"value": "1"}, TypeError, "value='1' is a str; pass a number"),
    ({"value": 1e6, "dtype": "float16"}, ValueError, "overflows dtype=float16"),
    ({"value": 10**400}, ValueError, "is too large"),
    ({"value": math.inf, "dtype": "float8_e4m3fn"}, ValueError, "has no infinity"),
    ({"value": -1, "dtype": "uint8"}, ValueError, "outside dtype=uint8, which holds 0 to 255"),
    ({"value": 2**64, "dtype": "uint64"}, ValueError, "outside dtype=uint64"),
    ({"value": 0.5, "dtype": "int8"}, ValueError, "is not an integer, as dtype=int8 needs"),
    ({"value": math.nan, "dtype": "int8"}, ValueError, "is not an integer, as dtype=int8 needs"),
    ({"value": 2, "dtype": "bool"}, ValueError, "which holds 0 to 1"),
]
VARIANCE_SCALING: list[Wrong] = [
    ({"scale": -1}, ValueError, "scale=-1 is negative"),
    ({"scale": math.nan}, ValueError, "scale=nan is not finite"),
    ({"distribution": "cauchy"}, ValueError, "distribution='cauchy' is not known; use one of"),
]
