"""Classification of the user's own images."""

import json
import shutil
import warnings
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image

from surefoot.tasks import TaskError, load_task
from surefoot.tasks.images.decoding import File, UnreadableError, in_colour, square
from surefoot.tasks.images.images import Images, varied
from surefoot.tasks.images.networks.vgg import NETWORKS, vgg
from surefoot.training.profile import look
from tests.tasks.own_folders import COLOURS, noise, photos


@pytest.fixture
def root(tmp_path):
    return photos(tmp_path / "photos")


def task_of(root, **options):
    return Images.with_data(root, **{"size": "32", "batch": "4", **options})


def refusal(root) -> str:
    with pytest.raises(TaskError) as caught:
        task_of(root).model()
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_it_is_loaded_by_its_reference(root):
    task = load_task(f"images?data={root}&size=32&steps=7")
    assert (task.name, task.steps, task.labels, task.measure) == (
        "images",
        7,
        ("blue", "red"),
        "validation loss",
    )
    assert task.problems() == []
    assert look(task).repeatable


def test_the_split_is_fixed_stratified_and_does_not_overlap(root):
    split, again = task_of(root)._data, task_of(root)._data
    assert (split.training, split.validation) == (again.training, again.validation)
    assert sorted(split.training + split.validation) == list(range(10))
    assert sorted(split.files[number][1] for number in split.validation) == [0, 1]


def test_a_given_split_is_kept(tmp_path):
    photos(tmp_path / "train", 4)
    photos(tmp_path / "validation", 2, {name: colour[::-1] for name, colour in COLOURS.items()})
    data = task_of(tmp_path)._data
    assert {path.relative_to(tmp_path).parts[0] for path, _ in (data.files[n] for n in data.validation)} == {
        "validation"
    }
    assert (len(data.training), len(data.validation)) == (8, 4)


def test_a_class_may_be_called_train(root):
    (root / "red").rename(root / "train")
    assert task_of(root).labels == ("blue", "train")


def test_training_lowers_the_loss_and_metrics_say_so(root):
    task = task_of(root)
    torch.manual_seed(0)
    model = task.model()
    before = task.validate(model.eval())
    optimizer = torch.optim.Adam(model.train().parameters(), lr=3e-3)
    for batch in islice(task.batches(0), 25):
        optimizer.zero_grad()
        task.loss(model, batch).backward()
        optimizer.step()
    assert task.validate(model.eval()) < 0.5 * before
    assert task.metrics(model) == {"accuracy": 1.0}


def test_batches_are_fixed_by_their_seed_and_images_are_kept_only_while_there_is_room(root, monkeypatch):
    def drawn(seed):
        return list(islice(task_of(root).batches(seed), 5))

    kept = drawn(3)
    monkeypatch.setattr("surefoot.tasks.images.decoding.KEPT_BYTES", 0)
    task = task_of(root)
    anew = list(islice(task.batches(3), 5))
    assert not task._data.pixels._kept
    for one, other in zip(kept, anew, strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])
    assert not torch.equal(kept[0][0], drawn(4)[0][0])


def test_predictions_are_ranked_and_files_without_one_are_named(root, tmp_path):
    task = task_of(root)
    model = task.model()
    (root / "blue" / "broken.png").write_bytes(b"x")
    lines = task.predict(model, root, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "classes.json").read_text())
    assert [entry["file"] for entry in told][:2] == ["blue/0.png", "blue/1.jpg"]
    ranked = told[0]["classes"]
    assert {entry["label"] for entry in ranked} == {"blue", "red"}
    assert ranked[0]["share"] >= ranked[1]["share"]
    assert sum(entry["share"] for entry in ranked) == pytest.approx(1, abs=1e-5)
    assert [entry["file"] for entry in told if "error" in entry] == ["blue/broken.png"]
    assert any(line.startswith("images that cannot be read: 1 (blue/broken.png") for line in lines)
    alone = task.predict(model, root / "red" / "0.png", tmp_path / "one.json")
    assert alone[0].startswith("0.png: ")
    assert len(json.loads((tmp_path / "one.json").read_text())) == 1
    for wrong in (root / "blue" / "broken.png", root / "none.png", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(TaskError):
            task.predict(model, wrong, tmp_path / "out")


def test_a_trained_model_predicts_without_its_data(root, tmp_path):
    task = task_of(root)
    model = task.model()
    reference = f"images?data={root}&size=32"
    shutil.move(root / "red" / "0.png", tmp_path / "0.png")
    shutil.rmtree(root)
    later = load_task(reference, labels=("blue", "red"))
    again = later.model()
    again.load_state_dict(model.state_dict())
    expected = model.eval()(square(File.read(tmp_path / "0.png").image(), 32)[None].float() / 255).softmax(1)
    later.predict(again, tmp_path / "0.png", tmp_path)
    ranked = json.loads((tmp_path / "classes.json").read_text())[0]["classes"]
    assert max(entry["share"] for entry in ranked) == pytest.approx(expected.max().item(), abs=1e-6)
    with pytest.raises(TaskError, match="to predict only"):
        later.validate(again)
    with pytest.raises(TaskError, match="does not exist"):
        load_task(reference)


def test_corrupt_and_unreadable_files_are_named_and_counted(root):
    whole = (root / "blue" / "0.png").read_bytes()
    (root / "blue" / "half.png").write_bytes(whole[: len(whole) // 2])
    (root / "red" / "empty.jpg").touch()
    (root / "red" / "phone.heic").touch()
    text = refusal(root)
    assert "corrupt files: 2 (blue/half.png: " in text
    assert "images in formats that cannot be read: 1 (red/phone.heic)" in text
    assert text.startswith(f"images: {root} cannot be trained on: ")


def empty_class(root):
    (root / "green").mkdir()


def one_example(root):
    (root / "green").mkdir()
    for name in ("a.png", "copy of a.png"):
        noise(7, (0, 200, 0)).save(root / "green" / name)


def case(root):
    shutil.copytree(root / "red", root / "Red")


def one_class(root):
    shutil.rmtree(root / "red")


def no_folders(root):
    shutil.rmtree(root / "red")
    shutil.rmtree(root / "blue")
    noise(1, (1, 2, 3)).save(root / "1.png")


def only_validation(root):
    photos(root / "val")


def new_class_in_validation(root):
    photos(root / "train")
    photos(root / "val", 2, {**COLOURS, "green": (0, 200, 0)})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (empty_class, "class folders without images: 1 (green)"),
        (one_example, "classes with fewer than 2 different images: 1 (green)"),
        (case, "class names that differ only in case: 1 (Red and red)"),
        (one_class, "folders with fewer than two class folders: 1 (blue)"),
        (no_folders, "folders with fewer than two class folders: 1 (there are no folders)"),
        (only_validation, "validation folders without a folder train: 1 (val)"),
        (new_class_in_validation, "classes in validation that are not in train: 1 (green)"),
    ],
)
def test_what_cannot_be_trained_on_is_one_line(root, spoil, words):
    spoil(root)
    assert words in refusal(root)
    assert any(words in line for line in task_of(root).problems())


def test_what_is_harmless_is_counted_in_a_warning(tmp_path):
    photos(tmp_path / "train")
    photos(tmp_path / "val", 2, {name: colour[::-1] for name, colour in COLOURS.items()})
    (tmp_path / "test").mkdir()
    (tmp_path / "train" / "red" / ".DS_Store").touch()
    shutil.copy(tmp_path / "train" / "red" / "0.png", tmp_path / "train" / "blue" / "red.png")
    shutil.copy(tmp_path / "train" / "red" / "2.png", tmp_path / "val" / "red" / "again.png")
    noise(1, (1, 2, 3)).save(tmp_path / "train" / "lost.png")
    task = task_of(tmp_path)
    assert task.problems() == [
        "entries beside train and validation, not used: 1 (test)",
        "files that are no images, left out: 1 (train/red/.DS_Store)",
        "files outside of a class folder, left out: 1 (train/lost.png)",
        "equal images in different classes: 1 (train/blue/red.png = train/red/0.png)",
        "files in both training and validation, which flatters the measure: 1 (val/red/again.png = "
        "train/red/2.png)",
    ]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        task.model()
        task.model()
    assert len(told) == 5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": "16"}, "size must be a whole number from 32 to 2,048, not '16'"),
        ({"model": "vg"}, "there is no model 'vg'; did you mean 'vgg'?"),
        ({"device": "gpu"}, "device must be cpu or cuda, not 'gpu'"),
        ({"sise": "64"}, "images has no option 'sise'; did you mean 'size'?"),
    ],
)
def test_wrong_options_are_refused(root, options, words):
    with pytest.raises(TaskError) as caught:
        task_of(root, **options)
    assert words in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(root):
    with pytest.raises(TaskError, match="sees no GPU for device=cuda"):
        task_of(root, device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_gives_what_the_processor_gives(root):
    def values(device):
        task = task_of(root, device=device)
        torch.manual_seed(0)
        model = task.model().eval()
        return [task.validate(model), task.loss(model, next(task.batches(0))).item()]

    assert values("cuda") == pytest.approx(values("cpu"), rel=1e-3)


def test_the_training_is_as_long_as_there_are_images(root):
    assert task_of(root).steps == 200  # the least
    assert task_of(root, steps="3").steps == 3
    for number in range(50):
        shutil.copy(root / "red" / "0.png", root / "red" / f"more{number}.png")
    assert task_of(root).steps == 20 * 60 // 4


class TestDecoding:
    def test_every_mode_becomes_colours(self):
        grey = Image.fromarray(np.full((4, 4), 100, np.uint8))
        deep = Image.fromarray(np.full((4, 4), 100 * 257, np.uint16))
        clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
        palette = Image.new("P", (4, 4), 1)
        palette.putpalette([0, 0, 0, 9, 8, 7])
        expected = [
            (grey, (100, 100, 100)),
            (deep, (100, 100, 100)),
            (clear, (255, 255, 255)),
            (palette, (9, 8, 7)),
            (Image.new("1", (4, 4), 1), (255, 255, 255)),
            (Image.new("LA", (4, 4), (5, 255)), (5, 5, 5)),
            (Image.new("CMYK", (4, 4), (0, 0, 0, 0)), (255, 255, 255)),
        ]
        for image, colour in expected:
            assert in_colour(image).getpixel((1, 1)) == colour, image.mode
        with pytest.raises(UnreadableError, match="real numbers"):
            in_colour(Image.new("F", (4, 4)))

    def test_images_are_turned_as_the_camera_says(self, tmp_path):
        image = Image.new("RGB", (60, 40), (255, 0, 0))
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(tmp_path / "turned.jpg", exif=exif)
        assert File.read(tmp_path / "turned.jpg").image().size == (40, 60)

    def test_the_middle_is_taken_at_the_wanted_size(self):
        image = Image.new("RGB", (300, 100))
        image.paste((255, 255, 255), (100, 0, 200, 100))
        assert square(image, 50).float().mean() > 250
        assert square(image, 50).shape == (3, 50, 50)

    def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(self, tmp_path):
        smooth = Image.linear_gradient("L").resize((1600, 1200)).convert("RGB")
        smooth.save(tmp_path / "large.jpg", quality=95)
        file = File.read(tmp_path / "large.jpg")
        assert max(file.image(about=64).size) < 1600
        difference = square(file.image(about=64), 64).float() - square(file.image(), 64).float()
        assert difference.abs().mean() < 2

    def test_what_is_no_image_says_so(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"%PDF-1.4")
        with pytest.raises(UnreadableError, match="no image"):
            File.read(tmp_path / "a.png").image()
        with pytest.raises(UnreadableError):
            File.read(tmp_path / "none.png")


def test_an_image_is_varied_only_by_moves_and_mirrors():
    image = torch.arange(3 * 16 * 16, dtype=torch.uint8).view(3, 16, 16)
    seen = [varied(image, torch.Generator().manual_seed(seed)) for seed in range(20)]
    assert len({tuple(one.flatten().tolist()) for one in seen}) > 5
    for one in seen:
        middle = one[:, 4:12, 4:12]
        found = any(
            torch.equal(middle, part[:, 4 + down : 12 + down, 4 + right : 12 + right])
            for part in (image, image.flip(2))
            for down in range(-2, 3)
            for right in range(-2, 3)
        )
        assert found


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_takes_any_size_and_keeps_the_colours_with_its_weights(name):
    with torch.device("meta"):
        model = NETWORKS[name](5, torch.rand(3), torch.rand(3))
        assert model(torch.rand(2, 3, 32, 48)).shape == (2, 5)
    assert {"0.centre", "0.spread"} <= model.state_dict().keys()


def test_vgg_standardises_by_what_it_is_told():
    centre, spread = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.4, 0.5, 0.6])
    images = torch.rand(2, 3, 32, 32)
    expected = (images - centre.view(3, 1, 1)) / spread.view(3, 1, 1)
    assert torch.allclose(vgg(2, centre, spread)[0](images), expected)


def test_colours_are_standardised_by_the_training_images(root):
    model = task_of(root).model()
    split = task_of(root)._data
    images = torch.stack([split.pixels[number][0] for number in split.training]).float() / 255
    shown = model[0](images)
    assert shown.mean((0, 2, 3)).abs().max() < 1e-3
    assert (shown.std((0, 2, 3)) - 1).abs().max() < 1e-2
