"""AdaBelief: Adam that divides by how far gradients are from what momentum expects."""

from torch import Tensor

from surefoot import formula as f


class AdaBelief(f.Optimizer, arguments="*, foreach, maximize, capturable, differentiable, fused"):
    """AdaBelief: long steps where the gradient is as expected, short ones where it surprises.

    Example:
        >>> optimizer = AdaBelief(model.parameters(), lr=1e-3)
    """

    equation = """
        p ← (1 − lr · weight_decay) p
        m ← m + (1 − β₁)(g − m)
        s ← β₂ s + (1 − β₂)(g − m)² + ε
        p ← p − lr / (1 − β₁ᵗ) · m / (√(s / (1 − β₂ᵗ)) + ε)
    """
    paper = """Zhuang et al., AdaBelief optimizer: Adapting stepsizes by the belief in observed gradients,
        NeurIPS 2020, https://arxiv.org/abs/2010.07468"""
    good_at = "where Adam works but SGD generalises better; training of generative adversarial networks"
    bad_at = "its ε matters: it is added at every step, and large values turn it into momentum"
    family = f.Family.ADAPTIVE_MOMENTUM

    lr: float | Tensor = f.learning_rate(1e-3, f.LogNormal(1e-3))
    betas: tuple[float, float] = f.decay_pair((0.9, 0.999), f.Choices(((0.9, 0.999), (0.95, 0.99))))
    eps: float = f.hyperparameter(
        1e-16,
        "added to the variance at every step, and to its root",
        "1e-16 to 1e-8",
        valid=lambda eps: eps >= 0.0,
        message="Invalid epsilon value: {value}",
    )
    weight_decay: float = f.decoupled_decay(0)

    slots = (
        f.STEP,
        f.StateSlot("exp_avg", f.Meaning.MEAN_GRADIENT),
        f.StateSlot("exp_avg_var", "mean of the squared distances of gradients from their mean"),
    )

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        beta1, beta2 = h.betas
        s.exp_avg = f.lerp(s.exp_avg, g, 1 - beta1)
        surprise = g - s.exp_avg
        s.exp_avg_var = f.addcmul(beta2 * s.exp_avg_var, surprise, surprise, 1 - beta2) + h.eps
        denominator = f.sqrt(s.exp_avg_var / (1 - beta2**s.step)) + h.eps
        return (1 - h.lr * h.weight_decay) * p - h.lr / (1 - beta1**s.step) * s.exp_avg / denominator
