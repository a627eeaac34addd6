"""Functions of the kernels alone, including numbers that no array in memory leads to."""

import subprocess

import numpy as np
import pytest

from cuda_emulator import Device, Module
from helpers.cuda.build import NVCC, ROOT
from helpers.cuda.devices import ALLOWED


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Module:
    """Kernels that apply one function to each element."""
    if NVCC is None:
        pytest.skip("nvcc was not found")
    ptx = tmp_path_factory.mktemp("functions") / "functions.ptx"
    flags = ["-ptx", "-std=c++17", "-arch=compute_80", "-fmad=false", f"-I{ROOT / 'csrc'}"]
    source = ROOT / "tests" / "cuda" / "functions.cu"
    subprocess.run([NVCC, *flags, "-o", ptx, source], check=True, capture_output=True)
    return Module(ptx.read_text())


def test_division(functions: Module) -> None:
    """Numbers of every size run every line of its PTX."""
    generator = np.random.default_rng(0)
    shifts = generator.integers(0, 60, (2, 256), np.uint64)
    a, b = (generator.integers(1, 1 << 63, (2, 256), np.uint64) >> shifts) + np.uint64(1)
    device = Device()
    found = device.put(np.zeros(256, np.uint64))
    functions.launch("divide_all", 1, 256, [device.put(a), device.put(b), found], device)
    assert (device.read(found, np.uint64, 256) == a // b).all()
    never, _ = functions.kernel("divide_all").coverage()
    assert never == []


@pytest.mark.parametrize(("dtype", "smallest"), [(np.float32, -100), (np.float64, -900)])
def test_square_roots(functions: Module, dtype: type[np.floating], smallest: int) -> None:
    """They are correctly rounded, beyond the exponents that occur and around squares."""
    generator = np.random.default_rng(0)
    exponents = generator.integers(smallest, 8, 1024)
    anywhere = np.ldexp(generator.uniform(1, 2, 1024), exponents).astype(dtype)
    squares = np.ldexp(generator.integers(1, 1 << 12, 512), exponents[:512] // 2).astype(dtype) ** 2
    below, above = (np.nextafter(squares[:256], dtype(end)) for end in (0, np.inf))
    x = np.concatenate([anywhere, squares, below, above])
    device = Device()
    found = device.put(np.zeros_like(x))
    name = f"{np.dtype(dtype).name}_roots"
    arguments = [device.put(x), found]
    functions.launch(name, x.size // 256, 256, arguments, device, allow=ALLOWED)
    assert (device.read(found, dtype, x.size) == np.sqrt(x)).all()
