"""What holds for ``fastinit.keras`` on every backend of Keras, which is one for a process.

The tests call these functions in their own process, and in a child process with another backend,
which also calls those of ``of_jax``.
"""

from helpers.keras_cases import (
    against_keras,
    classes,
    models,
    recipes,
    recommended,
    saving,
    streams,
)
from helpers.keras_cases.registry import CASES, ONCE, failures

__all__ = ["CASES", "ONCE", "failures"]
__all__ += ["against_keras", "classes", "models", "recipes", "recommended", "saving", "streams"]
