"""Networks that classify images: VGG, and a smaller one that trains in minutes on two cores.

The textbook recipe, with nothing of Surefoot's but the network and the optimizer:

    images, labels = load()                                      # load: (n, 3, 224, 224) in [0, 1], and (n,)
    model = vgg(classes=5, centre=images.mean((0, 2, 3)), spread=images.std((0, 2, 3)))    # define
    optimizer = optim.AdamW(model.parameters(), lr=1e-3)         # compile
    for image, label in batches(images, labels):                 # fit
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(image), label).backward()
        optimizer.step()
    shares = model.eval()(new_images).softmax(1)                 # predict

After K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
ICLR 2015, https://arxiv.org/abs/1409.1556: stacks of 3×3 convolutions, halved by pooling.  Added since: batch
normalisation, without which eleven layers hardly start to learn, and an average over the image in place of
two dense layers of 120 million weights, which also lets images be of any size from 32 on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

POOL = 0
VGG11 = (64, POOL, 128, POOL, 256, 256, POOL, 512, 512, POOL, 512, 512, POOL)
VGG16 = (64, 64, POOL, 128, 128, POOL, *(256,) * 3, POOL, *(512,) * 3, POOL, *(512,) * 3, POOL)
"""Channels of each convolution, of configurations A and D of the paper's table 1."""

DROPOUT = 0.5
LEAST_SIZE = 32
"""Pixels: what five poolings leave something of."""


class Standardise(nn.Module):
    """Shift and scale the channels, by what the training images show; kept with the weights.

    Args:
        centre: mean of each channel.
        spread: standard deviation of each channel.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, centre: Tensor | None = None, spread: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("centre", _channels(centre, 0.5))
        self.register_buffer("spread", _channels(spread, 0.25).clamp(min=1e-3))

    def forward(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) in [0, 1] to the same shape, with mean 0 and deviation 1."""
        return (images - self.centre) / self.spread


def _channels(values: Tensor | None, usual: float) -> Tensor:
    return (
        torch.full((3, 1, 1), usual) if values is None else values.detach().float().reshape(3, 1, 1).clone()
    )


def vgg(
    classes: int,
    centre: Tensor | None = None,
    spread: Tensor | None = None,
    plan: Sequence[int] = VGG11,
    slimness: int = 4,
) -> nn.Sequential:
    """VGG: 578 thousand parameters with eleven layers a quarter as wide, 15 million as `vgg16`.

    Args:
        classes: how many.
        centre: mean of each colour in the training images, in [0, 1]; 0.5 by default.
        spread: its standard deviation; 0.25 by default.
        plan: channels of each convolution, and POOL.
        slimness: divides the channels.
    """
    layers: list[nn.Module] = [Standardise(centre, spread)]
    channels = 3
    for width in plan:
        if width == POOL:
            layers.append(nn.MaxPool2d(2))
        else:
            layers += _convolution(channels, width // slimness)
            channels = width // slimness
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(DROPOUT),
        nn.Linear(channels, classes),
    )


def vgg16(classes: int, centre: Tensor | None = None, spread: Tensor | None = None) -> nn.Sequential:
    """Sixteen layers (thirteen of them convolutions) as wide as in the paper; for a GPU."""
    return vgg(classes, centre, spread, VGG16, slimness=1)


def small(classes: int, centre: Tensor | None = None, spread: Tensor | None = None) -> nn.Sequential:
    """Four convolutions, the first with a stride: 98 thousand parameters, a ninth of the time of `vgg`."""
    layers: list[nn.Module] = [Standardise(centre, spread), *_convolution(3, 16, stride=2)]
    for channels, width in ((16, 32), (32, 64), (64, 128)):
        layers += [nn.MaxPool2d(2), *_convolution(channels, width)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, classes))


NETWORKS: dict[str, Callable[[int, Tensor | None, Tensor | None], nn.Sequential]] = {
    "small": small,
    "vgg": vgg,
    "vgg16": vgg16,
}
"""By name, from the number of classes and the colours' centre and spread."""


def _convolution(channels: int, width: int, stride: int = 1) -> list[nn.Module]:
    """3×3, normalised; without a bias, which the normalisation would take away."""
    return [
        nn.Conv2d(channels, width, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    ]
