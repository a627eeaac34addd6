"""The names of the dtypes that fastinit draws."""

from helpers import reference

DTYPES = tuple(reference.DTYPES)
INTEGERS = ("bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
