"""The initializers for Keras, on its backends torch (in this process) and JAX (in another)."""

import ast
import inspect
import json
from pathlib import Path

import pytest

import fastinit
from fastinit.initializers.distributions.presets import PRESETS
from helpers.processes import child
from helpers.records.initializers import OBJECTS

keras = pytest.importorskip("keras")

import fastinit.keras as ours  # noqa: E402
from fastinit.keras.initializer import CLASSES  # noqa: E402
from helpers import keras_cases  # noqa: E402

_OF_JAX = Path(keras_cases.__file__).with_name("of_jax.py")
CASES_OF_JAX = [
    each.name
    for each in ast.parse(_OF_JAX.read_text()).body
    if isinstance(each, ast.FunctionDef)
    and any(isinstance(d, ast.Name) and d.id == "case" for d in each.decorator_list)
]


@pytest.mark.parametrize("name", [*keras_cases.CASES, *keras_cases.ONCE])
def test_on_torch(name: str) -> None:
    assert keras.backend.backend() == "torch"
    found = keras_cases.failures([name])
    assert not found, found[name]


@pytest.fixture(scope="module")
def failures() -> dict[str, str]:
    """The cases that fail on the JAX backend with 8 devices."""
    code = "import json; from helpers import keras_cases; import helpers.keras_cases.of_jax; "
    code += "print(json.dumps(keras_cases.failures(keras_cases.CASES)))"
    devices = "--xla_force_host_platform_device_count=8"
    printed = child(code, KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", XLA_FLAGS=devices)
    found: dict[str, str] = json.loads(printed.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", [*keras_cases.CASES, *CASES_OF_JAX])
def test_on_jax(name: str, failures: dict[str, str]) -> None:
    assert name not in failures, failures[name]


def test_every_name_of_keras() -> None:
    """``import fastinit.keras as initializers`` has them all: its own classes, or Keras's."""
    theirs = [name for name in dir(keras.initializers) if not name.startswith("_")]
    mine = {name for name in theirs if getattr(ours, name) is not getattr(keras.initializers, name)}
    assert mine == set(theirs) - {
        "STFT",
        "STFTInitializer",
        "stft",
        "serialize",
        "deserialize",
    }
    assert ours.he_normal is ours.HeNormal
    kept = keras.initializers.HeNormal()
    found = [ours.get(each) for each in ("he_uniform", "normal", kept, None)]
    assert [type(each) for each in found[:2]] == [ours.HeUniform, ours.RandomNormal]
    assert found[2:] == [kept, None]
    with pytest.raises(AttributeError, match="no attribute 'HeNormel'; did you mean 'HeNormal'"):
        _ = ours.HeNormel


def test_a_class_for_every_preset() -> None:
    assert {cls.row for cls in CLASSES.values() if hasattr(cls, "row")} == {*PRESETS.values()}


ADAPTED = {type(each).__name__: each for each in OBJECTS if not hasattr(ours, type(each).__name__)}


def test_every_initializer_has_a_class_or_is_adapted() -> None:
    found = {name: getattr(fastinit, name) for name in vars(fastinit.initializers)["__all__"]}
    classes = {name for name, each in found.items() if isinstance(each, type)}
    of_files_and_functions = {"Custom", "Existing", "Loaded"}
    abstract = {name for name in classes if inspect.isabstract(found[name])}
    own = {name for name in classes if hasattr(ours, name)}
    assert classes - abstract - own - of_files_and_functions <= ADAPTED.keys()


@pytest.mark.parametrize("name", ADAPTED)
def test_adapted_initializers_round_trip(name: str) -> None:
    config = json.loads(json.dumps(ours.Adapted(ADAPTED[name]).get_config()))
    assert ours.Adapted.from_config(config).initializer == ADAPTED[name]


def test_classes_of_users() -> None:
    """A class that is derived from one of these draws the same, and does not take its name."""

    class HeNormal(ours.HeNormal):
        """A class of the same name."""

    assert keras.initializers.get("fastinit>HeNormal").__class__ is ours.HeNormal
    assert CLASSES["he_normal"] is ours.HeNormal
    assert HeNormal(seed=3).resolve((4, 5)) == ours.HeNormal(seed=3).resolve((4, 5))


def test_the_layout_is_for_jax() -> None:
    with pytest.raises(ValueError, match=r"layout=.* is for the JAX backend"):
        ours.HeNormal()((2, 2), layout="anything")


def test_values_are_on_the_device_of_keras() -> None:
    with keras.device("meta"):
        assert ours.HeNormal()((2, 2)).is_meta
