"""What tasks on the user's own folder share: options, labels, the length of a training, and the survey.

    class Images(OwnData[Split]):
        name = "images"
        …
    task = Images.with_data(Path("photos"), size="64")
    task.problems()                        # every file is read once; what is wrong, in words

Such a class stands as `TASK` in its module in place of an object, since it needs a folder first.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar

from surefoot.study.user_code import TaskError
from surefoot.tasks.images import folders
from surefoot.tasks.images.devices import device
from surefoot.tasks.images.folders import Problems

ROUNDS, LEAST_STEPS, MOST_STEPS = 20, 200, 2000
MOST_BATCH, MOST_STEPS_TOLD = 4096, 10**8

Data = TypeVar("Data")


class OwnData(abc.ABC, Generic[Data]):
    """A task on a folder.

    Args:
        root: the folder.
        labels: names of the classes, of a trained model that is only to predict; by default the folder says.
        options: further ones by name, as text.

    Raises:
        TaskError: there is no such folder, or an option is unknown or not valid.
    """

    name: ClassVar[str]
    options: ClassVar[tuple[str, ...]]
    """Names of the options, beside `steps`, `batch` and `device`."""
    usual_batch: ClassVar[int]

    def __init__(self, root: Path, labels: Sequence[str] | None, options: Mapping[str, str]) -> None:
        folders.check_options(self.name, options, ("steps", "batch", "device", *self.options))
        self._root = root
        self._given = tuple(labels) if labels is not None else None
        self._options = options
        self._batch = self._whole("batch", self.usual_batch, 2, MOST_BATCH)
        self._steps = self._whole("steps", 0, 1, MOST_STEPS_TOLD) if "steps" in options else None
        self._device = device(self.name, options.get("device", "cpu"))
        if labels is None:
            folders.check_folder(root)

    @classmethod
    def with_data(cls, path: Path, labels: Sequence[str] | None = None, **options: str) -> Self:
        """The task on this folder; arguments and errors are the class's."""
        return cls(path, labels, options)

    @property
    def steps(self) -> int:
        """As told, or so many that every image is seen 20 times, but 200 at least and 2,000 at most."""
        if self._steps is not None:
            return self._steps
        images = self._images() if self._given is None else 0
        return min(MOST_STEPS, max(LEAST_STEPS, ROUNDS * images // self._batch))

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their numbers."""
        return self._given if self._given is not None else self._labels()

    def problems(self) -> list[str]:
        """All that is wrong with the folder, or noteworthy, in words; fatal ones first.  Reads every file."""
        return self._surveyed[1].lines()

    @abc.abstractmethod
    def _images(self) -> int:
        """About how many there are to train on, from the names of the files alone."""

    @abc.abstractmethod
    def _labels(self) -> tuple[str, ...]:
        """Names of the classes, as the folder says."""

    @abc.abstractmethod
    def _survey(self) -> tuple[Data, Problems]:
        """Read every file once.  What is found can be trained on only if no problem is fatal."""

    @functools.cached_property
    def _surveyed(self) -> tuple[Data, Problems]:
        return self._survey()

    @functools.cached_property
    def _data(self) -> Data:
        """What can be trained on; raises `TaskError`, and warns of what is harmless, once."""
        if self._given is not None:
            raise TaskError(f"{self.name}: this one is to predict only; it has no data")
        data, found = self._surveyed
        found.refuse(self.name, self._root)
        found.warn(self.name)
        return data

    def _whole(self, name: str, usual: int, least: int, most: int) -> int:
        return folders.whole_number(self.name, self._options, name, usual, least, most)
