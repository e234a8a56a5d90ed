"""Parameter groups of a model, for the code that an answer hands over.

optimizer = optim.AdamW(groups.decay_matrices(model), lr=0.01, weight_decay=0.1)
"""

from __future__ import annotations

from typing import Any

from surefoot.study.build import Parameters, parameter_groups

__all__ = ["decay_matrices"]


def decay_matrices(model: Parameters) -> list[dict[str, Any]]:
    """Two groups: what has two dimensions or more decays, biases and norms do not.

    Args:
        model: a module, or its parameters, with or without their names.
    """
    return list(parameter_groups(model, "matrices"))
