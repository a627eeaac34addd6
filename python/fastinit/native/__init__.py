"""Requests, the dtypes and boxes that they speak of, and the native code that draws them."""

import importlib

try:
    importlib.import_module("fastinit.native._cpu")
except ImportError as error:
    raise ImportError(
        f"fastinit's compiled part cannot be loaded ({error}); "
        "run: pip install . in a clone, or install fastinit-nn again"
    ) from error
