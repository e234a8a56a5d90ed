"""Where a task computes: on a GPU where the process sees one, else on the processor.

model = Network().to(device())
loss = measure(ToAndFro(model), images)     # images on the processor, logits on the processor
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def device() -> torch.device:
    """The first GPU that this process sees, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


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
