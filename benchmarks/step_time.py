"""Step time of surefoot.optim against torch's implementations of the same optimizer, under a schedule.

    python benchmarks/step_time.py [--optimizers Adam,Adadelta] [--lists 0,2] [--rounds 15] [--only TABLE]

The learning rate changes at every step, as in every real training.  float32, all in one process,
interleaved round by round; each figure is the median over rounds, the ratio is the median of the rounds'
ratios.  torch's implementations (for-loop, foreach, fused where it has one) are all timed, and the fastest
is the one compared with.

The tables:

- elementwise: eleven optimizers on three lists of parameters, with the geometric mean of the ratios;
- compiled: the same beside `torch.compile(optimizer.step)` with a learning rate that is a tensor (it
  compiles 33 times: half an hour);
- traffic: on the largest list, the memory traffic per second beside that of a plain triad (a = b + 2 c)
  which moves as many bytes;
- lives: 50 parameter groups with rates of their own, 5,000 tiny parameters under LambdaLR, the switches and
  tensor rates that scripts set, gradients that come and go, and a small network's whole training iteration;
- others: the optimizers of matrices and sparse rows.
"""

from __future__ import annotations

import argparse
import inspect
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from surefoot import optim

Shapes = list[tuple[int, ...]]
MLP = [(64, 32), (64,), (64, 64), (64,), (64, 64), (64,), (64, 64), (64,), (10, 64), (10,)]
SETTINGS = {"SGD": {"momentum": 0.9}}


def resnet18() -> Shapes:
    """The 62 parameter shapes of ResNet-18 (ImageNet)."""
    shapes: Shapes = [(64, 3, 7, 7), (64,), (64,)]
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
    shapes: Shapes,
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


Step = Callable[[], object]


def scheduled(optimizer: torch.optim.Optimizer, step: Step | None = None) -> Step:
    """A step after the learning rates of all groups have moved."""
    groups, take_step = optimizer.param_groups, step or optimizer.step
    rates = [float(group["lr"]) for group in groups]
    factors = itertools.cycle([1 - i / 1000 for i in range(500)])

    def moved() -> None:
        factor = next(factors)
        for group, rate in zip(groups, rates, strict=True):
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate * factor)
            else:
                group["lr"] = rate * factor
        take_step()

    return moved


def seconds_per_step(step: Step, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        step()
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
    """Median seconds of a step, ours and of the fastest other, and the median ratio."""

    ours: float
    fastest: str
    theirs: float
    ratio: float


def compare(racers: dict[str, Step], rounds: int) -> Comparison:
    """Time "ours" beside all others, round by round."""
    for step in racers.values():
        for _ in range(3):  # the first steps plan, compile and make state
            step()
    repeats = {racer: max(1, int(0.02 / seconds_per_step(step, 1))) for racer, step in racers.items()}
    times: dict[str, list[float]] = {racer: [] for racer in racers}
    for _ in range(rounds):
        for racer, step in racers.items():
            times[racer].append(seconds_per_step(step, repeats[racer]))
    medians = {racer: statistics.median(values) for racer, values in times.items()}
    fastest = min((racer for racer in racers if racer != "ours"), key=medians.__getitem__)
    ratio = statistics.median(b / a for a, b in zip(times["ours"], times[fastest], strict=True))
    return Comparison(medians["ours"], fastest, medians[fastest], ratio)


def racers_of(name: str, shapes: Shapes, gradient: Gradient = dense) -> dict[str, Step]:
    """Ours and all of torch's implementations."""
    settings = SETTINGS.get(name, {})
    racers = {"ours": scheduled(make(optim.OPTIMIZERS[name], shapes, gradient, **settings))}
    for implementation, chosen in implementations(name).items():
        theirs = make(getattr(torch.optim, name), shapes, gradient, **settings, **chosen)
        racers[implementation] = scheduled(theirs)
    return racers


def compiled(name: str, shapes: Shapes) -> Step:
    """torch's step compiled, with a learning rate that is a tensor, so that it is compiled once."""
    torch._dynamo.reset()
    taken = inspect.signature(getattr(torch.optim, name)).parameters
    lr = torch.tensor(float(taken["lr"].default))
    optimizer = make(getattr(torch.optim, name), shapes, lr=lr, **SETTINGS.get(name, {}))
    step = scheduled(optimizer, torch.compile(optimizer.step))
    for _ in range(3):
        step()
    return step


def traffic(name: str, shapes: Shapes, rounds: int) -> tuple[float, float]:
    """Bytes per second that a step moves, and that a triad over as many bytes moves, interleaved."""
    optimizer = make(optim.OPTIMIZERS[name], shapes, **SETTINGS.get(name, {}))
    state = optimizer.state[optimizer.param_groups[0]["params"][0]]
    kept = sum(torch.is_tensor(value) and value.dim() > 0 for value in state.values())
    elements = sum(math.prod(shape) for shape in shapes)
    moved = 4 * elements * (3 + 2 * kept)  # p and each state are read and written, g is read
    a, b, c = (torch.ones(moved // 12) for _ in range(3))
    ours, triad, step = [], [], scheduled(optimizer)
    for _ in range(rounds):
        ours.append(seconds_per_step(step, 1))
        start = time.perf_counter()
        torch.add(b, c, alpha=2.0, out=a)
        triad.append(time.perf_counter() - start)
    return moved / statistics.median(ours), moved / statistics.median(triad)


def shown(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"


HEADER = "| parameters | optimizer | ours | torch's fastest | times faster |\n|---|---|---|---|---|"


def print_elementwise(names: list[str], lists: dict[str, Shapes], rounds: int) -> None:
    print(HEADER)
    ratios = []
    for label, shapes in lists.items():
        compared = ((name, compare(racers_of(name, shapes), rounds)) for name in names)
        ratios += [print_comparison(label, name, found) for name, found in compared]
    print_mean(ratios)


def print_compiled(names: list[str], lists: dict[str, Shapes], rounds: int) -> None:
    print("| parameters | optimizer | ours | torch.compile(step) | times faster |\n|---|---|---|---|---|")
    ratios = []
    for label, shapes in lists.items():
        for name in names:
            ours = scheduled(make(optim.OPTIMIZERS[name], shapes, **SETTINGS.get(name, {})))
            racers = {"ours": ours, "compiled": compiled(name, shapes)}
            ratios.append(print_comparison(label, name, compare(racers, rounds)))
    print_mean(ratios)


def print_mean(ratios: list[float]) -> None:
    mean = statistics.geometric_mean(ratios)
    print(f"\ngeometric mean: {mean:.2f} times faster; least {min(ratios):.2f}, most {max(ratios):.1f}\n")


def print_comparison(label: str, name: str, found: Comparison) -> float:
    theirs = f"{shown(found.theirs)} ({found.fastest})"
    print(f"| {label} | {name} | {shown(found.ours)} | {theirs} | {found.ratio:.2f} |", flush=True)
    return found.ratio


def print_traffic(names: list[str], shapes: Shapes, rounds: int) -> None:
    print("| optimizer | GB/s | triad, GB/s | share |")
    print("|---|---|---|---|")
    for name in names:
        ours, triad = traffic(name, shapes, rounds)
        print(f"| {name} | {ours / 1e9:.1f} | {triad / 1e9:.1f} | {ours / triad:.0%} |", flush=True)


def print_others(rounds: int) -> None:
    print(HEADER)
    for label, shapes in LISTS.items():
        print_comparison(label, "Adafactor", compare(racers_of("Adafactor", shapes), rounds))
    for label, shapes in MATRICES.items():
        print_comparison(label, "Muon", compare(racers_of("Muon", shapes), rounds))
    found = compare(racers_of("SparseAdam", [(50_000, 64)], touched_rows), rounds)
    print_comparison("embedding 50,000 x 64, 512 rows", "SparseAdam", found)


def print_lives(rounds: int) -> None:
    print("\n| training | optimizer | ours | torch | times faster |\n|---|---|---|---|---|")
    for label, name, racers in lives():
        print_comparison(label, name, compare(racers, rounds))


def lives() -> Iterator[tuple[str, str, dict[str, Step]]]:
    """Situations of real trainings: what is trained, the optimizer, and the steps to compare."""
    for name in ("AdamW", "SGD"):
        yield "50 groups of 2 tensors, layer-decayed rates", name, in_groups(name)
    for name in ("Adam", "SGD"):
        yield "5,000 tiny parameters under LambdaLR, torch's default", name, tiny(name)
    for name in ("AdamW", "SGD"):
        for label, chosen in SWITCHED.items():
            yield f"ResNet-18, {label}", name, switched(name, chosen)
        yield "ResNet-18, one gradient missing every other step", name, now_and_then(name)
    for name in ("AdamW", "SGD"):
        yield "MLP, a whole iteration under OneCycleLR", name, iterations(name)


SWITCHED: dict[str, dict[str, object]] = {
    "fused=False": {"fused": False},
    "foreach=False": {"foreach": False},
    "lr a tensor": {"lr": 1e-3},
}


def chosen_of_torch(name: str) -> dict[str, dict[str, object]]:
    return {"ours": {}} | implementations(name)


def library(racer: str) -> Any:
    return optim if racer == "ours" else torch.optim


def in_groups(name: str) -> dict[str, Step]:
    racers = {}
    for racer, chosen in chosen_of_torch(name).items():
        groups = [
            {"params": with_gradients([(64, 64), (64,)]), "lr": 1e-3 * 0.9**depth} for depth in range(50)
        ]
        racers[racer] = scheduled(getattr(library(racer), name)(groups, **SETTINGS.get(name, {}), **chosen))
    return racers


def tiny(name: str) -> dict[str, Step]:
    racers: dict[str, Step] = {}
    for racer in ("ours", "default"):
        optimizer = getattr(library(racer), name)(with_gradients([(3,)] * 5000), lr=1e-3)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step / 1000))
        racers[racer] = in_turn(optimizer.step, scheduler.step)
    return racers


def in_turn(*calls: Step) -> Step:
    def all_of_them() -> None:
        for call in calls:
            call()

    return all_of_them


def switched(name: str, chosen: dict[str, object]) -> dict[str, Step]:
    racers = {}
    for racer in ("ours", "torch, the same"):
        own = {k: torch.tensor(v) if k == "lr" else v for k, v in chosen.items()}
        racers[racer] = scheduled(make(getattr(library(racer), name), resnet18(), **own))
    return racers


def now_and_then(name: str) -> dict[str, Step]:
    racers = {}
    for racer, chosen in chosen_of_torch(name).items():
        optimizer = make(getattr(library(racer), name), resnet18(), **SETTINGS.get(name, {}), **chosen)
        racers[racer] = scheduled(optimizer, in_turn(toggled(optimizer), optimizer.step))
    return racers


def toggled(optimizer: torch.optim.Optimizer) -> Step:
    p = optimizer.param_groups[0]["params"][3]
    kept = p.grad

    def toggle() -> None:
        p.grad = kept if p.grad is None else None

    return toggle


def iterations(name: str) -> dict[str, Step]:
    racers = {}
    for racer, chosen in chosen_of_torch(name).items():
        torch.manual_seed(0)
        layers: list[torch.nn.Module] = []
        for inputs, outputs in [(32, 64), (64, 64), (64, 64), (64, 64), (64, 10)]:
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])
        optimizer = getattr(library(racer), name)(
            model.parameters(), lr=1e-3, **SETTINGS.get(name, {}), **chosen
        )
        racers[racer] = iteration(model, optimizer)
    return racers


def iteration(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Step:
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=10_000_000)
    x, y = torch.randn(32, 32), torch.randint(0, 10, (32,))

    def once() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()

    return once


def with_gradients(shapes: Shapes) -> list[torch.nn.Parameter]:
    params = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    for p in params:
        p.grad = torch.randn_like(p)
    return params


TABLES = ("elementwise", "compiled", "traffic", "lives", "others")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--optimizers", default=ELEMENTWISE)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--lists", default="0,1,2", help="numbers of the lists")
    parser.add_argument("--only", choices=TABLES, help="one of the tables")
    args = parser.parse_args()
    names = args.optimizers.split(",")
    lists = dict(list(LISTS.items())[int(i)] for i in args.lists.split(","))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {args.rounds} rounds\n")
    tables: dict[str, Step] = {
        "elementwise": lambda: print_elementwise(names, lists, args.rounds),
        "compiled": lambda: print_compiled(names, lists, args.rounds),
        "traffic": lambda: print_traffic(names, LISTS["2 x 4096 x 4096"], args.rounds),
        "lives": lambda: print_lives(args.rounds),
        "others": lambda: print_others(max(3, args.rounds // 3)),
    }
    for table in [args.only] if args.only else TABLES:
        tables[table]()


if __name__ == "__main__":
    main()
