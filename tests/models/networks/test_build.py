"""What holds for every network that can be trained."""

from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from landslip.core.choices import Arch, FirstLayer
from landslip.core.errors import InputError
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network

ENCODER = "test_resnet"
LINKNET_SUMS = {"stage4.0.weight": -2.4969920396, "head.2.weight": -0.7356246201}
BANDS = ("nir", "blue", "green", "red")
PRETRAINED = [arch for arch in Arch if arch is not Arch.IMPROVED_UNET]
every_network = pytest.mark.parametrize("arch", list(Arch), ids=str)


@pytest.fixture(scope="module")
def encoder_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    torch.manual_seed(7)
    tensors = dict(timm.create_model(ENCODER, pretrained=False).state_dict())
    path = tmp_path_factory.mktemp("weights") / "encoder.pth"
    torch.save(tensors, path)
    return path, tensors


def make(arch: Arch, seed: int = 0, *, weights: str = "none", nir: str = "mean") -> nn.Module:
    architecture = Architecture(
        arch=arch, encoder=ENCODER, bands=BANDS, first_layer=FirstLayer(nir)
    )
    return build_network(architecture, encoder_weights=weights, seed=seed)


@every_network
def test_every_parameter_learns(arch: Arch) -> None:
    network = make(arch).train()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)  # timm closes residual branches at first
    image = torch.randn(2, 4, 64, 128, generator=torch.Generator().manual_seed(0))
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
    weights = [name for name, tensor in first.items() if tensor.ndim == 4]
    assert not any(torch.equal(first[name], other[name]) for name in weights)


def test_the_weights_that_linknet_has_always_had() -> None:
    state = build_network(Architecture(encoder=ENCODER, bands=BANDS), seed=3).state_dict()
    sums = {
        name: float(state[name].double().sum()) for name in ("stage4.0.weight", "head.2.weight")
    }
    assert sums == pytest.approx(LINKNET_SUMS, rel=1e-6)


@pytest.mark.parametrize("arch", PRETRAINED, ids=str)
def test_the_encoder_is_the_file(arch: Arch, encoder_file: tuple[Path, dict[str, Tensor]]) -> None:
    path, tensors = encoder_file
    state = make(arch, weights=str(path)).state_dict()
    encoder = {
        name.removeprefix("encoder.").removeprefix("model."): tensor
        for name, tensor in state.items()
        if name.startswith("encoder.")
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
