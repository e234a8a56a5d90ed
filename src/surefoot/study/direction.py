"""Which way of a measure is better, who says so, and how values are turned for whoever minimises.

    direction_of("mine.py:task", "accuracy", said=True)     # Direction.MAXIMIZE
    direction_of("mine.py:task", "accuracy", said=None)     # raises InvalidInputError: the name asks for it
    Direction.MAXIMIZE.told(0.97)                           # -0.97, which policies and statistics minimise
    Direction.MAXIMIZE.own(-0.97)                           # 0.97, which records, answers and pages hold

What is recorded is the user's own number.  Race, play-off, confirmation and posterior know one direction,
down: they are *told* values, and what they find is turned back into the user's *own*.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from enum import StrEnum

from surefoot.errors import InvalidInputError


class Direction(StrEnum):
    """Which way of a measure is better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    @classmethod
    def of(cls, maximize: bool) -> Direction:
        """By the one question that users are asked."""
        return cls.MAXIMIZE if maximize else cls.MINIMIZE

    def told(self, value: float) -> float:
        """A user's value, or a difference of two, as policies and statistics have it: lower is better."""
        return 0.0 - value if self is Direction.MAXIMIZE else value  # not -value, which makes 0 into -0

    def own(self, told: float) -> float:
        """The way back, which is the same."""
        return self.told(told)

    def behind(self, value: float, best: float) -> float:
        """How much worse a user's value is than another; below 0 it is better."""
        return self.told(value) - self.told(best)

    @property
    def better(self) -> str:
        """`lower` or `higher`."""
        return "higher" if self is Direction.MAXIMIZE else "lower"

    @property
    def worse(self) -> str:
        """The other one."""
        return "lower" if self is Direction.MAXIMIZE else "higher"

    @property
    def best(self) -> str:
        """`lowest` or `highest`."""
        return f"{self.better.removesuffix('er')}est"


def bound(told: Iterable[float]) -> float | None:
    """What values that are minimised come close to and never pass, as far as the values themselves show.

    Positive ones end at 0.  Those from -1 to 0 are shares turned round, such as an accuracy that is
    maximised, and end at -1: their distance from there is the share of errors.  Others have no bound.
    """
    found = list(told)
    if not found:
        return None
    if min(found) > 0:
        return 0.0
    return -1.0 if -1 < min(found) < 0 and max(found) <= 0 else None


SCORES = frozenset(
    [
        "accuracy", "accuracies", "acc", "auc", "auroc", "auprc", "roc", "iou", "miou", "jaccard",
        "dice", "f1", "f2", "fbeta", "r2", "r²", "reward", "rewards", "return", "returns", "psnr",
        "ssim", "snr", "bleu", "sacrebleu", "rouge", "meteor", "chrf", "map", "score", "scores",
        "recall", "precision", "sensitivity", "specificity", "kappa", "mcc", "ndcg", "mrr", "likelihood",
        "elbo", "correlation", "spearman", "pearson", "correct"
    ]
)  # fmt: skip
"""Words of which higher is better, as whole words."""

RATES = ("hit", "success", "win")
"""Before "rate"."""

NEGATIVE = frozenset(["negative", "neg", "minus", "negated", "inverse"])
"""Words that turn the others round."""

LOWER = frozenset(
    [
        "loss", "losses", "error", "errors", "err", "nll", "brier", "fid", "kid", "crps", "regret",
        "distance", "divergence", "deviation", "std", "variance", "gap", "drop", "cost", "penalty", "miss",
        "misses", "missed", "mse", "rmse", "mae", "mape", "wer", "cer", "perplexity", "time", "seconds"
    ]
)  # fmt: skip
"""Words of measures of which lower is better."""

TURNED_ROUND = re.compile(
    r"(?:^|[\s(=])\d+(?:\.\d*)?\s*[-−–]\s*(?=[^\W\d])"  # "1 - accuracy", "100-bleu", not "top-1-accuracy"
    r"|(?:^\s*|[(=]\s*|\s)[-−–](?=[^\W\d])|^\s*[-−–]\s"  # "-reward", "- reward", not "test - reward"
    r"|^\s*1\s*/"
)
"""What turns a measure round, besides words."""


def higher_is_better(measure: str) -> str:
    """The word in a measure's name that says so; empty if none does, or another turns it round."""
    words = _words(measure)
    if TURNED_ROUND.search(measure) or (LOWER | NEGATIVE).intersection(words):
        return ""
    for word, after in itertools.pairwise([*words, ""]):
        if word in RATES and after in ("rate", "ratio"):
            return f"{word} {after}"
        if word in SCORES or word.rstrip("0123456789") in SCORES:
            return word
    return ""


def lower_is_better(measure: str) -> str:
    """The word in a measure's name that says so; empty if none does, or another turns it round."""
    words = _words(measure)
    if TURNED_ROUND.search(measure) or NEGATIVE.intersection(words):
        return ""
    return next((word for word in words if word in LOWER), "")


def score_refused(measure: str) -> str:
    """Why a measure of this name needs a word on its direction, in a line; empty if it does not."""
    if not higher_is_better(measure):
        return ""
    return (
        f"of {measure!r} higher is better by its name, and nothing says so: give maximize=True "
        "(--maximize on the command line), or maximize=False (--no-maximize) if lower is better after all"
    )


def direction_of(subject: str, measure: str, said: bool | None, asked: bool | None = None) -> Direction:
    """Which way of a measure is better.

    Args:
        subject: whose measure it is, for the message.
        measure: its name.
        said: by the task or the script; None: nothing.
        asked: by the command line or the call; None: nothing.

    Raises:
        InvalidInputError: the two contradict each other, nobody says it of a measure named like a score, or
            one named like a loss is asked to be maximized.
    """
    if said is not None and asked is not None and said != asked:
        raise InvalidInputError(
            f"{subject} says itself that {Direction.of(said).better} is better (maximize={said}), "
            f"and it is asked for maximize={asked}: leave that out, or change {subject}"
        )
    if said is None and asked and (word := lower_is_better(measure)):
        raise InvalidInputError(
            f"{subject}: of {measure!r} lower is better by its name ({word}), and it is asked for "
            "maximize=True: leave that out, or let the task or the script say maximize=True itself"
        )
    found = said if asked is None else asked
    if found is None and (refused := score_refused(measure)):
        raise InvalidInputError(f"{subject}: {refused}")
    return Direction.of(bool(found))


def _words(measure: str) -> list[str]:
    """In lower case, apart where another kind of character, or a capital letter, stands between."""
    words: list[str] = []
    for word in re.findall(r"[^\W_]+", measure):
        # "mAP" and "mIoU" are one word; "valAccuracy" is two.
        apart = [word] if word.lower() in SCORES else re.split(r"(?<=[a-z])(?=[A-Z][a-z]{2})", word)
        words += [part.lower() for part in apart]
    return words
