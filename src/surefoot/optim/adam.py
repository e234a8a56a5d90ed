"""Adam: momentum divided by the root mean square of the gradient, both corrected for their start."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from surefoot import formula as f


class Adam(
    f.Optimizer,
    arguments="*, foreach, maximize, capturable, differentiable, fused, decoupled_weight_decay",
    keys="maximize, foreach, capturable, differentiable, fused, decoupled_weight_decay",
):
    """Adam: the running mean of the gradient over the root of its running mean square.

    Example:
        >>> optimizer = Adam(model.parameters(), lr=1e-3)
    """

    equation = """
        m ← m + (1 − β₁)(g − m)
        v ← β₂ v + (1 − β₂) g²
        p ← p − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)      (amsgrad: the largest v so far)
    """
    paper = """Kingma & Ba, Adam: A method for stochastic optimization, ICLR 2015, https://arxiv.org/abs/1412.6980;
        amsgrad: Reddi, Kale & Kumar, On the convergence of Adam and beyond, ICLR 2018"""
    good_at = "a first answer almost anywhere; gradients of very different sizes; transformers"
    bad_at = "weight decay as an L2 penalty, which it scales away (see AdamW); twice the state of momentum"
    family = f.Family.ADAPTIVE_MOMENTUM

    lr: float | Tensor = f.learning_rate(1e-3, f.LogNormal(1e-3))
    betas: tuple[float | Tensor, float | Tensor] = f.decay_pair(
        (0.9, 0.999), f.Choices(((0.9, 0.999), (0.95, 0.99)))
    )
    eps: float = f.epsilon(1e-8)
    weight_decay: float = f.weight_decay(0)
    amsgrad: bool = f.flag(False, "divide by the largest mean square seen so far")
    decoupled_weight_decay: bool = f.flag(False, "shrink the weights directly, as AdamW does")

    slots = (
        f.STEP,
        f.StateSlot("exp_avg", f.Meaning.MEAN_GRADIENT),
        f.StateSlot("exp_avg_sq", f.Meaning.MEAN_SQUARE),
        f.StateSlot("max_exp_avg_sq", f.Meaning.LARGEST_MEAN_SQUARE, when="amsgrad"),
    )

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        beta1, beta2 = h.betas
        p, g = f.decayed(p, g, h)
        s.exp_avg = f.lerp(s.exp_avg, g, 1 - beta1)
        s.exp_avg_sq = f.addcmul(beta2 * s.exp_avg_sq, g, g, 1 - beta2)
        square = s.exp_avg_sq
        if h.amsgrad:
            s.max_exp_avg_sq = square = f.maximum(s.max_exp_avg_sq, square)
        denominator = f.sqrt(square) / f.sqrt(1 - beta2**s.step) + h.eps
        return p - h.lr / (1 - beta1**s.step) * s.exp_avg / denominator

    @classmethod
    def check_given(cls, settings: Mapping[str, Any]) -> None:
        f.check_tensor("lr", settings["lr"], settings)
        betas = settings["betas"][0], settings["betas"][1]
        if not any(all(isinstance(beta, kind) for beta in betas) for kind in (float, Tensor)):
            raise ValueError("betas must be either both floats or both Tensors")
        for place, beta in enumerate(betas):
            f.check_tensor(f"betas[{place}]", beta, settings)
