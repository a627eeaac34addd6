"""Fixtures that several files share."""

from collections.abc import Iterator

import pytest

from cuda_machines import NVCC, Card, Emulated, card_is_missing, emulated


@pytest.fixture(scope="session")
def emulation() -> Emulated:
    """The module ``_cuda`` over an emulated device."""
    if NVCC is None:
        pytest.skip("nvcc, whose PTX is emulated, was not found; put it on PATH or set CUDACXX")
    return emulated()


@pytest.fixture
def card() -> Iterator[Card]:
    """The GPU of this machine."""
    missing = card_is_missing()
    if missing is not None:
        pytest.skip(missing)
    machine = Card()
    yield machine
    machine.clear()
