"""The words of a picture: its title, each optimizer with its settings, the conditions of the comparison."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from surefoot.naming import listed
from surefoot.report.style import INK, SOFT
from surefoot.study.format import number, plural, printable, rounded, setting, short
from surefoot.study.label import label_of, optimizer_label, settings_label
from surefoot.surfaces.animation import Animation, same_rate
from surefoot.surfaces.path import Path
from surefoot.surfaces.pictures.layout import Sheet
from surefoot.surfaces.surface import Surface
from surefoot.surfaces.tuning import STARTS, TRIALS

LONGEST = 88
"""Characters of a formula in a picture."""

_ROUNDING = 1e-15


def title(surface: Surface) -> tuple[str, str]:
    """The name of the surface and its formula; a formula of one's own has no other name."""
    formula = short(f"f(x, y) = {surface.formula}", LONGEST)
    if surface.name == surface.formula:
        return short(surface.formula, LONGEST // 2), "" if len(surface.formula) < LONGEST // 2 else formula
    name = printable(surface.name)
    return name[:1].upper() + name[1:], formula


def settings(path: Path) -> str:
    """`lr=0.1 momentum=0.9`, the learning rate first."""
    return settings_label(path.spec.optimizer, path.spec.hyperparameters)


def label(path: Path) -> str:
    """`Adam lr=0.1`."""
    return label_of(path.spec.optimizer, path.spec.hyperparameters)


def ending(path: Path) -> str:
    """`SGD lr=1 diverged: …` where an optimizer was lost, else nothing."""
    return f"{label(path)} {path.end}" if path.end else ""


def mark(path: Path) -> str:
    """A cross for an optimizer that diverged, an arrow for one that escaped downwards, nothing for others."""
    return "✕" if path.diverged else "↘" if path.end else ""


def outcome(path: Path, surface: Surface) -> tuple[str, str]:
    """How it ended, in short: the height that was reached, or what happened and when."""
    if path.end:
        return path.end.partition(":")[0], f"after {plural(path.evaluations[-1], 'gradient')}"
    height = path.values[-1] - surface.floor
    return number(0.0 if abs(height) < _ROUNDING * abs(surface.floor) else height), ""


def caption(animation: Animation) -> list[str]:
    """Sentences on the conditions of the animation, the same for all."""
    found = [
        f"Same start, {animation.recipe.steps:,} gradient evaluations and {_noise(animation)} for all.",
        f"{_tuning(animation)}{_by_hand(animation)}.",
    ]
    found.append(f"The floor is the lowest known value, {rounded(animation.surface.floor, 3)}.")
    lifted = _names([path for path in animation.paths if path.lifted])
    if lifted:
        found.append(f"{lifted[0]}’s point is lifted into a 2×2 matrix." if len(lifted) == 1 else
                     f"The points of {listed(lifted)} are lifted into 2×2 matrices.")  # fmt: skip
    several = _names([path for path in animation.paths if _evaluates_often(path)])
    if several:
        verb = "evaluates" if len(several) == 1 else "evaluate"
        found.append(f"{listed(several)} {verb} several times in a step, so makes fewer steps.")
    return found


def small_print(animation: Animation, across: int) -> list[str]:
    """What was lost, in full, and the conditions, in lines of so many characters."""
    lines = [f"{mark(path)} {ending(path)}." for path in animation.paths if path.end]
    sentences = iter(caption(animation))
    lines.append(next(sentences))
    for sentence in sentences:
        joined = f"{lines[-1]} {sentence}"
        lines[-1:] = [joined] if len(joined) <= across else [lines[-1], sentence]
    return [part for line in lines for part in textwrap.wrap(line, across)]


def brief(value: float) -> str:
    """A number of two digits for the ticks of an axis: `0.01`, `690`, `1e4`."""
    return rounded(value)


def write_title(sheet: Sheet, animation: Animation) -> None:
    """At the top of a picture: the surface's name, its formula, and what one sees on it."""
    name, formula = title(animation.surface)
    sheet.write(0.3, 0.1, name, fontsize=13, fontweight="bold", color=INK.light)
    lines = [line for line in (animation.surface.about, formula) if line]
    for place, line in enumerate(lines):
        sheet.write(0.3, 0.36 + 0.15 * place, line, fontsize=7.5, color=SOFT.light)


def _noise(animation: Animation) -> str:
    if not animation.noise:
        return "exact gradients"
    return f"the same noise on the gradient (deviation {rounded(animation.noise)})"


def _tuning(animation: Animation) -> str:
    match animation.recipe.tuning:
        case "default":
            return "Library defaults"
        case "same-lr":
            return f"All with lr {setting(float(same_rate(animation.recipe, animation.surface)))}"
        case "tuned":
            return f"Each with the best of {TRIALS} learning rates over {STARTS} jittered starts"


def _by_hand(animation: Animation) -> str:
    given = (spec for spec in animation.recipe.optimizers if spec.hyperparameters)
    asked = [label_of(spec.optimizer, spec.hyperparameters) for spec in given]
    return f"; set by hand: {listed(asked)}" if asked else ""


def _evaluates_often(path: Path) -> bool:
    return path.evaluations[-1] > len(path.evaluations) - 1


def _names(paths: Sequence[Path]) -> list[str]:
    return list(dict.fromkeys(optimizer_label(path.spec.optimizer) for path in paths))
