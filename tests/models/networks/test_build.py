"""What holds for every network that can be trained."""

from itertools import pairwise
from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from landslip.core.choices import Arch, FirstLayer
from landslip.core.errors import InputError
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import SMP_ARCHITECTURES, build_network, network_cost

ENCODER = "test_resnet"
LINKNET_SUMS = {"stage4.0.weight": -2.4969920396, "head.2.weight": -0.7356246201}
NIR_FIRST = ("nir", "blue", "green", "red")
PRETRAINED = [arch for arch in Arch if arch is not Arch.IMPROVED_UNET]
every_network = pytest.mark.parametrize("arch", list(Arch), ids=str)


@pytest.fixture(scope="module")
def encoder_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    torch.manual_seed(7)
    tensors = dict(timm.create_model(ENCODER, pretrained=False).state_dict())
    path = tmp_path_factory.mktemp("weights") / "encoder.pth"
    torch.save(tensors, path)
    return path, tensors


def bands_of(arch: Arch) -> tuple[str, ...]:
    """Return near infrared and visible bands, of two dates where the network takes two."""
    is_of_two = arch is Arch.TWO_DATE_LINKNET
    return (*NIR_FIRST, *(f"before_{name}" for name in NIR_FIRST)) if is_of_two else NIR_FIRST


def make(arch: Arch, seed: int = 0, *, weights: str = "none", nir: str = "mean") -> nn.Module:
    architecture = Architecture(
        arch=arch, encoder=ENCODER, bands=bands_of(arch), first_layer=FirstLayer(nir)
    )
    return build_network(architecture, encoder_weights=weights, seed=seed)


@every_network
def test_every_parameter_learns(arch: Arch) -> None:
    network = make(arch).train()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)  # timm closes residual branches at first
    shape = 2, len(bands_of(arch)), 64, 128
    image = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    logits = network(image)
    assert logits.shape == (2, 1, 64, 128)
    label = (image[:, :1] > 0).float()
    torch.autograd.backward(functional.binary_cross_entropy_with_logits(logits, label))
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@every_network
def test_a_seed_gives_the_same_network(arch: Arch) -> None:
    state = torch.random.get_rng_state()
    first, second, other = (make(arch, seed, nir="random").state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    # what mixes two dates begins as the identity
    weights = [name for name, one in first.items() if one.ndim == 4 and "changes" not in name]
    assert not any(torch.equal(first[name], other[name]) for name in weights)


def test_the_weights_that_linknet_has_always_had() -> None:
    state = build_network(Architecture(encoder=ENCODER, bands=NIR_FIRST), seed=3).state_dict()
    sums = {
        name: float(state[name].double().sum()) for name in ("stage4.0.weight", "head.2.weight")
    }
    assert sums == pytest.approx(LINKNET_SUMS, rel=1e-6)


@pytest.mark.parametrize("arch", PRETRAINED, ids=str)
def test_the_encoder_is_the_file(arch: Arch, encoder_file: tuple[Path, dict[str, Tensor]]) -> None:
    path, tensors = encoder_file
    state = make(arch, weights=str(path)).state_dict()
    encoder = {
        name.removeprefix("encoder.").removeprefix("encoder.").removeprefix("model."): tensor
        for name, tensor in state.items()
        if name.startswith("encoder.") and not name.startswith("encoder.changes.")
    }
    first = encoder.pop("conv1.0.weight")
    assert set(encoder) == set(tensors) - {"conv1.0.weight", "fc.weight", "fc.bias"}
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in encoder.items())
    red, green, blue = tensors["conv1.0.weight"].unbind(1)
    assert torch.equal(first[:, 1:], torch.stack([blue, green, red], dim=1))
    assert torch.allclose(first[:, 0], (red + green + blue) / 3, atol=1e-7)


@pytest.mark.parametrize("arch", PRETRAINED, ids=str)
def test_weights_of_another_encoder_are_refused(arch: Arch, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"conv1.0.weight": torch.zeros(1, 3, 3, 3)}, path)
    with pytest.raises(InputError, match=r"other\.pth: \d+ of \d+ tensors of this encoder are not"):
        make(arch, weights=str(path))


def test_the_improved_unet_looks_at_no_weights() -> None:
    architecture = Architecture(arch=Arch.IMPROVED_UNET, encoder="resnet50")
    network = build_network(architecture, encoder_weights="/nowhere/resnet50.pth")
    assert network(torch.zeros(2, 3, 16, 16)).shape == (2, 1, 16, 16)


BANDS = ("blue", "green", "red", "nir")


@pytest.mark.parametrize("arch", SMP_ARCHITECTURES, ids=str)
def test_it_is_the_librarys_network(arch: Arch) -> None:
    network = build_network(Architecture(arch=arch, encoder="test_resnet", bands=BANDS), seed=1)
    theirs = smp.create_model(
        arch.value, encoder_name="tu-test_resnet", encoder_weights=None, in_channels=4
    )
    theirs.load_state_dict(dict(network.state_dict()))
    image = torch.randn(1, 4, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found, expected = network.eval()(image), theirs.eval()(image)
    assert found.shape == (1, 1, 64, 96)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("arch", SMP_ARCHITECTURES, ids=str)
def test_backbones_without_a_feature_at_half_size(arch: Arch) -> None:
    network = build_network(Architecture(arch=arch, encoder="convnext_atto", bands=BANDS))
    network = network.to("meta").eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 4, 64, 32, device="meta")).shape == (1, 1, 64, 32)


def test_features_with_channels_last_are_taken() -> None:
    network = build_network(Architecture(arch=Arch.UPERNET, encoder="mambaout_femto"))
    network = network.to("meta").eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 64, 32, device="meta")).shape == (1, 1, 64, 32)


@pytest.mark.parametrize(
    ("arch", "encoder", "message"),
    [
        (Arch.UNET, "resnet_fifty", "encoder=.resnet_fifty.: not a timm backbone"),
        (Arch.SEGFORMER, "swin_tiny_patch4_window7_224", "images of any size is needed"),
        (Arch.LINKNET, "maxvit_pico_rw_256", "images of any size is needed"),
        (Arch.DEEPLAB_V3_PLUS, "pvt_v2_b0", r"does not fit the DeepLabV3\+ of .*output_stride"),
        (Arch.DEEPLAB_V3_PLUS, "vgg11", r"does not fit the DeepLabV3\+ of .*AssertionError"),
    ],
)
def test_what_does_not_fit_is_refused(arch: Arch, encoder: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_network(Architecture(arch=arch, encoder=encoder))


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
