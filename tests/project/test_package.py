"""The package as its users meet it: imports, docstrings, examples and types."""

import ast
import dataclasses
import doctest
import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest
import torch

import fastinit
import fastinit.torch
from fastinit import initializers, repeated_streams
from fastinit.initializers import later
from helpers.processes import child, environment
from helpers.settings import process_seed

ROOT = Path(__file__).parents[2]
MODULES = (
    "fastinit",
    *(module.name for module in pkgutil.walk_packages(fastinit.__path__, "fastinit.")),
)
FRAMEWORKS = {
    *("torch", "jax", "jaxlib", "keras", "tensorflow", "transformers", "safetensors", "typer"),
    *("rich", "scipy", "cupy", "matplotlib"),
}
NAMES = vars(fastinit)["__all__"]  # which the stub cannot have
PUBLIC = {name: getattr(fastinit, name) for name in NAMES}
CLASSES = {
    name: value
    for name, value in PUBLIC.items()
    if isinstance(value, type) and dataclasses.is_dataclass(value) and not inspect.isabstract(value)
}
INITIALIZERS = {
    name: value for name, value in CLASSES.items() if issubclass(value, fastinit.Initializer)
}
CALLABLES = {
    name: value for name, value in PUBLIC.items() if isinstance(value, FunctionType)
} | CLASSES


def succeeds(*command: str | Path) -> None:
    """Run a command of this Python in the repository."""
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("the sources are not beside the tests")
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment(MYPYPATH="python"),
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_import_brings_no_framework() -> None:
    """Neither the import nor a first array imports one, nor help(), which reads every name."""
    code = "import inspect, sys, fastinit; fastinit.he_normal((9, 9)); fastinit.info(); "
    code += "inspect.getmembers(fastinit); print(*sys.modules)"
    found = {name.partition(".")[0] for name in child(code).split()}
    assert found & FRAMEWORKS == set()


def test_import_brings_little_else() -> None:
    """What takes milliseconds and few need is imported where it is first needed."""
    code = "import sys, numpy, ml_dtypes; before = {*sys.modules}; import fastinit; "
    found = set(child(code + "print(*sys.modules.keys() - before)").split())
    assert not found & {"fastinit.initializers.computed", "hashlib", "numpy.typing", "pathlib"}
    assert not found & {f"fastinit.initializers.{file}" for file in later.FILES.values()}


@pytest.mark.parametrize("file", later.PUBLIC)
def test_names_imported_later(file: str) -> None:
    """They are those of the file, and no submodule hides one."""
    module = importlib.import_module(f"fastinit.initializers.{file}")
    assert later.PUBLIC[file] == tuple(module.__all__)
    for name in module.__all__:
        assert getattr(fastinit, name) is getattr(module, name) is getattr(initializers, name)


def test_names() -> None:
    """The names of __all__ occur once; another is an AttributeError."""
    assert len(NAMES) == len(set(NAMES))
    assert not hasattr(fastinit, "orthogonal_")


def test_listed_names() -> None:
    """dir() has public names only, and all of them can be read."""
    assert {*dir(fastinit)} - {"jax", "keras", "torch"} == {*NAMES, "__version__"}
    assert set(dir(fastinit.torch)) >= {*fastinit.torch.__all__, *torch.nn.init.__all__}
    private = [name for name in dir(fastinit.torch) if name.startswith("_")]
    modules = [
        name for name in dir(fastinit.torch) if inspect.ismodule(getattr(fastinit.torch, name))
    ]
    assert (private, modules) == ([], [])


def test_version() -> None:
    assert fastinit.__version__ == importlib.metadata.version("fastinit-nn")
    assert fastinit.info()["version"] == fastinit.__version__
    assert fastinit.info()["distribution"] == "fastinit-nn"


def test_recipes_is_the_function() -> None:
    """The package of that name does not hide it, whatever is imported first."""
    child("import fastinit.recipes.rule; fastinit.list_recipes()")
    child("from fastinit.plans.plan import Plan; import fastinit; fastinit.list_recipes()")


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "STREAM_VERSION"])
def test_docstrings(name: str) -> None:
    """Public methods have one too."""
    assert PUBLIC[name].__doc__
    methods = vars(PUBLIC[name]) if isinstance(PUBLIC[name], type) else {}
    for method, value in methods.items():
        if inspect.isroutine(value) and not method.startswith("_"):
            assert inspect.getdoc(getattr(PUBLIC[name], method)), method


@pytest.mark.parametrize("name", INITIALIZERS)
def test_sections(name: str) -> None:
    """An initializer's class explains its arguments, errors and use."""
    takes = inspect.signature(INITIALIZERS[name]).parameters
    expected = ("Args:", "Raises:", "Example:") if takes else ("Example:",)
    doc = inspect.getdoc(INITIALIZERS[name]) or ""
    assert [section for section in expected if f"\n{section}\n" not in doc] == []


@pytest.mark.parametrize("name", CALLABLES)
def test_summary_and_example(name: str) -> None:
    doc = inspect.getdoc(CALLABLES[name]) or ""
    summary, *rest = doc.splitlines()
    assert summary.endswith(".")
    assert rest[:1] in ([], [""])
    assert doctest.DocTestParser().get_examples(doc)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    with process_seed(None):
        for test in doctest.DocTestFinder().find(module, name):
            repeated_streams.forget()
            runner.run(test, out=report.append)
    assert "".join(report) == ""


def stub_names(module: str) -> set[str]:
    """The names that type checkers see of a package with a stub."""
    file = importlib.import_module(module).__file__
    assert file is not None
    names = set()
    for line in ast.parse(Path(file).with_suffix(".pyi").read_text()).body:
        if isinstance(line, ast.ImportFrom):
            if line.names[0].name != "*":
                names |= {each.asname or "" for each in line.names}
            elif line.module == "fastinit.initializers":
                names |= stub_names(line.module)
            else:
                names |= set(importlib.import_module(line.module or "").__all__)
    return names


@pytest.mark.parametrize("module", ["fastinit", "fastinit.initializers"])
def test_package_stubs(module: str) -> None:
    assert stub_names(module) == set(importlib.import_module(module).__all__)


def test_stubs() -> None:
    """The stubs of the extension modules that were built agree with them.

    With the settings of pyproject.toml mypy reads fewer modules: 6 s instead of 35.
    """
    succeeds(
        "mypy.stubtest",
        "--mypy-config-file=pyproject.toml",
        *filter(
            importlib.util.find_spec,
            (f"fastinit.native.{name}" for name in ("_cpu", "_cuda", "_xla")),
        ),
    )


def test_spelling() -> None:
    succeeds("codespell_lib", ".")


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "mypy"])
def test_clean(command: str) -> None:
    succeeds(*command.split(), "python", "tests", "benchmarks")
