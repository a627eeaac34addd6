"""The caller's floating-point settings change no drawn bit, and stay as they were.

Each child process draws its first arrays under a setting: nothing is kept from draws before.
"""

import functools
import json
import math
import platform
import random
import struct
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import fastinit.plans.plan  # noqa: F401  (compiled before children import it under a setting)
from fastinit.native import _cpu
from fastinit.native.arithmetic import in_default_arithmetic
from fastinit.native.dtypes import (
    DTYPES,
    largest_at_most,
    next_above,
    next_below,
    smallest_at_least,
)
from helpers import floating_point
from helpers.processes import child

COMMON = """
import json
import numpy as np
from helpers import floating_point

def digests():
    found = []

    def draw(what, shape, dtype, **where):
        try:
            found.append(fastinit.digest(what(shape, seed=3, dtype=dtype, **where)))
        except ValueError as error:
            found.append(str(error))

    floats = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn")
    for dtype in floats:
        draw(fastinit.Uniform(), 40, dtype)
        draw(fastinit.Uniform(-0.0, 1e-3), 40, dtype)
        draw(fastinit.Uniform(-1.0, 0.0), 40, dtype)
        for cut in ((0.0, np.inf), (-np.inf, 0.0), (-2, 2), (-3, 1), (0.5, np.inf), (6, np.inf)):
            for mean, std in ((0.1, 0.7), (0.0, 2.0**-126), (0.0, 2.0**-1022)):
                draw(fastinit.TruncatedNormal(mean, std, *cut), 999, dtype)
        for value in (0.1, 1 / 3, 1e-40, 1e-310, 5e-324, 0.0, 2**60 + 1, 3.0e-8):
            draw(fastinit.Constant(value), 3, dtype)
        for what in (fastinit.Normal(0.1, 0.7), fastinit.Normal(0.0, 1e-310)):
            draw(what, (30, 41), dtype)
        for mode in ("fan_in", "fan_avg", "fan_geo_avg"):
            for truncated in (False, True):
                draw(fastinit.HeNormal(mode=mode, truncated=truncated, gain=0.1), (30, 41), dtype)
            draw(fastinit.GlorotUniform(mode=mode, nonlinearity="relu"), (30, 41), dtype)
        draw(fastinit.LecunNormal(nonlinearity="leaky_relu", a=0.3), (30, 41), dtype)
        draw(fastinit.Sparse(0.7, base="he_uniform", correct_fan=True), (30, 41), dtype)
        draw(fastinit.Bernoulli(0.1, base="he_uniform", correct_fan=True), (30, 41), dtype)
        draw(fastinit.Normal(0.3, 1 / 3).scaled(lambda x: x * 0.1), (30, 41), dtype)
    for dtype in floats[:4]:
        draw(fastinit.Orthogonal(0.3), (30, 41), dtype)
    for array in fastinit.factorized((30, 41), 3, "glorot_uniform", seed=3):
        found.append(fastinit.digest(array))
    for array in fastinit.lora((30, 41), 3, seed=3):
        found.append(fastinit.digest(array))
    found.append([fastinit.gain("relu").hex(), fastinit.gain("leaky_relu", 0.3).hex()])
    found.append([part.hex() for part in fastinit.TruncatedNormal(0.1, 0.3).moments((30,))])
    for threads in (1, 2):
        fastinit.set_num_threads(threads)
        draw(fastinit.Normal(0.1, 0.7), (300, 401), "float32")
    for p in (0.1, 1 / 3, 0.7):
        found.append(fastinit.digest(fastinit.mask((30, 41), p, seed=3)))
        found.append(fastinit.digest(fastinit.Bernoulli(p)((30, 41), seed=3)))
    return found + planned()

def planned():
    # what recipes, configs and plans compute, and what they write and read
    recipe = fastinit.Recipe.from_json({recipe!r})
    shapes = {{f"h.{{k}}.{{name}}": (30, 41) for k in range(3) for name in ("a", "b", "c")}}
    manifest = fastinit.Manifest.from_shapes(shapes | {{"tiny": 3}})
    manifest = dataclasses.replace(manifest, config=json_files.parse('{{"range": 0.0123}}'))
    plan = fastinit.Plan(manifest, recipe, seed=3, dtype="float64")
    again = fastinit.Plan.from_dict(json_files.parse(json_files.compact(plan.to_dict())))
    found = [fastinit.digest(each) for one in (plan, again) for each in one.init().values()]
    found += [fastinit.Plan("gpt2", seed=3).explain()[k]["std"].hex() for k in range(0, 148, 9)]
    scale = Scale("layers", times=0.1, power="-1/6")
    return found + [recipe.to_json(), scale.apply(0.1, 12).hex(), fastinit.HeNormal().std(7).hex()]

if {before_import}:
    floating_point.use({setting!r})
import dataclasses
import fastinit
from fastinit import json_files
from fastinit.recipes import Scale
floating_point.use({setting!r})
found = digests()
print(json.dumps([floating_point.is_used({setting!r}), found]))
"""


RECIPE = """{
 "name": "decimals", "source": "numbers that are not exact", "rules": [
  {"pattern": "h.{layer}.a", "initializer": {"type": "Normal", "std": 0.02},
   "scale": [{"of": "layers", "times": 0.3, "power": "-1/6"}]},
  {"pattern": "h.{layer}.b", "initializer": {"type": "Uniform", "low": -0.1, "high": 0.3}},
  {"pattern": "h.{layer}.c", "initializer": {"type": "Normal", "std": 1.0},
   "settings": {"std": "range"}, "scale": [{"of": {"axis": 1}, "times": 0.7, "power": -0.25}]},
  {"pattern": "tiny", "initializer": {"type": "Constant", "value": 1e-310}}
 ]
}"""


@functools.cache
def drawn(setting: str, before_import: bool = False) -> Any:
    """Whether the setting is as it was set, and what is drawn under it."""
    code = COMMON.format(setting=setting, before_import=before_import, recipe=RECIPE)
    return json.loads(child(code).splitlines()[-1])


@pytest.mark.parametrize("before_import", [False, True])
@pytest.mark.parametrize("setting", floating_point.MODES)
def test_settings_change_no_bits(setting: str, before_import: bool) -> None:
    found = drawn(setting, before_import)
    assert found == drawn("default")
    assert found[0] is True


def test_arithmetic_is_restored() -> None:
    """After an error, too; and what is not an arithmetic is refused."""

    @in_default_arithmetic
    def fails() -> float:
        raise KeyError(2.0**-1073 / 2)

    with pytest.raises(KeyError, match="5e-324"):
        fails()
    with pytest.raises(ValueError, match="set_default_arithmetic"):
        _cpu.set_arithmetic(b"")
    if platform.machine() in ("x86_64", "AMD64"):  # others do not tell whether a thread has it
        assert _cpu.set_default_arithmetic() is None


def number(random_numbers: random.Random) -> float:
    """A number of any size and sign, often one at which a dtype changes."""
    special = [0.0, 5e-324, 2.0**-1022, 2.0**-149, 2.0**-150, 2.0**-126, 448.0, 449.0, 464.0]
    special += [57344.0, 65504.0, 65519.0, 65520.0, 3.5e38, 1.7976931348623157e308, math.inf]
    match random_numbers.randrange(4):
        case 0:
            pattern = random_numbers.getrandbits(64)
            value: float = struct.unpack("<d", pattern.to_bytes(8, "little"))[0]
            return 0.5 if math.isnan(value) else value
        case 1:
            return random_numbers.choice(special) * random_numbers.choice([1, -1])
        case 2:
            return random_numbers.uniform(-1, 1) * 2.0 ** random_numbers.randint(-160, 130)
        case _:
            return float(np.float16(random_numbers.uniform(-500, 500)))


def by_steps(x: float, dtype: np.dtype[Any]) -> float:
    """The largest finite value of ``dtype`` that is <= x, found by stepping from near it."""
    if math.isinf(x):
        return x
    limit = float(ml_dtypes.finfo(dtype).max)  # type: ignore[no-untyped-call]
    value = dtype.type(min(max(x, -limit), limit))
    while float(value) > x:
        if float(value) == -limit:
            return -math.inf
        value = np.nextafter(value, dtype.type(-limit))
    while float(value) < limit and float(up := np.nextafter(value, dtype.type(limit))) <= x:
        value = up
    return float(value) + 0.0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
def test_neighbors(dtype: np.dtype[Any]) -> None:
    """Neighbors found among bit patterns are those found by stepping through values, to the bit."""
    random_numbers = random.Random(dtype.name)
    for _ in range(2000):
        x = number(random_numbers)
        below, above = math.nextafter(x, -math.inf), math.nextafter(x, math.inf)
        found = (
            largest_at_most(x, dtype),
            smallest_at_least(x, dtype),
            next_below(x, dtype),
            next_above(x, dtype),
        )
        right = (
            by_steps(x, dtype),
            -by_steps(-x, dtype) + 0.0,
            by_steps(below, dtype),
            -by_steps(-above, dtype) + 0.0,
        )
        assert [value.hex() for value in found] == [value.hex() for value in right], x
