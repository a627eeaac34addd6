"""The names of parameters in those of tests."""

import re


def shortened(value: object) -> str:
    """The beginning of a value's text, without addresses, which every process has others of."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))[:50]
