"""An engine without processes, for tests of what surrounds the runs: a job is done when it is started."""

from __future__ import annotations

from surefoot.tasks import load_task
from surefoot.training.job import run_job


class InlineEngine:
    """Runs each job at once, in this process."""

    slots = 2

    def __init__(self):
        self.waiting = []

    def start(self, job):
        self.waiting.append(run_job(job, load_task, self.waiting.append))

    def events(self, timeout=None):
        events, self.waiting = self.waiting, []
        return events
