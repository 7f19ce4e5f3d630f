"""Table 1 of Li, Li & Ge (2023), worked by hand, against the network."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from landslip.core.errors import InputError
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.networks.linknet import LinkNet

BANDS = ("blue", "green", "red", "nir")
BASIC, BOTTLENECK = 1, 4
DECODER = "stage4.0.weight"
ENCODERS = [
    pytest.param("resnet34", (3, 4, 6, 3), BASIC, id="resnet34"),
    pytest.param("resnet50", (3, 4, 6, 3), BOTTLENECK, id="resnet50"),
    pytest.param("resnet101", (3, 4, 23, 3), BOTTLENECK, id="resnet101"),
]
# stage, in, middle, out of the printed decoder for ResNet-50 and -101
PRINTED_DECODER = [(4, 2048, 512, 1024), (3, 1024, 256, 512), (2, 512, 128, 256), (1, 256, 64, 64)]
# the same rule (middle = in / 4, out = the level above) for ResNet-34's 64, 128, 256, 512 channels
DECODER_34 = [(4, 512, 128, 256), (3, 256, 64, 128), (2, 128, 32, 64), (1, 64, 16, 64)]


def conv(channels_in: int, channels_out: int, kernel: int) -> int:
    return channels_in * channels_out * kernel**2


def norm(channels: int) -> int:
    return 2 * channels


def encoder_parameters(blocks: Sequence[int], expansion: int) -> int:
    """Stem conv(4, 64, 7) and the residual blocks of He et al. (2015), table 1."""
    count, channels_in = conv(4, 64, 7) + norm(64), 64
    for width, number in zip((64, 128, 256, 512), blocks, strict=True):
        channels_out = width * expansion
        for at in range(number):
            if expansion == BASIC:
                count += conv(channels_in, width, 3) + conv(width, width, 3) + 2 * norm(width)
            else:
                count += conv(channels_in, width, 1) + conv(width, width, 3)
                count += conv(width, channels_out, 1) + 2 * norm(width) + norm(channels_out)
            if at == 0 and channels_in != channels_out:
                count += conv(channels_in, channels_out, 1) + norm(channels_out)
            channels_in = channels_out
    return count


def decoder_parameters(stages: Sequence[tuple[int, int, int, int]]) -> int:
    count = 0
    for _, channels_in, middle, channels_out in stages:
        count += conv(channels_in, middle, 1) + norm(middle)
        count += conv(middle, middle, 3) + norm(middle)
        count += conv(middle, channels_out, 1) + norm(channels_out)
    head = conv(64, 32, 4) + 32 + conv(32, 1, 3) + 1
    return count + head


def make(encoder: str) -> LinkNet:
    network = build_network(Architecture(encoder=encoder, bands=BANDS))
    assert isinstance(network, LinkNet)
    return network.eval()


@pytest.mark.parametrize(("encoder", "blocks", "expansion"), ENCODERS)
def test_parameter_count_is_the_tables(
    encoder: str, blocks: tuple[int, ...], expansion: int
) -> None:
    decoder = PRINTED_DECODER if expansion == BOTTLENECK else DECODER_34
    expected = encoder_parameters(blocks, expansion) + decoder_parameters(decoder)
    assert sum(one.numel() for one in make(encoder).parameters()) == expected


@pytest.mark.parametrize(("encoder", "blocks", "expansion"), ENCODERS)
def test_every_layer_has_the_tables_shape(
    encoder: str, blocks: tuple[int, ...], expansion: int
) -> None:
    network, seen = make(encoder), {}

    def remember(name: str) -> None:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            seen[name] = (tuple(inputs[0].shape[1:]), tuple(output.shape[1:]))

        network.get_submodule(name).register_forward_hook(hook)

    decoder = PRINTED_DECODER if expansion == BOTTLENECK else DECODER_34
    expected = {
        "encoder.conv1": ((4, 256, 256), (64, 128, 128)),
        "encoder.maxpool": ((64, 128, 128), (64, 64, 64)),
        "head.0": ((64, 128, 128), (32, 256, 256)),
        "head.2": ((32, 256, 256), (1, 256, 256)),
    }
    for level, width in enumerate((64, 128, 256, 512)):
        side = 64 // 2**level
        before = (width // 2 * expansion, 2 * side, 2 * side) if level else (64, 64, 64)
        expected[f"encoder.layer{level + 1}"] = (before, (width * expansion, side, side))
    for stage, channels_in, middle, channels_out in decoder:
        side = 256 // 2 ** (stage + 1)
        big = 2 * side
        expected[f"stage{stage}.0"] = ((channels_in, side, side), (middle, side, side))
        expected[f"stage{stage}.3"] = ((middle, side, side), (middle, big, big))
        expected[f"stage{stage}.6"] = ((middle, big, big), (channels_out, big, big))
    for name in expected:
        remember(name)
    with torch.inference_mode():
        assert network(torch.zeros(1, 4, 256, 256)).shape == (1, 1, 256, 256)
    assert seen == expected


def test_kernels_strides_and_paddings_are_the_tables() -> None:
    network = make("resnet50")

    def geometry(name: str) -> tuple[object, ...]:
        layer = network.get_submodule(name)
        return layer.kernel_size, layer.stride, layer.padding

    assert geometry("encoder.conv1") == ((7, 7), (2, 2), (3, 3))
    assert geometry("encoder.maxpool") == (3, 2, 1)
    for stage in (1, 2, 3, 4):
        assert geometry(f"stage{stage}.0") == ((1, 1), (1, 1), (0, 0))
        assert geometry(f"stage{stage}.3") == ((3, 3), (2, 2), (1, 1))
        assert geometry(f"stage{stage}.6") == ((1, 1), (1, 1), (0, 0))
    assert geometry("head.0") == ((4, 4), (2, 2), (1, 1))
    assert geometry("head.2") == ((3, 3), (1, 1), (1, 1))


def test_choices_where_the_table_is_silent() -> None:
    network = make("resnet34")
    kinds = [type(layer) for layer in network.stage3]
    assert kinds == [
        nn.Conv2d,
        nn.BatchNorm2d,
        nn.ReLU,
        nn.ConvTranspose2d,
        nn.BatchNorm2d,
        nn.ReLU,
        nn.Conv2d,
        nn.BatchNorm2d,
        nn.ReLU,
    ]
    assert [type(layer) for layer in network.head] == [nn.ConvTranspose2d, nn.ReLU, nn.Conv2d]
    assert all(layer.bias is None for layer in (network.stage3[0], network.stage3[3]))


def test_three_levels_and_a_narrow_decoder() -> None:
    """Without stage 4: 256 -> 64 -> 64 -> 128, 128 -> 32 -> 32 -> 64, 64 -> 16 -> 16 -> 32."""
    architecture = Architecture(encoder="resnet18", bands=BANDS, encoder_levels=3, decoder_width=32)
    network = build_network(architecture).eval()
    assert architecture.version == 2
    names = {name.split(".")[0] for name in network.state_dict()}
    assert names == {"encoder", "stage3", "stage2", "stage1", "head"}
    assert not any(name.startswith("encoder.layer4") for name in network.state_dict())
    stages = [(3, 256, 64, 128), (2, 128, 32, 64), (1, 64, 16, 32)]
    decoder = decoder_parameters(stages) - (conv(64, 32, 4) + 32 + conv(32, 1, 3) + 1)
    decoder += conv(32, 16, 4) + 16 + conv(16, 1, 3) + 1
    widest = conv(256, 512, 3) + 3 * conv(512, 512, 3) + conv(256, 512, 1) + 5 * norm(512)
    encoder = encoder_parameters((2, 2, 2, 2), BASIC) - widest
    assert sum(one.numel() for one in network.parameters()) == encoder + decoder
    given: list[Tensor] = []
    network.get_submodule("stage3").register_forward_hook(
        lambda _, inputs, __: given.extend(inputs)
    )
    image = torch.rand(1, 4, 64, 96)
    with torch.inference_mode():
        assert network(image).shape == (1, 1, 64, 96)
        assert torch.equal(given[0], network.get_submodule("encoder")(image)[-1])


def test_skips_are_sums() -> None:
    """With stages that give zeros, what a stage is given is the encoder's feature itself."""
    network = make("resnet34")
    given: dict[int, Tensor] = {}
    for stage in (4, 3, 2):
        layer = network.get_submodule(f"stage{stage}.7")
        assert isinstance(layer, nn.BatchNorm2d)
        nn.init.zeros_(layer.weight)
    for stage in (3, 2, 1):
        network.get_submodule(f"stage{stage}").register_forward_hook(
            lambda module, inputs, output, stage=stage: given.update({stage: inputs[0]})
        )
    image = torch.rand(1, 4, 64, 64)
    with torch.inference_mode():
        network(image)
        levels = network.encoder(image)
    for stage in (3, 2, 1):
        assert torch.equal(given[stage], levels[stage - 1])


def test_a_seed_gives_the_same_network() -> None:
    first, second, other = (
        build_network(Architecture(encoder="test_resnet"), seed=seed) for seed in (1, 1, 2)
    )
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name])
    assert not torch.equal(first.state_dict()[DECODER], other.state_dict()[DECODER])


@pytest.mark.parametrize("encoder", ["convnext_atto", "efficientnet_b0", "resnext26ts"])
def test_other_backbones_with_a_pyramid(encoder: str) -> None:
    with torch.inference_mode():
        assert make(encoder)(torch.zeros(1, 4, 64, 96)).shape == (1, 1, 64, 96)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("vit_tiny_patch16_224", r"strides \(4, 8, 16, 32\) are needed"),
        ("swin_tiny_patch4_window7_224", "channels last"),
        ("resnet_fifty", "not a timm backbone"),
    ],
)
def test_backbones_without_one_are_refused(encoder: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(encoder)
