"""Faults planted into torch's own optimizers, to see that the machine finds them.

They stand on torch's classes and not on ours, so that nothing but the planted fault can be found.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Any

import torch

Step = Callable[..., Any]


def _counted(self: Any) -> int:
    self.__dict__["_planted"] = self.__dict__.get("_planted", 0) + 1
    return self.__dict__["_planted"]


def _decay_skipped(step: Step) -> Step:
    """The third step has no weight decay."""

    def faulty(self: Any, closure: Any = None) -> Any:
        kept = [(g, g["weight_decay"]) for g in self.param_groups if "weight_decay" in g]
        if _counted(self) == 3:
            for group, _ in kept:
                group["weight_decay"] = 0
        try:
            return step(self, closure)
        finally:
            for group, value in kept:
                group["weight_decay"] = value

    return faulty


def _stale_rate(step: Step) -> Step:
    """Each step takes the rate of the one before."""

    def faulty(self: Any, closure: Any = None) -> Any:
        now = [g["lr"] for g in self.param_groups]
        before = self.__dict__.setdefault("_rates", now)
        for group, lr in zip(self.param_groups, before, strict=False):
            group["lr"] = lr
        try:
            return step(self, closure)
        finally:
            self.__dict__["_rates"] = now
            for group, lr in zip(self.param_groups, now, strict=True):
                group["lr"] = lr

    return faulty


def _twice_in_list(self: Any) -> bool:
    return any(len(set(map(id, g["params"]))) < len(g["params"]) for g in self.param_groups)


def _crash(step: Step) -> Step:
    """A parameter that is listed twice reads address 0."""

    def faulty(self: Any, closure: Any = None) -> Any:
        if _twice_in_list(self):
            ctypes.string_at(0)
        return step(self, closure)

    return faulty


def _hang(step: Step) -> Step:
    """A third step never ends."""

    def faulty(self: Any, closure: Any = None) -> Any:
        if _counted(self) == 3:
            time.sleep(3600)
        return step(self, closure)

    return faulty


def _other_error(step: Step) -> Step:
    """TypeError instead of RuntimeError."""

    def faulty(self: Any, closure: Any = None) -> Any:
        try:
            return step(self, closure)
        except RuntimeError as error:
            raise TypeError(str(error)) from None

    return faulty


def _half_done(step: Step) -> Step:
    """A step that is refused has changed the parameters."""

    def faulty(self: Any, closure: Any = None) -> Any:
        try:
            return step(self, closure)
        except Exception:
            with torch.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        p.add_(1)
            raise

    return faulty


def _gradient_touched(step: Step) -> Step:
    """The gradient is used as scratch."""

    def faulty(self: Any, closure: Any = None) -> Any:
        result = step(self, closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and p.grad.layout is torch.strided and group.get("maximize"):
                    p.grad = -p.grad
        return result

    return faulty


def _outside(step: Step) -> Step:
    """One number after the end of a parameter is written."""

    def faulty(self: Any, closure: Any = None) -> Any:
        result = step(self, closure)
        for group in self.param_groups:
            for p in group["params"]:
                held, end = p.untyped_storage().nbytes() // p.element_size(), p.storage_offset() + p.numel()
                if p.is_contiguous() and held > end:
                    p.detach().as_strided((1,), (1,), end).fill_(9)
        return result

    return faulty


FAULTS: dict[str, Callable[[Step], Step]] = {
    "decay_skipped": _decay_skipped,
    "stale_rate": _stale_rate,
    "crash": _crash,
    "hang": _hang,
    "other_error": _other_error,
    "half_done": _half_done,
    "gradient_touched": _gradient_touched,
    "outside": _outside,
}


def reference(against: str, name: str) -> type[torch.optim.Optimizer]:
    """torch's class; one that crashes for "torch_crashes"."""
    return _faulty("crash", name) if against == "torch_crashes" else getattr(torch.optim, name)


def find(against: str, name: str) -> type[torch.optim.Optimizer]:
    """The class that is compared with torch's: ours, torch's own ("torch"), or that with a fault."""
    if against == "surefoot":
        from surefoot import optim

        return getattr(optim, name)
    return getattr(torch.optim, name) if against.startswith("torch") else _faulty(against, name)


def _faulty(fault: str, name: str) -> type[torch.optim.Optimizer]:
    theirs = getattr(torch.optim, name)

    def step(self: Any, closure: Any = None) -> Any:
        return theirs.step(self, closure)

    faulty = FAULTS[fault](step)
    faulty.hooked = True  # torch's step runs the hooks
    made = type(name, (theirs,), {"step": faulty, "__module__": __name__})
    globals()[name] = made  # where pickle looks
    return made
