"""One task under several measures: the same trainings, told as a loss and as its mirror images."""

from __future__ import annotations

from tests.search.own_task import Small


class Share(Small):
    """A measure between 0 and 1, of which lower is better: the part of the variance that is not explained."""

    name = "share"
    measure = "unexplained part"

    def validate(self, model):
        return min(1.0, super().validate(model))


class Score(Share):
    """One minus it."""

    measure = "explained part"
    maximize = True

    def validate(self, model):
        return 1 - super().validate(model)


class Negated(Share):
    """Its negative, which is never above 0."""

    measure = "negative part"
    maximize = True

    def validate(self, model):
        return -super().validate(model)


class Silent(Negated):
    """The same, which leaves it to whoever asks."""

    maximize = None


share, score, negated, silent = Share(), Score(), Negated(), Silent()
