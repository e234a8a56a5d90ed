import math

import numpy as np
import pytest
import torch
from PIL import Image

from surefoot.tasks.images.networks.unet import UNet
from surefoot.tasks.images.segmenting import (
    IGNORED,
    OKABE_ITO,
    colours,
    held_out_loss,
    held_out_overlap,
    predict_tiled,
    tally,
    write_zones,
)


def example(batch=2, classes=4, size=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(batch, classes, size, size, generator=generator)
    labels = torch.randint(0, classes - 1, (batch, size, size), generator=generator)  # the last never occurs
    labels[torch.rand(labels.shape, generator=generator) < 0.3] = IGNORED
    return logits, labels


def reference(logits, labels):
    """The loss, pixel by pixel, as one would write it on paper."""
    classes = logits.shape[1]
    entropy, pixels = 0.0, 0
    shared, predicted, labelled = [0.0] * classes, [0.0] * classes, [0] * classes
    for image, row, column in np.ndindex(*labels.shape):
        label = int(labels[image, row, column])
        if label == IGNORED:
            continue
        powers = [math.exp(value) for value in logits[image, :, row, column].tolist()]
        probabilities = [power / sum(powers) for power in powers]
        entropy -= math.log(probabilities[label])
        pixels += 1
        labelled[label] += 1
        shared[label] += probabilities[label]
        predicted = [a + b for a, b in zip(predicted, probabilities, strict=True)]
    dice = [
        1 - (2 * shared[c] + 1) / (predicted[c] + labelled[c] + 1) for c in range(classes) if labelled[c] > 0
    ]
    return entropy / pixels + sum(dice) / len(dice)


@pytest.mark.parametrize("seed", range(3))
def test_loss_is_cross_entropy_plus_dice(seed):
    logits, labels = example(seed=seed)
    assert tally(logits, labels).loss().item() == pytest.approx(reference(logits, labels), rel=1e-5)
    plain = torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED)
    sums = tally(logits, labels)
    assert (sums.loss() - sums.dice()).item() == pytest.approx(plain.item(), rel=1e-5)


def test_gradient_is_that_of_the_loss():
    logits, labels = example(size=3)
    logits = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: tally(x, labels).loss(), logits)


def test_ignored_pixels_change_nothing_and_get_no_gradient():
    logits, labels = example()
    changed = torch.where(labels[:, None] == IGNORED, 50 * torch.randn_like(logits), logits).requires_grad_()
    loss = tally(changed, labels).loss()
    assert loss.item() == pytest.approx(tally(logits, labels).loss().item(), rel=1e-6)
    loss.backward()
    counted = (labels != IGNORED)[:, None].expand_as(logits)
    assert not changed.grad[~counted].any()
    assert changed.grad[counted].any()


def test_without_any_label_the_loss_is_zero():
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    loss = tally(logits, torch.full((1, 4, 4), IGNORED)).loss()
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_a_perfect_prediction_costs_nothing_and_the_opposite_much():
    labels = torch.randint(0, 3, (2, 8, 8), generator=torch.Generator().manual_seed(0))
    logits = 40.0 * torch.nn.functional.one_hot(labels, 3).movedim(-1, 1)
    assert tally(logits, labels).loss().item() == pytest.approx(0, abs=1e-6)
    assert tally(-logits, labels).dice().item() > 0.6


def test_held_out_loss_does_not_depend_on_the_cut():
    images, labels = example(batch=6)
    whole = held_out_loss(torch.nn.Identity(), [(images, labels)])
    for size in (1, 4):
        parts = list(zip(images.split(size), labels.split(size), strict=True))
        assert held_out_loss(torch.nn.Identity(), parts) == pytest.approx(whole, rel=1e-5)
    assert whole == pytest.approx(tally(images, labels).loss().item(), rel=1e-6)


def test_overlap_is_intersection_over_union():
    images, labels = example(batch=6)
    names = ["a", "b", "c", "d"]
    found = held_out_overlap(torch.nn.Identity(), zip(images.split(4), labels.split(4), strict=True), names)
    predicted, counted = images.argmax(1), labels != IGNORED
    plain = {}
    for number, name in enumerate(names):
        one, other = (predicted == number) & counted, (labels == number) & counted
        plain[f"IoU {name}"] = ((one & other).sum() / (one | other).sum()).item()
    assert found == pytest.approx(plain | {"mIoU": sum(plain.values()) / 4}, abs=1e-6)
    assert plain["IoU d"] == 0  # predicted, never the label: counts against the mean


def test_a_class_that_occurs_nowhere_has_no_overlap():
    labels = torch.tensor([[[0, 0, 1, IGNORED]]])
    logits = torch.nn.functional.one_hot(torch.tensor([[[0, 1, 1, 2]]]), 4).movedim(-1, 1).float()
    found = held_out_overlap(torch.nn.Identity(), [(logits, labels)], ["a", "b", "c", "d"])
    assert found == pytest.approx({"mIoU": 0.5, "IoU a": 0.5, "IoU b": 0.5})


@pytest.fixture
def model():
    torch.manual_seed(0)
    return UNet(3, 4, width=4, depth=2).eval()


def smooth_image(height, width):
    coarse = torch.rand(1, 3, height // 8, width // 8, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")[0]


def test_an_image_of_one_tile_is_predicted_as_a_whole(model):
    image = smooth_image(32, 32)
    with torch.no_grad():
        whole = model(image[None]).softmax(1)[0]
    assert torch.allclose(predict_tiled(model, image, 32), whole, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(20, 70), (33, 100), (5, 6), (64, 64)])
def test_any_size_is_predicted_with_probabilities_that_sum_to_one(model, height, width):
    found = predict_tiled(model, torch.rand(3, height, width), 32, batch=3)
    assert found.shape == (4, height, width)
    assert torch.allclose(found.sum(0), torch.ones(height, width), atol=1e-5)


def test_a_model_that_sees_single_pixels_is_reproduced_everywhere():
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 4, 1)
    image = torch.rand(3, 75, 91)
    with torch.no_grad():
        whole = model(image[None]).softmax(1)[0]
    assert torch.allclose(predict_tiled(model, image, 32), whole, atol=1e-5)


def test_tiles_leave_no_seams(model):
    """Where the tiles begin hardly matters, and across their borders nothing jumps."""
    image = smooth_image(160, 160)
    whole = predict_tiled(model, image, 32)
    moved = predict_tiled(model, image[:, 8:, 8:], 32)  # a whole cell of the network, a quarter of a tile
    inner = (slice(None), slice(32, 120), slice(32, 120))
    cut = torch.zeros_like(whole)
    with torch.no_grad():  # tile beside tile, for comparison
        for top in range(0, 160, 32):
            for left in range(0, 160, 32):
                window = (slice(None), slice(top, top + 32), slice(left, left + 32))
                cut[window] = model(image[window][None]).softmax(1)[0]
    moved_cut = torch.zeros_like(moved)
    with torch.no_grad():
        for top in range(0, 128, 32):
            for left in range(0, 128, 32):
                window = (slice(None), slice(top, top + 32), slice(left, left + 32))
                moved_cut[window] = model(image[:, 8:, 8:][window][None]).softmax(1)[0]

    def change(one, other):
        return (one[:, 8:, 8:][inner] - other[inner]).abs().max().item()

    assert change(whole, moved) < 0.1 * change(cut, moved_cut)

    def jump_at_borders(found):
        steps = (found[:, :, 1:] - found[:, :, :-1]).abs().mean((0, 1))
        return (steps[15::16].mean() / steps.mean()).item()

    assert jump_at_borders(cut) > 2
    assert jump_at_borders(whole) < 1.1


def test_written_files_open_and_shares_sum_to_one(tmp_path):
    labels = torch.zeros(30, 40, dtype=torch.long)
    labels[:, 30:] = 2
    image = np.full((30, 40, 3), 200, np.uint8)
    lines = write_zones(image, labels, ["sea", "never", "land"], tmp_path / "new", "here")
    assert "here-mask.png" in lines[0]
    assert "here-overlay.png" in lines[0]
    assert [line.split() for line in lines[1:]] == [["75.0%", "sea"], ["25.0%", "land"]]
    mask = Image.open(tmp_path / "new" / "here-mask.png")
    assert np.array_equal(np.asarray(mask), labels.numpy())
    assert mask.convert("RGB").getpixel((35, 5)) == OKABE_ITO[2]
    picture = np.asarray(Image.open(tmp_path / "new" / "here-overlay.png").convert("RGB")).astype(int)
    assert picture.shape[1] >= 512
    assert picture.shape[0] > 30 * picture.shape[1] // 40  # a legend below
    blended = 0.55 * 200 + 0.45 * np.array(OKABE_ITO[0])
    assert np.abs(picture[5, 5] - blended).max() <= 1


@pytest.mark.parametrize("classes", [2, 8, 30, 255])
def test_each_class_has_a_colour_of_its_own(classes):
    assert len(set(colours(classes))) == len(colours(classes)) == classes
