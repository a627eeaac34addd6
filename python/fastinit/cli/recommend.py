"""``fastinit recommend``: say which initializer fits, and why."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fastinit.checkpoints.atomic_file import write_whole
from fastinit.cli.options import Json
from fastinit.cli.pictures import HtmlOption, PlotOption, check_paths, write
from fastinit.cli.shared import errors, print_json
from fastinit.cli.tables import print_report
from fastinit.guide.models.recipe_recommendation import RecipeRecommendation
from fastinit.guide.models.recommend_recipe import recommend_recipe
from fastinit.guide.recommend import recommend as advice_for
from fastinit.guide.recommendation import Recommendation
from fastinit.manifests import Manifest


def recommend(
    activation: Annotated[
        str | None,
        typer.Argument(
            metavar="ACTIVATION",
            help="An activation, as relu, gelu or swiglu.",
            show_default=False,
        ),
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="mlp, cnn, resnet, rnn, lstm, gru, transformer, autoencoder, siren, gan, sparse "
            "or small.",
            show_default=False,
        ),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(metavar="N", help="The number of layers or blocks.", show_default=False),
    ] = None,
    layer: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="hidden, input, recurrent, residual_output, output, embedding, tied_embedding, "
            "position, bias, forget_bias, norm_scale, residual_norm_scale, norm_bias, adapter_down "
            "or adapter_up.",
        ),
    ] = "hidden",
    normalization: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="batch, layer, rms, group, instance, weight or none.",
            show_default=False,
        ),
    ] = None,
    residual: Annotated[
        bool | None,
        typer.Option(
            "--residual/--no-residual",
            help="Whether there are residual connections.",
            show_default=False,
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="sgd, momentum, adam, adamw, muon or lbfgs.", show_default=False
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="The size of the vectors of a transformer.", show_default=False
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Advise on every parameter of a model instead: a built-in one, or a path as plan "
            "takes it.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Write the recipe for --model to this new file.",
            show_default=False,
        ),
    ] = None,
    plot: PlotOption = None,
    html: HtmlOption = None,
    as_json: Json = False,
) -> None:
    """Say which initializer fits a layer, or a whole model, and why.

    \b
    Examples:
      fastinit recommend relu --architecture cnn
      fastinit recommend --architecture gpt --layer residual_output --depth 12
      fastinit recommend --model gpt2 --out recipe.json
      fastinit recommend gelu --html page.html

    \b
    Exit codes: 0 done, 2 wrong usage or an error.
    """  # noqa: D301
    with errors():
        check_paths(plot, html)
        found: Recommendation | RecipeRecommendation
        if model is None:
            if out is not None:
                raise ValueError(f"--out {out} is for the recipe of a model; pass --model with it")
            found = advice_for(
                activation,
                architecture,
                depth=depth,
                layer=layer,
                normalization=normalization,
                residual=residual,
                optimizer=optimizer,
                width=width,
            )
        else:
            if out is not None and os.path.lexists(out):
                raise FileExistsError(f"--out {out} exists; pass the path of a new file")
            manifest = Manifest.load(model)
            found = recommend_recipe(
                manifest,
                activation=activation,
                architecture=architecture,
                depth=depth,
                normalization=normalization,
                residual=residual,
                optimizer=optimizer,
                width=width,
            )
            if out is not None:
                write_whole(out, found.recipe.to_json().encode())
        write(found, plot, html)
    if as_json:
        print_json(found.to_dict())
    else:
        print_report(found)
