"""Arithmetic on arrays, exact to the bit as PTX specifies it."""
