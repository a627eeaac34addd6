"""``fastinit probe``: show what signals and gradients do in a model of a Python file."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from fastinit.checks import type_of
from fastinit.cli.options import Json, Seed
from fastinit.cli.pictures import HtmlOption, PlotOption, check_paths, write
from fastinit.cli.shared import FAILED, errors, print_json
from fastinit.cli.tables import print_report
from fastinit.initializers import Normal, Uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastinit.probes.report import ProbeReport

Model = Annotated[
    str,
    typer.Argument(
        metavar="FILE:NAME",
        help="A Python file or module, and a function in it without arguments, which returns a "
        "model of torch or flax, or a model and what it is called with; of a function of JAX, also "
        "its variables.",
        show_default=False,
    ),
]


def probe(
    model: Model,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="SHAPE",
            help="Call the model with normal values of this shape, as 32,3,224,224.",
            show_default=False,
        ),
    ] = None,
    tokens: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="With --batch: integers from 0 to N - 1 instead of normal values.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    plot: PlotOption = None,
    html: HtmlOption = None,
    as_json: Json = False,
) -> None:
    """Run a model once forward and once backward, and say what is wrong with its start.

    torch's random numbers start from the seed; a module of flax.linen draws its variables by the
    key 0. The file is executed.

    \b
    Examples:
      fastinit probe model.py:build --html report.html
      fastinit probe model.py:build --batch 32,3,224,224
      fastinit probe package.model:build --batch 8,128 --tokens 50257 --json

    \b
    Exit codes: 0 nothing is wrong, 1 verdicts, 2 wrong usage or an error.
    """  # noqa: D301
    with errors():
        check_paths(plot, html)
        if tokens is not None and batch is None:
            raise ValueError(
                f"--tokens {tokens} says what --batch is made of; pass --batch with it"
            )
        shape = None if batch is None else _shape(batch)
        build = _function(model)
        _seed_torch(seed)
        made = _made(build(), model, shape is not None)
        inputs = made.batch if shape is None else _batch(shape, tokens, seed)
        found = made.probed(inputs)
        write(found, plot, html)
    if as_json:
        print_json(found.to_dict())
    else:
        print_report(found)
    if not found.ok:
        raise typer.Exit(FAILED)


def _function(named: str) -> Callable[[], Any]:
    """Return a function of a file or a module."""
    source, _, name = named.rpartition(":")
    if not source or not name:
        raise ValueError(f"{named} does not say a function; write it as model.py:build")
    module = _of_file(Path(source)) if source.endswith(".py") else importlib.import_module(source)
    found = getattr(module, name, None)
    if not callable(found):
        raise ValueError(f"{source} has no function {name!r}; it has {_functions(module)}")
    return found  # type: ignore[no-any-return]


def _of_file(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(2, "there is no such file", str(path))
    name = f"probed_{path.stem}"  # a file may have the name of another module
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))  # where its own imports are
    spec.loader.exec_module(module)
    return module


def _functions(module: Any) -> str:
    own = [
        name
        for name, each in vars(module).items()
        if getattr(each, "__module__", None) == module.__name__ and callable(each)
    ]
    return ", ".join(own) or "none"


@dataclasses.dataclass(frozen=True)
class _Made:
    """The model and the batch that a function of the user returned."""

    model: Any
    batch: Any = None
    variables: Any = None

    @property
    def is_of_torch(self) -> bool:
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(self.model, torch.nn.Module)

    @property
    def is_of_jax(self) -> bool:
        if "jax" not in sys.modules:
            return False
        from fastinit.jax.guide.models import is_module

        is_function = callable(self.model) and self.variables is not None
        return is_function or is_module(self.model, "linen", "nnx")

    def probed(self, inputs: Any) -> ProbeReport:
        """Return the report for inputs."""
        if self.is_of_torch:
            import torch

            from fastinit.torch.probing.probe import probe as of_torch

            is_array = isinstance(inputs, np.ndarray)
            return of_torch(self.model, torch.from_numpy(inputs) if is_array else inputs)
        from fastinit.jax.probing.probe import probe as of_jax

        return of_jax(self.model, inputs, variables=self.variables)


def _made(returned: Any, named: str, has_batch: bool) -> _Made:
    is_alone = not (isinstance(returned, tuple) and len(returned) in (2, 3))
    found = _Made(returned) if is_alone else _Made(*returned)
    if not (found.is_of_torch and found.variables is None) and not found.is_of_jax:
        raise TypeError(
            f"{named} returns {type_of(returned)}; return a model of torch or flax, "
            "(model, batch), or (function, batch, variables) of JAX"
        )
    if is_alone and not has_batch:
        raise ValueError(
            f"{named} returns a model alone; pass --batch with the shape of its input, or "
            "return (model, batch)"
        )
    if not is_alone and has_batch:
        raise ValueError(f"{named} returns a batch of its own; leave --batch out")
    return found


def _seed_torch(seed: int) -> None:
    """Seed torch, which is imported for that unless the file has imported JAX alone."""
    if "torch" in sys.modules or "jax" not in sys.modules:
        with contextlib.suppress(ImportError):
            import torch

            torch.manual_seed(seed)


def _shape(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(each) for each in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise ValueError(f"--batch {text} is not a shape; write it as 32,3,224,224")
    return sizes


def _batch(shape: tuple[int, ...], tokens: int | None, seed: int) -> NDArray[Any]:
    if tokens is None:
        return Normal()(shape, seed=seed, name="batch")
    if tokens < 1:
        raise ValueError(f"--tokens {tokens} is not positive; pass the size of the vocabulary")
    drawn = Uniform(0.0, float(tokens))(shape, seed=seed, name="batch", dtype="float64")
    return drawn.astype("int64")
