"""An engine without processes, for tests of what surrounds the runs: a job is done when it is started."""

from __future__ import annotations

from surefoot.engines.local.job import run_job
from surefoot.tasks import load_task


class InlineEngine:
    """Runs each job at once, in this process."""

    slots = 2

    def __init__(self):
        self.waiting = []

    def start(self, job):
        self.waiting.append(run_job(job, load_task, self._report))

    def _report(self, report):
        self.waiting.append(report)

    def events(self, timeout=None):
        events, self.waiting = self.waiting, []
        return events


class KilledEngine(InlineEngine):
    """Dies in the middle of a run, with the given point, which nobody hears of."""

    def __init__(self, points):
        super().__init__()
        self.left = points

    def _report(self, report):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        super()._report(report)
