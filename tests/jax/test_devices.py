"""Eight devices of one process: each draws its own part, and the array is that of one device."""

import json
import re
from pathlib import Path

import pytest

from fastinit.native import xla
from helpers.processes import TESTS, child

SOURCE = (Path(TESTS) / "helpers" / "jax" / "devices.py").read_text()
CHECKS = re.findall(r"^def (check_\w+)", SOURCE, re.M)

pytestmark = pytest.mark.skipif(xla.extension() is None, reason="built without _xla")


@pytest.fixture(scope="module")
def failures() -> dict[str, str]:
    """The checks that fail, with their tracebacks."""
    flags = "--xla_force_host_platform_device_count=8"
    printed = child("from helpers.jax import devices; devices.main()", XLA_FLAGS=flags)
    found: dict[str, str] = json.loads(printed.splitlines()[-1])
    return found


@pytest.mark.parametrize("check", CHECKS)
def test_check(check: str, failures: dict[str, str]) -> None:
    assert check not in failures, failures[check]
