"""What an answer says of times: where the goal is the least time to a target, everything is in seconds.

    times = Times(stopwatch, runs, "validation loss", compile_seconds, label)
    times.measure           # "seconds to a validation loss of 0.12"
    times.against(outcome)  # "It reaches a validation loss of 0.12 in 0.21 s, 0.45 of the time of AdamW …"

A mean time never stands alone: the misses in it, which count as the cap, are told beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surefoot.search.confirm.confirmation import Outcome
from surefoot.search.fastest.stopwatch import Stopwatch
from surefoot.study.format import interval, number, seconds, share, with_article
from surefoot.study.records import RunRecord
from surefoot.study.run import Candidate, Phase, Status

CONFIRMED = (Phase.CONFIRM, Phase.FLOOR)
COMPARED = (Phase.SCREEN, *CONFIRMED)


@dataclass(frozen=True)
class Times:
    """The times of one study.

    Attributes:
        stopwatch: what reads them off the runs.
        runs: all that were recorded, with the values that were measured.
        task_measure: what those values are, in words.
        compile_seconds: what the first step of each optimizer takes beyond later ones.
        label: a candidate's short name for people.
    """

    stopwatch: Stopwatch
    runs: Sequence[RunRecord]
    task_measure: str
    compile_seconds: Mapping[str, float]
    label: Callable[[Candidate], str]

    @property
    def target(self) -> float:
        """The value to reach."""
        return self.stopwatch.target

    @property
    def measure(self) -> str:
        """What is compared, in words."""
        return self.stopwatch.measure(self.task_measure)

    def in_seconds(self) -> list[RunRecord]:
        """The runs that were compared, with times in place of values."""
        return [self.stopwatch.in_seconds(run) for run in self.runs if run.phase in COMPARED]

    def ratio(self, outcome: Outcome) -> float:
        """The recommendation's mean time over the baseline's; nan where a seed diverged."""
        return _mean(outcome, outcome.recommended) / _mean(outcome, outcome.baseline)

    def against(self, outcome: Outcome) -> str:
        """The recommendation beside the baseline."""
        best, base, effect = outcome.recommended, outcome.baseline, outcome.effect
        reached = f"It reaches {self._goal} in {seconds(_mean(outcome, best), 3)}"
        if best.key == base.key:
            return f"{reached}, and is the baseline itself; {self._misses([best])}."
        if not math.isfinite(effect.estimate):
            return f"The baseline {self.label(base)} or it diverged on some seed, so there is no interval."
        return (
            f"{reached}, {number(self.ratio(outcome), 2)} of the time of {self.label(base)} "
            f"({share(effect.level)} interval of the difference "
            f"{interval(effect.low, effect.high)} s); "
            f"{self._misses([best, base])}."
        )

    def notes(self, outcome: Outcome) -> list[str]:
        """What the mean times do not show: misses, compiling, and the floor."""
        first = self.compile_seconds.get(outcome.recommended.optimizer, 0.0)
        floor = self._confirmed(outcome.floor.key)
        return [
            f"A run that misses the target counts as the baseline's whole training, "
            f"{seconds(self.stopwatch.ladder.whole, 3)}.  Random search, the floor, misses it on "
            f"{sum(map(self._missed, floor))} of {len(floor)} seeds.",
            f"Not in the times: the first step compiles kernels, which takes {seconds(first)} once.",
        ]

    def of_candidate(self, phase: str, optimizer: str, key: str) -> dict[str, Any]:
        """Further fields of one of the answer's candidates; times are None where the target was missed."""
        if phase not in CONFIRMED:
            return {}
        runs = self._confirmed(key)
        return {
            "seconds_to_target": tuple(
                None if self._missed(run) else _time(self.stopwatch, run) for run in runs
            ),
            "misses": sum(map(self._missed, runs)),
            "compile_seconds": self.compile_seconds.get(optimizer),
        }

    @property
    def _goal(self) -> str:
        return f"{with_article(self.task_measure)} of {number(self.target)}"

    def _confirmed(self, key: str) -> list[RunRecord]:
        """The confirmed runs of the candidate with this key, by seed."""
        runs = (run for run in self.runs if run.phase in CONFIRMED)
        own = (run for run in runs if run.candidate.key == key)
        return sorted(own, key=lambda run: run.seed)

    def _missed(self, run: RunRecord) -> bool:
        """A lost run has no time either, but it is counted as diverged."""
        return run.status == Status.COMPLETED and self.stopwatch.misses(run)

    def _misses(self, candidates: Sequence[Candidate]) -> str:
        words = []
        for candidate in candidates:
            runs = self._confirmed(candidate.key)
            words.append(f"{self.label(candidate)} on {sum(map(self._missed, runs))} of {len(runs)}")
        return f"seeds on which it is missed: {', '.join(words)}"


def _time(stopwatch: Stopwatch, run: RunRecord) -> float | None:
    time = stopwatch.confirmed(run, 1.0)
    return time if time is not None and math.isfinite(time) else None


def _mean(outcome: Outcome, candidate: Candidate) -> float:
    """nan where a seed diverged."""
    estimate = outcome.means[candidate.key].estimate
    return estimate if math.isfinite(estimate) else math.nan
