import importlib.metadata
import json
import warnings

import pytest
import torch
from PIL import Image

from surefoot.study.run import Candidate
from surefoot.tasks import TaskError
from surefoot.tasks.gallery.mnist import FILE, PACKAGE, Mnist
from surefoot.tasks.gallery.packaged import found
from surefoot.tasks.images.decoding import File, UnreadableError
from surefoot.tasks.images.pictures import grey, light_on_dark, pasted
from surefoot.training.loop import train

real = pytest.mark.skipif(found(PACKAGE, FILE) is None, reason=f"{PACKAGE} is not installed")


@pytest.fixture(scope="module")
def task():
    return Mnist()


def rows_of(images):
    return {image.numpy().tobytes() for image in images}


def prepared(path):
    return Mnist.prepared(File.read(path))


def saved(pixels, path, mode="L"):
    Image.fromarray((pixels * 255).byte().numpy()).convert(mode).save(path)
    return path


@real
def test_all_images_are_there_and_the_split_never_overlaps(task):
    (images, labels), (held_out, held_out_labels) = task._data
    assert images.shape == (4000, 1, 28, 28)
    assert held_out.shape == (1000, 1, 28, 28)
    assert torch.cat([labels, held_out_labels]).bincount().tolist() == [500] * 10
    assert len(rows_of(images) | rows_of(held_out)) == 5000
    assert (images.min(), images.max()) == (0, 1)
    assert task.measure == "validation loss"


@real
def test_batches_hold_training_images_alone(task):
    (images, _), (held_out, _) = task._data
    batches = task.batches(3)
    drawn = rows_of(torch.cat([next(batches)[0] for _ in range(4000 // 64)]))
    assert len(drawn) == 62 * 64  # none twice in an epoch
    assert drawn <= rows_of(images)
    assert not drawn & rows_of(held_out)


@real
def test_a_short_training_reads_most_digits(task):
    torch.manual_seed(0)
    model = task.model()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    batches = task.batches(0)
    for _ in range(60):
        optimizer.zero_grad()
        task.loss(model, next(batches)).backward()
        optimizer.step()
    assert task.validate(model) < 0.7
    assert task.metrics(model)["accuracy"] > 0.8


def test_without_its_package_it_says_that_its_images_are_made_up(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "files", lambda package: None)
    task = Mnist()
    assert task.measure == "validation loss on made-up digits"
    with pytest.warns(UserWarning, match=r"'mnist' uses made-up images.*pip install 'surefoot\[gallery\]'"):
        images, labels = task._data[0]
    assert images.shape == (4000, 1, 28, 28)
    assert set(labels.tolist()) == set(range(10))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # announced once
        untrained = task.validate(task.model())
        reached = train(task, Candidate("Adam", {"lr": 3e-3}), 0, 0.1).point.value
    assert reached < untrained / 2


class LooksAtItself(torch.nn.Module):
    """Class 7 if there is light in the left half of the picture, 1 if in the right; after them 0, 2, 3 …"""

    def forward(self, images):
        logits = -1 - torch.arange(10.0).repeat(len(images), 1)
        left, right = images[..., :14].sum((1, 2, 3)), images[..., 14:].sum((1, 2, 3))
        logits[:, 7], logits[:, 1] = left, right
        return logits


def test_predict_writes_the_top_classes_of_one_image(task, tmp_path):
    pixels = torch.zeros(28, 28)
    pixels[10:20, 3:9] = 1
    source = saved(pixels, tmp_path / "left.png")
    model = LooksAtItself().train()
    line, _ = task.predict(model, source, tmp_path / "found.json")
    assert line == "left.png: 7 100 %, 1 < 0.1 %, 0 < 0.1 %"
    (told,) = json.loads((tmp_path / "found.json").read_text())
    assert told["file"] == "left.png"
    assert told["classes"][0] == {"label": "7", "share": pytest.approx(1)}
    assert [entry["label"] for entry in told["classes"]] == ["7", "1", "0", "2", "3"]


def test_predict_reads_a_folder_and_makes_the_folder_it_writes_to(task, tmp_path):
    pixels = torch.zeros(28, 28)
    pixels[10:20, 3:9] = 1
    (tmp_path / "in").mkdir()
    saved(pixels, tmp_path / "in" / "a.png")
    saved(pixels.flip(1), tmp_path / "in" / "b.png")
    *lines, wrote = task.predict(LooksAtItself(), tmp_path / "in", tmp_path / "new" / "out")
    assert [line[:8] for line in lines] == ["a.png: 7", "b.png: 1"]
    assert wrote == f"wrote {tmp_path / 'new' / 'out' / 'classes.json'}"
    told = json.loads((tmp_path / "new" / "out" / "classes.json").read_text())
    assert [entry["classes"][0]["label"] for entry in told] == ["7", "1"]


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_dark_on_light_is_read_as_light_on_dark(tmp_path, mode):
    ink = torch.zeros(28, 28)
    ink[8:20, 12:16] = 1
    light = prepared(saved(ink, tmp_path / "light.png", mode))
    dark = prepared(saved(1 - ink, tmp_path / "dark.png", mode))
    assert torch.equal(light, ink[None])
    assert torch.equal(dark, light)


def test_a_large_drawing_is_made_as_mnist_makes_its_own(tmp_path):
    paper = torch.ones(300, 500)
    paper[50:250, 40:80] = 0.1  # a thick "1", off the middle
    (picture,) = prepared(saved(paper, tmp_path / "one.png"))
    rows, columns = (picture > 0.5).nonzero(as_tuple=True)
    assert (rows.min(), rows.max()) == (4, 23)
    assert (columns.min(), columns.max()) == (12, 15)
    assert picture.max() == 1


def test_a_drawing_on_nothing_is_dark_on_white(tmp_path):
    drawing = Image.new("RGBA", (28, 28), (0, 0, 0, 0))
    drawing.paste((0, 0, 0, 255), (10, 10, 14, 20))
    drawing.save(tmp_path / "drawing.png")
    assert prepared(tmp_path / "drawing.png").sum() == 40


def test_an_empty_page_is_still_a_picture(tmp_path):
    assert prepared(saved(torch.ones(90, 60), tmp_path / "page.png")).sum() == 0


def test_ink_off_its_own_middle_stays_inside_the_square():
    small = torch.zeros(20, 20)
    small[0, 0] = 1
    assert pasted(small, 28).sum() == 1


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_image_is_an_error_of_one_line(task, tmp_path, content):
    path = tmp_path / "wrong.png"
    path.write_bytes(content)
    with pytest.raises(TaskError, match=r"wrong\.png: no image, or damaged at its beginning$"):
        task.predict(task.model(), path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_file_and_an_empty_folder(task, tmp_path):
    with pytest.raises(TaskError, match=r"none\.png: there is no such file or folder$"):
        task.predict(task.model(), tmp_path / "none.png", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TaskError, match="no image in this folder"):
        task.predict(task.model(), tmp_path / "empty", tmp_path / "out")


def test_a_truncated_image(tmp_path):
    noise = torch.rand(200, 200, generator=torch.Generator().manual_seed(0))
    path = saved(noise, tmp_path / "cut.png")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UnreadableError):
        grey(File.read(path))


def test_a_dark_rim_is_left_alone():
    pixels = torch.zeros(5, 5)
    pixels[2, 2] = 0.9
    assert torch.equal(light_on_dark(pixels), pixels)
