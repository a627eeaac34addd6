"""The tables of ``coverage.json``."""
NOTES = ()
