"""RAdam: Adam that waits until its estimate of the gradient's size can be trusted."""

from torch import Tensor

from surefoot import formula as f


class RAdam(
    f.Optimizer,
    arguments="*, foreach, maximize, capturable, differentiable",
    keys="maximize, foreach, capturable, decoupled_weight_decay, differentiable",
):
    """Rectified Adam: momentum alone at first, then Adam scaled by how well its denominator is known.

    Example:
        >>> optimizer = RAdam(model.parameters(), lr=1e-3)   # no warmup needed
    """

    equation = """
        m ← m + (1 − β₁)(g − m)
        v ← β₂ v + (1 − β₂) g²
        ρ∞ = 2 / (1 − β₂) − 1,   ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)
        r = √((ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ))
        p ← p − lr / (1 − β₁ᵗ) · m · (r √(1 − β₂ᵗ) / (√v + ε)  where ρ > 5, else 1)
    """
    paper = """Liu et al., On the variance of the adaptive learning rate and beyond, ICLR 2020,
        https://arxiv.org/abs/1908.03265"""
    good_at = "training without a learning-rate warmup; noisy first steps"
    bad_at = "weight decay as an L2 penalty (set decoupled_weight_decay); a first phase of plain momentum"
    family = f.Family.ADAPTIVE_MOMENTUM

    lr: float | Tensor = f.learning_rate(1e-3, f.LogNormal(1e-3))
    betas: tuple[float, float] = f.decay_pair((0.9, 0.999), f.Choices(((0.9, 0.999), (0.95, 0.99))))
    eps: float = f.epsilon(1e-8)
    weight_decay: float = f.weight_decay(0)
    decoupled_weight_decay: bool = f.flag(False, "shrink the weights directly, as AdamW does")

    slots = (
        f.STEP,
        f.StateSlot("exp_avg", f.Meaning.MEAN_GRADIENT),
        f.StateSlot("exp_avg_sq", f.Meaning.MEAN_SQUARE),
    )
    warmup_matters = False

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        beta1, beta2 = h.betas
        p, g = f.decayed(p, g, h)
        s.exp_avg = f.lerp(s.exp_avg, g, 1 - beta1)
        s.exp_avg_sq = f.addcmul(beta2 * s.exp_avg_sq, g, g, 1 - beta2)
        correction = 1 - beta2**s.step
        longest = f.maximum(5, 2 / (1 - beta2) - 1)  # below 5 it is never trusted
        length = longest - 2 * s.step * beta2**s.step / correction
        trusted = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
        # Not 0, where a square root has no derivative.
        scale = f.sqrt(f.maximum(1e-30, trusted) * correction) / (f.sqrt(s.exp_avg_sq) + h.eps)
        return p - h.lr / (1 - beta1**s.step) * s.exp_avg * f.where(length > 5, scale, 1.0)
