"""Step time of surefoot.optim against torch's fastest implementation of the same optimizer.

    python benchmarks/step_time.py [--optimizers Adam,Adadelta] [--rounds 15]

float32, both in one process, interleaved round by round; each figure is the median over rounds, the
ratio is the median of the rounds' ratios.  torch's implementations (for-loop, foreach, fused where it
has one) are all timed, and the fastest is the one compared with.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from surefoot import optim

MLP = [(64, 32), (64,), (64, 64), (64,), (64, 64), (64,), (64, 64), (64,), (10, 64), (10,)]
FUSED = {"SGD", "Adam", "AdamW", "Adagrad"}
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


LISTS = {
    "MLP, 10 tensors": MLP,
    "ResNet-18, 62 tensors": resnet18(),
    "2 x 4096 x 4096": [(4096, 4096)] * 2,
}


def make(
    cls: type[torch.optim.Optimizer], shapes: list[tuple[int, ...]], **settings: object
) -> torch.optim.Optimizer:
    torch.manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    for p in params:
        p.grad = torch.randn_like(p)
    optimizer = cls(params, **settings)
    for _ in range(3):
        optimizer.step()
    return optimizer


def seconds_per_step(optimizer: torch.optim.Optimizer, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        optimizer.step()
    return (time.perf_counter() - start) / repeats


def compare(name: str, shapes: list[tuple[int, ...]], rounds: int) -> tuple[float, str, float, float]:
    """Ours in seconds, torch's fastest by name and in seconds, and the median ratio."""
    settings = SETTINGS.get(name, {})
    theirs = getattr(torch.optim, name)
    racers = {
        "ours": make(optim.OPTIMIZERS[name], shapes, **settings),
        "for-loop": make(theirs, shapes, foreach=False, **settings),
        "foreach": make(theirs, shapes, foreach=True, **settings),
    }
    if name in FUSED:
        racers["fused"] = make(theirs, shapes, fused=True, **settings)
    repeats = max(1, int(0.02 / seconds_per_step(racers["for-loop"], 1)))
    times: dict[str, list[float]] = {racer: [] for racer in racers}
    for _ in range(rounds):
        for racer, optimizer in racers.items():
            times[racer].append(seconds_per_step(optimizer, repeats))
    medians = {racer: statistics.median(values) for racer, values in times.items()}
    fastest = min((racer for racer in racers if racer != "ours"), key=medians.__getitem__)
    ratio = statistics.median(b / a for a, b in zip(times["ours"], times[fastest], strict=True))
    return medians["ours"], fastest, medians[fastest], ratio


def shown(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--optimizers", default="SGD,Adam,AdamW,Adagrad,Adadelta,RMSprop,Adamax,Rprop,ASGD")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--lists", default=",".join(str(i) for i in range(len(LISTS))), help="numbers of the lists"
    )
    args = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {args.rounds} rounds\n")
    print("| parameters | optimizer | ours | torch's fastest | times faster |")
    print("|---|---|---|---|---|")
    ratios = []
    for label, shapes in [list(LISTS.items())[int(i)] for i in args.lists.split(",")]:
        for name in args.optimizers.split(","):
            ours, fastest, theirs, ratio = compare(name, shapes, args.rounds)
            ratios.append(ratio)
            print(
                f"| {label} | {name} | {shown(ours)} | {shown(theirs)} ({fastest}) | {ratio:.1f} |",
                flush=True,
            )
    print(f"\ngeometric mean: {statistics.geometric_mean(ratios):.1f} times faster")


if __name__ == "__main__":
    main()
