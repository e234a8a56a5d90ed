"""Whether two runs of a program agree, and the differences that are meant.

Numbers are compared relative to the largest that the tensor has held so far: what cancels to nearly zero
is no closer in one rounding than in the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tests.optim.programs.language import Cast, Program, Share, SwapParam, SwapState
from tests.optim.programs.running import Outcome, Record

TOLERANCE = {
    torch.float64: 1e-9, torch.complex128: 1e-9, torch.float32: 2e-4, torch.complex64: 2e-4,
    torch.bfloat16: 0.1, torch.float16: 0.05,
}  # fmt: skip
LOW_PRECISION = (torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Symptom:
    """How two runs differ after an operation.

    Attributes:
        kind: what is counted together.
        detail: what was found and what was expected.
    """

    kind: str
    detail: str = ""


@dataclass
class Comparison:
    """The two runs of one program, operation by operation."""

    program: Program
    largest: dict[str, float] = field(default_factory=dict)
    loosest: dict[str, float] = field(default_factory=dict)

    def symptom(self, theirs: Outcome, ours: Outcome) -> Symptom | None:
        """How the outcomes of one operation differ, if they do."""
        if theirs.error or ours.error:
            return self._of_errors(theirs, ours)
        return self._of_records(theirs.record, ours.record)

    def _of_errors(self, theirs: Outcome, ours: Outcome) -> Symptom | None:
        names = [outcome.error.__name__ if outcome.error else "no error" for outcome in (theirs, ours)]
        detail = f"torch: {names[0]} {theirs.message[:200]}; ours: {names[1]} {ours.message[:200]}"
        if theirs.error is None or ours.error is None or not issubclass(ours.error, theirs.error):
            return Symptom(f"torch {names[0]}, ours {names[1]}", detail)
        if ours.touched and not theirs.touched:
            return Symptom(f"{names[0]} in both, but ours has changed something", detail)
        return None

    def _of_records(self, theirs: Record, ours: Record) -> Symptom | None:
        for key, value in theirs.items():
            self._remember(key, value)
        if theirs.keys() != ours.keys():
            missing, extra = sorted(theirs.keys() - ours.keys()), sorted(ours.keys() - theirs.keys())
            kinds = sorted({_kind(key) for key in missing + extra})
            return Symptom(f"other keys: {', '.join(kinds)}", f"missing {missing}, extra {extra}")
        for key, value in theirs.items():
            if self._varies(key) or key.endswith((" foreach", " fused")):
                continue
            if difference := self._of_values(key, value, ours[key]):
                return Symptom(f"{difference} of {_kind(key)}", f"{key}: torch {value}, ours {ours[key]}")
        return None

    def _varies(self, key: str) -> bool:
        """Whether a number is not expected to be equal: LBFGS's path depends on rounding errors.

        Those of float64 do not change its counts; with a tensor as rate torch searches in float32.
        """
        if self.program.optimizer != "LBFGS":
            return False
        if self._has_tensors and key.endswith((" func_evals", " n_iter")):
            return True
        exact = {p.dtype for p in self.program.params} == {"float64"} and not any(
            isinstance(op, Cast | Share | SwapParam | SwapState) for op in self.program.operations
        )
        return key.startswith("grad") or (not exact and not key.startswith("group"))

    def _remember(self, key: str, value: Any) -> None:
        """The largest finite number, and the coarsest type that touched this parameter."""
        owner = _owner(key)
        if isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex()):
            size = value.abs()[value.isfinite()]
            if size.numel():
                self.largest[key] = max(self.largest.get(key, 0.0), float(size.max()))
            self.loosest[owner] = max(self.loosest.get(owner, 0.0), TOLERANCE.get(value.dtype, 0.0))

    def _of_values(self, key: str, theirs: Any, ours: Any) -> str | None:
        if isinstance(theirs, Tensor) != isinstance(ours, Tensor):
            return "type"
        if isinstance(theirs, Tensor):
            return self._of_tensors(key, theirs, ours)
        if isinstance(theirs, tuple) and isinstance(ours, tuple) and len(theirs) == len(ours):
            pairs = zip(theirs, ours, strict=True)
            return next((d for a, b in pairs if (d := self._of_values(key, a, b))), None)
        if isinstance(theirs, float | int) and isinstance(ours, float | int):
            limit = max(1e-6, self.loosest.get(_owner(key), 0.0)) * abs(theirs)
            return None if theirs == ours or abs(theirs - ours) <= limit else "number"
        return None if theirs == ours else "value"

    def _of_tensors(self, key: str, theirs: Tensor, ours: Tensor) -> str | None:
        if theirs.dtype != ours.dtype:
            return "dtype"
        if theirs.shape != ours.shape:
            return "shape"
        if not theirs.numel():
            return None
        if not theirs.is_floating_point() and not theirs.is_complex():
            return None if torch.equal(theirs, ours) else "values"
        low = theirs.dtype in LOW_PRECISION or self.loosest.get(_owner(key), 0.0) > 1e-3
        same = (theirs == ours) | (theirs.isnan() & ours.isnan()) | (low & ~theirs.isfinite())
        if same.all():
            return None
        wide = torch.complex128 if theirs.is_complex() else torch.float64
        off = (theirs.to(wide) - ours.to(wide)).abs()[~same]
        least = 1.0 if self.program.optimizer == "LBFGS" else 0.0
        limit = self._tolerance(key) * max(self.largest.get(key, 0.0), least)
        limit += torch.finfo(theirs.dtype).tiny if low else 0.0  # below that low precision has no digits
        if bool((off <= limit).all()):
            return None
        spoilt = bool((~ours.isfinite() != ~theirs.isfinite()).any())
        return "nan or inf" if spoilt else "numbers"

    @property
    def _has_tensors(self) -> bool:
        """Whether settings are tensors."""
        return "'tensor'" in repr(self.program)

    def _tolerance(self, key: str) -> float:
        tolerance = self.loosest.get(_owner(key), 0.0)
        shared = any(isinstance(op, Share) for op in self.program.operations)
        if _owner(key) == "base" or shared:  # memory that another parameter's steps change as well
            tolerance = max(self.loosest.values())
        if self._has_tensors:  # settings in float32, with which torch computes
            tolerance = max(tolerance, 1e-6)
        if self.program.optimizer == "LBFGS":  # its trajectory amplifies rounding errors
            return max(100 * tolerance, 1e-5)
        if self.program.optimizer == "Muon":  # multiplies in bfloat16
            return max(tolerance, 1e-2)
        return tolerance


def _owner(key: str) -> str:
    """The number of the parameter that a record's key belongs to."""
    words = key.split()
    return words[1] if words[0] in ("param", "grad", "state") else words[0]


def _kind(key: str) -> str:
    """A record's key without the numbers of parameters and groups."""
    return " ".join(word for word in key.split() if not word.isdigit() and word != "None")
