"""Segmentation of the user's own images."""

import json
import shutil
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image

from surefoot.tasks import TaskError, load_task
from surefoot.tasks.images.masks import ClassTable
from surefoot.tasks.images.segmentation import Segmentation
from surefoot.tasks.images.segmenting import IGNORED
from surefoot.training.profile import look
from tests.tasks.own_folders import land


@pytest.fixture
def root(tmp_path):
    return land(tmp_path / "land")


def task_of(root, **options):
    return Segmentation.with_data(root, **{"tile": "32", "width": "4", "batch": "4", **options})


def refusal(root) -> str:
    with pytest.raises(TaskError) as caught:
        task_of(root).model()
    text = str(caught.value)
    assert "\n" not in text
    return text


def name_classes(root, table):
    (root / "classes.json").write_text(json.dumps(table))


def save_mask(root, name, values, mode=None):
    Image.fromarray(np.asarray(values, np.uint8 if mode != "I;16" else np.uint16)).save(root / "masks" / name)


def test_it_is_loaded_by_its_reference(root):
    task = load_task(f"segmentation?data={root}&tile=32&width=4&steps=9")
    assert (task.name, task.steps, task.labels) == ("segmentation", 9, ("class 0", "class 1"))
    assert task.problems() == []
    assert look(task).repeatable


def test_the_split_is_fixed_and_does_not_overlap(root):
    data, again = task_of(root)._data, task_of(root)._data
    assert (data.crops, data.validation) == (again.crops, again.validation)
    assert sorted({*data.crops, *data.validation}) == list(range(6))
    assert len(data.validation) == 1
    assert not set(data.crops) & set(data.validation)


@pytest.mark.filterwarnings("ignore:.*flatters the measure")
def test_a_given_split_is_kept_and_large_images_are_cut_more_often(tmp_path):
    land(tmp_path / "train", 3)
    land(tmp_path / "val", 2)
    task = task_of(tmp_path)
    data = task._data
    areas = [Image.open(tmp_path / "train" / "images" / f"{n}.jpg").size for n in range(3)]
    assert [data.crops.count(n) for n in range(3)] == [-(-w * h // 32**2) for w, h in areas]
    assert data.validation == [3, 4]


def test_a_tile_is_a_piece_of_an_image_with_its_mask(root):
    task = task_of(root)
    for images, masks in islice(task.batches(0), 6):
        assert images.shape == (4, 3, 32, 32)
        assert masks.shape == (4, 32, 32)
        red = images[:, 0] > images[:, 2]
        assert ((masks == 1) == red).float().mean() > 0.97  # JPEG blurs the borders


def test_small_images_are_continued_by_pixels_that_do_not_count(root):
    task = task_of(root, tile="128")
    image, mask = task._data.pair(0)
    tile, labels = task._cut(image, mask, torch.Generator().manual_seed(0))
    assert tile.shape == (3, 128, 128)
    assert int((labels != IGNORED).sum()) == mask.numel()


def test_held_out_tiles_cover_each_pixel_once(root):
    task = task_of(root)
    number = task._data.validation[0]
    counted = sum(int((masks != IGNORED).sum()) for _, masks in task._held_out())
    assert counted == task._data.pair(number)[1].numel()


def test_training_lowers_the_loss_and_metrics_say_so(root):
    pytest.importorskip("torchmetrics")
    task = task_of(root)
    torch.manual_seed(0)
    model = task.model()
    before = task.validate(model.eval())
    optimizer = torch.optim.Adam(model.train().parameters(), lr=1e-2)
    for batch in islice(task.batches(0), 40):
        optimizer.zero_grad()
        task.loss(model, batch).backward()
        optimizer.step()
    assert task.validate(model.eval()) < 0.5 * before
    found = task.metrics(model)
    assert found.keys() == {"mIoU", "IoU class 0", "IoU class 1"}
    assert found["mIoU"] > 0.7


def test_batches_are_fixed_by_their_seed(root):
    def drawn(seed):
        return torch.stack([images for images, _ in islice(task_of(root).batches(seed), 4)])

    assert torch.equal(drawn(0), drawn(0))
    assert not torch.equal(drawn(0), drawn(1))


class Threshold(torch.nn.Module):
    """Red pixels are of class 1: what a perfect training would find."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, images):
        red = self.weight * (images[:, 0] - images[:, 2])
        return 100 * torch.stack([-red, red], dim=1)


def test_a_prediction_is_a_mask_an_overlay_and_shares(root, tmp_path):
    name_classes(root, {"sea": 0, "roof": 1})
    lines = task_of(root).predict(Threshold(), root / "images" / "5.jpg", tmp_path / "out")
    found = np.asarray(Image.open(tmp_path / "out" / "5-mask.png"))
    truth = np.asarray(Image.open(root / "masks" / "5.png"))
    assert found.shape == truth.shape
    assert (found == truth).mean() > 0.97
    assert (tmp_path / "out" / "5-overlay.png").is_file()
    shares = json.loads((tmp_path / "out" / "shares.json").read_text())["5.jpg"]
    assert shares["roof"] == pytest.approx(truth.mean(), abs=0.03)
    assert any(line.endswith(" roof") for line in lines)


def test_a_folder_is_predicted_and_what_cannot_be_read_is_named(root, tmp_path):
    (root / "images" / "broken.png").write_bytes(b"x")
    shutil.copy(root / "images" / "0.jpg", root / "images" / "0.jpeg")
    task = load_task(f"segmentation?data={tmp_path}/gone&tile=32", labels=("sea", "roof"))
    lines = task.predict(Threshold(), root / "images", tmp_path / "out")
    assert len(json.loads((tmp_path / "out" / "shares.json").read_text())) == 7
    assert any(line.startswith("images that cannot be read: 1 (broken.png: ") for line in lines)
    masks = {path.name for path in (tmp_path / "out").glob("*-mask.png")}
    assert {"0.jpg-mask.png", "0.jpeg-mask.png", "1-mask.png"} <= masks
    with pytest.raises(TaskError, match="images that cannot be read: 1"):
        task.predict(Threshold(), root / "images" / "broken.png", tmp_path / "out")
    with pytest.raises(TaskError, match="there is no image"):
        task.predict(Threshold(), tmp_path / "nothing", tmp_path / "out")


class TestMasks:
    def test_a_palette_s_numbers_are_the_classes(self, tmp_path):
        data = task_of(land(tmp_path / "p", mode="P"))._data
        assert data.labels == ("class 0", "class 1")
        assert set(np.unique(data.pair(0)[1])) == {0, 1}

    def test_numbers_may_be_named_and_255_is_then_a_class_like_any(self, root):
        for path in (root / "masks").glob("*.png"):
            save_mask(root, path.name, np.asarray(Image.open(path)) * 255)
        assert "fewer than two classes: 1 (255 is ignored unless classes.json names it)" in refusal(root)
        name_classes(root, {"sea": 0, "roof": 255})
        data = task_of(root)._data
        assert data.labels == ("sea", "roof")
        assert set(np.unique(data.pair(0)[1])) == {0, 1}

    def test_colours_are_looked_up_and_shown_again(self, root, tmp_path):
        name_classes(root, {"sea": [0, 0, 255], "ignore": [9, 9, 9], "roof": [255, 0, 0]})
        colours = np.array([[0, 0, 255], [255, 0, 0]])
        for path in (root / "masks").glob("*.png"):
            values = colours[np.asarray(Image.open(path))]
            values[0, 0] = 9
            save_mask(root, path.name, values)
        task = task_of(root)
        mask = task._data.pair(0)[1]
        assert mask[0, 0] == IGNORED
        assert set(np.unique(mask)) == {0, 1, IGNORED}
        assert task.labels == ("sea", "roof")
        task.predict(Threshold(), root / "images" / "0.jpg", tmp_path / "out")
        shown = np.asarray(Image.open(tmp_path / "out" / "0-mask.png").convert("RGB")).reshape(-1, 3)
        assert {tuple(colour) for colour in np.unique(shown, axis=0).tolist()} == {(0, 0, 255), (255, 0, 0)}

    def test_colours_without_a_table_are_refused(self, root):
        save_mask(root, "0.png", np.zeros((40, 70, 3)))
        text = refusal(root)
        assert "masks in colours without a table: 1 (masks/0.png: colours (RGB), but no classes.json" in text

    def test_colours_that_no_class_has_are_named(self, root):
        name_classes(root, {"sea": [0, 0, 0], "roof": [1, 1, 1]})
        save_mask(root, "0.png", np.full((40, 70, 3), (1, 2, 3)))
        assert "masks with colours that no class has: 1 (masks/0.png: (1, 2, 3))" in refusal(root)

    @pytest.mark.parametrize(
        ("table", "words"),
        [
            ("{", "Expecting property name"),
            ("[]", "expected"),
            ('{"a": 0}', "1 classes; there must be 2"),
            ('{"a": 0, "b": 256}', "'b': expected a number of 0 to 255, not 256"),
            ('{"a": 0, "b": true}', "'b': expected a number"),
            ('{"a": 0, "b": 0}', "'b' and another have the same 0"),
            ('{"a": [0, 0, 0], "b": [0, 0]}', "'b': expected [red, green, blue]"),
            ('{"a": [0, 0, 0], "b": 3}', "'b': expected [red, green, blue]"),
            ('{"a": [0, 0, 0], "b": [0, 0, 0]}', "have the same (0, 0, 0)"),
        ],
    )
    def test_a_wrong_table_is_refused(self, root, table, words):
        (root / "classes.json").write_text(table)
        with pytest.raises(TaskError) as caught:
            ClassTable.read(root)
        assert words in str(caught.value)
        assert "errors in the table of classes: 1 (" in refusal(root)


def no_mask(root):
    (root / "masks" / "3.png").unlink()


def no_image(root):
    (root / "images" / "2.jpg").unlink()
    (root / "images" / "3.jpg").unlink()


def other_size(root):
    save_mask(root, "1.png", np.zeros((10, 20)))


def out_of_range(root):
    name_classes(root, {"sea": 0, "roof": 1})
    save_mask(root, "0.png", np.arange(40 * 70).reshape(40, 70) % 6)


def more_than_bytes(root):
    save_mask(root, "0.png", np.full((40, 70), 300), "I;16")


def not_png(root):
    (root / "masks" / "0.png").unlink()
    Image.new("L", (70, 40)).save(root / "masks" / "0.jpg")


def corrupt(root):
    (root / "images" / "0.jpg").write_bytes((root / "images" / "0.jpg").read_bytes()[:500])
    (root / "masks" / "1.png").write_bytes(b"")


def twice(root):
    Image.new("RGB", (70, 40)).save(root / "images" / "0.png")


def no_folder(root):
    shutil.rmtree(root / "masks")


def nothing(root):
    for folder in ("images", "masks"):
        shutil.rmtree(root / folder)
        (root / folder).mkdir()


def one_pair(root):
    for number in range(1, 6):
        (root / "images" / f"{number}.jpg").unlink()
        (root / "masks" / f"{number}.png").unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_mask, "images without a mask: 1 (images/3.jpg)"),
        (no_image, "masks without an image: 2 (masks/2.png, …)"),
        (other_size, "masks of another size than their image: 1 (masks/1.png: 20×10, image 65×46)"),
        (out_of_range, "masks with class ids out of range: 1 (masks/0.png: 2, 3, 4, …)"),
        (more_than_bytes, "masks with class ids out of range: 1 (masks/0.png: 300)"),
        (not_png, "masks that are not PNG: 1 (masks/0.jpg)"),
        (corrupt, "corrupt files: 2 (images/0.jpg: "),
        (twice, "files that differ only in their ending: 1 (images/0.png)"),
        (no_folder, "missing folders: 1 (masks)"),
        (nothing, "image folders without images: 1 (images)"),
        (one_pair, "folders with fewer than 2 different images: 1 (images/0.jpg)"),
    ],
)
def test_what_cannot_be_trained_on_is_one_line(root, spoil, words):
    spoil(root)
    assert words in refusal(root)
    assert task_of(root).problems()


def test_what_is_harmless_is_counted_in_a_warning(tmp_path):
    land(tmp_path / "train", 4)
    land(tmp_path / "val", 2)
    name_classes(tmp_path, {"sea": 0, "roof": 1, "lake": 7})
    save_mask(tmp_path / "train", "0.png", np.full((40, 70), IGNORED))
    (tmp_path / "train" / "images" / "notes.txt").touch()
    task = task_of(tmp_path)
    with pytest.warns(UserWarning, match="segmentation: ") as told:
        task.model()
    assert [str(one.message).removeprefix("segmentation: ") for one in told] == [
        "files that are no images, left out: 1 (train/images/notes.txt)",
        "masks without a labelled pixel: 1 (train/masks/0.png)",
        "classes in fewer than 2 masks: 1 (lake: 0)",
        "files in both training and validation, which flatters the measure: 2 (val/images/0.jpg = "
        "train/images/0.jpg, …)",
    ]
