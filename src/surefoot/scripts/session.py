"""The script's side of a run under a study: builds its optimizer, relays its reports, ends it when told.

Each process of the script has one session, made when `surefoot.run` is imported.  Of a distributed script
only rank 0 is heard; the others build the same optimizer and stop at the same step.
"""

from __future__ import annotations

import json
import math
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from surefoot.errors import InvalidInputError, InvalidTypeError, NotPossibleError, SurefootError
from surefoot.scripts import protocol
from surefoot.scripts.protocol import ScriptRun
from surefoot.scripts.recorder import ScriptRecorder
from surefoot.study.build import Parameters, build_optimizer
from surefoot.study.codec import encode
from surefoot.training.meters import median_seconds, state_bytes
from surefoot.training.profile import describe
from surefoot.training.random_state import seed_everything

TIMED_STEPS = 256
"""The first steps of a run are timed; a longer watch would cost each step a little and tell nothing new."""

CALL = "surefoot.run.report(step, value)"


class Stopped(SystemExit):
    """This run need not go on; raised by `report`.

    Unhandled it ends the process with exit status 0 and without a traceback.  Whoever has something to save
    may catch it; the process is ended by force some seconds later.
    """

    def __init__(self) -> None:
        super().__init__(0)


class Session:
    """The connection of one process to the worker that started its script.

    Args:
        run: what the worker said of the run.

    Raises:
        NotPossibleError: there is no such worker any more.
    """

    def __init__(self, run: ScriptRun) -> None:
        self.run = run
        self._socket = _connected(run.socket)
        self._answers: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self._optimizers: list[torch.optim.Optimizer] = []
        self._gaps: list[float] = []
        self._step = -math.inf
        self._maximize: bool | None = None  # until a report says it
        self._recorder = ScriptRecorder(run, self._send, self._refuse)
        threading.Thread(target=self._listen, daemon=True, name="surefoot").start()
        seed_everything(run.seed)

    def optimizer(self, model: Parameters) -> torch.optim.Optimizer:
        """The candidate's optimizer, watched at its first steps."""
        parameters = listed(model)
        built = build_optimizer(self.run.candidate, parameters)
        for group in built.param_groups:
            group.setdefault("lr", 1.0)  # the script's scheduler moves it, though random search has none
        self._optimizers.append(built)
        if _rank() == 0 and len(self._optimizers) == 1:
            self._send({"kind": "built"})
            self._recorder.watch(built)
            self._time_steps(built)
            if self.run.last_step is None:
                self._describe_at_first_step(built, model, parameters)
        return built

    def record(self, model: nn.Module, loss: Callable[[], Any], most: int) -> None:
        """Take snapshots of the model; or, where a landscape is drawn, tell its loss and raise `Stopped`."""
        if _rank() == 0:
            self._recorder.record(model, lambda: _checked_loss(loss()), most)
        if self.run.survey is not None:
            raise Stopped

    def report(self, step: float, value: float, maximize: bool | None = None) -> None:
        """Relay a point of the run's curve; raises `Stopped` where it is the last."""
        self._recorder.must_not_train()
        self._hear_direction(maximize)
        step, value = self._checked(step, value)
        if step <= self._step:  # the end of an epoch and the end of the training may report the same step
            return
        self._step = step
        if _rank() == 0:
            point = {"kind": "report", "step": step, "value": value, "maximize": self._maximize}
            self._send(point | {"seconds_per_step": median_seconds(self._gaps), "state_bytes": self._bytes()})
            self._recorder.reported()
            stop = bool(self._answers.get()["stop"])
        else:
            stop = self.run.last_step is not None and step >= self.run.last_step
        if stop:
            raise Stopped

    def _hear_direction(self, maximize: Any) -> None:
        if maximize is None:
            return
        if not isinstance(maximize, bool):
            self._refuse(
                InvalidTypeError, f"{CALL}: maximize must be True, False or None, not {_kind(maximize)}"
            )
        if self._maximize is not None and maximize != self._maximize:
            self._refuse(
                InvalidInputError,
                f"{CALL}: maximize={maximize}, and a call before said maximize={not maximize}",
            )
        self._maximize = maximize

    def _checked(self, step: Any, value: Any) -> tuple[float, float]:
        if not self._optimizers:
            self._refuse(NotPossibleError, "call surefoot.run.optimizer(model) before surefoot.run.report")
        if (number := _number(step)) is None:
            self._refuse(InvalidTypeError, f"{CALL}: the step must be a number, not {_kind(step)}")
        if (told := _number(value)) is None:
            self._refuse(
                InvalidTypeError,
                f"{CALL}: the value must be a number or a tensor of one element, not {_kind(value)}",
            )
        return self._checked_step(number), told

    def _checked_step(self, step: float) -> float:
        if not (math.isfinite(step) and step >= 0):
            self._refuse(InvalidInputError, f"{CALL}: the step must be 0 or more, not {step:g}")
        if step < self._step:
            self._refuse(
                InvalidInputError, f"{CALL}: steps must increase, and {step:g} came after {self._step:g}"
            )
        return step

    def _refuse(self, kind: type[SurefootError], message: str) -> NoReturn:
        if _rank() == 0:
            self._send({"kind": "refused", "message": message})
        raise kind(message)

    def _time_steps(self, optimizer: torch.optim.Optimizer) -> None:
        """Seconds from the end of one step to the end of the next, for a while."""
        ends: list[float] = []

        def stepped(*_: object) -> None:
            ends.append(time.perf_counter())
            if len(ends) > 1:
                self._gaps.append(ends[-1] - ends[-2])
            if len(ends) > TIMED_STEPS:
                hook.remove()

        hook = optimizer.register_step_post_hook(stepped)

    def _describe_at_first_step(
        self, optimizer: torch.optim.Optimizer, model: Parameters, parameters: Parameters
    ) -> None:
        """Not before: whether gradients are sparse is seen once there are some."""
        named = _named(model if isinstance(model, nn.Module) else parameters)

        def stepping(*_: object) -> None:
            hook.remove()
            sparse = [name for name, p in named if p.grad is not None and p.grad.layout != torch.strided]
            found = describe(model if isinstance(model, nn.Module) else _as_module(named))
            self._send({"kind": "model", "model": encode(found), "sparse": sparse})

        hook = optimizer.register_step_pre_hook(stepping)

    def _bytes(self) -> int:
        return sum(map(state_bytes, self._optimizers))

    def _send(self, message: Mapping[str, Any]) -> None:
        self._socket.sendall(protocol.line(message))

    def _listen(self) -> None:
        """Hand on the worker's answers; when it is gone, end this process as the worker has ended."""
        try:
            for line in self._socket.makefile("rb"):
                self._answers.put(json.loads(line))
        finally:
            os._exit(1)


def _connected(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        raise NotPossibleError(
            "the study that started this script is gone; to run the script without one, unset "
            f"{protocol.VARIABLE}"
        ) from None
    return connection


def _rank() -> int:
    """This process's number among those of one distributed training; 0 for one alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank()
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")))


def listed(model: Parameters) -> Parameters:
    """A module as it is, and parameters as a list, since they may come from a generator.

    Raises:
        InvalidTypeError: it is neither; groups of parameters are refused too, as their own settings would
            hide the candidate's.
    """
    if isinstance(model, nn.Module):
        return model
    parameters: list[Any] = [] if isinstance(model, Tensor | str) else list(model)
    tensors = [entry[1] if isinstance(entry, tuple) and len(entry) == 2 else entry for entry in parameters]
    if not tensors or not all(isinstance(tensor, Tensor) for tensor in tensors):
        found = next(
            (type(tensor).__name__ for tensor in tensors if not isinstance(tensor, Tensor)), "nothing"
        )
        raise InvalidTypeError(
            "surefoot.run.optimizer takes a module, its parameters(), or its named_parameters(); "
            f"not {type(model).__name__ if isinstance(model, Tensor | str) else f'{found} among them'}"
        )
    return parameters


def _named(model: Parameters) -> list[tuple[str, Tensor]]:
    if isinstance(model, nn.Module):
        return list(model.named_parameters())
    return [
        entry if isinstance(entry, tuple) else (f"parameter {place}", entry)
        for place, entry in enumerate(model)
    ]


def _as_module(named: list[tuple[str, Tensor]]) -> nn.Module:
    """Loose parameters as one module, to be described as others are."""
    module = nn.Module()
    for name, p in named:
        whole = p if isinstance(p, nn.Parameter) else nn.Parameter(p.detach(), p.requires_grad)
        module.register_parameter(name.replace(".", "_"), whole)
    return module


def _checked_loss(given: Any) -> float:
    if (number := _number(given)) is None:
        raise InvalidTypeError(
            f"surefoot.run.record(model, loss): loss() must return a number, not {_kind(given)}"
        )
    return number


def _kind(given: Any) -> str:
    shape = getattr(given, "shape", None)
    return type(given).__name__ + (f" of shape {tuple(shape)}" if shape is not None else "")


def _number(given: Any) -> float | None:
    """As a float; None of text, of truth values, and of arrays of several numbers."""
    if (
        hasattr(given, "item") and getattr(given, "size", None) is not None
    ):  # a tensor, or an array of numpy's
        try:
            given = given.item()
        except (ValueError, RuntimeError):
            return None
    if isinstance(given, bool) or not isinstance(given, Real):
        return None
    return float(given)
