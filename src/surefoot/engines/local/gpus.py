"""Which GPUs there are, and which of them runs may use.

choose_gpus("2", visible_gpus())  # ("0", "1"), where there are at least two
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from surefoot.errors import InvalidInputError

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The environment variable that names the GPUs a process sees, the first of them as `cuda:0`."""


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them: numbers or identifiers."""
    import torch

    count = torch.cuda.device_count()
    named = [name.strip() for name in os.environ.get(VISIBLE, "").split(",") if name.strip()]
    return tuple(named[:count] if named else map(str, range(count)))


def choose_gpus(text: str, visible: Sequence[str]) -> tuple[str, ...]:
    """The GPUs that `--gpus` asks for.

    Args:
        text: "all", how many ("2"), or which, counted from 0 among the visible ones ("0,2"; "2," is one).
        visible: from `visible_gpus`.

    Raises:
        InvalidInputError: it is none of these, or there are not so many.
    """
    if not re.fullmatch(r"all|\d+|(\d+,)+\d*", text):
        raise InvalidInputError(f"--gpus {text}: write how many (2), which (0,1) or all")
    if not visible:
        raise InvalidInputError(f"--gpus {text}: there is no GPU that torch can use here; leave --gpus away")
    if text == "all":
        return tuple(visible)
    numbers = [int(word) for word in text.split(",") if word]
    asked = numbers if "," in text else range(numbers[0])
    there = f"there {'is 1' if len(visible) == 1 else f'are {len(visible)}'} here, numbered from 0"
    if not asked or max(asked) >= len(visible) or len(set(asked)) < len(asked):
        raise InvalidInputError(f"--gpus {text}: {there}")
    return tuple(visible[number] for number in asked)
