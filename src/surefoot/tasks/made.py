"""`surefoot.Task`: a task made of a model, a loss and data that are there already.

    task = surefoot.Task(
        model=lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)),
        loss=nn.CrossEntropyLoss(),
        train=DataLoader(training, batch_size=64, shuffle=True),
        validation=DataLoader(held_out, batch_size=500),
    )

It has all members of the interface in `surefoot.tasks.task`; whoever wants more say writes a class.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from surefoot.study.user_code import TaskError, calling, source_file
from surefoot.tasks.feeding import held_out_feed, rows_in, training_feed
from surefoot.tasks.keras_module import KerasModule, is_keras

EPOCHS = 10
"""Times through the training data, unless `steps` or `epochs` says otherwise."""


class Task:
    """What `surefoot choose` and the other commands train.

    Args:
        model: a function or class that makes a fresh `torch.nn.Module`, with weights drawn from torch's
            global generator; or a fresh Keras 3 model on the torch backend.
        loss: `loss(model, batch)`, a scalar tensor; or a loss of torch's (or Keras's), which then compares
            `model(x)` with `y` for batches `(x, y)`.
        train: training batches: a DataLoader, shuffled by the seed of the run; a Dataset, or a tuple of
            tensors of equal length, with `batch_size`; a list of batches or whatever else can be gone through
            again; or a function from a seed to an iterator without end.
        validation: held-out data in any of these ways, of which the mean loss is the measure; or a function
            from a model, in evaluation mode and without gradients, to a number.
        maximize: whether higher numbers of that function are better, as of an accuracy: True or False; None:
            lower is better, and one named like a score is asked about.
        name: in file names and on the command line; default: that of the file in which `model` is written.
        steps: batches of one full training; default: `epochs` times through `train`.
        epochs: 10 by default; only without `steps`.
        batch_size: where data is a Dataset or a tuple of tensors.
        measure: what validation returns, in words; default "validation loss", or the function's name.
        metrics: from a model to further measures, e.g. `{"accuracy": 0.97}`.
        predict: for `surefoot predict`: from a model, the path of an input and of the output to the lines
            that it prints.
        labels: names of the classes.
        snapshots: so many snapshots of a run's weights are kept for `surefoot landscape`.

    Raises:
        TaskError: an argument cannot be used; one line says what to give instead.
    """

    def __init__(
        self,
        *,
        model: Callable[[], Any],
        loss: Callable[..., Any],
        train: Any,
        validation: Any,
        name: str | None = None,
        steps: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        measure: str | None = None,
        metrics: Callable[[nn.Module], Mapping[str, float]] | None = None,
        predict: Callable[[nn.Module, Path, Path], list[str]] | None = None,
        labels: Sequence[str] | None = None,
        snapshots: int = 0,
        maximize: bool | None = None,
    ) -> None:
        self._file = sys._getframe(1).f_code.co_filename
        self._make = _maker(model)
        self._loss = _loss_function(loss)
        self._source = loss
        self._training = training_feed(train, batch_size)
        function = callable(validation) and not hasattr(validation, "__iter__")
        self._measured = validation if function else None
        self._held_out = None if function else held_out_feed(validation, batch_size)
        self.name: str = name if name is not None else _name(model)
        self.steps: int = _steps(steps, epochs, self._training.length)
        self.measure: str = measure if measure is not None else _measure(validation if function else None)
        self.snapshots: int = snapshots
        self.maximize: bool | None = _direction(maximize, function)
        # Only where there is one: whoever looks for these members takes what is there for usable.
        if metrics is not None:
            self.metrics = metrics
        if predict is not None:
            self.predict = predict
        if labels is not None:
            self.labels = tuple(labels)

    def __repr__(self) -> str:
        return f"surefoot.Task({self.name!r}, steps={self.steps})"

    def model(self) -> nn.Module:
        """A fresh model; a Keras model inside a `KerasModule`."""
        with self._calling("model", self._make):
            made = self._make()
            if (is_keras(made) and not made.built) or _is_lazy(made):
                self._build(made)
            return KerasModule(made) if is_keras(made) else made

    def batches(self, seed: int) -> Iterator[Any]:
        """Training batches without end; equal seeds give equal ones."""
        with self._calling("batches", None):
            yield from self._training.batches(seed)

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        """The training loss of one batch."""
        with self._calling("loss", self._source):
            return self._loss(model, batch)  # type: ignore[no-any-return]

    def validate(self, model: nn.Module) -> float:
        """The mean loss over all held-out examples, or what the function measures."""
        with self._calling("validate", self._measured or self._source):
            if self._held_out is None:
                return self._measured(model)  # type: ignore[no-any-return, misc]
            total, rows = 0.0, 0
            with torch.no_grad():
                for batch in self._held_out.held_out():
                    count = rows_in(batch)
                    total += float(self._loss(model, batch)) * count
                    rows += count
            if not rows:
                raise TaskError(f"{self.name}: there is no batch in the validation data")
            return total / rows

    @contextmanager
    def _calling(self, method: str, source: Any) -> Iterator[None]:
        """Errors name the line in the file of the function that was given, or else of this task."""
        file = source_file(source) if source is not None else None
        torchs = file is None or file.startswith(str(Path(torch.__file__).parent))
        try:
            with calling(f"{self.name}: {method}()", self._file if torchs else file):
                yield
        except TaskError as error:
            named = str(error).startswith(f"{self.name}: ")
            raise error if named else TaskError(f"{self.name}: {error}") from error.__cause__

    def _build(self, made: Any) -> None:
        """Show a model that takes its shapes from the first input one."""
        inputs = _pair(next(self._training.batches(0)))[0]
        training = made.training
        made.eval()
        with torch.no_grad():
            made(inputs)
        made.train(training)


def _maker(model: Any) -> Callable[[], Any]:
    if isinstance(model, nn.Module):
        raise TaskError(
            "surefoot.Task: model is one model, and every run needs a fresh one: "
            f"give a function, model=lambda: {type(model).__name__}(…)"
        )
    if not callable(model):
        raise TaskError(f"surefoot.Task: model must be a function that makes a model, not {model!r}")
    return model  # type: ignore[no-any-return]


def _loss_function(loss: Any) -> Callable[[nn.Module, Any], Any]:
    if isinstance(loss, type):
        raise TaskError(f"surefoot.Task: loss is a class; make one of it: loss={loss.__name__}()")
    if not callable(loss):
        raise TaskError(f"surefoot.Task: loss must be a function or a loss of torch's, not {loss!r}")
    if is_keras(loss, "Loss"):
        return lambda model, batch: _compared(lambda found, wanted: loss(wanted, found), model, batch)
    function = loss
    while isinstance(function, functools.partial):
        function = function.func
    torchs = (getattr(function, "__module__", None) or "").split(".")[0] == "torch"
    if isinstance(loss, nn.Module) or torchs:
        return functools.partial(_compared, loss)
    return loss  # type: ignore[no-any-return]


def _compared(criterion: Callable[[Any, Any], Any], model: nn.Module, batch: Any) -> Any:
    """`criterion(model(x), y)`, on the model's device."""
    inputs, targets = _pair(batch)
    first = next(model.parameters(), None)
    if first is not None and first.device.type != "cpu":
        inputs, targets = (x.to(first.device) if isinstance(x, Tensor) else x for x in (inputs, targets))
    return criterion(model(inputs), targets)


def _pair(batch: Any) -> tuple[Any, Any]:
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        parts = f"{type(batch).__name__} of {len(batch)}" if hasattr(batch, "__len__") else repr(type(batch))
        raise TaskError(
            f"a batch is no pair (x, y) but a {parts}: write the loss as a function, loss(model, batch)"
        )
    return batch[0], batch[1]


def _is_lazy(model: Any) -> bool:
    return isinstance(model, nn.Module) and any(map(is_lazy, [*model.parameters(), *model.buffers()]))


def _name(model: Any) -> str:
    """The file in which the model is written, as a name."""
    while isinstance(model, functools.partial):
        model = model.func
    module = (getattr(model, "__module__", None) or "task").rpartition(".")[2]
    plain = re.sub(r"[^\w.-]", "-", module.removeprefix("surefoot_task_"))
    return "task" if plain.strip("_") in ("", "main") else plain


def _steps(steps: int | None, epochs: int | None, length: int | None) -> int:
    if steps is not None:
        if epochs is not None:
            raise TaskError("surefoot.Task: say steps= or epochs=, not both")
        return steps
    if length is None:
        raise TaskError("surefoot.Task: train has no length: say steps=, the batches of one training")
    if not length:
        raise TaskError("surefoot.Task: there is no batch in train")
    epochs = EPOCHS if epochs is None else epochs
    if not isinstance(epochs, int) or epochs < 1:
        raise TaskError(f"surefoot.Task: epochs must be a whole number of at least 1, not {epochs!r}")
    return epochs * length


def _direction(maximize: Any, function: bool) -> bool | None:
    if maximize is not None and not isinstance(maximize, bool):
        raise TaskError(f"surefoot.Task: maximize must be True, False or None, not {maximize!r}")
    if function:
        return maximize
    if maximize:
        raise TaskError(
            "surefoot.Task: validation is data, whose mean loss is the measure, and of a loss lower is "
            "better: leave maximize out, or give a function of the model, validation=accuracy"
        )
    return False


def _measure(function: Any) -> str:
    if function is None:
        return "validation loss"
    name = getattr(function, "__name__", "") if inspect.isroutine(function) else ""
    return "validation value" if name in ("", "<lambda>") else name.strip("_").replace("_", " ")
