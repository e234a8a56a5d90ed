"""SparseAdam: Adam for sparse gradients; rows that a batch does not touch keep their state."""

from typing import Any

import torch
from torch import Tensor

from surefoot import formula as f


class SparseAdam(f.Optimizer, arguments="maximize"):
    """Adam on the rows that a sparse gradient touches.

    The averages of an untouched row do not decay, and ε is added before the correction for the start.

    Example:
        >>> optimizer = SparseAdam(torch.nn.Embedding(50_000, 64, sparse=True).parameters())
    """

    equation = """
        on the touched rows:
        m ← m + (1 − β₁)(g − m)
        v ← v + (1 − β₂)(g² − v)
        p ← p − lr √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)
    """
    paper = "Kingma & Ba, Adam: A method for stochastic optimization, ICLR 2015; lazy rows as in torch"
    good_at = "large embedding tables of which a batch touches few rows"
    bad_at = "dense gradients, which it refuses; rows that come back after long keep stale averages"
    family = f.Family.ADAPTIVE_MOMENTUM

    lr: float | Tensor = f.learning_rate(1e-3, f.LogNormal(1e-3), zero=False)
    betas: tuple[float, float] = f.decay_pair((0.9, 0.999), f.Choices(((0.9, 0.999), (0.95, 0.99))))
    eps: float = f.epsilon(1e-8, zero=False)

    slots = (
        f.StateSlot("step", f.Meaning.STEPS, initial=0, scalar=True, counts=True, number=True),
        f.StateSlot("exp_avg", f.Meaning.MEAN_GRADIENT),
        f.StateSlot("exp_avg_sq", f.Meaning.MEAN_SQUARE),
    )
    sparse = "only"
    lr_rounds = True
    takes_complex = False

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        places = [([i, j], p) for i, g in enumerate(self.param_groups) for j, p in enumerate(g["params"])]
        if indices := [place for place, p in places if p.layout is not torch.strided]:
            raise ValueError(
                f"Sparse params at indices {indices}: SparseAdam requires dense parameter tensors"
            )
        if indices := [place for place, p in places if p.is_complex()]:
            raise ValueError(
                f"Complex params at indices {indices}: SparseAdam does not support complex parameters"
            )

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        beta1, beta2 = h.betas
        s.exp_avg = s.exp_avg + (1 - beta1) * (g - s.exp_avg)
        s.exp_avg_sq = s.exp_avg_sq + (1 - beta2) * (g * g - s.exp_avg_sq)
        step_size = h.lr * f.sqrt(1 - beta2**s.step) / (1 - beta1**s.step)
        return p - step_size * s.exp_avg / (f.sqrt(s.exp_avg_sq) + h.eps)
