"""fastinit for Keras 3: ``fastinit.keras.HeNormal()`` replaces ``keras.initializers.HeNormal()``.

The classes have Keras's names, arguments, axes and truncation, and draw fastinit's numbers. They
are registered with Keras, so strings name them, too: ``kernel_initializer="fastinit>he_normal"``.
``accelerate`` makes the strings in unchanged code mean them. ``init_`` draws all weights of a model
by one seed, each from the stream of its path, and ``plan`` says what that is.
"""

from __future__ import annotations

from typing import Any

try:
    from keras import initializers as _kerass
except ImportError as error:
    raise ImportError(
        f"fastinit.keras needs Keras 3 and one of its backends ({error}); pip install "
        "'fastinit-nn[keras]', and set KERAS_BACKEND to jax, torch or tensorflow"
    ) from error

from fastinit.keras.adapted import Adapted
from fastinit.keras.constants import Constant, Dirac, Identity, Ones, Zeros
from fastinit.keras.context import accelerate, get
from fastinit.keras.context import by_names_of_keras as _by_names_of_keras
from fastinit.keras.distributions import (
    LogUniform,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
)
from fastinit.keras.fan_scaled import (
    FanInUniform,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    SirenUniform,
    VarianceScaling,
)
from fastinit.keras.initializer import Initializer
from fastinit.keras.masked import NM, Bernoulli, Sparse
from fastinit.keras.matrices import DeltaOrthogonal, Orthogonal
from fastinit.keras.models import init_, plan
from fastinit.keras.recommend import recommend_recipe
from fastinit.missing_names import missing as _missing
from fastinit.package import check_package

__all__ = [
    "NM",
    "Adapted",
    "Bernoulli",
    "Constant",
    "DeltaOrthogonal",
    "Dirac",
    "FanInUniform",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "LogUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "SirenUniform",
    "Sparse",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "accelerate",
    "get",
    "init_",
    "plan",
    "recommend_recipe",
]

check_package()


def __getattr__(name: str) -> Any:
    if (found := _by_names_of_keras().get(name)) is not None:  # as he_normal
        return found
    if name.startswith("__") or not hasattr(_kerass, name):
        raise _missing("fastinit.keras", name, __dir__(), {})
    return getattr(_kerass, name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in dir(_kerass) if not name.startswith("_"))})
