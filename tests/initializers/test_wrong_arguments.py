"""Wrong arguments: the message says what is wrong, before anything is written."""

import re
from typing import Any

import numpy as np
import pytest

import fastinit
from helpers.dtypes import DTYPES, INTEGERS
from helpers.records.initializers import RECORDS
from helpers.records.wrong_arguments import COMMON


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        pytest.param(name, *wrong, id=f"{name}: {wrong[2]}")
        for name, record in RECORDS.items()
        for wrong in (*COMMON, *record.wrong)
    ],
)
def test_wrong_arguments(
    name: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    dtype = options.get("dtype")
    out = fastinit.ones((8, 8), dtype=dtype if dtype in (*DTYPES, *INTEGERS) else "float32")
    arguments = {"shape": (8, 8), "out": out, **RECORDS[name].required, **options}
    with pytest.raises(error, match=re.escape(message)):
        getattr(fastinit, name)(**arguments)
    assert np.all(out == 1)
