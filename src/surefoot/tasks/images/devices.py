"""Where a task computes: on the processor, or on a GPU if it is told to.

model = Network().to(device("images", "cuda"))
loss = measure(ToAndFro(model), images)     # images on the processor, logits on the processor
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from surefoot.study.user_code import TaskError


def device(task: str, name: str) -> torch.device:
    """The device of this name, "cpu" or "cuda"; raises `TaskError` if there is none."""
    if name not in ("cpu", "cuda"):
        raise TaskError(f"{task}: device must be cpu or cuda, not {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise TaskError(f"{task}: this process sees no GPU for device=cuda")
    return torch.device(name)


def device_of(model: nn.Module) -> torch.device:
    """Where a model's weights are."""
    return next(model.parameters()).device


class ToAndFro(nn.Module):
    """A model on any device, for data on the processor."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """What the model makes of the images, on the processor."""
        found: Tensor = self.model(images.to(device_of(self.model))).cpu()
        return found
