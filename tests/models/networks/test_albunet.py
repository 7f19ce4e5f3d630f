"""The structure of Shvets et al. (2018), worked by hand, against the network."""

import pytest
import torch
from torch import Tensor, nn

from landslip.core.choices import Arch
from landslip.models.networks.albunet import AlbuNet
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network

BANDS = ("blue", "green", "red", "nir")
# block, in -> middle -> out, side of what it is given, of an image of 256 px, by ResNet-34
PUBLISHED = [
    ("centre", 512, 512, 256, 4),
    ("stage5", 512 + 256, 512, 256, 8),
    ("stage4", 256 + 256, 512, 256, 16),
    ("stage3", 128 + 256, 256, 64, 32),
    ("stage2", 64 + 64, 128, 128, 64),
    ("stage1", 128, 128, 32, 128),
]
RESNET_34 = 21_284_672  # convolutions and batch norms of the RGB network without its classifier


def make(encoder: str = "resnet34") -> AlbuNet:
    network = build_network(Architecture(arch=Arch.ALBUNET, encoder=encoder, bands=BANDS))
    assert isinstance(network, AlbuNet)
    return network.eval()


@pytest.fixture(scope="module")
def network() -> AlbuNet:
    return make()


def test_every_layer_has_the_published_shape(network: AlbuNet) -> None:
    seen = {}

    def remember(name: str) -> None:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            seen[name] = (tuple(inputs[0].shape[1:]), tuple(output.shape[1:]))

        network.get_submodule(name).register_forward_hook(hook)

    expected = {
        "encoder.conv1": ((4, 256, 256), (64, 128, 128)),
        "encoder.maxpool": ((64, 128, 128), (64, 64, 64)),
        "encoder.layer1": ((64, 64, 64), (64, 64, 64)),
        "encoder.layer4": ((256, 16, 16), (512, 8, 8)),
        "pool": ((512, 8, 8), (512, 4, 4)),
        "head.0": ((32, 256, 256), (32, 256, 256)),
        "head.2": ((32, 256, 256), (1, 256, 256)),
    }
    for name, channels_in, middle, channels_out, side in PUBLISHED:
        small, big = (side, side), (2 * side, 2 * side)
        expected[f"{name}.0"] = ((channels_in, *small), (middle, *small))
        expected[f"{name}.2"] = ((middle, *small), (channels_out, *big))
    for name in expected:
        remember(name)
    with torch.inference_mode():
        assert network(torch.zeros(1, 4, 256, 256)).shape == (1, 1, 256, 256)
    assert seen == expected


def test_parameter_count(network: AlbuNet) -> None:
    count = RESNET_34 + 64 * 7 * 7  # a fourth band
    for _, channels_in, middle, channels_out, _ in PUBLISHED:
        count += channels_in * middle * 9 + middle + middle * channels_out * 16 + channels_out
    count += 32 * 32 * 9 + 32 + 32 + 1
    assert sum(one.numel() for one in network.parameters()) == count


def test_the_stem_and_the_centre_pool_two_by_two(network: AlbuNet) -> None:
    for name in ("encoder.maxpool", "pool"):
        pool = network.get_submodule(name)
        assert isinstance(pool, nn.MaxPool2d)
        assert (pool.kernel_size, pool.stride, pool.padding) == (2, 2, 0)
    feature = torch.zeros(1, 1, 4, 4)
    feature[0, 0, 1, 1] = 1.0  # a pool of 3 x 3 would see it from several places
    assert network.encoder.get_submodule("maxpool")(feature).sum() == 1


def test_the_decoder_is_not_normalised(network: AlbuNet) -> None:
    decoder = [part for name, part in network.named_modules() if not name.startswith("encoder")]
    assert not any(isinstance(part, nn.BatchNorm2d) for part in decoder)
    assert [type(part) for part in network.stage3] == [
        nn.Conv2d,
        nn.ReLU,
        nn.ConvTranspose2d,
        nn.ReLU,
    ]
    grow = network.stage3[2]
    assert isinstance(grow, nn.ConvTranspose2d)
    assert (grow.kernel_size, grow.stride, grow.padding) == ((4, 4), (2, 2), (1, 1))


def test_skips_are_concatenated_behind_what_was_decoded() -> None:
    network = make("test_resnet")
    given: dict[str, Tensor] = {}
    for name in ("stage5", "stage4", "stage3", "stage2"):
        network.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: given.update({name: inputs[0]})
        )
    image = torch.rand(1, 4, 64, 64)
    with torch.inference_mode():
        network(image)
        levels = network.encoder(image)
    for level, name in zip(levels, ("stage2", "stage3", "stage4", "stage5"), strict=True):
        assert torch.equal(given[name][:, -level.shape[1] :], level)


@pytest.mark.parametrize("encoder", ["resnet50", "convnext_atto", "vgg11"])
def test_other_encoders(encoder: str) -> None:
    with torch.device("meta"), torch.no_grad():
        network = make(encoder)
        assert network(torch.zeros(1, 4, 64, 128)).shape == (1, 1, 64, 128)


def test_a_fresh_decoder_passes_a_signal_on() -> None:
    """With torch's own weights it returns nearly one value everywhere, and does not learn."""
    network = build_network(Architecture(arch=Arch.ALBUNET, encoder="resnet18")).train()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        logits = network(torch.randn(2, 3, 128, 128, generator=generator))
    assert 0.1 < float(logits.std()) < 10
