"""The groups of models, and the entry of one model in the results."""

from __future__ import annotations

import logging
import re
import textwrap
import warnings
from typing import Any

from benchmarks import common
from benchmarks.coverage import geometric, huggingface, plain, vision
from benchmarks.coverage.compare import compare

_LONGEST = 200  # characters of a reason

LEFT_OUT = "left out"
"""The key of the reason why a model cannot be built."""

GROUPS: dict[str, Any] = {
    "transformers": huggingface.Transformers(),
    "causal language models": huggingface.CausalModels(),
    "diffusers": huggingface.Diffusers(),
    "geometric": geometric.Geometric(),
    "plain": plain.Plain(),
    "timm": vision.Timm(),
}


def entry_of(group: str, name: str) -> dict[str, Any]:
    """Return the entry of a model."""
    logging.disable(logging.CRITICAL)
    entry: dict[str, Any] = {"group": group, "model": name}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            build = GROUPS[group].build(name)
            return entry | compare(build)
        except common.LeftOutError as reason:
            return entry | {LEFT_OUT: _line(reason)}
        except (Exception, SystemExit) as error:
            return entry | {"error": f"{type(error).__name__}: {_line(error)}"}


def _line(error: BaseException) -> str:
    """Return the beginning of a message, without the folders of this machine."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    said = re.sub(r"/\S*/site-packages/", "", lines[0]).strip().rstrip(":")
    return textwrap.shorten(said, _LONGEST, placeholder=" ...")
