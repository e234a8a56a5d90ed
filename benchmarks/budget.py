"""Whether a budget is kept: random tasks, budgets of time, and when the study ended, with what.

    python benchmarks/budget.py --tasks 4 --budgets 5,10 --workers 1,2 --busy

A task is a small regression whose steps, validation and length are drawn: a training takes from a fraction of
the budget to several times it.  The promise is the budget, one validation and 5 %.  With --busy half of the
studies share the machine with two spinning processes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from surefoot.api.displays import Silence
from surefoot.engines.local.engine import LocalEngine
from surefoot.search import ask, choose_optimizer
from surefoot.store import Store

TASK = """
import time, torch
from torch import nn
torch.manual_seed({seed})
X = torch.randn(200, 6)
Y = torch.tanh(X @ torch.randn(6, 1)) + 0.1 * torch.randn(200, 1)

class Drawn:
    name, measure, steps = "drawn", "mean squared error", {steps}

    def model(self):
        return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))

    def batches(self, seed):
        generator = torch.Generator().manual_seed(seed)
        while True:
            rows = torch.randint(0, 150, (16,), generator=generator)
            yield X[rows], Y[rows]

    def loss(self, model, batch):
        time.sleep({step})
        return nn.functional.mse_loss(model(batch[0]), batch[1])

    def validate(self, model):
        time.sleep({validation})
        return nn.functional.mse_loss(model(X[150:]), Y[150:]).item()

task = Drawn()
"""


@contextlib.contextmanager
def others(busy: bool) -> Iterator[None]:
    """Two processes that spin, or none."""
    spin = [sys.executable, "-c", "while True: pass"]
    spinning = [subprocess.Popen(spin) for _ in range(2 * busy)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def study(folder: Path, draw: random.Random, budget: float, workers: int) -> tuple[float, str, float, str]:
    """A training's seconds, the level of the answer, when it came, and its sentence."""
    steps = draw.choice([20, 60, 200, 600])
    training = budget * 10 ** draw.uniform(-2.0, 0.7)
    validation = min(0.2, 0.05 * training)
    file = folder / "task.py"
    file.write_text(
        TASK.format(seed=draw.randrange(1000), steps=steps, step=training / steps, validation=validation)
    )
    question = ask(f"{file}:task", budget_seconds=budget, seed=draw.randrange(1000))
    with LocalEngine(workers=workers) as engine, Store.at(str(folder / "evidence.db")) as store:
        began = time.monotonic()
        answer = choose_optimizer(question, store, engine, folder / "trunks", Silence())
        ended = time.monotonic() - began
    return training, answer.level.value, ended - validation, answer.sentence


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--budgets", default="5,20,60,600", help="seconds")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    late = 0
    print("| budget | training | workers | machine | ended | kept | level |\n|---|---|---|---|---|---|---|")
    for number in range(asked.tasks):
        for budget in map(float, asked.budgets.split(",")):
            for workers in map(int, asked.workers.split(",")):
                busy = asked.busy and number % 2 == 1
                draw = random.Random(f"{asked.seed} {number} {budget}")
                with tempfile.TemporaryDirectory() as folder, others(busy):
                    training, level, ended, sentence = study(Path(folder), draw, budget, workers)
                kept = ended <= 1.05 * budget
                late += not kept
                machine = "busy" if busy else "quiet"
                row = f"{budget:g} s", f"{training:.2g} s", workers, machine, f"{ended:.2f} s"
                print("|", *(f"{cell} |" for cell in (*row, "yes" if kept else "LATE", level)), flush=True)
                assert sentence
    print(f"\n{late} late")
    return int(late > 0)


if __name__ == "__main__":
    sys.exit(main())
