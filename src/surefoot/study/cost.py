"""What it costs to take a run further, in full trainings.

Tariff().cost(1 / 9, 1 / 3)                               # 2/9: a task's run goes on where it stopped
Tariff(start=0.1, continues=False).cost(1 / 9, 1 / 3)     # 0.4: a script's starts, and trains, again
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tariff:
    """How progress is paid for.

    Attributes:
        start: share of a full training's seconds that pass before its first step, at every start of a run.
        continues: whether a run that is taken further goes on where it stopped; else it starts again.
    """

    start: float = 0.0
    continues: bool = True

    def cost(self, begin: float, end: float) -> float:
        """Full trainings to take a run that has reached `begin` up to `end`; 0 if that is no further."""
        if end <= begin:
            return 0.0
        trained = end - begin if self.continues else end
        return self.start + (1 - self.start) * trained
