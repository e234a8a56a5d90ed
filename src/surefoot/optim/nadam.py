"""NAdam: Adam with Nesterov's look ahead, and a momentum that warms up."""

from torch import Tensor

from surefoot import formula as f


class NAdam(
    f.Optimizer,
    arguments="*, foreach, maximize, capturable, differentiable",
    keys="maximize, foreach, capturable, differentiable",
):
    """NAdam: Adam that steps along the next step's momentum instead of this one's.

    Example:
        >>> optimizer = NAdam(model.parameters(), lr=2e-3)
    """

    equation = """
        μ_t ← β₁ (1 − ½ · 0.96^(ψ t)),   Π ← Π · μ_t
        m ← m + (1 − β₁)(g − m)
        v ← β₂ v + (1 − β₂) g²
        p ← p − lr ((1 − μ_t) / (1 − Π) · g + μ_{t+1} / (1 − Π μ_{t+1}) · m) / (√(v / (1 − β₂ᵗ)) + ε)
    """
    paper = "Dozat, Incorporating Nesterov momentum into Adam, ICLR 2016 workshop"
    good_at = "where Adam works and momentum matters: a little faster at the same settings"
    bad_at = "weight decay as an L2 penalty (set decoupled_weight_decay); twice the state of momentum"
    family = f.Family.ADAPTIVE_MOMENTUM

    lr: float | Tensor = f.learning_rate(2e-3, f.LogNormal(1e-3))
    betas: tuple[float, float] = f.decay_pair((0.9, 0.999), f.Choices(((0.9, 0.999), (0.95, 0.99))))
    eps: float = f.epsilon(1e-8)
    weight_decay: float = f.weight_decay(0)
    momentum_decay: float = f.non_negative(
        "momentum_decay", 4e-3, "how fast momentum warms up to β₁ (ψ)", "4e-3"
    )
    decoupled_weight_decay: bool = f.flag(False, "shrink the weights directly, as AdamW does")

    slots = (
        f.STEP,
        f.StateSlot("mu_product", "product of all momenta so far", initial=1.0, scalar=True, limit=0.0),
        f.StateSlot("exp_avg", f.Meaning.MEAN_GRADIENT),
        f.StateSlot("exp_avg_sq", f.Meaning.MEAN_SQUARE),
    )

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        beta1, beta2 = h.betas
        p, g = f.decayed(p, g, h)
        mu = beta1 * (1 - 0.5 * 0.96 ** (s.step * h.momentum_decay))
        next_mu = beta1 * (1 - 0.5 * 0.96 ** ((s.step + 1) * h.momentum_decay))
        s.mu_product = f.state_product(s.mu_product, mu)
        s.exp_avg = f.lerp(s.exp_avg, g, 1 - beta1)
        s.exp_avg_sq = f.addcmul(beta2 * s.exp_avg_sq, g, g, 1 - beta2)
        denominator = f.sqrt(s.exp_avg_sq / (1 - beta2**s.step)) + h.eps
        look_ahead = h.lr * next_mu / (1 - s.mu_product * next_mu) * s.exp_avg
        return p - (h.lr * (1 - mu) / (1 - s.mu_product) * g + look_ahead) / denominator
