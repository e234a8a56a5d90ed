import pytest
import torch

from surefoot.tasks.images.networks.unet import UNet


@pytest.mark.parametrize(("height", "width"), [(64, 64), (8, 24), (50, 33), (1, 1), (7, 100)])
def test_any_size_comes_out_as_it_went_in(height, width):
    model = UNet(3, 5, width=4).eval()
    assert model(torch.rand(2, 3, height, width)).shape == (2, 5, height, width)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_depth_and_width_can_be_chosen(depth):
    model = UNet(4, 2, width=2, depth=depth)
    assert model(torch.rand(2, 4, 32, 32)).shape == (2, 2, 32, 32)
    assert max(p.shape[0] for p in model.parameters()) == 2 * 2**depth


def test_the_usual_size_is_half_a_million():
    assert sum(p.numel() for p in UNet(3, 6).parameters()) == 482_822


def test_a_pixel_is_seen_from_afar_and_every_weight_has_a_gradient():
    torch.manual_seed(0)
    model = UNet(1, 2, width=4)
    images = torch.rand(2, 1, 32, 32, requires_grad=True)
    model(images)[:, :, 16, 16].square().sum().backward()
    assert (images.grad[0, 0, :, 16] != 0).all()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_without_a_border_what_is_moved_by_a_whole_cell_is_found_moved():
    torch.manual_seed(0)
    model = UNet(1, 3, width=4, depth=2).eval()
    image = torch.zeros(1, 1, 96, 96)
    image[..., 40:50, 40:52] = torch.rand(10, 12)
    found, moved = model(image), model(image.roll((4, -8), (2, 3)))
    inner = (..., slice(36, 56), slice(36, 56))
    assert torch.allclose(found[inner], moved.roll((-4, 8), (2, 3))[inner], atol=1e-5)


def test_sizes_below_one_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        UNet(3, 6, depth=0)
