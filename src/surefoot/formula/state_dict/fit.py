"""A state dict fitted to an optimizer, or refused with every difference."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from surefoot.formula.state_dict.convert import ConversionReport, converted, counterparts, with_lr
from surefoot.formula.state_dict.detect import signs_of_another_algorithm
from surefoot.formula.state_dict.match import StateDict, matched, torch_heading, wrong_shapes

if TYPE_CHECKING:
    from surefoot.formula.declared import Declared

LR = ("saved", "mine")
LINES = 30  # of differences that are shown; a large model may have thousands


def fit(
    optimizer: Declared, state_dict: StateDict, *, convert: bool, lr: str, known: Collection[type[Declared]]
) -> tuple[StateDict, ConversionReport | None]:
    """The state dict that gives this optimizer what the given one means for it.

    Args:
        optimizer: it is only read.
        state_dict: torch's or ours; it is only read.
        convert: accept another algorithm: carry over what means the same, keep the optimizer's settings.
        lr: "saved", or "mine" to keep the optimizer's own learning rate.
        known: the algorithms that state dicts may come from.

    Returns:
        The state dict, with groups and parameters in the optimizer's order, and what `convert` did.

    Raises:
        ValueError: the state dict does not fit; every difference has its line.
    """
    own, saved, state = optimizer.param_groups, state_dict["param_groups"], state_dict["state"]
    groups, differences = matched(own, saved, optimizer._declared.one_vector)
    heading = torch_heading(own, saved) if differences else ""
    foreign, writers = signs_of_another_algorithm(optimizer, groups or saved, state, known)
    same = counterparts(optimizer, writers) if foreign else None
    if groups is not None:
        differences += wrong_shapes(optimizer, groups, state, same)
    if differences or (foreign and not convert):
        heading = heading or f"loaded state dict does not fit this {type(optimizer).__name__}"
        raise ValueError(_refusal(heading, differences + foreign, bool(foreign) and not differences))
    assert groups is not None
    if convert:
        return converted(optimizer, groups, state, lr, same)
    kept = [with_lr(g, mine) if lr == "mine" else g for g, mine in zip(groups, own, strict=True)]
    return {**state_dict, "param_groups": kept}, None


def _refusal(heading: str, differences: Sequence[str], convertible: bool) -> str:
    shown = [f"  {line}" for line in differences[:LINES]]
    if len(differences) > LINES:
        shown.append(f"  ... and {len(differences) - LINES} more differences")
    hint = "; convert=True carries over what means the same in both" if convertible else ""
    return "\n".join([f"{heading}:", *shown, f"Nothing was changed{hint}."])
