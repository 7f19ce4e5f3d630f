import pytest
import torch
from timm.layers import Conv2dSame
from torch import Tensor, nn

from landslip.core.choices import FirstLayer
from landslip.models.networks.first_layer import band_filters, widen_first_layer

RGB = torch.arange(2 * 3 * 1 * 1, dtype=torch.float32).reshape(2, 3, 1, 1)  # r, g, b of each filter


def filters(bands: tuple[str, ...], rule: FirstLayer, seed: int = 0) -> Tensor:
    return band_filters(RGB, bands, rule, torch.Generator().manual_seed(seed))[:, :, 0, 0]


def test_known_bands_take_their_own_filters_in_any_order() -> None:
    assert filters(("blue", "green", "red"), FirstLayer.ZERO).tolist() == [[2, 1, 0], [5, 4, 3]]


@pytest.mark.parametrize(
    ("rule", "nir"),
    [(FirstLayer.MEAN, [1, 4]), (FirstLayer.RED, [0, 3]), (FirstLayer.ZERO, [0, 0])],
    ids=str,
)
def test_other_bands_follow_the_rule(rule: FirstLayer, nir: list[float]) -> None:
    found = filters(("nir", "red", "green", "blue"), rule)
    assert found[:, 0].tolist() == nir
    assert found[:, 1:].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_random_filters_are_kaiming_normal_and_drawn_from_the_generator() -> None:
    weight = torch.zeros(64, 3, 7, 7)
    first, second = (
        band_filters(weight, ("nir",), FirstLayer.RANDOM, torch.Generator().manual_seed(seed))
        for seed in (0, 1)
    )
    assert first.std().item() == pytest.approx((2 / (64 * 49)) ** 0.5, rel=0.05)
    assert not torch.equal(first, second)


def test_widened_layer_gives_the_same_answer_on_rgb_with_zero_nir() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3, bias=False))
    image = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        before = network(image)
    widen_first_layer(
        network, ("nir", "blue", "green", "red"), FirstLayer.RANDOM, torch.Generator()
    )
    four = torch.cat([torch.zeros(1, 1, 32, 32), image.flip(1)], dim=1)
    with torch.inference_mode():
        after = network(four)
    assert torch.allclose(before, after, atol=1e-6)


def test_the_convolution_keeps_its_kind() -> None:
    """One that pads by itself gives half the size, rounded up, for any kernel."""
    network = nn.Sequential(Conv2dSame(3, 8, 3, 2, 0, bias=False))
    bands = ("nir", "red", "green", "blue")
    widen_first_layer(network, bands, FirstLayer.MEAN, torch.Generator())
    assert network(torch.zeros(1, 4, 32, 32)).shape == (1, 8, 16, 16)


def test_a_network_without_an_rgb_convolution_is_refused() -> None:
    with pytest.raises(ValueError, match="three channels"):
        widen_first_layer(nn.Linear(3, 1), ("red",), FirstLayer.MEAN, torch.Generator())
