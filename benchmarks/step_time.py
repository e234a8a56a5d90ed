"""Step time of surefoot.optim against torch's fastest implementation of the same optimizer.

    python benchmarks/step_time.py [--optimizers Adam,Adadelta] [--lists 0,2] [--rounds 15]

float32, both in one process, interleaved round by round; each figure is the median over rounds, the
ratio is the median of the rounds' ratios.  torch's implementations (for-loop, foreach, fused where it
has one) are all timed, and the fastest is the one compared with.

Three tables: the element-wise optimizers on three lists of parameters, with the geometric mean of the
ratios; on the largest list, the memory traffic per second beside that of a plain triad (a = b + 2 c)
which moves as many bytes; and the optimizers of matrices and sparse rows.
"""

from __future__ import annotations

import argparse
import inspect
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from surefoot import optim

MLP = [(64, 32), (64,), (64, 64), (64,), (64, 64), (64,), (64, 64), (64,), (10, 64), (10,)]
SETTINGS = {"SGD": {"momentum": 0.9}}


def resnet18() -> list[tuple[int, ...]]:
    """The 62 parameter shapes of ResNet-18 (ImageNet)."""
    shapes: list[tuple[int, ...]] = [(64, 3, 7, 7), (64,), (64,)]
    width = 64
    for stage, planes in enumerate((64, 128, 256, 512)):
        for block in range(2):
            shapes += [
                (planes, width, 3, 3),
                (planes,),
                (planes,),
                (planes, planes, 3, 3),
                (planes,),
                (planes,),
            ]
            if block == 0 and stage > 0:
                shapes += [(planes, width, 1, 1), (planes,), (planes,)]
            width = planes
    return [*shapes, (1000, 512), (1000,)]


ELEMENTWISE = "SGD,ASGD,Adagrad,Adadelta,RMSprop,Adam,AdamW,Adamax,NAdam,RAdam,Rprop"
BLOCK = [(128, 128)] * 4 + [(512, 128), (128, 512)]  # a transformer's, of width 128

LISTS = {
    "MLP, 10 tensors": MLP,
    "ResNet-18, 62 tensors": resnet18(),
    "2 x 4096 x 4096": [(4096, 4096)] * 2,
}


MATRICES = {
    "MLP, its 5 matrices": [shape for shape in MLP if len(shape) == 2],
    "4 transformer blocks, 24 matrices": BLOCK * 4,
}


def dense(p: torch.nn.Parameter) -> torch.Tensor:
    return torch.randn_like(p)


def touched_rows(p: torch.nn.Parameter) -> torch.Tensor:
    """A gradient of 512 rows, as an embedding's backward pass leaves it: not coalesced."""
    rows = torch.randint(0, p.shape[0], (512,))
    return torch.sparse_coo_tensor(
        rows[None], torch.randn(512, *p.shape[1:]), p.shape, check_invariants=False
    )


Gradient = Callable[[torch.nn.Parameter], torch.Tensor]


def make(
    cls: type[torch.optim.Optimizer],
    shapes: list[tuple[int, ...]],
    gradient: Gradient = dense,
    **settings: object,
) -> torch.optim.Optimizer:
    torch.manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    for p in params:
        p.grad = gradient(p)
    optimizer = cls(params, **settings)
    for _ in range(3):
        optimizer.step()
    return optimizer


def seconds_per_step(optimizer: torch.optim.Optimizer, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        optimizer.step()
    return (time.perf_counter() - start) / repeats


def implementations(name: str) -> dict[str, dict[str, object]]:
    """torch's implementations of an optimizer, each with the settings that choose it."""
    taken = inspect.signature(getattr(torch.optim, name)).parameters
    found: dict[str, dict[str, object]] = {"for-loop": {"foreach": False} if "foreach" in taken else {}}
    if "foreach" in taken:
        found["foreach"] = {"foreach": True}
    if "fused" in taken:
        found["fused"] = {"fused": True}
    return found


@dataclass(frozen=True)
class Comparison:
    """Median seconds of a step, ours and of torch's fastest, and the median ratio."""

    ours: float
    fastest: str
    theirs: float
    ratio: float


def compare(name: str, shapes: list[tuple[int, ...]], rounds: int, gradient: Gradient = dense) -> Comparison:
    settings = SETTINGS.get(name, {})
    racers = {"ours": make(optim.OPTIMIZERS[name], shapes, gradient, **settings)}
    for implementation, chosen in implementations(name).items():
        racers[implementation] = make(getattr(torch.optim, name), shapes, gradient, **settings, **chosen)
    repeats = {r: max(1, int(0.02 / seconds_per_step(optimizer, 1))) for r, optimizer in racers.items()}
    times: dict[str, list[float]] = {racer: [] for racer in racers}
    for _ in range(rounds):
        for racer, optimizer in racers.items():
            times[racer].append(seconds_per_step(optimizer, repeats[racer]))
    medians = {racer: statistics.median(values) for racer, values in times.items()}
    fastest = min((racer for racer in racers if racer != "ours"), key=medians.__getitem__)
    ratio = statistics.median(b / a for a, b in zip(times["ours"], times[fastest], strict=True))
    return Comparison(medians["ours"], fastest, medians[fastest], ratio)


def traffic(name: str, shapes: list[tuple[int, ...]], rounds: int) -> tuple[float, float]:
    """Bytes per second that a step moves, and that a triad over as many bytes moves, interleaved."""
    optimizer = make(optim.OPTIMIZERS[name], shapes, **SETTINGS.get(name, {}))
    state = optimizer.state[optimizer.param_groups[0]["params"][0]]
    kept = sum(torch.is_tensor(value) and value.dim() > 0 for value in state.values())
    elements = sum(math.prod(shape) for shape in shapes)
    moved = 4 * elements * (3 + 2 * kept)  # p and each state are read and written, g is read
    a, b, c = (torch.ones(moved // 12) for _ in range(3))
    ours, triad = [], []
    for _ in range(rounds):
        ours.append(seconds_per_step(optimizer, 1))
        start = time.perf_counter()
        torch.add(b, c, alpha=2.0, out=a)
        triad.append(time.perf_counter() - start)
    return moved / statistics.median(ours), moved / statistics.median(triad)


def shown(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"


def print_elementwise(names: list[str], lists: dict[str, list[tuple[int, ...]]], rounds: int) -> None:
    print("| parameters | optimizer | ours | torch's fastest | times faster |")
    print("|---|---|---|---|---|")
    ratios = []
    for label, shapes in lists.items():
        ratios += [print_comparison(label, name, compare(name, shapes, rounds)) for name in names]
    mean = statistics.geometric_mean(ratios)
    print(f"\ngeometric mean: {mean:.2f} times faster; least {min(ratios):.2f}, most {max(ratios):.1f}\n")


def print_comparison(label: str, name: str, found: Comparison) -> float:
    theirs = f"{shown(found.theirs)} ({found.fastest})"
    print(f"| {label} | {name} | {shown(found.ours)} | {theirs} | {found.ratio:.1f} |", flush=True)
    return found.ratio


def print_traffic(names: list[str], shapes: list[tuple[int, ...]], rounds: int) -> None:
    print("| optimizer | GB/s | triad, GB/s | share |")
    print("|---|---|---|---|")
    for name in names:
        ours, triad = traffic(name, shapes, rounds)
        print(f"| {name} | {ours / 1e9:.1f} | {triad / 1e9:.1f} | {ours / triad:.0%} |", flush=True)


def print_others(rounds: int) -> None:
    print("\n| parameters | optimizer | ours | torch's fastest | times faster |")
    print("|---|---|---|---|---|")
    for label, shapes in LISTS.items():
        print_comparison(label, "Adafactor", compare("Adafactor", shapes, rounds))
    for label, shapes in MATRICES.items():
        print_comparison(label, "Muon", compare("Muon", shapes, rounds))
    table = [(50_000, 64)]
    found = compare("SparseAdam", table, rounds, touched_rows)
    print_comparison("embedding 50,000 x 64, 512 rows", "SparseAdam", found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--optimizers", default=ELEMENTWISE)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--lists", default="0,1,2", help="numbers of the lists")
    parser.add_argument("--only", choices=["elementwise", "traffic", "others"], help="one of the tables")
    args = parser.parse_args()
    names = args.optimizers.split(",")
    lists = dict(list(LISTS.items())[int(i)] for i in args.lists.split(","))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {args.rounds} rounds\n")
    if args.only in (None, "elementwise"):
        print_elementwise(names, lists, args.rounds)
    if args.only in (None, "traffic"):
        print_traffic(names, LISTS["2 x 4096 x 4096"], args.rounds)
    if args.only in (None, "others"):
        print_others(max(3, args.rounds // 3))


if __name__ == "__main__":
    main()
