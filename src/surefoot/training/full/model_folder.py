"""A trained model's folder: weights in safetensors, everything else in JSON; nothing in it is ever unpickled.

    folder = ModelFolder(Path("model"))
    folder.write_weights(model, "last", {"progress": 0.5, "value": 0.12})
    about = folder.about()                       # task.json, checked
    folder.read_weights(load_task("digits").model(), "best")

It holds model.safetensors (the best by validation), last.safetensors, task.json, training.json, and, until
the training is over, checkpoint/ to go on from.  Whatever is written is written whole or not at all.
Reading trusts nothing: a folder from a stranger gives its weights or one clear error.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from surefoot.errors import InvalidInputError, accessing
from surefoot.path_names import check_folder
from surefoot.tasks import TaskError
from surefoot.training.own_files import remove_own_folder, remove_trunks, remove_unfinished

Which = Literal["best", "last"]

WEIGHTS: Mapping[Which, str] = {"best": "model.safetensors", "last": "last.safetensors"}
TASK, TRAINING, CHECKPOINTS, LOCK = "task.json", "training.json", "checkpoint", ".lock"
OURS = (*WEIGHTS.values(), TASK, TRAINING, LOCK)
UNFINISHED = re.compile(r"\.surefoot-part-[0-9]+")
"""In such a folder a process writes a file before it is put in its place; safetensors makes its own there."""

LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

MOST_JSON = 16 * 2**20
"""Bytes of a JSON file that is read; the curve of a training with ten thousand measurements has one."""

MEASURED = "measured"
"""The one entry of a weights file's own metadata: where they were measured, and the value, as JSON."""

SHAPES_NAMED = 3
NO_PLACE = "safetensors cannot hold that"


class FolderError(TaskError):
    """A model's folder cannot be used; the message is one line."""


@dataclass(frozen=True)
class About:
    """What a model was trained on, by task.json.

    Attributes:
        task: the reference, as the user gave it.
        name, measure: the task's own words.
        labels: class names; empty where the task has none.
        surefoot: the version that wrote it.
    """

    task: str
    name: str
    labels: tuple[str, ...]
    measure: str
    surefoot: str

    def document(self) -> dict[str, Any]:
        """As JSON types."""
        return vars(self) | {"labels": list(self.labels)}


class ModelFolder:
    """The folder of one trained model.

    Args:
        path: where; made when it is first written to.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def checkpoints(self) -> Path:
        """Where the state of a training is kept until it is over."""
        return self.path / CHECKPOINTS

    @property
    def foreign(self) -> list[str]:
        """Names of what else lies in it, if it is no model's folder."""
        if not self.path.exists() or (self.path / TRAINING).exists():
            return []
        own = {CHECKPOINTS, *OURS}
        return sorted(p.name for p in self.path.iterdir() if p.name not in own and p.name[0] != ".")

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the folder, and keep any other training out of it.

        Raises:
            FolderError: its name is not valid, it has a link in place of a file or folder of ours, or another
                process trains into it.
            FileError: it cannot be made or read.
        """
        try:
            check_folder(self.path, "--out")
        except InvalidInputError as error:
            raise FolderError(str(error)) from None
        with accessing("use the folder", self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._refuse_links()
            opened = os.open(self.path / LOCK, LOCK_FLAGS, 0o644)
        with os.fdopen(opened) as lock:  # freed when this process ends
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FolderError(f"{self.path}: another process trains into this folder") from None
            with accessing("use the folder", self.path):
                self._remove_unfinished()
            yield

    def _refuse_links(self) -> None:
        """What is written or removed through a link would lie in somebody else's place."""
        for name in (LOCK, CHECKPOINTS):
            if (self.path / name).is_symlink():
                raise FolderError(f"{self.path / name} is a symbolic link: remove it, or name another --out")

    def _remove_unfinished(self) -> None:
        """What a writer has left that was killed."""
        for path in self.path.iterdir():
            if UNFINISHED.fullmatch(path.name):
                remove_own_folder(path)
        remove_unfinished(self.checkpoints)

    @property
    def has_only_a_plan(self) -> bool:
        """Whether no weights are kept, and no state to go on from."""
        weights = (self.path / name for name in WEIGHTS.values())
        return not any(path.exists() for path in (*weights, *self.checkpoints.glob("*")))

    def clear(self) -> None:
        """Remove what a training has left, and nothing else.

        Raises:
            FileError: a file cannot be removed.
        """
        for name in OURS:
            if name != LOCK:
                with accessing("remove", self.path / name):
                    (self.path / name).unlink(missing_ok=True)
        self.clear_checkpoints()

    def clear_checkpoints(self) -> None:
        """Remove the state that a training would go on from; what else lies beside it stays."""
        remove_trunks(self.checkpoints)

    # JSON.

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a JSON file.

        Raises:
            FileError: the disk is full or the folder cannot be written.
        """
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        with accessing("write", self.path / name):
            self._replace(name, lambda path: path.write_text(text, encoding="utf8"))

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON file.

        Raises:
            FolderError: it is missing, unreadable, too large, or holds no JSON object.
        """
        path = self.path / name
        if not path.is_file():  # a pipe would be waited for without end
            hint = "" if self.path.is_dir() else " (there is no such folder)"
            raise FolderError(f"{self.path} is no model's folder: it holds no {name}{hint}")
        if (size := path.stat().st_size) > MOST_JSON:
            raise FolderError(f"{path}: too large for what it should hold, {size:,} bytes")
        try:
            found = json.loads(path.read_text(encoding="utf8"))
        except OSError as error:
            raise FolderError(f"{path}: {error.strerror or error}") from None
        except (ValueError, RecursionError) as error:
            raise FolderError(f"{path}: not JSON: {_in_one_line(error)}") from None
        if not isinstance(found, dict):
            raise FolderError(f"{path}: expected a JSON object, not {type(found).__name__}")
        return found

    def about(self) -> About:
        """What the model was trained on.

        Raises:
            FolderError: task.json is missing or says something else.
        """
        found = self.read_json(TASK)
        labels = found.get("labels")
        words = [found.get(key) for key in ("task", "name", "measure", "surefoot")]
        if not isinstance(labels, list) or not all(isinstance(word, str) for word in [*words, *labels]):
            raise FolderError(
                f"{self.path / TASK}: expected texts task, name, measure and surefoot, and a list labels"
            )
        task, name, measure, surefoot = map(str, words)
        return About(task, name, tuple(labels), measure, surefoot)

    # Weights.

    def write_weights(self, model: nn.Module, which: Which, measured: Mapping[str, float]) -> None:
        """Write a model's parameters and buffers.

        Args:
            model: may be on any device, and tie parameters.
            which: "best" or "last".
            measured: goes into the file with them, to be told when they are used.

        Raises:
            FolderError: the model has a state that safetensors cannot hold.
            OSError: the disk is full or the folder cannot be written.
        """
        tensors = {name: t.detach().cpu().contiguous() for name, t in storable(model).items()}
        about = {MEASURED: json.dumps(measured)}

        def save(path: Path) -> None:
            try:
                save_file(tensors, path, metadata=about)
            except SafetensorError as error:  # in place of the error of the file that it met
                raise OSError(f"{self.path / WEIGHTS[which]}: {_in_one_line(error)}") from None

        self._replace(WEIGHTS[which], save)

    def name_last_best(self) -> None:
        """Let the last weights be the best, too; they share their bytes where the disk can do that."""
        last = self.path / WEIGHTS["last"]

        def link(path: Path) -> None:
            try:
                os.link(last, path)
            except OSError:
                shutil.copyfile(last, path)

        self._replace(WEIGHTS["best"], link)

    def read_weights(self, model: nn.Module, which: Which) -> dict[str, float]:
        """Load weights into a model of the same make; what they were measured at, as far as it is known.

        Raises:
            FolderError: they are missing, damaged, or of another model; the model is then as it was.
        """
        path = self.path / WEIGHTS[which]
        if not path.is_file():
            raise FolderError(f"{self.path} holds no {which} weights yet: there is no {WEIGHTS[which]}")
        wanted = storable(model)
        try:
            with safe_open(path, framework="pt") as file:
                _check_names(path, set(file.keys()), set(wanted))
                for name, own in wanted.items():
                    _check_tensor(path, name, file.get_slice(name), own)
                found = {name: file.get_tensor(name) for name in wanted}
                metadata = dict(file.metadata() or {})
        except (SafetensorError, OSError, ValueError) as error:
            if isinstance(error, FolderError):
                raise
            raise FolderError(f"{path}: damaged or no safetensors file: {_in_one_line(error)}") from None
        with torch.no_grad():
            for name, own in wanted.items():
                own.copy_(found[name])
        return _numbers(metadata.get(MEASURED, ""))

    def _replace(self, name: str, write: Callable[[Path], object]) -> None:
        """Write a file in a folder beside its place, make it durable and put it there."""
        room = self.path / f".surefoot-part-{os.getpid()}"
        remove_own_folder(room)  # of a killed process that had the same number
        room.mkdir()
        try:
            write(room / name)
            with (room / name).open("rb") as file:
                os.fsync(file.fileno())
            os.replace(room / name, self.path / name)
        finally:
            remove_own_folder(room)


def storable(model: nn.Module) -> dict[str, Tensor]:
    """The tensors that make up a model by name, each once, though parameters may be tied.

    Raises:
        FolderError: something in the state_dict is no plain tensor.
    """
    found: dict[str, Tensor] = {}
    seen: set[tuple[object, ...]] = set()
    for name, tensor in model.state_dict().items():
        if not isinstance(tensor, Tensor):
            raise FolderError(
                f"{name!r} of the model is no tensor, but a {type(tensor).__name__}: {NO_PLACE}"
            )
        if tensor.layout != torch.strided or tensor.dtype not in _KINDS:
            raise FolderError(f"{name!r} of the model is {tensor.layout}, {tensor.dtype}: {NO_PLACE}")
        place = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        if tensor.numel() == 0 or place not in seen:
            found[name] = tensor
        seen.add(place)
    return found


def _check_names(path: Path, found: set[str], wanted: set[str]) -> None:
    problems = [
        f"{word} {', '.join(map(_short, sorted(names)[:SHAPES_NAMED]))}"
        + (f" and {len(names) - SHAPES_NAMED} more" if len(names) > SHAPES_NAMED else "")
        for word, names in (("it lacks", wanted - found), ("it has beyond that", found - wanted))
        if names
    ]
    if problems:
        raise FolderError(f"{path} is of another model: {'; '.join(problems)}")


def _check_tensor(path: Path, name: str, found: Any, own: Tensor) -> None:
    """Before anything is read: a shape from a stranger may ask for more memory than there is."""
    shape, kind = tuple(found.get_shape()), str(found.get_dtype())
    if shape != tuple(own.shape):
        raise FolderError(f"{path} is of another model: {name} has shape {shape}, not {tuple(own.shape)}")
    if kind != (wanted := _KINDS.get(own.dtype, "")):
        raise FolderError(f"{path} is of another model: {name} is of type {_short(kind)}, not {wanted}")


_KINDS = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.complex64: "C64", torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
    torch.uint8: "U8", torch.bool: "BOOL", torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2",
}  # fmt: skip


def _numbers(text: str) -> dict[str, float]:
    try:
        found = json.loads(text)
        return {name: float(v) for name, v in found.items() if isinstance(v, int | float)}
    except (ValueError, RecursionError, OverflowError, AttributeError):
        return {}


def _short(text: str) -> str:
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown if len(shown) <= 80 else shown[:79] + "…"


def _in_one_line(error: BaseException) -> str:
    return _short(" ".join(str(error).split())) or type(error).__name__
