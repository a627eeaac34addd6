"""The caller's floating-point settings change no fill, and stay as they were.

Parameters that Python computes (bounds, gain / sqrt(fan)) follow the caller's rounding mode; here
they are kept from the first round of draws, which is done under the usual one.
"""

import json

import pytest

from helpers.processes import child

COMMON = """
import ctypes, ctypes.util, json, sys
import numpy as np
import fastinit

libm = ctypes.CDLL(ctypes.util.find_library("m"))
UPWARD = 0x800  # FE_UPWARD of glibc on x86

def digests():
    found = [
        fastinit.digest(fastinit.truncated_normal(99999, mean, std, *cut, seed=3, dtype=dtype))
        for dtype in ("float64", "float32", "bfloat16")
        for mean, std in ((0.1, 0.7), (0.0, 2.0**-126))
        for cut in ((-2, 2), (-3, 1), (0.5, np.inf), (6, np.inf))
    ]
    for threads in (1, 2):
        fastinit.set_num_threads(threads)
        for dtype in ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn"):
            for what in (
                fastinit.Normal(0.1, 0.7),
                fastinit.Normal(0.0, 2.0**-126),
                fastinit.Uniform(-0.1, 0.7),
                fastinit.VarianceScaling(fan=100.0),
                fastinit.Constant(0.1),
            ):
                found.append(fastinit.digest(what((300, 401), seed=3, dtype=dtype)))
    return found

def finish(setting, before, after):
    print(json.dumps([setting, before, after]))
"""

ROUNDING = """
before = digests()
assert libm.fesetround(UPWARD) == 0
after = digests()
finish([libm.fegetround(), float("1") + float("1e-30") > 1.0], before, after)
"""

FLUSHING = """
import torch

before = digests()
if not torch.set_flush_denormal(True):
    finish("unsupported", 0, 0)
    sys.exit()
after = digests()
finish(sys.float_info.min * 0.5 == 0.0, before, after)
"""


def test_rounding_mode() -> None:
    """Values drawn under upward rounding are the same, and upward rounding is still on."""
    setting, before, after = json.loads(child(COMMON + ROUNDING))
    assert after == before
    assert setting == [0x800, True]


def test_flush_to_zero() -> None:
    """Values drawn under torch.set_flush_denormal are the same, and flushing is still on."""
    setting, before, after = json.loads(child(COMMON + FLUSHING).splitlines()[-1])
    if setting == "unsupported":
        pytest.skip("this processor flushes no subnormals")
    assert after == before
    assert setting is True
