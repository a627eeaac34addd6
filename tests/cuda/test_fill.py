"""CUDA fills are the CPU's, bit for bit: emulated, and on a card where there is one."""

import itertools
from collections.abc import Iterator

import pytest

from helpers.cuda.cases import (
    CARRY,
    borders,
    check,
    fill_launches,
    rectangles,
    run_of,
    whole_tiles,
)
from helpers.cuda.devices import ALLOWED, CLASSES, VIRTUAL, Card, Emulated
from helpers.cuda.ptx_coverage import check_coverage, wide_quotients
from helpers.dtypes import DTYPES, dtype_of
from helpers.records.initializers import KERNELS

ORDERS = ("lockstep", "warps-rev", "random")


def test_architectures_fall_into_classes(emulation: Emulated) -> None:
    """Within a class, all kernels' PTX is the same except for the target, so one proves all."""
    stand_in = emulation.stand_in
    held = set(stand_in.architectures())
    for name in stand_in.kernels():
        same = [set(each) for each in stand_in.classes(name)]
        for numbers in CLASSES:
            alike = {f"sm_{number}" for number in numbers} & held
            assert any(alike <= each for each in same), (name, numbers)


@pytest.mark.parametrize("architecture", VIRTUAL)
def test_bits_are_fixed_by_ptx(emulation: Emulated, architecture: str) -> None:
    """No kernel has an operation of undefined result, except the estimate in the square root."""
    with emulation.stand_in.fresh(architecture=f"sm_{architecture}") as stand_in:
        found = {operation for _, _, _, operation in stand_in.module().lint()}
    assert found == set(ALLOWED)


def architectures(emulation: Emulated, kernel: str, dtype: str) -> Iterator[str]:
    """One architecture for each text of a kernel's PTX."""
    what, drawn = KERNELS[kernel].draws[0], dtype_of(dtype)
    with emulation.stand_in.fresh(architecture=emulation.stand_in.architectures()[0]) as stand_in:
        check(emulation, [run_of(what, drawn, 0, 1)])
        (launch,) = stand_in.log
        classes = stand_in.classes(launch.name)
    for each in classes:
        yield each[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_fills_emulated(emulation: Emulated, kernel: str, dtype: str) -> None:
    """The PTX draws what the CPU draws, and every line of it runs.

    The first text of a kernel runs in three orders of threads, the others in lockstep.
    """
    for number, architecture in enumerate(architectures(emulation, kernel, dtype)):
        for order, blocks, cases in fill_launches(kernel, dtype_of(dtype)):
            if number and order != "lockstep":
                continue
            settings = {"architecture": architecture, "multiprocessors": blocks, "order": order}
            with emulation.stand_in.fresh(**settings) as stand_in:
                check(emulation, cases, f"{architecture} {order}")
                (launch,) = stand_in.log
                assert launch.grid == (blocks, 1, 1)
        with emulation.stand_in.fresh(architecture=architecture) as stand_in:
            check_coverage(stand_in, launch.name, wide_quotients(3))


SETTINGS = tuple(itertools.product((*ORDERS, "warps"), (1, 3)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "dtype", "order", "multiprocessors"),
    [
        (*each, *setting)
        for each, setting in zip(
            itertools.product(KERNELS, DTYPES), itertools.cycle(SETTINGS), strict=False
        )
    ],
)
def test_all_cases(
    emulation: Emulated, kernel: str, dtype: str, order: str, multiprocessors: int
) -> None:
    """All cases of a kernel run for every text of its PTX. Orders and grids take turns."""
    drawn = dtype_of(dtype)
    cases = [
        *borders(kernel, drawn),
        *whole_tiles(kernel, drawn),
        *rectangles(kernel, drawn),
    ]
    for architecture in architectures(emulation, kernel, dtype):
        settings = {"architecture": architecture, "multiprocessors": multiprocessors}
        with emulation.stand_in.fresh(order=order, **settings):
            check(emulation, cases, f"{architecture} {order}")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_fills_on_a_card(card: Card, kernel: str, dtype: str) -> None:
    """These are the same cases, and parts that fill the GPU several times over."""
    drawn = dtype_of(dtype)
    for _, _, cases in fill_launches(kernel, dtype_of(dtype)):
        check(card, cases)
    for what in KERNELS[kernel].draws:
        check(card, [run_of(what, drawn, CARRY - (1 << 24), 1 << 26)])
