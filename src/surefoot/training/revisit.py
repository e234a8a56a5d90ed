"""Back to where trainings have been, and to the plane between: a model is put there and its loss measured.

    atlas = Atlas(paths, axes)
    losses = revisit(model, atlas, [Place(0, 12), Place(0, 12, (1.5, 0.2))], loss)

A place is a snapshot itself, or a point of the plane.  A point of the plane has no buffers of its own; it
takes those of the snapshot that is named with it, the nearest one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from surefoot.errors import InvalidInputError
from surefoot.training import random_state as draws
from surefoot.training.snapshots import Snapshots, real_parameters

SEED = 0
"""Of the draws at each place: a loss that draws, draws the same everywhere."""


@dataclass(frozen=True)
class Place:
    """A snapshot, or a point of the plane beside it.

    Attributes:
        path, index: the snapshot.
        at: coordinates on the plane; None: the snapshot itself.
    """

    path: int
    index: int
    at: tuple[float, float] | None = None


class Atlas:
    """Trainings from one start, and a plane through it.

    Args:
        paths: at least one, all of one model.
        axes: of the plane, as displacements from the first path's first point, in the order of a row.
    """

    def __init__(self, paths: Sequence[Snapshots], axes: tuple[Tensor, Tensor]) -> None:
        self.paths, self.axes = paths, axes

    def put(self, model: nn.Module, place: Place) -> None:
        """Give a model the weights and buffers of a place.

        Raises:
            InvalidInputError: the model is not the one whose snapshots these are.
        """
        path = self.paths[place.path]
        parameters = real_parameters(model)
        if tuple((name, tuple(p.shape)) for name, p in parameters.items()) != path.layout:
            raise InvalidInputError("the model has other parameters than when its snapshots were taken")
        row = path.points[place.index] if place.at is None else self._on_plane(place.at)
        parts = row.split([p.numel() for p in parameters.values()])  # type: ignore[no-untyped-call]
        buffers = {**path.buffers[0], **path.buffers[place.index]}
        with torch.no_grad():
            for p, part in zip(parameters.values(), parts, strict=True):
                p.copy_(part.view_as(p))
            for name, buffer in model.named_buffers():
                if name in buffers and buffers[name].shape == buffer.shape:
                    buffer.copy_(buffers[name])

    def _on_plane(self, at: tuple[float, float]) -> Tensor:
        first, second = self.axes
        return self.paths[0].points[0] + at[0] * first + at[1] * second


def revisit(
    model: nn.Module,
    atlas: Atlas,
    places: Sequence[Place],
    loss: Callable[[], float],
    told: Callable[[int], None] = lambda done: None,
) -> list[float]:
    """The loss at each place, in evaluation mode and without gradients; the model is left at the last.

    Args:
        model: of which `loss` tells.
        atlas: that holds the places.
        places: where to go.
        loss: of the model as it is; should it draw, it draws the same at every place.
        told: hears how many are done.
    """
    modes = [(module, module.training) for module in model.modules()]
    losses = []
    model.eval()
    with torch.no_grad(), draws.untouched():
        for place in places:
            draws.seed_everything(SEED)
            atlas.put(model, place)
            losses.append(float(loss()))
            told(len(losses))
    for module, training in modes:
        module.training = training
    return losses


def norms(model: nn.Module) -> list[_NormBase]:
    """The layers that normalise with running statistics, as batch normalisation does."""
    return [m for m in model.modules() if isinstance(m, _NormBase) and m.running_mean is not None]


def recalibrate(model: nn.Module, forward: Callable[[], None]) -> None:
    """Give the running statistics the plain mean over what `forward` shows.

    Between two trainings the statistics of neither fit: the loss there would be that of a broken network.
    Every other layer stays in evaluation mode.
    """
    layers = norms(model)
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean of all batches
        layer.train()
    forward()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()
