"""Two lines in a training script of your own, for `surefoot choose -- python train.py`.

    import surefoot.run

    optimizer = surefoot.run.optimizer(model)  # in place of torch.optim.AdamW(model.parameters(), lr=1e-3)
    for epoch in range(10):
        ...
        surefoot.run.report(epoch + 1, validation_loss)  # as often as you measure; lower is better

A study starts the script once for each run: `optimizer` then makes what the run is to try, and `report` says
how it does, and ends the script when enough is known.  Without a study the script trains as ever, with the
default named here.  A third line, `surefoot.run.record(model, loss)`, is for `surefoot landscape`.  See
docs/scripts.md.  Every error of its own is a `surefoot.SurefootError` (`surefoot.errors`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from surefoot.scripts.protocol import VARIABLE, ScriptRun
from surefoot.scripts.session import Session, Stopped, listed
from surefoot.study.build import Parameters, build_optimizer
from surefoot.study.run import Candidate
from surefoot.training.snapshots import MOST

__all__ = ["Stopped", "checkpoint_dir", "optimizer", "record", "report", "seed"]

_session = Session(ScriptRun.of_text(os.environ[VARIABLE])) if os.environ.get(VARIABLE) else None

checkpoint_dir: Path | None = Path(_session.run.checkpoints) if _session else None
"""An existing folder of this run's own, kept until the study has its answer; None without a study.

What the script saves there it finds again when the study takes the run further: a script that loads it goes
on, and reports later steps only; any other starts again.
"""


def optimizer(model: Parameters, default: str = "AdamW", **hyperparameters: Any) -> torch.optim.Optimizer:
    """The optimizer to train with: under a study the candidate of this run, else the default.

    Args:
        model: a module, its `parameters()`, or its `named_parameters()`.
        default: what to use without a study: a name in `surefoot.optim`, in any case, or
            "package.module:Class" or "file.py:Class".
        hyperparameters: of the default, as its constructor takes them; besides, `weight_decay_on="matrices"`
            leaves biases and norms undecayed.

    Raises:
        InvalidTypeError: `model` is none of these.
        InvalidInputError: there is no such optimizer.
        TypeError, ValueError: the optimizer does not know a hyperparameter, or refuses it.
    """
    if _session:
        return _session.optimizer(model)
    return build_optimizer(Candidate(default, hyperparameters), listed(model))


def report(step: float, value: float, *, maximize: bool | None = None) -> None:
    """Say how far the training is, and how good; without a study nothing happens.

    Args:
        step: since the training began, in any unit (epochs, optimizer steps), as long as every run of the
            script uses the same; it must increase. Of several reports of one step the first counts.
        value: what is to be as low as possible, such as the validation loss, or with `maximize=True` as high
            as possible, such as an accuracy: a number, or a tensor of one element. Infinity or nan means that
            the training has diverged.
        maximize: True where higher values are better, False where lower ones are; None leaves it to the
            command line (`surefoot choose --maximize`), and without that lower is better. All calls of a
            script say the same.

    Raises:
        Stopped: enough is known of this run. Unhandled it ends the script with exit status 0.
        InvalidTypeError, InvalidInputError: the step or the value makes no sense, or `maximize` contradicts
            an earlier call.
        NotPossibleError: no optimizer was made before.
    """
    if _session:
        _session.report(step, value, maximize)


def record(model: nn.Module, loss: Callable[[], Any], snapshots: int = MOST) -> None:
    """Let a study draw the landscape of this model; without a study nothing happens.

    Write it before the training begins.  Of each finalist's first run a few snapshots of the weights are then
    kept.  `surefoot landscape` starts the script once more and calls `loss` with the model at many places;
    the script then ends in this line.

    Args:
        model: what is trained.
        loss: returns the model's loss on data that are always the same, such as the validation set: a number,
            or a tensor of one element. Called for drawing alone, in evaluation mode and without gradients.
        snapshots: how many are kept of a run, at most.

    Raises:
        Stopped: a landscape was drawn, and there is nothing to train.
        InvalidTypeError: `model` is not a module, or `loss` returns something else than a number.
        InvalidInputError: fewer than three snapshots are asked for.
        NotPossibleError: the training has begun.
    """
    if _session:
        _session.record(model, loss, snapshots)


def seed(default: int = 0) -> int:
    """The seed of this run, for everything that the script draws; `default` without a study.

    Under a study torch, numpy and random are seeded with it when this module is imported, so that a script
    which does not seed anything itself is repeatable too.
    """
    return _session.run.seed if _session else default
