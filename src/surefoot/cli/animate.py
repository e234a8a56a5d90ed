"""`surefoot animate`: optimizers on a surface, as a table, a picture, an animation or a page."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import click

from surefoot.cli.group import (
    check_kind,
    check_writable,
    files_option,
    seed_option,
    settings_option,
    surefoot,
    write,
)
from surefoot.cli.parameters import POINT, RANGE

USUAL_OPTIMIZERS = "sgd,sgd:momentum=0.9,rmsprop,adam,muon"
PICTURES = (".png", ".svg", ".gif", ".webp", ".mp4")
TEXTS = (".html", ".json", ".py")


@surefoot.command(
    epilog="""\b
Examples:
  surefoot animate beale -o beale.gif
  surefoot animate saddle --optimizers all --tuning tuned -o saddle.png -o saddle.html
  surefoot animate rosenbrock --optimizers adam,adam:amsgrad=True --set lr=0.05 --noise 0.5
  surefoot animate "x^2 + 10 y^2 + sin(3x)" --start -2,1 --tuning same-lr --lr 0.03 -o mine.webp
A formula that begins with a minus comes after --, or in brackets."""
)
@click.argument("surface", metavar="SURFACE")
@click.option(
    "--optimizers",
    metavar="a,b|all",
    default=USUAL_OPTIMIZERS,
    show_default=True,
    help="Which optimizers; with settings as adam:lr=0.1;amsgrad=True.",
)
@settings_option("A setting of all that have it, or sgd.momentum=0.9.")
@click.option(
    "--tuning",
    type=click.Choice(["default", "same-lr", "tuned"]),
    default="default",
    show_default=True,
    help="Learning rates: each constructor's default, one for all, or each the best of as many trials.",
)
@click.option(
    "--lr", type=float, help="The one for all.  [default: a tenth of what gradient descent can bear]"
)
@click.option("--start", type=POINT, metavar="X,Y", help="Where all start.  [default: the surface's]")
@click.option("--x", type=RANGE, metavar="LOW,HIGH", help="The domain across.  [default: the surface's]")
@click.option("--y", type=RANGE, metavar="LOW,HIGH", help="The domain upwards.  [default: the surface's]")
@click.option(
    "--steps",
    type=click.IntRange(1, 100_000),
    default=200,
    show_default=True,
    help="Gradients for each optimizer.",
)
@click.option(
    "--noise",
    type=click.FloatRange(min=0),
    help="Standard deviation of the noise on each part of the gradient.  [default: the surface's]",
)
@seed_option
@click.option(
    "--view",
    type=click.Choice(["contour", "3d", "both"]),
    default="contour",
    show_default=True,
    help="What a still picture shows beside losses and learning rates.",
)
@files_option(
    "A picture (.png .svg), an animation (.gif .webp .mp4), a page (.html), the numbers (.json) or the "
    "program (.py); may be repeated."
)
def animate(
    surface: str,
    optimizers: str,
    sets: tuple[str, ...],
    tuning: Any,
    lr: float | None,
    start: tuple[float, float] | None,
    x: tuple[float, float] | None,
    y: tuple[float, float] | None,
    steps: int,
    noise: float | None,
    seed: int,
    view: Any,
    files: tuple[str, ...],
) -> None:
    """Animate real optimizers on SURFACE: a name (see `surefoot list surfaces`), or a formula of x and y.

    All start at the same point, get the same number of gradients and the same noise on them.
    """
    import torch
    from rich.console import Console

    from surefoot.report.waiting import counting
    from surefoot.surfaces.animation import animate as run
    from surefoot.surfaces.pictures.results import path_table
    from surefoot.surfaces.recipe import Recipe
    from surefoot.surfaces.recipe_text import apply_sets, parse_optimizers

    for file in files:
        check_kind(file, (*PICTURES, *TEXTS))
        check_writable(file)
    if optimizers == "all":
        from surefoot import optim

        optimizers = ",".join(optim.OPTIMIZERS)
    specs = apply_sets(parse_optimizers(optimizers), sets)
    recipe = Recipe(surface, specs, tuning, lr, start, x, y, steps, noise, seed)
    warnings.filterwarnings("ignore", "LBFGS: the loss")  # the table tells where everyone ended
    torch.set_num_threads(1)  # of a point's two numbers there is nothing to share
    with counting("animate") as progress:
        found = run(recipe, progress=lambda done, total, what: progress(done, total))
    Console(highlight=False).print(path_table(found))
    for file in files:
        _save(found, file, view)


def _save(animation: Any, file: str, view: Any) -> None:
    from surefoot.report.waiting import counting
    from surefoot.surfaces.pictures.document import document
    from surefoot.surfaces.recipe_text import snippet

    kind = Path(file).suffix.lower()
    if kind == ".json":
        write(file, json.dumps(document(animation), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    elif kind == ".py":
        write(file, snippet(animation))
    elif kind == ".html":
        from surefoot.surfaces.pictures.page import page_html

        write(file, page_html(animation))
    else:
        from surefoot.surfaces.pictures.saving import save_picture

        with counting(f"draw {file}") as progress:
            save_picture(animation, file, view=view, progress=progress)
    click.echo(f"Written to {file}")
