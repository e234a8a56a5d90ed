"""Adamax: Adam with the infinity norm in place of the mean square."""

from torch import Tensor

from surefoot import formula as f


class Adamax(f.Optimizer, arguments="foreach, *, maximize, differentiable, capturable"):
    """Adamax: the running mean of the gradient over the decaying maximum of its magnitude.

    Example:
        >>> optimizer = Adamax(model.parameters(), lr=2e-3)
    """

    equation = """
        m ← m + (1 − β₁)(g − m)
        u ← max(β₂ u, |g| + ε)
        p ← p − lr / (1 − β₁ᵗ) · m / u
    """
    paper = "Kingma & Ba, Adam: A method for stochastic optimization, ICLR 2015, section 7.1"
    good_at = (
        "gradients that are mostly small with rare spikes, such as embeddings; no step exceeds lr by much"
    )
    bad_at = "after one huge gradient steps stay small for about 1 / (1 − β₂) steps"
    family = f.Family.ADAPTIVE_MOMENTUM

    lr: float | Tensor = f.learning_rate(2e-3, f.LogNormal(2e-3))
    betas: tuple[float, float] = f.decay_pair((0.9, 0.999), f.Choices(((0.9, 0.999), (0.95, 0.99))))
    eps: float = f.epsilon(1e-8)
    weight_decay: float = f.weight_decay(0)

    slots = (
        f.STEP,
        f.StateSlot("exp_avg", f.Meaning.MEAN_GRADIENT),
        f.StateSlot("exp_inf", "fading largest size of the gradients"),
    )

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        beta1, beta2 = h.betas
        if h.weight_decay:
            g = f.add(g, p, h.weight_decay)
        s.exp_avg = f.lerp(s.exp_avg, g, 1 - beta1)
        s.exp_inf = f.maximum(beta2 * s.exp_inf, abs(g) + h.eps)
        return p - h.lr / (1 - beta1**s.step) * s.exp_avg / s.exp_inf
