"""The Python program that walks an animation's paths, for use without Surefoot's tools.

    print(snippet(animation))

It needs torch and `surefoot.optim` alone, prints where each optimizer ended, and ends at the same bits.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from surefoot import optim
from surefoot.formula import Declared
from surefoot.surfaces.path import Path

if TYPE_CHECKING:
    from surefoot.surfaces.animation import Animation

WIDEST = 100
"""Characters of a line."""


def snippet(animation: Animation) -> str:
    """Python code that walks the same paths, as short as these optimizers and this noise allow."""
    kinds = [optim.find(path.spec.optimizer) for path in animation.paths]
    python = animation.surface.expression.python
    matrices, sparse = _any(kinds, lambda k: k.matrices_only), _any(kinds, lambda k: k.sparse == "only")
    lines = [
        *(["import math"] if "math." in python else []),
        *(["from itertools import cycle"] if animation.noise else []),
        *([""] if "math." in python or animation.noise else []),
        "import torch",
        "from surefoot import optim",
        "",
        f"start = torch.tensor({list(map(float, animation.start))!r}, dtype=torch.float64)",
        *(_noise(animation) if animation.noise else []),
        *(_BASIS if matrices else []),
        "",
        "",
        "def surface(x, y):",
        f"    return {python}",
        "",
        "",
        *_walk(animation, matrices=matrices, sparse=sparse),
        "",
        "",
        *(line for path in animation.paths for line in _call(path)),
    ]
    return "\n".join(lines) + "\n"


_BASIS = [
    "# For an optimizer that takes matrices only, the point (x, y) is the matrix x A + y B.",
    "A = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64) / 2**0.5",
    "B = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64) / 2**0.5",
]


def _noise(animation: Animation) -> list[str]:
    return [
        f"generator = torch.Generator().manual_seed({animation.recipe.seed})",
        f"noise = {animation.noise!r} * torch.randn("
        f"{animation.recipe.steps}, 2, generator=generator, dtype=torch.float64)",
    ]


def _walk(animation: Animation, *, matrices: bool, sparse: bool) -> list[str]:
    """The function that walks one path; a step is given a closure, which every optimizer takes."""
    more = (", matrix=False" if matrices else "") + (", sparse=False" if sparse else "")
    counted = bool(animation.noise)
    lines = [f"def walk(make, steps{more}):", f"    torch.manual_seed({animation.recipe.seed})"]
    if matrices:
        lines.append("    p = (start[0] * A + start[1] * B if matrix else start.clone()).requires_grad_()")
        lines.append(
            "    point = (lambda: torch.stack([(p * A).sum(), (p * B).sum()])) if matrix else lambda: p"
        )
    else:
        lines.append("    p = start.clone().requires_grad_()")
    lines += ["    optimizer = make(p)", *(["    rows = cycle(noise)"] if counted else []), ""]
    lines += ["    def closure():", "        optimizer.zero_grad()"]
    lines.append(f"        loss = surface(*{'point()' if matrices else 'p'}.unbind())")
    lines.append("        loss.backward()")
    if counted:
        lines += ["        row = next(rows)"] if matrices else []
        row = "row[0] * A + row[1] * B if matrix else row" if matrices else "next(rows)"
        lines.append(f"        p.grad += {row}")
    if sparse:
        lines += ["        if sparse:", "            p.grad = p.grad.to_sparse()"]
    lines += ["        return loss", "", "    for _ in range(steps):", "        optimizer.step(closure)"]
    lines.append(f"    return {'point()' if matrices else 'p'}.tolist()")
    return lines


def _call(path: Path) -> list[str]:
    spec, kind = path.spec, optim.find(path.spec.optimizer)
    settings = [f"{n}={_value(v)!r}" for n, v in spec.hyperparameters.items()]
    flags = (", matrix=True" if kind.matrices_only else "") + (
        ", sparse=True" if kind.sparse == "only" else ""
    )
    made = f"optim.{kind.__name__}({', '.join(['[p]', *settings])})"
    label = json.dumps(" ".join([kind.__name__, *settings]))
    call = f"walk(lambda p: {made}, {len(path.points) - 1}{flags})"
    why = f"  # {path.end}" if path.end else ""
    line = f"print({label}, {call}){why}"
    if len(line) <= WIDEST:
        return [line]
    return [*([f"#{why[3:]}"] if why else []), "print(", f"    {label},", f"    {call},", ")"]


def _value(value: object) -> object:
    """What came through JSON has lists where optimizers expect tuples."""
    return tuple(value) if isinstance(value, list) else value


def _any(kinds: list[type[Declared]], asked: Callable[[type[Declared]], bool]) -> bool:
    return any(map(asked, kinds))
