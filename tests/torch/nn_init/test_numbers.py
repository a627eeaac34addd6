"""The numbers that fastinit.torch draws in place of torch.nn.init, and who sees the calls."""

import math
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import init as theirs
from torch.utils._python_dispatch import TorchDispatchMode

import fastinit
import fastinit.torch as ours
from helpers.bits import check_bits
from helpers.torch_arrays import to_numpy
from helpers.torch_init_functions import ALL, OWN, RANDOM

# ---- which numbers ------------------------------------------------------------------------------

STANDARD: dict[str, Callable[..., Any]] = {
    "uniform_": fastinit.uniform,
    "normal_": fastinit.normal,
    "kaiming_uniform_": fastinit.he_uniform,
    "kaiming_normal_": fastinit.he_normal,
    "xavier_uniform_": fastinit.glorot_uniform,
    "xavier_normal_": fastinit.glorot_normal,
    "trunc_normal_": fastinit.truncated_normal,
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "float8_e5m2"])
@pytest.mark.parametrize("name", STANDARD)
def test_seed_and_name(name: str, dtype: str) -> None:
    """The values are those of the function without a framework, up to the last place of a std."""
    tensor = torch.empty(40, 50, dtype=getattr(torch, dtype))
    getattr(ours, name)(tensor, seed=5, name="w")
    expected = STANDARD[name]((40, 50), seed=5, name="w", dtype=dtype)
    if name.startswith(("xavier", "kaiming")):
        actual = to_numpy(tensor).astype(np.float64)
        limit = 2e-15 if dtype == "float64" else max(2e-7, 2 * float(torch.finfo(tensor.dtype).eps))
        np.testing.assert_allclose(actual, expected.astype(np.float64), rtol=limit)
    else:
        check_bits(to_numpy(tensor), expected)


@pytest.mark.parametrize("name", OWN)
def test_torchs_generator(name: str) -> None:
    """torch.manual_seed governs ours too, so does a generator, and two calls never repeat."""

    def drawn(**options: Any) -> torch.Tensor:
        tensor: torch.Tensor = getattr(ours, name)(torch.empty(8, 8), *RANDOM[name], **options)
        return tensor

    torch.manual_seed(3)
    first, second = drawn(), drawn()
    torch.manual_seed(3)
    assert torch.equal(first, drawn())
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(first, drawn(generator=generator))
    assert torch.equal(second, drawn(generator=generator))
    assert not torch.equal(first, second)
    assert not torch.equal(drawn(seed=1), drawn(seed=1, name=1))
    state = torch.get_rng_state()
    drawn(seed=1), drawn(generator=generator)
    assert torch.equal(torch.get_rng_state(), state), "the default generator is not used"
    torch.manual_seed(3)
    assert not torch.equal(first, drawn(name="w")), "a name is another stream of the same seed"


@pytest.mark.parametrize("name", OWN)
def test_wrong_seeds(name: str) -> None:
    """Nothing is written."""
    tensor = torch.full((3, 3), 7.0)
    for options, error, message in (
        ({"seed": -1}, ValueError, "seed=-1 is out of range"),
        ({"seed": True}, TypeError, "seed=True is a bool"),
        ({"name": 1.5}, TypeError, "name=1.5 is a float"),
        ({"generator": 7}, TypeError, "'generator' must be torch.Generator, not int"),
        ({"seed": 0, "generator": torch.Generator()}, ValueError, "pass one of them"),
    ):
        with pytest.raises(error, match=re.escape(message)):
            getattr(ours, name)(tensor, *RANDOM[name], **options)
    assert bool((tensor == 7.0).all())


def test_seed_that_cannot_be_kept() -> None:
    """Torch would draw its own numbers here."""
    with pytest.raises(ValueError, match="normal_ cannot keep to seed= and name=: mean=inf"):
        ours.normal_(torch.empty(3), math.inf, seed=0)
    with pytest.raises(ValueError, match="too far apart"):
        ours.uniform_(torch.empty(3), -3e38, 3e38, seed=0)


# ---- modes, subclasses, transformations ---------------------------------------------------------


class Seen(torch.overrides.TorchFunctionMode):
    """A user's mode that records what it sees."""

    def __init__(self) -> None:
        self.functions: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.functions.append(func)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["uniform_", "normal_", "kaiming_uniform_", "constant_"])
def test_users_modes_see_torchs_functions(name: str) -> None:
    with Seen() as seen:
        getattr(ours, name)(torch.empty(3, 3), *ALL[name])
    assert getattr(theirs, name) in seen.functions


class Dispatched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A user's mode below autograd."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("mode", [Seen, Dispatched])
def test_users_modes_keep_to_no_seed(mode: Callable[[], Any]) -> None:
    """Torch's functions would draw their own numbers, so nothing is drawn."""
    tensor = torch.full((3, 3), 7.0)
    with mode(), pytest.raises(ValueError, match="an active mode intercepts torch's functions"):
        ours.kaiming_normal_(tensor, seed=0)
    assert bool((tensor == 7.0).all())


class Tagged(torch.Tensor):
    """A subclass with rules of its own."""

    seen: list[Any]

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.seen.append(func)
        return super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[no-untyped-call]


def test_subclasses_see_torchs_functions() -> None:
    """A seed is refused, since they would ignore it."""
    Tagged.seen = []
    tensor = torch.zeros(3, 3).as_subclass(Tagged)
    ours.normal_(tensor)
    assert theirs.normal_ in Tagged.seen
    with pytest.raises(ValueError, match="a Tagged has rules of its own"):
        ours.normal_(tensor, seed=0)


def test_default_device() -> None:
    """It is a mode too, and draws the same."""
    with torch.device("cpu"):
        tensor = ours.normal_(torch.empty(9, 9), seed=0)
    check_bits(tensor.numpy(), fastinit.normal((9, 9), seed=0, name=0))
    with torch.device("meta"):
        assert ours.normal_(torch.empty(9, 9), seed=0).is_meta


def test_fake_tensors() -> None:
    """They hold no values, so nothing is drawn."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        tensor = torch.empty(3, 3)
        assert ours.kaiming_normal_(tensor, seed=0) is tensor


@pytest.fixture
def compiled() -> Iterator[Callable[..., Any]]:
    """torch.compile without a compiler, and without traces of earlier tests."""
    torch._dynamo.reset()
    yield lambda function: torch.compile(function, backend="eager", fullgraph=True)
    torch._dynamo.reset()


def test_compile(compiled: Callable[..., Any]) -> None:
    """Torch's function is traced in place of ours, as the warning says."""
    function = compiled(lambda x: ours.normal_(x, 3.0, 0.0) * 2)
    with pytest.warns(UserWarning, match=r"which torch\.compile does not trace"):
        assert bool((function(torch.zeros(3)) == 6.0).all())
    function = compiled(lambda x: ours.normal_(x, seed=0))
    with pytest.raises(Exception, match=r"Observed exception|cannot keep to seed="):
        function(torch.zeros(3))


@pytest.mark.parametrize("name", ["zeros_", "ones_", "constant_", "xavier_uniform_", "dirac_"])
def test_compiled_functions_are_one_graph(name: str, compiled: Callable[..., Any]) -> None:
    """Those that compute something before they fill, or fill by torch themselves."""
    arguments = (0.1,) if name == "constant_" else ()
    x = torch.full((4, 4, 3), torch.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = compiled(lambda x: getattr(ours, name)(x, *arguments) * 1)(x)
    assert not found.isnan().any()


def test_func() -> None:
    """A transformation uses torch's functions, with its rules, as the warning says."""
    batch = torch.zeros(2, 3)
    with pytest.warns(UserWarning, match=r"torch\.func tensors have none"):
        drawn = torch.func.vmap(lambda x: ours.normal_(x.clone()), randomness="different")(batch)
    assert not torch.equal(drawn[0], drawn[1])
    with (
        pytest.warns(UserWarning, match="fastinit"),
        pytest.raises(RuntimeError, match="randomness error mode"),
    ):
        torch.func.vmap(lambda x: ours.normal_(x.clone()))(batch)
    with pytest.raises(ValueError, match="cannot keep to seed="):
        torch.func.grad(lambda x: (ours.normal_(x.clone(), seed=0) * x).sum())(batch)
