"""Which way is better, as far as a measure's name tells: one named like a score is refused, not minimised.

    higher_is_better("validation accuracy")    # "accuracy"
    higher_is_better("1 - accuracy")           # "": lower is better
    refuse_score("digits", "accuracy")         # raises InvalidInputError

Lower is better, everywhere; a study of an accuracy would recommend the worst model.
"""

from __future__ import annotations

import itertools
import re

from surefoot.errors import InvalidInputError

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

LOWER = frozenset(
    [
        "loss", "losses", "error", "errors", "err", "negative", "neg", "minus", "negated", "inverse",
        "nll", "brier", "fid", "kid", "crps", "regret", "distance", "divergence", "deviation", "std",
        "variance", "gap", "drop", "cost", "penalty", "miss", "misses", "missed", "mse", "rmse", "mae",
        "mape", "wer", "cer", "perplexity", "time", "seconds"
    ]
)  # fmt: skip
"""Words that turn the others round, or that name measures of which lower is better."""

TURNED_ROUND = re.compile(
    r"(?:^|[\s(=])\d+(?:\.\d*)?\s*[-−–]\s*(?=[^\W\d])"  # "1 - accuracy", "100-bleu", not "top-1-accuracy"
    r"|(?:^\s*|[(=]\s*|\s)[-−–](?=[^\W\d])|^\s*[-−–]\s"  # "-reward", "- reward", not "test - reward"
    r"|^\s*1\s*/"
)
"""What turns a measure round, besides words."""


def higher_is_better(measure: str) -> str:
    """The word in a measure's name that says so; empty if none does, or another turns it round."""
    words = _words(measure)
    if TURNED_ROUND.search(measure) or LOWER.intersection(words):
        return ""
    for word, after in itertools.pairwise([*words, ""]):
        if word in RATES and after in ("rate", "ratio"):
            return f"{word} {after}"
        if word in SCORES or word.rstrip("0123456789") in SCORES:
            return word
    return ""


def score_refused(measure: str) -> str:
    """Why a measure of this name cannot be minimised and what to do, in a line; empty if it can."""
    if not higher_is_better(measure):
        return ""
    return (
        f"of {measure!r} higher is better by its name, and Surefoot looks for the lowest value: return and "
        f"name it 1 - {measure} or -{measure} instead; if lower is better after all, give it another name"
    )


def refuse_score(subject: str, measure: str) -> None:
    """Nothing, unless the measure is named like a score.

    Args:
        subject: whose measure it is, for the message.
        measure: its name.

    Raises:
        InvalidInputError: it is.
    """
    if refused := score_refused(measure):
        raise InvalidInputError(f"{subject}: {refused}")


def _words(measure: str) -> list[str]:
    """In lower case, apart where another kind of character, or a capital letter, stands between."""
    words: list[str] = []
    for word in re.findall(r"[^\W_]+", measure):
        # "mAP" and "mIoU" are one word; "valAccuracy" is two.
        apart = [word] if word.lower() in SCORES else re.split(r"(?<=[a-z])(?=[A-Z][a-z]{2})", word)
        words += [part.lower() for part in apart]
    return words
