"""``python -m fastinit``, and the console script ``fastinit``."""

import sys


def main() -> None:
    """Run the command line, or say what to install for it."""
    try:
        from fastinit.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        print("fastinit: the command line needs: pip install 'fastinit-nn[cli]'", file=sys.stderr)
        raise SystemExit(2) from None
    try:
        app(prog_name="fastinit")
    except OSError as error:  # of output, which commands print after their work
        print(f"fastinit: error: {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
