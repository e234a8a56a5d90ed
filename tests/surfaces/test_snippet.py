"""The program of an animation is really run: it ends at the same bits as the animation."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from surefoot import optim
from surefoot.surfaces.animation import animate
from surefoot.surfaces.recipe import Recipe
from surefoot.surfaces.recipe_text import parse_optimizers, snippet

ALL = ",".join(optim.OPTIMIZERS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("beale", parse_optimizers(ALL), tuning="same-lr", lr=0.02, steps=60, noise=0.3, seed=7),
        Recipe("exp(1)*sin(sqrt(2)*x) + pi*y^2 + 2^-1*x^4", parse_optimizers(ALL), steps=30, noise=0.0),
        Recipe("rosenbrock", parse_optimizers("sgd:lr=5,adam:betas=(0.5,0.9);amsgrad=True"), steps=20),
    ],
    ids=["noise", "formula", "settings"],
)
def test_the_program_ends_where_the_animation_ended(recipe):
    animation = animate(recipe, strips=False)
    done = subprocess.run(
        [sys.executable, "-"], input=snippet(animation), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    printed = [line[line.index("[") :] for line in done.stdout.splitlines()]
    assert printed == [repr(list(path.points[-1])) for path in animation.paths]


def test_it_imports_nothing_but_torch_and_the_optimizers():
    animation = animate(Recipe("beale", parse_optimizers(ALL), steps=2, noise=0.1), strips=False)
    imports = [
        node
        for node in ast.walk(ast.parse(snippet(animation)))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert {ast.unparse(node) for node in imports} == {
        "from itertools import cycle",
        "import torch",
        "from surefoot import optim",
    }


def test_it_is_short_where_the_animation_is_plain():
    plain = snippet(animate(Recipe("beale", parse_optimizers("adam,sgd"), steps=2, noise=0.0), strips=False))
    assert "noise" not in plain
    assert "matrix" not in plain
    assert "sparse" not in plain
    assert 'print("Adam lr=0.001", walk(lambda p: optim.Adam([p], lr=0.001), 2))' in plain


def test_an_optimizer_that_is_lost_ends_early_and_the_program_says_why():
    animation = animate(Recipe("rosenbrock", parse_optimizers("sgd:lr=5"), steps=200), strips=False)
    program = snippet(animation)
    assert f"optim.SGD([p], lr=5), {len(animation.paths[0].points) - 1})" in program
    assert f"# {animation.paths[0].end}" in program
    assert animation.paths[0].diverged
