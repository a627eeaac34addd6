"""One call of the native code can be limited to fewer threads than the process has."""

import json

import pytest

from helpers.processes import child
from helpers.requests import fill

CODE = """
import json, os
import numpy as np
import fastinit
from helpers.dtypes import dtype_of
from helpers.requests import fill, requests_for

def tasks():
    return len(os.listdir("/proc/self/task"))

fastinit.set_num_threads(3)
array = np.zeros(1_000_001, dtype_of("bfloat16"))
requests = requests_for(fastinit.Normal(), array.dtype, array.shape, array.ctypes.data)
before, found = tasks(), []
for limit in (1, 2, 0):
    array[:] = 0
    fill(requests, limit)
    found.append((tasks() - before, fastinit.digest(array)))
print(json.dumps([found, fastinit.digest(fastinit.normal(array.shape, seed=0, dtype="bfloat16"))]))
"""


def test_limit() -> None:
    """It starts one thread less than the limit; 0 stands for the process's; values are the same."""
    found, expected = json.loads(child(CODE, OPENBLAS_NUM_THREADS="1"))
    assert found == [[0, expected], [1, expected], [2, expected]]


def test_negative_limit() -> None:
    with pytest.raises(ValueError, match="threads is negative"):
        fill([], -1)
