"""Run many programs by hand: `python -m tests.optim.programs --count 100000 --seed 7 --minutes 30`."""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.optim.programs.drawing import NAMES, Dice, draw
from tests.optim.programs.judging import Verdict, child
from tests.optim.programs.language import Program, from_json, to_json
from tests.optim.programs.shrinking import shrink

Judge = Callable[[Program], Verdict]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.optim.programs", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="programs")
    parser.add_argument("--seed", type=int, default=0, help="fixes the programs")
    parser.add_argument("--start", type=int, default=0, help="number of the first program")
    parser.add_argument("--minutes", type=float, default=1e9, help="end after as long")
    parser.add_argument("--optimizer", choices=NAMES, help="this one alone")
    parser.add_argument("--against", default="surefoot", help="surefoot, torch or a planted fault")
    parser.add_argument(
        "--examples", type=int, default=1, help="findings of a kind and an optimizer that are shrunk"
    )
    parser.add_argument("--save", type=Path, help="folder for the shrunk programs, as JSON")
    parser.add_argument(
        "--replay", type=Path, help="judge the program in this file and say what became of it"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run, and say what was found; 1 if anything was."""
    given = parse(arguments)
    with child() as made:
        judge = functools.partial(made.judge, against=given.against)
        if given.replay:
            data = json.loads(given.replay.read_text())
            program = from_json(data.get("program", data))
            verdict = judge(program)
            print(verdict.verdict, verdict.label(program), verdict.detail, sep="\n")
            return 0 if verdict.agrees else 1
        return many(given, judge)


def many(given: argparse.Namespace, judge: Judge) -> int:
    """Draw and judge; shrink the first findings of each kind."""
    began, kinds, verdicts, steps = time.monotonic(), Counter[str](), Counter[str](), 0
    named: Counter[tuple[str, str]] = Counter()
    for number in range(given.start, given.start + given.count):
        if time.monotonic() - began > 60 * given.minutes:
            break
        name = given.optimizer or NAMES[number % len(NAMES)]
        program = draw(Dice((given.seed, number)), name)
        verdict = judge(program)
        verdicts[verdict.verdict] += 1
        steps += verdict.at + 1
        if not verdict.agrees:
            kind = verdict.label(program)
            kinds[kind] += 1
            named[kind, program.optimizer] += 1
            if named[kind, program.optimizer] <= given.examples:
                show(given, judge, number, program, verdict)
        if (sum(verdicts.values())) % 1000 == 0:
            progress(began, verdicts, steps)
    progress(began, verdicts, steps)
    for kind, count in kinds.most_common():
        print(f"{count:7} {kind}")
    return int(bool(kinds))


def progress(began: float, verdicts: Counter[str], steps: int) -> None:
    """One line."""
    done, seconds = sum(verdicts.values()), time.monotonic() - began
    shown = ", ".join(f"{name} {count}" for name, count in verdicts.most_common())
    print(
        f"{done} programs, {steps} operations, {done / seconds:.1f} programs/s: {shown}",
        file=sys.stderr,
        flush=True,
    )


def show(given: argparse.Namespace, judge: Judge, number: int, program: Program, verdict: Verdict) -> None:
    """Shrink and print one finding."""

    def same(smaller: Program) -> bool:
        found = judge(smaller)
        return not found.agrees and found.kind == verdict.kind

    alone = same(program)
    least = shrink(program, same) if alone else program
    last = judge(least) if alone else verdict
    label = last.label(least)
    doubt = "" if alone else " (not by itself: did a program before it spoil the memory?)"
    print(f"\n#{number} {label}{doubt}\n  {compact(least)}\n  {last.detail[:400]}", flush=True)
    if given.save:
        given.save.mkdir(parents=True, exist_ok=True)
        data: dict[str, Any] = {"number": [given.seed, number], "label": label, "verdict": asdict(last)}
        words = "-".join("".join(c if c.isalnum() else " " for c in label).split())[:60]
        path = given.save / f"{program.optimizer}-{words}-{number}.json"
        path.write_text(json.dumps(data | {"program": to_json(least)}, indent=1) + "\n")


def compact(program: Program) -> str:
    """A program on few lines."""
    data = to_json(program)
    return (
        json.dumps(data["optimizer"])
        + " "
        + "\n    ".join(
            f"{name}: {json.dumps(data[name])}" for name in ("settings", "params", "groups", "operations")
        )
    )


if __name__ == "__main__":
    sys.exit(main())
