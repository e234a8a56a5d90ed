"""A display that plays its user."""

from __future__ import annotations

from surefoot.report.live import RaceDisplay


class Interrupting(RaceDisplay):
    """One whose user presses Ctrl-C after some results; with 0, one who waits."""

    def __init__(self, after=0):
        super().__init__(live=False)
        self.left = after

    def result(self, label, rung, value, status):
        super().result(label, rung, value, status)
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
