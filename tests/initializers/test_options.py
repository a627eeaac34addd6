"""Options: what a function says of those that it lacks, and the types of its results."""

import inspect
from typing import Any, assert_type

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import fastinit
from fastinit.initializers.options import _MEANT
from helpers.bits import check_bits
from helpers.records.initializers import RECORDS
from helpers.records.record import Record

FUNCTIONS = {name: getattr(fastinit, name) for name in (*RECORDS, "factorized", "lora")}
CLASSES: dict[str, Any] = {
    record.initializer.__name__: record.initializer
    for record in RECORDS.values()
    if isinstance(record.initializer, type)
}


def required(function: Any) -> list[Any]:
    """Arguments for what a function or class needs, of which none is looked at."""
    parameters = inspect.signature(function).parameters.values()
    return [None for each in parameters if each.default is each.empty]


@pytest.mark.parametrize(
    "function", [*FUNCTIONS.values(), *CLASSES.values()], ids=lambda f: f.__name__
)
def test_every_option_is_named(function: Any) -> None:
    """An unknown option gives the name of the function, and the names of all options."""
    options = list(inspect.signature(function).parameters)
    assert "self" not in options
    assert not {"extra", "unknown"} & set(options)
    listed = ", ".join(options[:-1]) + f" and {options[-1]}" if options[1:] else "".join(options)
    with pytest.raises(TypeError) as caught:
        function(*required(function), zzzzzz=1)
    message = f"{function.__name__}() has no option 'zzzzzz'. The options are {listed or 'none'}"
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["HeNormal", "Normal", "Sparse", "Dirac"])
def test_objects(name: str) -> None:
    """An object that is called has options of its own."""
    each = CLASSES[name](0.5) if name == "Sparse" else CLASSES[name]()
    with pytest.raises(
        TypeError, match=rf"^{name}\(\)\(\.\.\.\) has no option 'key'; did you mean 'seed'"
    ):
        each((4, 4), key=0)
    with pytest.raises(TypeError, match=rf"the shape is one tuple: write {name}\(\)\(\(4, 4\)\)"):
        each(4, 4)


def test_translations_are_options() -> None:
    """What others call otherwise is translated into options that exist."""
    known = {option for each in FUNCTIONS.values() for option in inspect.signature(each).parameters}
    assert {option for meant in _MEANT.values() for option in meant} <= known
    assert not set(_MEANT) & known - {"a", "axes", "scale", "std"}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("normal", {"stddev": 1}, "has no option 'stddev'; did you mean 'std'? The options are shape"),
    ("normal", {"loc": 1, "scale": 2}, "option 'loc', 'scale'; did you mean 'mean', 'std'?"),
    ("uniform", {"a": -1, "b": 1}, "did you mean 'low', 'high'? The options"),
    ("uniform", {"minval": 0, "maxval": 1}, "did you mean 'low', 'high'?"),
    ("truncated_normal", {"a": -1, "b": 1}, "'lower', 'upper'? They are in sigmas: (a - mean)"),
    ("he_normal", {"key": 0}, "did you mean 'seed'? It is an integer or a fastinit.Stream, and"),
    ("he_normal", {"generator": 0}, "did you mean 'seed'?"),
    ("he_normal", {"fan_mode": "fan_in"}, "did you mean 'mode'?"),
    ("he_normal", {"kernel_size": 3}, "The shape is that of the whole weight"),
    ("he_normal", {"activation": "relu"}, "did you mean 'nonlinearity'?"),
    ("he_normal", {"negative_slope": 0.1}, "did you mean 'a'?"),
    ("he_normal", {"sed": 0}, "did you mean 'seed'?"),
    ("he_normal", {"requires_grad": True}, "fastinit.torch has functions"),
    ("sparse", {"density": 0.1}, "'sparsity'? It is the fraction of zeros, 1 - density."),
    ("siren_uniform", {"w0": 30}, "did you mean 'omega'?"),
]


@pytest.mark.parametrize(("name", "options", "message"), WRONG)
def test_translations(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        FUNCTIONS[name]((4, 4), **options)
    assert message in str(caught.value)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda f: f.__name__)
def test_too_many_by_position(function: Any) -> None:
    """The shape is one tuple, and what is only an option has a name."""
    parameters = inspect.signature(function).parameters.values()
    places = [each for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    if len(places) == 1:
        with pytest.raises(
            TypeError, match=r"^the shape is one tuple: write \w+\(\(64, 32, 3\)\)$"
        ):
            function(64, 32, 3)
    with pytest.raises(
        TypeError, match=r"takes only shape.* by position, and other options by name"
    ):
        function((64, 32), *[None] * len(places))


def test_classes_are_not_called_with_the_shape() -> None:
    match = r"HeNormal\(\) takes nothing by position.*with the shape, HeNormal\(\)\(\(64, 32\)\)"
    with pytest.raises(TypeError, match=match):
        fastinit.HeNormal((64, 32))  # type: ignore[call-arg, arg-type]
    with pytest.raises(TypeError, match=r"Normal\(\) takes only mean and std by position"):
        fastinit.Normal(64, 32, 3)  # type: ignore[call-arg]


def test_missing_arguments_are_those_of_python() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'shape'"):
        fastinit.normal()  # type: ignore[call-arg]
    with pytest.raises(
        TypeError, match="missing 2 required positional arguments: 'low' and 'high'"
    ):
        fastinit.LogUniform()  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "array", [np.zeros((3, 4)), np.zeros(3), np.zeros((3, 4), int), torch.empty(3, 4)]
)
def test_an_array_is_not_a_shape(array: Any) -> None:
    shape = r"\(3, 4\)" if array.ndim == 2 else r"\(3,\)"
    with pytest.raises(
        TypeError, match=f"shape= is an array of shape {shape}; pass its .* as out="
    ):
        fastinit.he_normal(array)


@pytest.mark.parametrize("name", ["ReLU", "RELU", "Leaky_ReLU", "LeakyReLU", "Tanh", "SELU"])
def test_names_of_activations(name: str) -> None:
    canonical = {"LeakyReLU": "leaky_relu"}.get(name, name.lower())
    assert fastinit.gain(name) == fastinit.gain(canonical)
    assert fastinit.HeNormal(nonlinearity=name) == fastinit.HeNormal(nonlinearity=canonical)


def test_tensors_are_read_every_time() -> None:
    """Initializers are cached, but not by an option whose value may change."""
    for option, draw in (("gain", fastinit.he_normal), ("std", fastinit.normal)):
        tensor = torch.tensor(2.0)
        options: Any = {option: tensor}
        first = draw((4, 4), seed=0, name=0, **options)
        tensor.fill_(4.0)
        check_bits(draw((4, 4), seed=0, name=0, **options), 2 * first)


@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda record: record.name)
def test_results_are_out(record: Record) -> None:
    shape, options = record.fits[0]
    out = torch.empty(shape)
    assert record.draw(shape, out=out, **options) is out


def test_types() -> None:
    """What mypy knows: an array of NumPy, or the type of ``out=``."""
    tensor, array = torch.empty(4, 4), np.empty((4, 4), np.float32)
    assert_type(fastinit.normal(4), NDArray[Any])
    assert_type(fastinit.normal(4, seed=fastinit.Stream(0)), NDArray[Any])
    assert_type(fastinit.he_normal((4, 4)), NDArray[Any])
    assert_type(fastinit.siren_uniform((4, 4), omega=1.0), NDArray[Any])
    assert_type(fastinit.sparse((4, 4), 0.5), NDArray[Any])
    assert_type(fastinit.n_m((4, 4)), NDArray[Any])
    assert_type(fastinit.HeNormal()((4, 4)), NDArray[Any])
    assert_type(fastinit.lora((4, 4), 2), tuple[NDArray[Any], NDArray[Any]])
    assert_type(fastinit.normal((4, 4), out=tensor), torch.Tensor)
    assert_type(fastinit.he_normal((4, 4), out=tensor), torch.Tensor)
    assert_type(fastinit.sparse((4, 4), 0.5, out=tensor), torch.Tensor)
    assert_type(fastinit.HeNormal()((4, 4), out=tensor), torch.Tensor)
    array = fastinit.zeros((4, 4), out=array)
    assert_type(fastinit.HeNormal(), fastinit.HeNormal)
    assert_type(fastinit.Normal(std=0.02), fastinit.Normal)
    weights: NDArray[np.float32] = fastinit.orthogonal((4, 4))
    assert weights.dtype == np.float32


def test_type_checkers_refuse_what_functions_do() -> None:
    """Each comment is needed: mypy says that there is nothing to ignore otherwise."""
    with pytest.raises(TypeError, match="no option"):
        fastinit.normal(4, stddev=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no option"):
        fastinit.he_normal((4, 4), stddev=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no option"):
        fastinit.Normal(stddev=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="one tuple"):
        fastinit.zeros(64, 32)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="one tuple"):
        fastinit.he_normal(64, 32)  # type: ignore[call-arg, arg-type]
    with pytest.raises(TypeError, match="pass a number"):
        fastinit.Normal(std="1")  # type: ignore[arg-type]
