import importlib.metadata
import shutil
import warnings

import pytest
import torch

from surefoot.study.run import Candidate
from surefoot.tasks import TaskError
from surefoot.tasks.gallery.packaged import found
from surefoot.tasks.gallery.scripture import FILE, PACKAGE, Scripture
from surefoot.tasks.gallery.text import ALPHABET, CONTINUATION, OTHER, SYMBOLS, Text, Transformer, continued
from surefoot.training.loop import train

real = pytest.mark.skipif(found(PACKAGE, FILE) is None, reason=f"{PACKAGE} is not installed")


@pytest.fixture(scope="module")
def scripture():
    return Scripture()


def strings_of(windows):
    return {"".join(ALPHABET[k] for k in row) for row in windows.tolist()}


@real
def test_scripture_is_read_as_it_stands_in_the_file(scripture):
    training, held_out = scripture._paragraphs
    assert len(training) + len(held_out) == 4_633  # of 4,635, two stand there twice
    assert len(held_out) == 464
    assert sum(map(len, training + held_out)) > 4_000_000
    assert held_out[0].startswith("In the beginning God created the heaven and the earth.")
    assert not set(training) & set(held_out)
    assert OTHER not in scripture._data[0]
    raw = found(PACKAGE, FILE).read_text(encoding="utf-8")
    plain = [paragraph for paragraph in training if not set(paragraph) & set("'-")]
    unmarked = raw.replace("[", "").replace("]", "").replace("æ", "ae")
    assert len(plain) > 1000
    assert all(f"\n{paragraph}\n" in unmarked for paragraph in plain[::20])


@real
def test_batches_hold_training_text_alone(scripture):
    training, held_out = ("\n\n".join(part) for part in scripture._paragraphs)
    seen, following = next(scripture.batches(0))
    assert seen.shape == following.shape == (16, 64)
    assert torch.equal(seen[:, 1:], following[:, :-1])
    assert all(window in training and window not in held_out for window in strings_of(seen))
    assert all(window in held_out for window in strings_of(scripture._data[1][0]))


@real
def test_a_short_training_lowers_the_loss(scripture):
    torch.manual_seed(0)
    untrained = scripture.validate(scripture.model())
    assert train(scripture, Candidate("Adam", {"lr": 1e-2}), 0, 0.04).point.value < untrained - 1.5


def test_without_its_package_it_says_that_its_words_are_made_up(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "files", lambda package: None)
    task = Scripture()
    assert task.measure == "validation loss on made-up words"
    with pytest.warns(UserWarning, match=r"'scripture' uses made-up words.*'surefoot\[gallery\]'"):
        assert len(task._data[0]) > 200_000
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # announced once
        assert train(task, Candidate("Adam", {"lr": 1e-2}), 0, 0.01).point.value < 4


@real
def test_another_file_is_an_error_of_one_line(monkeypatch, tmp_path):
    changed = tmp_path / "plain_text_readers_bible.py"
    shutil.copy(found(PACKAGE, FILE), changed)
    changed.write_text(changed.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    monkeypatch.setattr("surefoot.tasks.gallery.packaged.found", lambda package, suffix: changed)
    with pytest.raises(
        TaskError, match=r"is not the file this task is made for: .*'surefoot\[gallery\]' names$"
    ):
        _ = Scripture()._data


class After(torch.nn.Module):
    """Each character is followed by the next of the alphabet, and the last by the first."""

    def forward(self, text):
        assert text.shape[1] <= 32
        return 100 * torch.nn.functional.one_hot((text + 1) % OTHER, SYMBOLS).float()


@pytest.fixture
def prompt(tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_text("It begins with an a", encoding="utf-8")
    return path


def test_predict_writes_the_text_and_what_follows(prompt, tmp_path):
    lines = Text().predict(After(), prompt, tmp_path / "out.txt")
    written = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert written.startswith("It begins with an abcdefghij")
    assert len(written) == len("It begins with an a") + CONTINUATION
    assert "It begins with an a" + "\n".join(lines) == written


def test_predict_makes_the_folder_it_writes_to(prompt, tmp_path):
    Text().predict(After(), prompt, tmp_path / "new" / "out")
    assert (tmp_path / "new" / "out" / "continuation.txt").read_text(encoding="utf-8").startswith("It begins")


def test_a_continuation_is_the_same_each_time_and_heeds_the_prompt():
    torch.manual_seed(0)
    model = Transformer()
    assert continued(model, "Is it", 32) == continued(model, "Is it", 32)
    assert continued(model, "Is it", 32) != continued(model, "Was it", 32)


def test_a_character_that_stands_for_many_is_read_but_never_written():
    class Other(torch.nn.Module):
        def forward(self, text):
            return 100 * torch.nn.functional.one_hot(torch.full_like(text, OTHER), SYMBOLS).float()

    assert len(continued(Other(), "çà", 32)) == CONTINUATION


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "it is empty"), (b"\xff\xfe\x00", "it is no text in UTF-8"), (None, "directory")],
)
def test_what_is_no_text_is_an_error_of_one_line(tmp_path, content, words):
    path = tmp_path / "prompt.txt"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(TaskError, match=words) as caught:
        Text().predict(After(), path, tmp_path / "out.txt")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.txt").exists()
