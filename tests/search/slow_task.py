"""A task whose steps take as long as it is told, to see what a budget of time does."""

from __future__ import annotations

import os
import time

from tests.search.own_task import Small


class Slow(Small):
    """The small regression with a pause in every step."""

    name = "slow"

    def __init__(self):
        self.steps = int(os.environ.get("SLOW_STEPS", "60"))
        self.pause = float(os.environ.get("SLOW_PAUSE", "0.02"))

    def loss(self, model, batch):
        time.sleep(self.pause)
        return super().loss(model, batch)


slow = Slow()
