"""The pictures of the docs, each from a real run.

python benchmarks/picture.py line docs/line.svg                     random search beside gradient descent
python benchmarks/picture.py answer docs/answer.svg --study NAME    the answer of a stored study
"""

from __future__ import annotations

import argparse
import contextlib
import io
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from surefoot.report.picture import answer_figure
from surefoot.report.style import styled
from surefoot.report.svg import save_svg
from surefoot.store import Store

FIRST_STEPS = Path(__file__).parent.parent / "docs" / "first-steps.md"
STROKES = {"random search": ("#D55E00", "--", "s"), "gradient descent": ("#0072B2", "-", "o")}


def page_code() -> str:
    """The Python code of the page."""
    return FIRST_STEPS.read_text(encoding="utf8").split("```python\n")[1].split("```")[0]


def paths(names: dict[str, Any], steps: int = 60) -> dict[str, tuple[list[float], list[tuple[float, float]]]]:
    """Losses and (w, b) by step for both optimizers, with the page's own `train`."""
    optim = names["optim"]
    makers = {
        "random search": lambda p: optim.RandomSearch(p, scale=0.1),
        "gradient descent": lambda p: optim.SGD(p, lr=0.3),
    }
    found = {}
    for label, make in makers.items():
        points = [names["train"](make, k)[:2] for k in range(1, steps + 1)]
        found[label] = (names["train"](make, steps)[2], points)
    return found


def line_figure() -> Figure:
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(page_code(), names)
    x, y = names["x"], names["y"]
    figure = Figure(figsize=(8.5, 3.4), layout="constrained", facecolor="white")
    by_step, plane = figure.subplots(1, 2)
    w, b = torch.meshgrid(torch.linspace(-1.2, 3, 80), torch.linspace(-2, 1.5, 80), indexing="xy")
    losses = ((w[..., None] * x.T[0] + b[..., None] - y.T[0]) ** 2).mean(-1)
    plane.contourf(w.numpy(), b.numpy(), losses.log().numpy(), levels=18, cmap="cividis")
    for label, (values, points) in paths(names).items():
        colour, dash, marker = STROKES[label]
        by_step.plot(
            values, color=colour, linestyle=dash, marker=marker, markevery=6, markersize=4, label=label
        )
        plane.plot(*zip(*points, strict=True), color="white", linewidth=3.2)
        plane.plot(
            *zip(*points, strict=True), color=colour, linestyle=dash, marker=marker, markevery=6, markersize=4
        )
    by_step.set(yscale="log", xlabel="step", ylabel="mean squared error")
    by_step.set_yticks([0.1, 0.2, 0.5, 1.0], ["0.1", "0.2", "0.5", "1"])
    by_step.minorticks_off()
    by_step.legend(frameon=False)
    plane.set(xlabel="w", ylabel="b")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["line", "answer"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--study")
    parser.add_argument("--store", default="sqlite:///.surefoot/evidence.db")
    args = parser.parse_args()
    if args.what == "line":
        with styled():
            save_svg(line_figure(), args.file)
        return
    with Store.at(args.store) as store:
        name = args.study or store.studies()[-1].name
        save_svg(answer_figure(store.study(name)), args.file)


if __name__ == "__main__":
    main()
