"""The structure that the docstring states, worked by hand."""

import torch
from torch import Tensor, nn

from landslip.models.networks.residual_unet import ResidualUNet, ResidualUnit

# unit, in -> out, side for an image of 64 px
UNITS = [
    ("down.0", 4, 32, 64),
    ("down.1", 32, 64, 32),
    ("down.2", 64, 128, 16),
    ("down.3", 128, 256, 8),
    ("down.4", 256, 512, 4),
    ("up.0", 512, 256, 8),
    ("up.1", 256, 128, 16),
    ("up.2", 128, 64, 32),
    ("up.3", 64, 32, 64),
]


def test_every_unit_has_the_stated_shape() -> None:
    network, seen = ResidualUNet(4).eval(), {}
    for name, *_ in UNITS:
        network.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: seen.update(
                {name: (tuple(inputs[0].shape[1:]), tuple(output.shape[1:]))}
            )
        )
    with torch.inference_mode():
        assert network(torch.zeros(2, 4, 64, 64)).shape == (2, 1, 64, 64)
        assert network(torch.zeros(1, 4, 16, 48)).shape == (1, 1, 16, 48)
        network(torch.zeros(1, 4, 64, 64))
    assert seen == {
        name: ((before, side, side), (after, side, side)) for name, before, after, side in UNITS
    }


def test_parameter_count() -> None:
    count = 32 + 1
    for name, before, after, _ in UNITS:
        count += 9 * before * after + 9 * after * after + before * after + 3 * 2 * after
        if name.startswith("up"):
            count += before * after * 4 + after
    assert sum(one.numel() for one in ResidualUNet(4).parameters()) == count


def test_a_unit_adds_its_input() -> None:
    same = ResidualUnit(8, 8).eval()
    wider = ResidualUnit(8, 12).eval()
    for unit in (same, wider):
        last = unit.body[-1]
        assert isinstance(last, nn.BatchNorm2d)
        nn.init.zeros_(last.weight)
    feature = torch.randn(1, 8, 6, 6)
    with torch.inference_mode():
        assert torch.equal(same(feature), feature.clamp(min=0))
        assert torch.equal(wider(feature), wider.shortcut(feature).clamp(min=0))


def test_skips_are_concatenated_before_what_was_decoded() -> None:
    network = ResidualUNet(3).eval()
    given: dict[int, Tensor] = {}
    made: dict[int, Tensor] = {}
    for at in range(4):
        network.up[at].register_forward_hook(
            lambda module, inputs, output, at=at: given.update({at: inputs[0]})
        )
        network.down[at].register_forward_hook(
            lambda module, inputs, output, at=at: made.update({at: output})
        )
    with torch.inference_mode():
        network(torch.rand(1, 3, 32, 32))
    for at in range(4):
        skip = made[3 - at]
        assert torch.equal(given[at][:, : skip.shape[1]], skip)
