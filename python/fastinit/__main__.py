"""``python -m fastinit``, and the console script ``fastinit``."""

import sys
from collections.abc import Callable
from typing import Any, Never


def main() -> None:
    """Run the command line, or say what to install for it."""
    try:
        _app()(prog_name="fastinit")
    except OSError as error:  # of output, which commands print after their work
        _end(f"error: {error.strerror}", 2)
    except KeyboardInterrupt:  # while modules are imported
        _end("interrupted", 130)


def _app() -> Callable[..., Any]:
    try:
        from fastinit.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        _end("the command line needs: pip install 'fastinit-nn[cli]'", 2)
    return app


def _end(message: str, code: int) -> Never:
    print(f"fastinit: {message}", file=sys.stderr)
    raise SystemExit(code) from None


if __name__ == "__main__":
    main()
