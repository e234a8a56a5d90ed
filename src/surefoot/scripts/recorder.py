"""In the process of a user's script: thin snapshots of its model, or its loss wherever a survey asks.

Nothing here may cost a run: what cannot be written is told on the error stream.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import nn

from surefoot.errors import InvalidInputError, InvalidTypeError, NotPossibleError, SurefootError
from surefoot.scripts import survey as script_survey
from surefoot.scripts.protocol import ScriptRun
from surefoot.training import snapshots
from surefoot.training.snapshots import Recorder

CALL = "surefoot.run.record(model, loss)"


class ScriptRecorder:
    """Watches the model of a script, if the script has a line that says so.

    Args:
        run: what the worker said of the run.
        send: to the worker.
        refuse: raises an error of this kind and text, and tells the worker.
    """

    def __init__(
        self,
        run: ScriptRun,
        send: Callable[[Mapping[str, Any]], None],
        refuse: Callable[[type[SurefootError], str], NoReturn],
    ) -> None:
        self._run, self._send, self._refuse = run, send, refuse
        self._steps = 0
        self._model: nn.Module | None = None
        self._recorder: Recorder | None = None

    def watch(self, optimizer: torch.optim.Optimizer) -> None:
        """Count its steps, and see the model before the first of them."""
        if self._run.survey is not None:
            optimizer.register_step_pre_hook(lambda *_: self.must_not_train())
        elif self._run.snapshots is not None:
            optimizer.register_step_pre_hook(self._begin)
            optimizer.register_step_post_hook(self._stepped)

    def record(self, model: nn.Module, loss: Callable[[], float], most: int) -> None:
        """Watch this model; in a survey, measure its loss."""
        if not isinstance(model, nn.Module):
            self._refuse(InvalidTypeError, f"{CALL}: the model must be a module, not {type(model).__name__}")
        if not isinstance(most, int) or most < snapshots.FEWEST:
            self._refuse(
                InvalidInputError, f"{CALL}: at least {snapshots.FEWEST} snapshots make a path, not {most}"
            )
        if self._steps:
            self._refuse(NotPossibleError, f"call {CALL} before the first step, not after {self._steps}")
        if self._run.survey is not None:
            script_survey.measure(Path(self._run.survey), model, loss, self._send)
        elif self._run.snapshots is not None:
            self._model, self._recorder = model, Recorder(most)
            atexit.register(self.close)

    def reported(self) -> None:
        """The script has measured: if it does not go on from here, its path ends here."""
        if self._recorder and self._recorder.begun:
            self._recorder.mark(self._steps)

    def must_not_train(self) -> None:
        """Refuse, where a survey is made: whoever trains or measures has not said what to survey."""
        if self._run.survey is not None:
            self._refuse(NotPossibleError, f"to draw its landscape, call {CALL} before the training begins")

    def _begin(self, *_: object) -> None:
        if self._recorder and self._model is not None and not self._recorder.begun:
            self._recorder.begin(self._model)

    def _stepped(self, *_: object) -> None:
        self._steps += 1
        if self._recorder:
            self._recorder.see(self._steps)

    def close(self) -> None:
        """Write what was recorded; the process ends."""
        atexit.unregister(self.close)
        assert self._run.snapshots is not None
        assert self._recorder is not None
        file, run = self._run.snapshots
        try:
            if taken := self._recorder.taken():
                snapshots.save(Path(file), run, taken)
        except OSError as error:
            print(f"surefoot: the snapshots could not be written: {error}", file=sys.stderr)
        if self._recorder.trouble:
            print(f"surefoot: {self._recorder.trouble}", file=sys.stderr)
