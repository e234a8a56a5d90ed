"""Which optimizers a search looks at first, where it cannot pay for all: one of each family of steps.

    sorted(["Adam", "SGD", "AdamW"], key=place_in_look)  # AdamW and SGD represent families; then Adam

What family an optimizer is of, and whether it represents it, stands in its file.
"""

from __future__ import annotations

from surefoot import optim
from surefoot.formula import Family

TABLE_NAMES = {"momentum": Family.GRADIENT}
"""What published curve tables call a setting of ours, SGD with momentum: looked at right after SGD alone."""

_FAMILIES = tuple(Family)
_AFTER_ALL = (len(_FAMILIES), 0)


def place_in_look(optimizer: str) -> tuple[int, int]:
    """A key to sort by: representatives in the order of their families, then all others as equals.

    Args:
        optimizer: its name. One that is not in `surefoot.optim`, such as a class of the user's own, is not
            loaded for this: it comes after those who represent a family.
    """
    if family := TABLE_NAMES.get(optimizer.lower()):
        return _FAMILIES.index(family), 1
    try:
        declared = optim.find(optimizer)._declared
    except KeyError:
        return _AFTER_ALL
    return (_FAMILIES.index(declared.family), 0) if declared.represents_family else _AFTER_ALL
