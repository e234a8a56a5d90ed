import pytest

import surefoot
from surefoot.study.direction import higher_is_better, refuse_score
from surefoot.tasks import builtin_tasks


@pytest.mark.parametrize(
    "measure",
    [
        *("accuracy", "validation accuracy", "val_accuracy", "valAccuracy", "ACC", "top-1-accuracy", "acc@5"),
        *("top-5 accuracy", "ROC AUC", "auc", "F1", "f1_macro", "mean IoU", "mIoU", "dice", "Dice score"),
        *("R2", "R²", "r2 on held-out rows", "mean reward", "episode return", "PSNR", "BLEU", "bleu4", "mAP"),
        *("map", "score", "recall", "precision", "hit rate", "success_rate", "hit ratio", "log-likelihood"),
        *("accuracy (%)", "test - accuracy", "accuracy - test", "held-out accuracy"),
    ],
)
def test_scores(measure):
    assert higher_is_better(measure)
    with pytest.raises(surefoot.SurefootError, match=r"mine: of .* higher is better .*1 - ") as refusal:
        refuse_score("mine", measure)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "measure",
    [
        *("validation loss", "error", "accuracy error", "1 - accuracy", "1-accuracy", "1 − AUC", "1.0 - F1"),
        *("1 - mean IoU", "-accuracy", "−reward", "- reward", "100 - bleu", "100-BLEU", "one minus accuracy"),
        *(
            "negative reward",
            "neg_return",
            "negative log-likelihood",
            "Brier score",
            "FID score",
            "dice loss",
        ),
        *(
            "validation loss (cross-entropy + Dice)",
            "reported value",
            "validation value",
            "misses",
            "error rate",
        ),
        *("mean squared error on held-out points", "MAPE", "accelerated steps", "mapped rows", "scored", ""),
        *("minus accuracy", "(1 - accuracy)", "1 - accuracy on held-out rows", "return time", "perplexity"),
    ],
)
def test_others(measure):
    assert not higher_is_better(measure)
    refuse_score("mine", measure)


def test_no_built_in_task_is_refused():
    for task in builtin_tasks().values():
        assert not higher_is_better(task.measure), task.name
