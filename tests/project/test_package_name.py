"""The package's name for pip, wherever one is told to install it, and what shadows its import."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

import fastinit
from helpers.processes import attempt

ROOT = Path(__file__).parents[2]
PACKAGE = Path(str(fastinit.__file__)).parent
PYPROJECT = ROOT / "pyproject.toml"
CLONE_PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
SOURCES = [*PACKAGE.rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
# A command ends with its line, at the end of a quotation, or where the sentence goes on.
COMMAND = re.compile(r"pip install ([^\n`\"&;)]+)")
OTHERS = {"transformers", "torch", "scikit-build-core", "pybind11", "cmake", "ninja", "pip"}
OTHERS |= {"jax", "flax", "equinox", "dm-haiku", "anyinit==0.4.0", "peft", "mup"}

pytestmark = pytest.mark.skipif(
    not PYPROJECT.exists(), reason="the sources are not beside the tests"
)


def installed(path: Path) -> list[str]:
    """What the `pip install` commands of a file install, without options."""
    commands = COMMAND.findall(path.read_text().replace("\\\n", " "))
    words = [word for command in commands for word in shlex.split(command)]
    return [word for word in words if not word.startswith("-")]


def own(extra: str, prefix: str) -> bool:
    """Whether a requirement is this package, under the right name, with extras that it has."""
    match = re.fullmatch(re.escape(prefix) + r"(?:\[([a-z,]+)\])?", extra)
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    return match is not None and set(filter(None, (match[1] or "").split(","))) <= set(extras)


def test_pages_install_the_clone() -> None:
    """They are read beside the sources, and PyPI's fastinit is another project."""
    groups = tomllib.loads(PYPROJECT.read_text())["dependency-groups"]
    found = {word for path in CLONE_PAGES for word in installed(path)}
    assert {".[test]", ".[torch]", ".[cuda]", ".[sparse]"} <= found
    assert {word for word in found - OTHERS - set(groups) if not own(word, ".")} == set()


def test_messages_install_the_package() -> None:
    """They come from an installed package, whose name is fastinit-nn."""
    found = {word for path in SOURCES for word in installed(path)}
    assert {f"fastinit-nn[{extra}]" for extra in ("cli", "cuda", "sparse", "torch")} <= found
    strange = {word for word in found - OTHERS if not own(word, "fastinit-nn")}
    assert {word for word in strange if "fastinit" in word} == set()


@pytest.mark.parametrize(
    ("file", "run"),
    [
        ("/lib/fastinit/__init__.py", "torch"),
        ("/lib/fastinit/__init__.py", "__main__; fastinit.__main__.main()"),
        (None, "cli.app"),
    ],
)
def test_another_project_of_the_same_name(file: str | None, run: str) -> None:
    """Installed later, it replaces ``__init__.py``; uninstalled then, it takes it away."""
    found = attempt(
        "import sys, types; package = sys.modules['fastinit'] = types.ModuleType('fastinit'); "
        f"package.__path__, package.__file__ = [{str(PACKAGE)!r}], {file!r}; import fastinit.{run}"
    )
    message = found.stderr.splitlines()[-1]
    assert message.startswith("ImportError: fastinit/__init__.py is not that of fastinit-nn: ")
    assert (f"{file} is another project's" if file else "it is missing") in message
    assert "run: pip uninstall fastinit fastinit-nn, and install fastinit-nn again" in message


def test_sources_that_were_not_built() -> None:
    """Their import says what to run."""
    found = attempt("import sys; sys.modules['fastinit.native._cpu'] = None; import fastinit")
    message = found.stderr.splitlines()[-1]
    assert message.startswith("ImportError: fastinit's compiled part cannot be loaded (")
    assert message.endswith("run: pip install . in a clone, or install fastinit-nn again")
