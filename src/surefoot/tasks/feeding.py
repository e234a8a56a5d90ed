"""Training batches without end, and held-out batches, from whatever people keep their data in.

    feed = training_feed(DataLoader(digits, batch_size=64, shuffle=True))
    feed.batches(seed=0)  # goes round; equal seeds give equal batches, in a new order each time round

What a loader, its data set or its sampler draw at random is fixed by the seed alone: neither the model's
draws move it, nor it those.  So a run that is taken up again sees the batches it would have seen.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from surefoot.study.user_code import TaskError
from surefoot.tasks.batching import shuffled

HELD_OUT_SEED = 0
NUMPY_WATCHED = 4
"""NumPy's generator is slow to put away: if so many batches have not moved it, it is left alone."""

Passes = Callable[[int], Callable[[], Iterator[Any]]]
"""From a seed to a function of which every call makes the next pass over the data."""


@dataclass(frozen=True)
class Feed:
    """Data in batches.

    Attributes:
        passes: from a seed to a function of which every call makes the next pass over the data.
        length: batches in one pass; None where nobody knows.
        endless: one pass has no end.
    """

    passes: Passes
    length: int | None = None
    endless: bool = False

    def batches(self, seed: int) -> Iterator[Any]:
        """Batches without end, in an order fixed by `seed`.

        Raises:
            TaskError: there is not one batch.
        """
        again = self.passes(seed)
        while True:
            empty = True
            for batch in again():
                empty = False
                yield batch
            if empty:
                raise TaskError("there is no batch in the training data; is it smaller than one batch?")
            if self.endless:
                return  # a function's iterator has ended; the loop or the check says so

    def held_out(self) -> Iterator[Any]:
        """One pass, always the same."""
        return self.passes(HELD_OUT_SEED)()


def training_feed(source: Any, batch_size: int | None = None) -> Feed:
    """The feed of training data.

    Args:
        source: a DataLoader; a Dataset, or a tuple of tensors of equal length, with `batch_size`; anything
            that can be gone through again and gives batches; or a function from a seed to an iterator.
        batch_size: rows in a batch; what fills none is left out of that pass.

    Raises:
        TaskError: it is none of these; one line says what to give.
    """
    return _feed("train", source, batch_size, shuffle=True)


def held_out_feed(source: Any, batch_size: int | None = None) -> Feed:
    """The feed of held-out data, to be gone through in order; `source` as for training, but no function."""
    return _feed("validation", source, batch_size, shuffle=False)


def rows_in(batch: Any) -> int:
    """How many examples a batch holds: the length of the first thing in it that has one."""
    if isinstance(batch, Tensor | np.ndarray):
        return int(batch.shape[0]) if batch.ndim else 1
    if isinstance(batch, Mapping):
        batch = tuple(batch.values())
    elif is_dataclass(batch):
        batch = tuple(getattr(batch, each.name) for each in fields(batch))
    if isinstance(batch, tuple | list) and batch:
        return rows_in(batch[0])
    return 1


def _feed(name: str, source: Any, batch_size: int | None, shuffle: bool) -> Feed:
    if isinstance(source, tuple) and source and all(isinstance(part, Tensor) for part in source):
        if len({len(part) if part.ndim else 0 for part in source}) > 1:
            shapes = ", ".join(str(tuple(part.shape)) for part in source)
            raise TaskError(f"surefoot.Task: {name} is a tuple of tensors of unequal lengths: {shapes}")
        source = TensorDataset(*source)
    if isinstance(source, Dataset):
        return _of_dataset(name, source, batch_size, shuffle)
    if isinstance(source, DataLoader):
        return Feed(_passes_of_loader(source), _length(source))
    if callable(source) and not hasattr(source, "__iter__"):
        return Feed(lambda seed: lambda: iter(source(seed)), endless=True)
    if isinstance(source, str | bytes) or not isinstance(source, Iterable):
        raise TaskError(
            f"surefoot.Task: {name} must be a DataLoader, a Dataset with batch_size=, something that gives "
            f"batches again and again, or a function, not {_kind(source)}"
        )
    if isinstance(source, Iterator):
        raise TaskError(
            f"surefoot.Task: {name} is an iterator, used up after one pass; give what it was made from, "
            "or a function seed → iterator"
        )
    if shuffle and isinstance(source, Sequence):  # of batches
        return Feed(_passes_of_list(source), len(source))
    return Feed(_passes_of_iterable(source), _length(source))


def _of_dataset(name: str, data: Dataset[Any], batch_size: int | None, shuffle: bool) -> Feed:
    if batch_size is None:
        raise TaskError(f"surefoot.Task: {name} is a Dataset: say batch_size=64, or give a DataLoader")
    if isinstance(data, IterableDataset):
        loader = DataLoader(data, batch_size)
        return Feed(_passes_of_loader(loader), _length(loader))
    rows = len(data)  # type: ignore[arg-type]
    if rows == 0:
        raise TaskError(f"surefoot.Task: {name} is a Dataset without rows")
    size = min(batch_size, rows)
    length = rows // size if shuffle else math.ceil(rows / size)
    if isinstance(data, TensorDataset):
        # Picked by whole batches, many times faster than row by row.
        return Feed(_passes_of_table(data.tensors, size, shuffle), length)
    return Feed(_passes_of_loader(DataLoader(data, size, shuffle=shuffle, drop_last=shuffle)), length)


def _passes_of_table(tensors: Sequence[Tensor], size: int, shuffle: bool) -> Passes:
    rows = len(tensors[0])

    def passes(seed: int) -> Callable[[], Iterator[Any]]:
        if not shuffle:
            return lambda: zip(*(torch.split(part, size) for part in tensors), strict=True)
        drawn = shuffled(rows, size, seed)
        return lambda: (tuple(part[at] for part in tensors) for at in islice(drawn, rows // size))

    return passes


def _passes_of_list(batches: Sequence[Any]) -> Passes:
    def passes(seed: int) -> Callable[[], Iterator[Any]]:
        generator = torch.Generator().manual_seed(seed)
        return lambda: (batches[at] for at in torch.randperm(len(batches), generator=generator).tolist())

    return passes


def _passes_of_iterable(batches: Iterable[Any]) -> Passes:
    def passes(seed: int) -> Callable[[], Iterator[Any]]:
        draws = _Draws(seed)
        return lambda: draws.through(batches)

    return passes


def _passes_of_loader(loader: DataLoader[Any]) -> Passes:
    def passes(seed: int) -> Callable[[], Iterator[Any]]:
        draws = _Draws(seed)
        own = _reseeded(loader, torch.Generator().manual_seed(seed))
        return lambda: draws.through(own)

    return passes


def _reseeded(loader: DataLoader[Any], generator: torch.Generator) -> DataLoader[Any]:
    """The loader once more, whatever its class, with samplers that draw from `generator`."""
    own = copy.copy(loader)
    copies: dict[int, Any] = {}

    def again(part: Any) -> Any:
        if part is None or id(part) in copies:
            return copies.get(id(part))
        made = copies[id(part)] = copy.copy(part)
        if hasattr(made, "generator"):
            made.generator = generator
        if hasattr(made, "sampler"):
            made.sampler = again(made.sampler)
        return made

    # A DataLoader refuses these as attributes once it is made, lest somebody change them between two passes.
    vars(own).update(
        generator=generator,
        sampler=again(loader.sampler),
        batch_sampler=again(loader.batch_sampler),
        _iterator=None,  # worker processes that stay belong to one loader
    )
    return own


class _Draws:
    """A stream of the global generators for the data alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._inside: tuple[Any, ...] | None = None
        self._unmoved = 0.0

    def through(self, batches: Iterable[Any]) -> Iterator[Any]:
        """One pass; the generators are the data's while a batch is made, and the model's between."""
        with self._drawing():
            passing = iter(batches)
        while True:
            with self._drawing():
                try:
                    batch = next(passing)
                except StopIteration:
                    return
            yield batch

    @contextmanager
    def _drawing(self) -> Iterator[None]:
        outside = self._state()
        if self._inside is None:
            _seed_all(self._seed)
        else:
            self._restore(self._inside)
        before = self._state()[2]
        try:
            yield
        finally:
            if before is not None:
                self._unmoved = self._unmoved + 1 if _same(before, np.random.get_state()) else -math.inf
            self._inside = self._state()
            self._restore(outside)

    def _state(self) -> tuple[Any, ...]:
        numpy = np.random.get_state() if self._unmoved < NUMPY_WATCHED else None
        return torch.get_rng_state(), random.getstate(), numpy

    def _restore(self, state: tuple[Any, ...]) -> None:
        torch.set_rng_state(state[0])
        random.setstate(state[1])
        if state[2] is not None:
            np.random.set_state(state[2])


def _same(state: Any, other: Any) -> bool:
    """Whether NumPy's generator has not moved."""
    return bool(state[2] == other[2] and np.array_equal(state[1], other[1]))


def _seed_all(seed: int) -> None:
    torch.default_generator.manual_seed(seed)  # not a GPU's, which makes the model's draws alone
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _length(batches: Any) -> int | None:
    try:
        return len(batches)
    except TypeError:
        return None


def _kind(source: Any) -> str:
    return "None" if source is None else f"a {type(source).__name__}"
