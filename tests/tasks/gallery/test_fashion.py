import gzip
import json
import shutil
import warnings

import pytest
import torch
from PIL import Image

from surefoot.study.run import Candidate
from surefoot.tasks import TaskError
from surefoot.tasks.gallery import fashion
from surefoot.tasks.gallery.fashion import FILES, FOLDER, INSTALL, Fashion
from surefoot.tasks.images.decoding import File
from surefoot.training.loop import train

real = pytest.mark.skipif(not fashion._installed(), reason=f"not installed: {INSTALL}")


@pytest.fixture(scope="module")
def task():
    return Fashion()


def rows_of(images):
    return {image.numpy().tobytes() for image in images}


@real
def test_images_are_real_and_the_split_never_overlaps(task):
    (images, labels), (held_out, held_out_labels) = task._data
    assert images.shape == (12_000, 1, 28, 28)
    assert held_out.shape == (2_000, 1, 28, 28)
    assert (images.min(), images.max()) == (0, 1)
    assert set(labels.tolist()) == set(held_out_labels.tolist()) == set(range(len(task.labels)))
    assert not rows_of(images) & rows_of(held_out)
    with gzip.open(FOLDER / "t10k-labels-idx1-ubyte.gz") as file:
        assert list(file.read()[8:2008]) == held_out_labels.tolist()


@real
def test_batches_hold_training_images_alone(task):
    (images, _), (held_out, _) = task._data
    batches = task.batches(3)
    drawn = rows_of(torch.cat([next(batches)[0] for _ in range(100)]))
    assert drawn <= rows_of(images)
    assert not drawn & rows_of(held_out)


@real
def test_a_short_training_lowers_the_loss(task):
    torch.manual_seed(0)
    untrained = task.validate(task.model().eval())
    reached = train(task, Candidate("AdamW", {"lr": 5e-3}), 0, 0.04).point.value
    assert reached < untrained / 2


@real
def test_another_file_is_an_error_of_one_line(monkeypatch, tmp_path):
    for name in FILES:
        shutil.copy(FOLDER / name, tmp_path)
    with gzip.open(tmp_path / "train-images-idx3-ubyte.gz", "wb") as file:
        file.write(b"other")
    monkeypatch.setattr(fashion, "FOLDER", tmp_path)
    with pytest.raises(TaskError, match=rf"train-images.* is not the file .*{INSTALL}$"):
        Fashion().validate(Fashion().model())


def test_without_its_package_it_says_that_its_images_are_made_up(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion, "FOLDER", tmp_path)
    task = Fashion()
    assert task.measure == "validation loss on made-up shapes"
    with pytest.warns(UserWarning, match=f"'fashion' uses made-up images.*: {INSTALL}$"):
        (images, labels), (held_out, _) = task._data
    assert (len(images), len(labels), len(held_out)) == (12_000, 12_000, 2_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # announced once
        torch.manual_seed(0)
        untrained = task.validate(task.model().eval())
        reached = train(task, Candidate("Adam", {"lr": 5e-3}), 0, 0.03).point.value
    assert reached < untrained / 2


def test_predict_names_the_clothes(tmp_path):
    bag = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    torch.nn.init.zeros_(bag[1].weight)
    bag[1].bias.data = torch.eye(10)[8] * 20
    Image.new("L", (40, 60), 255).save(tmp_path / "thing.png")
    line, _ = Fashion().predict(bag, tmp_path / "thing.png", tmp_path / "found.json")
    assert line.startswith("thing.png: bag 100 %, ")
    (told,) = json.loads((tmp_path / "found.json").read_text())
    assert told["classes"][0]["label"] == "bag"


def test_a_photograph_is_made_as_the_data_is(tmp_path):
    photograph = Image.new("RGB", (300, 200), "white")
    photograph.paste((20, 20, 20), (100, 50, 250, 125))  # twice as wide as high
    photograph.save(tmp_path / "belt.png")
    (picture,) = Fashion.prepared(File.read(tmp_path / "belt.png"))
    assert torch.equal(picture[7:21], torch.ones(14, 28))
    assert picture.sum() == 14 * 28


def test_what_is_no_image_is_an_error_of_one_line(tmp_path):
    (tmp_path / "wrong.png").write_text("no image")
    with pytest.raises(TaskError, match=r"wrong\.png: no image, or damaged at its beginning$"):
        Fashion().predict(Fashion().model(), tmp_path / "wrong.png", tmp_path / "out")
