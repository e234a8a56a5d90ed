"""SGD: stochastic gradient descent, with heavy-ball or Nesterov momentum."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from surefoot import formula as f


class SGD(f.Optimizer, arguments="*, maximize, foreach, differentiable, fused"):
    """Stochastic gradient descent: a step against the gradient, smoothed by momentum.

    Example:
        >>> optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    """

    equation = """
        b ← momentum · b + (1 − dampening) g        (b ← g at the first step)
        p ← p − lr · b                              (Nesterov: p ← p − lr (g + momentum · b))
    """
    paper = """Robbins & Monro, A stochastic approximation method, 1951; Sutskever et al., On the importance
        of initialization and momentum in deep learning, 2013"""
    good_at = "convolutional networks with normalisation and long schedules; least state and cheapest step"
    bad_at = "parameters whose gradients differ by orders of magnitude, such as attention or embeddings"
    family = f.Family.GRADIENT
    represents_family = True

    lr: float | Tensor = f.learning_rate(1e-3, f.LogNormal(3e-2, 0.8))
    momentum: float = f.non_negative(
        "momentum",
        0,
        "share of the last step that is kept",
        "0 or 0.8 to 0.99",
        f.Choices((0.9, 0.0)),
        f.Kind.MOMENTUM,
    )
    dampening: float = f.hyperparameter(0, "share of a new gradient that momentum leaves out", "0")
    weight_decay: float | Tensor = f.weight_decay(0)
    nesterov: bool = f.flag(False, "look ahead along the momentum")

    slots = (f.StateSlot("momentum_buffer", "fading sum of the gradients", initial=None, when="momentum"),)
    sparse = "exact"

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        if h.weight_decay:
            g = f.add(g, p, h.weight_decay)
        if h.momentum:
            if s.momentum_buffer is None:
                s.momentum_buffer = g
            else:
                s.momentum_buffer = f.add(h.momentum * s.momentum_buffer, g, 1 - h.dampening)
            g = f.add(g, s.momentum_buffer, h.momentum) if h.nesterov else s.momentum_buffer
        return f.add(p, g, -h.lr)

    @classmethod
    def check_together(cls, settings: Mapping[str, Any]) -> None:
        if settings["nesterov"] and (settings["momentum"] <= 0 or settings["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
