"""Lion: every element moves by the same amount, in the direction of a blend of momentum and gradient."""

from torch import Tensor

from surefoot import formula as f


class Lion(f.Optimizer, arguments="*, foreach, maximize, capturable, differentiable, fused"):
    """Lion: the sign of momentum, found by a search over programs.

    Its steps are larger than Adam's at the same lr: start at a third to a tenth of Adam's lr, with a
    weight decay three to ten times as large.

    Example:
        >>> optimizer = Lion(model.parameters(), lr=1e-4, weight_decay=0.1)
    """

    equation = """
        p ← (1 − lr · weight_decay) p − lr · sign(β₁ m + (1 − β₁) g)
        m ← β₂ m + (1 − β₂) g
    """
    paper = """Chen et al., Symbolic discovery of optimization algorithms, NeurIPS 2023,
        https://arxiv.org/abs/2302.06675"""
    good_at = "large batches, transformers and diffusion models; half of Adam's state and a cheaper step"
    bad_at = (
        "small batches, whose noise it cannot tell from signal; sensitive to lr and weight decay together"
    )
    family = f.Family.SIGN
    represents_family = True

    lr: float | Tensor = f.learning_rate(1e-4, f.LogNormal(2e-4))
    betas: tuple[float, float] = f.decay_pair((0.9, 0.99), f.Choices(((0.9, 0.99), (0.95, 0.98))))
    # Ten times AdamW's for a tenth of its lr, as in the paper, so that lr · weight_decay is the same.
    weight_decay: float = f.decoupled_decay(0, f.Choices((1e-1, 0.0, 1.0)))

    slots = (f.StateSlot("exp_avg", f.Meaning.MEAN_GRADIENT),)

    @staticmethod
    def update(p: f.Value, g: f.Value, s: f.State, h: f.Settings) -> f.Value:
        beta1, beta2 = h.betas
        direction = f.sign(beta1 * s.exp_avg + (1 - beta1) * g)
        s.exp_avg = beta2 * s.exp_avg + (1 - beta2) * g
        return (1 - h.lr * h.weight_decay) * p - h.lr * direction
