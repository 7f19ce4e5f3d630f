from itertools import pairwise

import pytest

from landslip.core.choices import Arch
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.cost import network_cost

BANDS = ("blue", "green", "red", "nir")
PIXELS = 256 * 256


def test_linknet_with_resnet50() -> None:
    cost = network_cost(Architecture(encoder="resnet50", bands=BANDS))
    assert cost.parameters == 28_770_113
    assert cost.gflop_per_tile == pytest.approx(14.6, abs=0.05)


def test_the_improved_unet_counted_by_hand() -> None:
    operations = 0.0
    channels = (4, 32, 64, 128, 256, 512)
    for level, (before, after) in enumerate(pairwise(channels)):
        convolutions = 9 * before * after + 9 * after * after + before * after
        operations += PIXELS / 4**level * 2 * convolutions
        if level > 0:  # the way up: a transposed convolution and a unit of twice the channels
            operations += PIXELS / 4**level * 2 * 4 * after * before
            convolutions = 9 * 2 * before * before + 9 * before * before + 2 * before * before
            operations += PIXELS / 4 ** (level - 1) * 2 * convolutions
    operations += PIXELS * 2 * 32
    cost = network_cost(Architecture(arch=Arch.IMPROVED_UNET, bands=BANDS))
    assert cost.gflop_per_tile == pytest.approx(operations / 1e9, rel=1e-9)
    linknet = network_cost(Architecture(encoder="resnet50", bands=BANDS))
    assert cost.gflop_per_tile < 2 * linknet.gflop_per_tile
