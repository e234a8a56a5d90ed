"""What a study loses when things go wrong: with faults injected, and compared with an undisturbed one.

    python benchmarks/faults.py [--kills 8] [--crashes 100] [--workers 2] [--seed N] [--only WORD]

Every row is a whole study by the command line, in a folder of its own, on a task of which no timing decides
anything.  While it goes on, a fault is injected at random moments; where that ends the command, the same
command is given again, until there is an answer.

    lost      points that were recorded and are gone, and runs of the undisturbed study without their result
    repeated  trainings begun beyond those of the undisturbed study: what was under way when it was killed
    same      the answer equals the undisturbed one, up to what the clock says
    seconds   beyond those of the undisturbed study
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from surefoot.engines.local.engine import LocalEngine
from surefoot.store import Store, StoreError
from surefoot.study.run import Candidate, Finished, Job

COUNTED = "SUREFOOT_FAULTS_COUNTED"
STUDY = "faults"
TMPFS_BYTES = 24 * 2**20
LOCKED_SECONDS = 5.0
TIMED = ("seconds", "why")  # what the clock says in an answer

torch.manual_seed(5)
FEATURES = torch.randn(300, 16)
TARGETS = torch.tanh(FEATURES @ torch.randn(16, 1)) + 0.1 * torch.randn(300, 1)


class Regression:
    """A small network that takes a fifth of a second to train; notes each training in a file."""

    name = "regression"
    steps = 100
    measure = "mean squared error"

    def model(self) -> nn.Module:
        with open(os.environ[COUNTED], "a") as file:
            file.write(f"{os.getpid()} {'worker' if sys.argv[0] == '-c' else 'coordinator'}\n")
        return nn.Sequential(nn.Linear(16, 64), nn.Tanh(), nn.Dropout(0.1), nn.Linear(64, 1))

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(seed)
        while True:
            rows = torch.randint(0, 200, (32,), generator=generator)
            yield FEATURES[rows], TARGETS[rows]

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        time.sleep(0.002)
        return nn.functional.mse_loss(model(batch[0]), batch[1])

    def validate(self, model: nn.Module) -> float:
        return nn.functional.mse_loss(model(FEATURES[200:]), TARGETS[200:]).item()


class Crash(Regression):
    """Every run is a segmentation fault."""

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        ctypes.string_at(0)
        raise AssertionError


regression, crash = Regression(), Crash()
Curves = dict[str, list[tuple[float, float]]]


@dataclass
class Study:
    """One study by the command line.

    Attributes:
        folder: where the command is given.
        workers: runs side by side.
        draw: decides when faults come.
        commands: how often the command was given.
        injected: how many faults there were.
        lost: recorded points that were gone later.
        seconds: from the first command to the answer.
    """

    folder: Path
    workers: int
    draw: random.Random
    commands: int = 0
    injected: int = 0
    lost: int = 0
    seconds: float = 0.0
    known: Curves = field(default_factory=dict)

    @property
    def counted(self) -> Path:
        return self.folder / "counted"

    @property
    def store(self) -> Path:
        return self.folder / ".surefoot" / "evidence.db"

    def begin(self) -> subprocess.Popen[bytes]:
        """Give the command."""
        self.commands += 1
        words = [f"{Path(__file__).resolve()}:regression", "--optimizers", "adam,sgd,rmsprop", "--runs", "30"]
        words += ["--margin", "1e-9", "--workers", str(self.workers), "--study", STUDY]
        words += ["--json", "answer.json"]
        # What it prints must not stand on the disk that a fault fills.
        with open(f"{tempfile.gettempdir()}/surefoot-faults.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "surefoot", "choose", *words],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env=os.environ | {COUNTED: str(self.counted)},
            )

    def trainings(self) -> int:
        """Jobs begun; each worker has also built a model to load the task."""
        lines = self.counted.read_text().splitlines() if self.counted.exists() else []
        return sum(models - 1 for models in Counter(line for line in lines if "worker" in line).values())

    def wait_for(self, process: subprocess.Popen[bytes], more: int) -> bool:
        """Until so many more trainings have begun; False if it ended before."""
        enough = self.trainings() + more
        while process.poll() is None and self.trainings() < enough:
            time.sleep(0.01)
        return process.poll() is None

    def at_a_random_moment(self, process: subprocess.Popen[bytes], most: int = 10) -> bool:
        """While it starts, or after some more trainings; False if it ended before."""
        more = self.draw.choice([0, *range(1, most)])
        there = self.wait_for(process, more)
        time.sleep(self.draw.uniform(0, 0.1 if more else 4))
        return there and process.poll() is None

    def check(self) -> None:
        """Count what was recorded before and is gone."""
        now = curves(self.store)
        for run, points in self.known.items():
            self.lost += sum(point not in now.get(run, []) for point in points)
        self.known = now

    def finish(self) -> None:
        """Give the command until there is an answer."""
        for _ in range(5):
            if self.begin().wait() == 0:
                return
            self.check()
        raise SystemExit(f"no answer in {self.folder}")

    def answer(self) -> dict[str, Any]:
        """As written, without what the clock says."""
        answer = json.loads((self.folder / "answer.json").read_text())
        answer = {name: value for name, value in answer.items() if name not in TIMED}
        for candidate in answer["candidates"]:
            del candidate["seconds_per_step"]
        return answer


def curves(store: Path) -> Curves:
    """Every run's points: progress and value."""
    if not store.exists():
        return {}
    with contextlib.suppress(StoreError), Store.at(store) as evidence:
        return {
            f"{r.phase} {r.seed} {r.candidate.key}": [(point.progress, point.value) for point in r.points]
            for r in evidence.study(STUDY).runs
        }
    return {}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)  # in which nan equals nan, too


# ------------------------------------------------------------------------ the faults


def undisturbed(study: Study, count: int) -> None:
    study.finish()


def signalled(number: int) -> Callable[[Study, int], None]:
    """The coordinator gets this signal, again and again."""

    def inject(study: Study, count: int) -> None:
        for _ in range(count):
            process = study.begin()
            if study.at_a_random_moment(process):
                process.send_signal(number)
                study.injected += 1
            process.wait()
            study.check()
        study.finish()

    return inject


def kill_workers(study: Study, count: int) -> None:
    process = study.begin()
    while study.injected < count and study.wait_for(process, study.draw.randint(2, 8)):
        workers = [
            child
            for child in psutil.Process(process.pid).children()
            if "training.worker" in str(child.cmdline())
        ]
        if workers:
            study.draw.choice(workers).kill()
            study.injected += 1
    if process.wait() != 0:
        study.finish()


def fill_the_disk(study: Study, count: int) -> None:
    """The folder lies on a small file system; something else takes all the room that is left."""
    for _ in range(count):
        process = study.begin()
        ballast = study.folder / "ballast"
        if study.at_a_random_moment(process):
            study.injected += 1
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            ballast.unlink(missing_ok=True)
        process.wait()
        study.check()
    study.finish()


def lock_the_store(study: Study, count: int) -> None:
    process = study.begin()
    for _ in range(max(1, count // 4)):
        if not study.at_a_random_moment(process) or not study.store.exists():
            continue
        with contextlib.closing(sqlite3.connect(study.store, timeout=30, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            study.injected += 1
            time.sleep(LOCKED_SECONDS)
            other.execute("ROLLBACK")
    if process.wait() != 0:
        study.finish()


def no_checkpoints(study: Study, count: int) -> None:
    """A file stands where the folder should be, which holds for the superuser too."""
    folder = study.folder / ".surefoot" / "checkpoints" / STUDY
    folder.parent.mkdir(parents=True)
    folder.touch()
    study.injected = 1
    study.finish()


def truncate_checkpoints(study: Study, count: int) -> None:
    process = study.begin()
    folder = study.folder / ".surefoot" / "checkpoints" / STUDY
    while process.poll() is None:
        for trunk in folder.glob("trunk-*.pt"):
            if study.draw.random() < 0.2:
                with contextlib.suppress(OSError):
                    os.truncate(trunk, trunk.stat().st_size // 2)
                    study.injected += 1
        time.sleep(0.05)
    if process.wait() != 0:
        study.finish()


FAULTS: dict[str, Callable[[Study, int], None]] = {
    "none": undisturbed,
    "coordinator: SIGKILL": signalled(signal.SIGKILL),
    "coordinator: SIGTERM": signalled(signal.SIGTERM),
    "worker: SIGKILL": kill_workers,
    "disk full": fill_the_disk,
    f"store locked for {LOCKED_SECONDS:g} s": lock_the_store,
    "checkpoints cannot be written": no_checkpoints,
    "checkpoint truncated": truncate_checkpoints,
}


@contextlib.contextmanager
def place(name: str) -> Iterator[Path | None]:
    """A folder for the study; None where the fault needs a file system that may not be made here."""
    with tempfile.TemporaryDirectory() as folder:
        if name != "disk full":
            yield Path(folder)
            return
        mount = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", folder]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            yield None
            return
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=False)


def crash_row(crashes: int, workers: int) -> None:
    """A hundred crashes in a row, and what they leave in this process."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[COUNTED] = f"{folder}/counted"
        tempfile.tempdir = folder
        me, begin, ended = psutil.Process(), time.monotonic(), 0

        def belongings() -> dict[str, int]:
            children = me.children()
            zombies = sum(child.status() == psutil.STATUS_ZOMBIE for child in children)
            return {
                "descriptors": me.num_fds(),
                "children": len(children),
                "zombies": zombies,
                "temporary files": len(list(Path(folder).iterdir())),
            }

        with LocalEngine(workers) as engine:
            job = Job(0, f"{Path(__file__).resolve()}:crash", Candidate("Adam", {"lr": 1e-3}), 0, 1.0)
            engine.start(job)  # the first one also starts the workers
            before = {}
            begun = 1
            while ended < crashes:
                for event in engine.events(timeout=1):
                    if isinstance(event, Finished):
                        assert event.cause == "crashed", event
                        ended += 1
                    before = before or belongings()
                while begun < crashes and begun - ended < workers:
                    engine.start(job)
                    begun += 1
            after = belongings()
    print(f"\n{ended} crashes in {time.monotonic() - begin:.0f} s; before and after:")
    print(", ".join(f"{before[name]} and {after[name]} {name}" for name in before))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=8, help="faults in each row, as far as it has many")
    parser.add_argument("--crashes", type=int, default=100, help="0 leaves them away")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", default="", help="rows that hold this word")
    args = parser.parse_args()
    print(f"seed {args.seed}, {args.workers} workers\n")
    print("| fault | injected | commands | lost | repeated | same | seconds |")
    print("|---" * 7 + "|", flush=True)
    whole: tuple[dict[str, Any], Curves, int, float] | None = None
    for name, inject in FAULTS.items():
        if name != "none" and args.only not in name:
            continue
        with place(name) as folder:
            if folder is None:
                print(f"| {name} | – | a file system may not be mounted here | | | | |")
                continue
            study = Study(folder, args.workers, random.Random(args.seed))
            begin = time.monotonic()
            inject(study, args.kills)
            seconds = time.monotonic() - begin
            study.check()
            answer, trainings = study.answer(), study.trainings()
        whole = whole or (answer, study.known, trainings, seconds)
        missing = sum(
            study.known.get(run) != points and repr(study.known.get(run)) != repr(points)
            for run, points in whole[1].items()
        )
        different = [name for name in answer if _text(answer[name]) != _text(whole[0].get(name))]
        same = f"no: {', '.join(different)}" if different else "yes"
        repeated, more = trainings - whole[2], seconds - (whole[3] if study.injected else 0.0)
        row = [name, study.injected, study.commands, study.lost + missing, f"{repeated} of {whole[2]}", same]
        print(f"| {' | '.join(map(str, row))} | {more:+.0f} |", flush=True)
    if args.crashes:
        crash_row(args.crashes, args.workers)


if __name__ == "__main__":
    main()
