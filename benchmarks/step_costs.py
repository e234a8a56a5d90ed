"""What surefoot.optim costs besides a step: the first step, the import, and memory.

    python benchmarks/step_costs.py

- first step: seconds from a new optimizer to the end of its first step (tracing and compiling) on ten
  small float32 tensors, in one process, every optimizer once; a second figure is its next step.
- import: median seconds of five fresh processes that import torch, and torch and surefoot.optim.
- memory: how far the process's resident memory rises above its level before a step, over three steps on
  two 4096 x 4096 parameters that have their state; each in a process of its own (Linux only).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

from surefoot import optim

sys.path.insert(0, str(Path(__file__).parent))

from step_time import BLOCK, ELEMENTWISE, MLP, SETTINGS, implementations, touched_rows

PEAK = """
import sys
sys.path.insert(0, {here!r})
import torch
from surefoot import optim
from step_time import make

def resident(field):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field))

optimizer = make({module}.{name}, [(4096, 4096)] * 2, **{settings!r})
before = resident("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # forget the peak so far
for _ in range(3):
    optimizer.step()
print(resident("VmHWM") - before)
"""


def fresh(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def first_and_next_step(name: str) -> tuple[float, float]:
    shapes, gradient = MLP, torch.randn_like
    if name == "Muon":
        shapes = BLOCK
    if name == "SparseAdam":
        shapes, gradient = [(1000, 64)], touched_rows
    params = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    for p in params:
        p.grad = gradient(p)

    def closure() -> torch.Tensor:
        return torch.zeros(())

    start = time.perf_counter()
    optimizer = optim.OPTIMIZERS[name](params, **SETTINGS.get(name, {}))
    arguments = (closure,) if optim.OPTIMIZERS[name].needs_closure else ()
    optimizer.step(*arguments)
    middle = time.perf_counter()
    optimizer.step(*arguments)
    return middle - start, time.perf_counter() - middle


def import_seconds(code: str) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        fresh(code)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak(module: str, name: str, settings: dict[str, object]) -> float:
    here = str(Path(__file__).parent)
    return int(fresh(PEAK.format(here=here, module=module, name=name, settings=settings))) / 1024


def main() -> None:
    torch.optim.SGD([torch.zeros(1)])  # torch's first optimizer of a process imports much of torch
    print("| optimizer | first step, s | next step, µs |\n|---|---|---|")
    for name in optim.OPTIMIZERS:
        first, following = first_and_next_step(name)
        print(f"| {name} | {first:.3f} | {following * 1e6:.0f} |", flush=True)
    alone, ours = (import_seconds(code) for code in ("import torch", "from surefoot import optim"))
    print(f"\nimport torch: {alone:.2f} s; from surefoot import optim, torch included: {ours:.2f} s\n")
    if not Path("/proc/self/clear_refs").exists():
        return
    print("| optimizer | ours, MiB | torch's least, MiB |\n|---|---|---|")
    for name in [*ELEMENTWISE.split(","), "Adafactor"]:
        settings = SETTINGS.get(name, {})
        theirs = {
            label: peak("torch.optim", name, {**settings, **chosen})
            for label, chosen in implementations(name).items()
        }
        least = min(theirs, key=theirs.__getitem__)
        print(f"| {name} | {peak('optim', name, settings):.0f} | {theirs[least]:.0f} ({least}) |", flush=True)


if __name__ == "__main__":
    main()
