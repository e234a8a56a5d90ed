"""How much a store takes and gives: runs a second written by one coordinator, and a large study read back.

    python benchmarks/store_rate.py [--runs 20000] [--store URL]

A run is what `choose` writes of one: its start, ten points, a decision and its end.  "Blocks of 50" commits
fifty runs together, as the coordinator does when results come in faster than the disk takes commits; "one by
one" commits every single write.  Memory is the growth of the process while the whole study is read.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from surefoot.store import Store, StudyLog
from surefoot.study.decisions import Promoted
from surefoot.study.question import Question
from surefoot.study.run import Candidate, Phase, Point, Status

POINTS = 10
WRITES = POINTS + 3
ONE_BY_ONE_SHARE = 100
"""One run in so many is also written with a commit for each write."""


def write(log: StudyLog, numbers: range, block: int) -> float:
    """Runs a second; `block` of them in one commit, 0 for a commit each write."""
    begin = time.perf_counter()
    for first in range(numbers.start, numbers.stop, block or 1):
        with log.at_once() if block else contextlib.nullcontext():
            for number in range(first, min(first + (block or 1), numbers.stop)):
                write_run(log, number)
    return len(numbers) / (time.perf_counter() - begin)


def write_run(log: StudyLog, number: int) -> None:
    settings = {"lr": 1e-4 * (1 + number), "betas": [0.9, 0.999], "weight_decay": 0.01, "eps": 1e-8}
    run = log.start_run(Candidate("AdamW", settings), 0, Phase.SCREEN)
    for place in range(1, POINTS + 1):
        log.add_point(run, Point(place / POINTS, place * 0.1, 1 / place))
    goes_on = Promoted(f"AdamW number {number} goes on.", Candidate("AdamW", settings), 1 / 9, 0.1)
    log.decide(goes_on, 1.0)
    log.end_run(run, Status.COMPLETED, "", 1e-3, 4096)


def resident_mb() -> float:
    """The largest size that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


@contextlib.contextmanager
def address(url: str | None) -> Iterator[str]:
    """The store asked for, or a new SQLite file."""
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'evidence.db'}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--store", help="an empty store; default: a SQLite file in the temporary folder")
    options = parser.parse_args()
    table = Table("what", "result")
    with address(options.store) as url:
        with Store.at(url) as store:
            log = store.begin(Question("digits", study="rate"), None, {})
            single = max(10, options.runs // ONE_BY_ONE_SHARE)
            rate = write(log, range(options.runs, options.runs + single), 0)
            table.add_row("runs a second, one by one", f"{rate:,.0f} ({rate * WRITES:,.0f} writes)")
            rate = write(log, range(options.runs), 50)
            table.add_row("runs a second, blocks of 50", f"{rate:,.0f} ({rate * WRITES:,.0f} writes)")
        begin = time.perf_counter()
        with Store.at(url) as store:
            table.add_row("seconds to open it again", f"{time.perf_counter() - begin:.2f}")
            begin, before = time.perf_counter(), resident_mb()
            record = store.study("rate")
            seconds, grown = time.perf_counter() - begin, resident_mb() - before
            table.add_row(
                "seconds to read it",
                f"{seconds:.1f} ({len(record.runs):,} runs, {grown:,.0f} MB more memory)",
            )
    Console().print(table)


if __name__ == "__main__":
    main()
