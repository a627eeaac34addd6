"""The package as pip knows it: its name, its version, and whether it is whole.

PyPI's ``fastinit`` is another project with the same import name and the same command. Where both
are installed, the files of one overwrite the other's.
"""

from __future__ import annotations

import sys

NAME = "fastinit-nn"


def version() -> str:
    """Return the installed version."""
    from importlib import metadata

    return metadata.version(NAME)


def check_package() -> None:
    """Check that ``fastinit/__init__.py`` is this distribution's.

    Raises:
        ImportError: Another distribution replaced or removed it.
    """
    package = sys.modules["fastinit"]
    if hasattr(package, "STREAM_VERSION"):
        return
    file = getattr(package, "__file__", None)
    found = f"{file} is another project's" if file else "it is missing"
    raise ImportError(
        f"fastinit/__init__.py is not that of {NAME}: {found}. PyPI's fastinit, which generates "
        "web applications, has the same import name; run: pip uninstall fastinit "
        f"{NAME}, and install {NAME} again"
    )
