import pytest

from surefoot.engines.local import gpus
from surefoot.engines.local.gpus import choose_gpus, visible_gpus

THREE = ("0", "1", "GPU-5f")


@pytest.mark.parametrize(
    ("text", "chosen"),
    [("all", THREE), ("1", ("0",)), ("2", ("0", "1")), ("0,2", ("0", "GPU-5f")), ("2,", ("GPU-5f",))],
)
def test_how_many_which_or_all(text, chosen):
    assert choose_gpus(text, THREE) == chosen


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("4", "there are 3 here"),
        ("0,3", "there are 3 here"),
        ("0,0", "there are 3"),
        ("0", "3 here"),
        ("a", "or all"),
    ],
)
def test_what_is_not_there_is_refused(text, hint):
    with pytest.raises(ValueError, match=f"--gpus {text}: .*{hint}"):
        choose_gpus(text, THREE)


def test_without_any_one_line_says_so():
    with pytest.raises(ValueError, match="there is no GPU that torch can use here"):
        choose_gpus("1", ())


@pytest.mark.parametrize(
    ("named", "count", "seen"),
    [(None, 0, ()), (None, 2, ("0", "1")), ("5,GPU-5f", 2, ("5", "GPU-5f")), ("", 0, ()), ("-1", 0, ())],
)
def test_the_visible_ones_keep_the_names_that_the_environment_gives_them(monkeypatch, named, count, seen):
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    if named is not None:
        monkeypatch.setenv(gpus.VISIBLE, named)
    assert visible_gpus() == seen
