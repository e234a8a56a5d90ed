"""Muon: momentum whose every direction is given the same length."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from surefoot import formula as f

# Whether the processor multiplies in bfloat16; known from the start, as torch.compile cannot ask.
HAS_BFLOAT16 = any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


class Muon(f.MatrixOptimizer, arguments="ns_coefficients, eps, ns_steps, adjust_lr_fn"):
    """Muon: momentum, orthogonalised, for the weight matrices of hidden layers.

    Biases, embeddings and other parameters that are not matrices need another optimizer, such as AdamW.

    Example:
        >>> optimizer = Muon([p for p in model.hidden.parameters() if p.ndim == 2], lr=0.02)
    """

    equation = """
        b ← b + (1 − μ)(g − b)
        u = g + μ (b − g)                       (without nesterov: u = b)
        o = U Vᵀ of u = U S Vᵀ, nearly: X ← X / ‖X‖, then ns_steps times X ← a X + (b A + c A²) X, A = X Xᵀ
        p ← (1 − lr · weight_decay) p − lr · √max(1, rows / columns) · o
    """
    paper = """Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024,
        https://kellerjordan.github.io/posts/muon/"""
    good_at = (
        "hidden layers of transformers and multilayer perceptrons: fewer steps, and less state than Adam"
    )
    bad_at = "everything that is not a matrix; matrix products in every step, dear for large layers on CPU"
    family = f.Family.ORTHOGONAL
    represents_family = True

    lr: float | Tensor = f.at_least(
        0, "Learning rate", 1e-3, "learning rate: the size of a step", "1e-3 to 1e-1", f.LogNormal(1e-2)
    )
    weight_decay: float = f.at_least(
        0, "weight decay", 0.1, f.SHRINKS, "0 to 0.1", f.Choices((1e-1, 0.0, 1e-2))
    )
    momentum: float = f.at_least(
        0,
        "momentum",
        0.95,
        "share of the average that is kept (μ)",
        "0.9 to 0.98",
        f.Choices((0.95, 0.9)),
        f.Kind.MOMENTUM,
    )
    nesterov: bool = f.flag(True, "look ahead along the momentum")
    ns_coefficients: tuple[float, float, float] = f.hyperparameter(
        (3.4445, -4.7750, 2.0315),
        "a, b and c of the Newton–Schulz iteration",
        valid=lambda coefficients: len(coefficients) == 3,
        message="Coefficients must be a tuple of exactly 3 values",
    )
    eps: float = f.hyperparameter(1e-7, "least norm that a matrix is divided by", "1e-7")
    ns_steps: int = f.hyperparameter(
        5,
        "Newton–Schulz iterations",
        "5",
        valid=lambda steps: steps < 100,
        message="Number of steps must be less than 100 for computational efficiency",
        limits=(1, 99),
    )
    adjust_lr_fn: str | None = f.choice(
        None,
        "how lr depends on the shape: original (None), or match_rms_adamw, so that AdamW's lr fits",
        (None, "original", "match_rms_adamw"),
        message="Adjust learning rate function {value} is not supported",
    )

    slots = (f.StateSlot("momentum_buffer", f.Meaning.MEAN_GRADIENT),)

    @staticmethod
    def update(p: Tensor, g: Any, s: Any, h: Any) -> Tensor:
        average: Any = f.lerp_(s.momentum_buffer, g, 1 - h.momentum)
        s.momentum_buffer = average
        direction: Any = f.lerp(g, average, h.momentum) if h.nesterov else average
        direction = orthogonalized(direction, h.ns_coefficients, h.ns_steps, h.eps)
        rows, columns = p.shape[-2:]
        scale = math.sqrt(max(1, rows / columns))
        if h.adjust_lr_fn == "match_rms_adamw":
            scale = 0.2 * math.sqrt(max(rows, columns))
        return f.add_(p.mul_(1 - h.lr * h.weight_decay), direction, -h.lr * scale)

    @staticmethod
    def _largest_stack(p: Tensor) -> int:
        """A stack whose matrices are multiplied one by one only costs copies."""
        return 1 if _one_by_one(p) else f.MatrixOptimizer._largest_stack(p)


def orthogonalized(x: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """Matrices with the singular vectors of `x` and singular values near 1, by Newton–Schulz iteration.

    Every product is rounded to bfloat16, as in torch.  A sum in another order may round to the neighbour, so
    a processor takes the products that torch takes, matrix by matrix.  One without instructions for bfloat16
    multiplies the same numbers many times faster in float32, and does, except in float64, whose result shall
    be torch's.

    Args:
        x: (matrices, rows, columns).
        coefficients: a, b and c of X ← a X + (b A + c A²) X, A = X Xᵀ.
        steps: iterations.
        eps: least norm that a matrix is divided by.
    """
    if _one_by_one(x):
        matrices = x.bfloat16().unbind()
        arguments = coefficients, steps, eps, torch.mm, torch.addmm
        products = [_newton_schulz(matrix, *arguments) for matrix in matrices]
        return (torch.stack(products) if len(products) > 1 else products[0].unsqueeze(0)).to(x.dtype)
    if x.is_cpu:
        return _newton_schulz(_in_float32(x), coefficients, steps, eps, torch.bmm, torch.baddbmm, _in_float32)
    return _newton_schulz(x.bfloat16(), coefficients, steps, eps, torch.bmm, torch.baddbmm)


def _newton_schulz(
    x: Tensor,
    coefficients: tuple[float, float, float],
    steps: int,
    eps: float,
    multiply: Callable[..., Tensor],
    multiply_add: Callable[..., Tensor],
    rounded: Callable[[Tensor], Tensor] = lambda product: product,
) -> Tensor:
    a, b, c = coefficients
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = rounded(x / rounded(torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True)).clamp(min=eps))
    for _ in range(steps):
        gram = rounded(multiply(x, x.mT))
        x = rounded(multiply_add(x, rounded(multiply_add(gram, gram, gram, beta=b, alpha=c)), x, beta=a))
    return x.mT if tall else x


def _one_by_one(x: Tensor) -> bool:
    """Whether the products are those that torch takes."""
    return x.dtype == torch.float64 or (HAS_BFLOAT16 and x.is_cpu)


def _in_float32(x: Tensor) -> Tensor:
    return x.bfloat16().float()
