"""One call of the native code can be limited to fewer threads than the process has."""

import json

import pytest

from fastinit.native import fill
from fastinit.requests import requests_of
from helpers.processes import child

CODE = """
import json, os
import numpy as np
import fastinit
from fastinit import native
from fastinit.boxes import whole
from fastinit.dtypes import dtype_of
from fastinit.requests import requests_of

def tasks():
    return len(os.listdir("/proc/self/task"))

fastinit.set_num_threads(3)
array = np.zeros(1_000_001, dtype_of("bfloat16"))
(draw,) = fastinit.Normal().draws(array.shape, array.dtype)
requests = requests_of(draw.place(whole(array.shape), array.ctypes.data, 0, 0))
before, found = tasks(), []
for limit in (1, 2, 0):
    array[:] = 0
    native.fill(requests, limit)
    found.append((tasks() - before, fastinit.digest(array)))
print(json.dumps([found, fastinit.digest(fastinit.normal(array.shape, seed=0, dtype="bfloat16"))]))
"""


def test_limit() -> None:
    """It starts one thread less than the limit; 0 stands for the process's; values are the same."""
    found, expected = json.loads(child(CODE, OPENBLAS_NUM_THREADS="1"))
    assert found == [[0, expected], [1, expected], [2, expected]]


def test_negative_limit() -> None:
    with pytest.raises(ValueError, match="threads is negative"):
        fill(requests_of([]), -1)
