import pytest

import surefoot
from surefoot.study.direction import Direction, bound, direction_of, higher_is_better
from surefoot.tasks import builtin_tasks, said_by


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
    with pytest.raises(surefoot.SurefootError, match=r"mine: of .* higher .*maximize=True") as told:
        direction_of("mine", measure, None)
    assert "\n" not in str(told.value)
    for maximize in (True, False):
        assert direction_of("mine", measure, maximize) is Direction.of(maximize)
        assert direction_of("mine", measure, None, maximize) is Direction.of(maximize)


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
    assert direction_of("mine", measure, None) is Direction.MINIMIZE
    assert direction_of("mine", measure, True) is Direction.MAXIMIZE


def test_no_built_in_task_is_refused_or_maximized():
    for task in builtin_tasks().values():
        assert direction_of(task.name, task.measure, said_by(task)) is Direction.MINIMIZE
        with pytest.raises(surefoot.SurefootError, match=f"{task.name}: of .* lower is better by its name"):
            direction_of(task.name, task.measure, said_by(task), True)


@pytest.mark.parametrize("measure", ["negative loss", "-error", "1 - error rate", "explained part", "reward"])
def test_what_is_turned_round_may_be_maximized(measure):
    assert direction_of("mine", measure, None, True) is Direction.MAXIMIZE


def test_whoever_makes_a_task_knows_better_than_its_name():
    assert direction_of("mine", "loss of weight", True) is Direction.MAXIMIZE


@pytest.mark.parametrize("said", [True, False])
def test_two_who_contradict_each_other_are_an_error(said):
    assert direction_of("mine", "x", said, said) is Direction.of(said)
    with pytest.raises(
        surefoot.SurefootError, match=f"mine says itself .*maximize={said}.*={not said}"
    ) as error:
        direction_of("mine", "x", said, not said)
    assert "\n" not in str(error.value)


def test_what_is_told_is_turned_and_turned_back():
    up, down = Direction.MAXIMIZE, Direction.MINIMIZE
    assert (up.told(0.9), down.told(0.9)) == (-0.9, 0.9)
    assert up.own(up.told(0.9)) == 0.9
    assert str(up.told(0.0)) == "0.0"
    assert (up.behind(0.8, 0.9), down.behind(0.8, 0.9)) == (pytest.approx(0.1), pytest.approx(-0.1))
    assert (up.better, up.worse, up.best) == ("higher", "lower", "highest")
    assert (down.better, down.worse, down.best) == ("lower", "higher", "lowest")


@pytest.mark.parametrize(
    ("told", "end"),
    [
        *(([], None), ([0.1, 3.0], 0.0), ([-0.9, -0.1], -1.0), ([-0.9, 0.0], -1.0), ([-1.0, -0.5], None)),
        *(([-0.5, 0.5], None), ([0.0, 1.0], None), ([0.0], None), ([-30.0, -20.0], None)),
    ],
)
def test_where_values_end(told, end):
    assert bound(told) == end
