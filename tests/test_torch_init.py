"""fastinit.torch in the place of torch.nn.init: names, arguments, warnings, errors, results."""

import inspect
import math
import re
import warnings
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import init as theirs

import fastinit
import fastinit.torch as ours
from fastinit.arrays import to_numpy
from support import check_bits

RANDOM = {  # functions that draw, with the arguments that they need
    "uniform_": (),
    "normal_": (),
    "trunc_normal_": (),
    "xavier_uniform_": (),
    "xavier_normal_": (),
    "kaiming_uniform_": (),
    "kaiming_normal_": (),
    "orthogonal_": (),
    "sparse_": (0.3,),
}
CONSTANT = {"constant_": (0.5,), "ones_": (), "zeros_": (), "eye_": (), "dirac_": ()}
ALL = RANDOM | CONSTANT
OWN = sorted(name for name in RANDOM if getattr(ours, name) is not getattr(theirs, name))
ALIASES = sorted(name for name in theirs.__all__ if not name.endswith("_") and f"{name}_" in ALL)


def shape_for(name: str) -> tuple[int, ...]:
    """A shape that the function takes."""
    return (6, 4, 3) if name.startswith("dirac") else (6, 4)


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """The class and words of a call's error, or nothing, and those of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            function(*args, **kwargs)
            error = None
        except Exception as raised:
            error = (type(raised), str(raised))
    return error, [(each.category, str(each.message)) for each in caught]


# ---- names and signatures -----------------------------------------------------------------------


def test_every_name() -> None:
    """Each name of torch.nn.init is there, public and private."""
    assert set(theirs.__all__) <= set(ours.__all__)
    assert set(dir(theirs)) <= set(dir(ours))
    for name in vars(theirs):
        assert hasattr(ours, name), name
    assert ours._calculate_correct_fan is theirs._calculate_correct_fan
    assert ours._no_grad_normal_ is theirs._no_grad_normal_
    with pytest.raises(AttributeError, match=r"'fastinit\.torch' has no attribute 'norml_'"):
        _ = ours.norml_
    assert fastinit.torch is ours


def test_star() -> None:
    """A star import brings all of them."""
    names: dict[str, Any] = {}
    exec("from fastinit.torch import *", names)
    assert set(theirs.__all__) <= set(names)


@pytest.mark.parametrize("name", sorted(ALL))
def test_signatures(name: str) -> None:
    """Torch's arguments in torch's order with torch's defaults; ours after them, by name only."""
    expected = list(inspect.signature(getattr(theirs, name)).parameters.values())
    found = list(inspect.signature(getattr(ours, name)).parameters.values())
    for mine, torchs in zip(found, expected, strict=False):
        assert (mine.name, mine.kind, mine.default) == (torchs.name, torchs.kind, torchs.default)
    added = found[len(expected) :]
    assert [each.name for each in added] == (["seed", "name"] if name in OWN else [])
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in added)


@pytest.mark.parametrize(
    "name",
    sorted(name for name in ours.__all__ if getattr(ours, name).__module__[:8] == "fastinit"),
)
def test_docstrings(name: str) -> None:
    """Arguments, errors and an example for each, as for every public name."""
    function: FunctionType = getattr(ours, name)
    doc = inspect.getdoc(function) or ""
    if name.endswith("_"):
        sections = ("Args:", "Returns:", "Raises:", "Example:")
        assert [each for each in sections if f"\n{each}\n" not in doc] == []
    assert doc


@pytest.mark.parametrize("name", ALIASES)
def test_deprecated(name: str) -> None:
    """The old names warn with torch's words, where the caller is, and do the same."""
    args = ALL[f"{name}_"]
    tensor = torch.full(shape_for(name), 7.0)
    with pytest.warns(FutureWarning, match="deprecated") as caught:
        assert getattr(ours, name)(tensor, *args) is tensor
    assert caught[0].filename == __file__
    assert str(caught[0].message) == outcome(getattr(theirs, name), tensor, *args)[1][0][1]
    assert not bool((tensor == 7.0).any())


@pytest.mark.parametrize(
    "args",
    [
        *[(name,) for name in ("linear", "conv1d", "conv_transpose3d", "sigmoid", "tanh", "relu")],
        ("selu",),
        *[("leaky_relu", slope) for slope in (None, 0, 0.01, 10)],
    ],
)
def test_gains(args: tuple[Any, ...]) -> None:
    """Torch's table."""
    assert ours.calculate_gain(*args) == theirs.calculate_gain(*args)
    assert math.isclose(ours.calculate_gain(*args), fastinit.gain(*args), rel_tol=1e-15)


# ---- errors, warnings and no-ops are torch's ----------------------------------------------------


def empty(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A tensor of zeros."""
    return torch.zeros(shape, dtype=dtype)


INT, BOOL, C64 = torch.int64, torch.bool, torch.complex64
SAME: list[tuple[str, Callable[[], tuple[Any, ...]]]] = [
    *[(name, lambda: (empty(2),)) for name in ("xavier_uniform_", "xavier_normal_")],
    *[(name, lambda: (empty(2),)) for name in ("kaiming_uniform_", "kaiming_normal_")],
    *[(name, lambda: (empty(),)) for name in ("xavier_uniform_", "kaiming_normal_")],
    *[(name, lambda: (empty(0, 1),)) for name in sorted(RANDOM) if name != "sparse_"],
    *[(name, lambda: (empty(0, 0),)) for name in ("xavier_uniform_", "xavier_normal_")],
    *[(name, lambda: (empty(3, 3, dtype=INT),)) for name in sorted(RANDOM) if name != "sparse_"],
    *[(name, lambda: (empty(3, 3, dtype=BOOL),)) for name in ("normal_", "ones_", "zeros_")],
    *[(name, lambda: (empty(1).expand(9),)) for name in ("normal_", "uniform_", "ones_")],
    *[(name, lambda: ("w",)) for name in ("normal_", "uniform_", "constant_", "ones_", "eye_")],
    ("normal_", lambda: (empty(3), 0.0, -1.0)),
    ("normal_", lambda: (empty(3), 0.0, math.nan)),
    ("normal_", lambda: (empty(3), 0.0, "1")),
    ("normal_", lambda: (empty(3), None)),
    ("normal_", lambda: (empty(3), 1j)),
    ("normal_", lambda: (empty(3), torch.zeros(2))),
    ("uniform_", lambda: (empty(3), 2.0, 1.0)),
    ("uniform_", lambda: (empty(3), 0.0, math.inf)),
    ("uniform_", lambda: (empty(3), math.nan, 1.0)),
    ("uniform_", lambda: (empty(3), -3e38, 3e38)),
    ("uniform_", lambda: (empty(3, dtype=torch.float16), -1e6, 1e6)),
    ("trunc_normal_", lambda: (empty(3), 5.0)),
    ("trunc_normal_", lambda: (empty(3), -3.5, 0.5, -2.0, 2.0)),
    ("trunc_normal_", lambda: (empty(3), 0.0, 0.0)),
    ("trunc_normal_", lambda: (empty(3), 0.0, 1.0, 2.0, 1.0)),
    ("trunc_normal_", lambda: (empty(3, dtype=C64),)),
    ("trunc_normal_", lambda: (empty(3), "0")),
    ("kaiming_uniform_", lambda: (empty(3, 3), 0, "fan_avg")),
    ("kaiming_normal_", lambda: (empty(3, 3), 0, "FAN_OUT")),
    ("kaiming_normal_", lambda: (empty(3, 3), 0, "fan_in", "gelu")),
    ("kaiming_normal_", lambda: (empty(3, 3), True)),
    ("kaiming_normal_", lambda: (empty(3, 3), [1])),
    ("constant_", lambda: (empty(3, dtype=torch.uint8), 300)),
    ("constant_", lambda: (empty(3, dtype=INT), 1.5)),
    ("constant_", lambda: (empty(3), "1")),
    ("constant_", lambda: (empty(3), 1j)),
    ("eye_", lambda: (empty(3),)),
    ("eye_", lambda: (empty(3, 3, 3),)),
    *[("dirac_", lambda n=n: (empty(*[2] * n),)) for n in (1, 2, 6)],
    ("dirac_", lambda: (empty(3, 3, 3), 2)),
    ("dirac_", lambda: (empty(3, 3, 3), 0)),
    ("dirac_", lambda: (empty(3, 3, 0),)),
    *[("sparse_", lambda n=n: (empty(*[2] * n), 0.5)) for n in (1, 3)],
    ("orthogonal_", lambda: (empty(3),)),
    ("orthogonal_", lambda: (empty(0, 3),)),
    ("orthogonal_", lambda: (empty(3, 3, dtype=C64),)),
    ("orthogonal_", lambda: (empty(3, 3), "1")),
    ("sparse_", lambda: (empty(0, 3), 0.5)),
    ("sparse_", lambda: (empty(3, 3), 0.5, -1.0)),
    ("sparse_", lambda: (empty(3, 3), 1.5)),
    ("sparse_", lambda: (empty(3, 3), "1")),
    ("sparse_", lambda: (empty(3, 3, dtype=INT), 0.5)),
    ("calculate_gain", lambda: ("gelu",)),
    *[("calculate_gain", lambda p=p: ("leaky_relu", p)) for p in (True, [1], {"a": "b"})],
]


@pytest.mark.parametrize(("name", "arguments"), SAME, ids=[str(k) for k in range(len(SAME))])
def test_errors_and_warnings(name: str, arguments: Callable[[], tuple[Any, ...]]) -> None:
    """A wrong or questionable call has the same error and warnings as torch's."""
    assert outcome(getattr(ours, name), *arguments()) == outcome(
        getattr(theirs, name), *arguments()
    )


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("kaiming_uniform_", (empty(0, 1),)),
        ("kaiming_normal_", (empty(0, 1),)),
        ("trunc_normal_", (empty(3), 5.0)),
    ],
)
def test_warnings_point_at_the_caller(name: str, args: tuple[Any, ...]) -> None:
    """Not into the library."""
    with pytest.warns(UserWarning) as caught:  # noqa: PT030  (its words are tested above)
        getattr(ours, name)(*args)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", sorted(ALL))
def test_meta(name: str) -> None:
    """Nothing is drawn, and no bits of torch's generator are used."""
    tensor = torch.empty(shape_for(name), device="meta")
    state = torch.get_rng_state()
    assert getattr(ours, name)(tensor, *ALL[name]) is tensor
    assert tensor.is_meta
    if name in OWN:
        getattr(ours, name)(tensor, *ALL[name], seed=0, name="w")
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("kind", ["plain", "leaf", "parameter", "view", "no leaf"])
def test_result(name: str, kind: str) -> None:
    """The tensor itself, filled in place; its version counter rises, its history stays."""
    base = torch.full(shape_for(name), 7.0)
    tensor = {
        "plain": lambda: base,
        "leaf": lambda: base.requires_grad_(),
        "parameter": lambda: torch.nn.Parameter(base),
        "view": lambda: base[:],
        "no leaf": lambda: base.requires_grad_() * 1,
    }[kind]()
    before = tensor._version, tensor.data_ptr(), tensor.grad_fn, tensor.requires_grad
    assert getattr(ours, name)(tensor, *ALL[name]) is tensor
    assert not bool((tensor == 7.0).any())
    assert tensor._version > before[0]
    assert (tensor.data_ptr(), tensor.grad_fn, tensor.requires_grad) == before[1:]


def test_autograd_sees_the_change() -> None:
    """What a backward pass needs must not have been filled meanwhile."""
    w = torch.ones(3, requires_grad=True)
    loss = (w * w).sum()
    ours.normal_(w)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("name", ["normal_", "ones_", "kaiming_uniform_"])
def test_inference_mode(name: str) -> None:
    """Tensors of inference mode are filled there, and refused elsewhere with torch's words."""
    with torch.inference_mode():
        tensor = torch.full((9, 9), 7.0)
        getattr(ours, name)(tensor)
        assert not bool((tensor == 7.0).any())
    assert outcome(getattr(ours, name), tensor) == outcome(getattr(theirs, name), tensor)


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
    """The values of the function without a framework, up to the last place of a std."""
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
    """torch.manual_seed governs ours too, a generator likewise, and two calls never repeat."""

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
            getattr(ours, name)(tensor, *RANDOM[name], **options)  # type: ignore[arg-type]
    assert bool((tensor == 7.0).all())


def test_seed_that_cannot_be_kept() -> None:
    """Where torch would draw its own numbers."""
    with pytest.raises(ValueError, match="normal_ cannot keep to seed= and name=: mean=inf"):
        ours.normal_(torch.empty(3), math.inf, seed=0)
    with pytest.raises(ValueError, match="too far apart"):
        ours.uniform_(torch.empty(3), -3e38, 3e38, seed=0)


# ---- modes, subclasses, transformations ---------------------------------------------------------


class Seen(torch.overrides.TorchFunctionMode):
    """A user's mode that writes down what it sees."""

    def __init__(self) -> None:
        """Nothing seen."""
        self.functions: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Write it down."""
        self.functions.append(func)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["uniform_", "normal_", "kaiming_uniform_", "constant_"])
def test_users_modes_see_torchs_functions(name: str) -> None:
    """As if torch's had been called."""
    with Seen() as seen:
        getattr(ours, name)(torch.empty(3, 3), *ALL[name])
    assert getattr(theirs, name) in seen.functions


class Tagged(torch.Tensor):
    """A subclass with rules of its own."""

    seen: list[Any]

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Write it down."""
        cls.seen.append(func)
        return super().__torch_function__(func, types, args, kwargs or {})


def test_subclasses_see_torchs_functions() -> None:
    """And a seed is refused, since they would not keep to it."""
    Tagged.seen = []
    tensor = torch.zeros(3, 3).as_subclass(Tagged)
    ours.normal_(tensor)
    assert theirs.normal_ in Tagged.seen
    with pytest.raises(ValueError, match="a Tagged has rules of its own"):
        ours.normal_(tensor, seed=0)


def test_default_device() -> None:
    """Which is a mode too, draws the same."""
    with torch.device("cpu"):
        tensor = ours.normal_(torch.empty(9, 9), seed=0)
    check_bits(tensor.numpy(), fastinit.normal((9, 9), seed=0))
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
    """torch.compile without a compiler behind it, and without traces of earlier tests."""
    torch._dynamo.reset()
    yield lambda function: torch.compile(function, backend="eager", fullgraph=True)
    torch._dynamo.reset()


def test_compile(compiled: Callable[..., Any]) -> None:
    """Torch's function is traced in the place of ours, which the warning says."""
    function = compiled(lambda x: ours.normal_(x, 3.0, 0.0) * 2)
    with pytest.warns(UserWarning, match=r"which torch\.compile does not trace"):
        assert bool((function(torch.zeros(3)) == 6.0).all())
    function = compiled(lambda x: ours.normal_(x, seed=0))
    with pytest.raises(Exception, match=r"Observed exception|cannot keep to seed="):
        function(torch.zeros(3))


def test_func() -> None:
    """A transformation has torch's functions, with its rules, and the warning says so."""
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


# ---- in the place of torch's --------------------------------------------------------------------

LAYERS: dict[str, Callable[[], torch.nn.Module]] = {
    "linear": lambda: torch.nn.Linear(8, 8),
    "conv": lambda: torch.nn.Conv2d(4, 8, 3),
    "batchnorm": lambda: torch.nn.BatchNorm1d(8),
    "normalization": lambda: torch.nn.LayerNorm(8),
    "sparse": lambda: torch.nn.Embedding(8, 8, padding_idx=0),
    "rnn": lambda: torch.nn.LSTM(8, 8),
}


@pytest.mark.parametrize("module", LAYERS)
def test_in_a_real_model_file(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's own layers, whose ``init`` is ours: the same constants, the same bounds."""
    expected = LAYERS[module]().state_dict()
    file = getattr(torch.nn.modules, module)
    monkeypatch.setattr(file, "init", ours)
    torch.manual_seed(0)
    first = LAYERS[module]().state_dict()
    torch.manual_seed(0)
    for key, value in LAYERS[module]().state_dict().items():
        assert torch.equal(value, first[key]), key
        assert bool((value == 0).all()) == bool((expected[key] == 0).all()), key
        if expected[key].numel() > 1 and expected[key].unique().numel() > 1:
            assert not torch.equal(value, expected[key]), key
        else:
            assert torch.equal(value, expected[key]), key
