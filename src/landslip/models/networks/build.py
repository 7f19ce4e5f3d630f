"""Builds networks from their `Architecture`, and counts their parameters and operations."""

from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from landslip.core.choices import Arch
from landslip.core.errors import InputError, argument
from landslip.models.networks.albunet import AlbuNet
from landslip.models.networks.architecture import LINKNETS, Architecture
from landslip.models.networks.encoder import (
    BUILD_ERRORS,
    check_any_size,
    load_backbone,
    make_encoder,
    one_line,
    probe_backbone,
    widen_first_layer,
)
from landslip.models.networks.linknet import LinkNet
from landslip.models.networks.residual_unet import ResidualUNet
from landslip.models.networks.two_date_linknet import (
    TwoDateEncoder,
    TwoDateLinkNet,
    bands_by_date,
    spectral_and_terrain,
)
from landslip.models.networks.weights_download import NO_WEIGHTS

_OWN_ARCHITECTURES = {*LINKNETS, Arch.ALBUNET, Arch.IMPROVED_UNET}
SMP_ARCHITECTURES = tuple(arch for arch in Arch if arch not in _OWN_ARCHITECTURES)
_COST_TILE_PX = 256


class NetworkCost(NamedTuple):
    """Trainable parameters, and 10^9 operations for one tile of 256 x 256 px.

    A multiply-add counts as two operations; those of convolutions, matrix products and attention
    are counted.
    """

    parameters: int
    gflop_per_tile: float


def build_network(
    architecture: Architecture, *, encoder_weights: str = NO_WEIGHTS, seed: int = 0
) -> nn.Module:
    """Build a network; the same seed gives the same weights.

    The improved U-Net has no pretrained encoder and ignores ``encoder_weights``.

    Raises:
        InputError: the encoder or its weights cannot be used.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        if architecture.arch is Arch.IMPROVED_UNET:
            return ResidualUNet(len(architecture.bands))
        if architecture.arch in SMP_ARCHITECTURES:
            return _build_smp_network(architecture, encoder_weights, generator)
        encoder = make_encoder(architecture.encoder, encoder_weights, architecture.encoder_levels)
        own: dict[str, Any] = {"head": architecture.head, "width": architecture.decoder_width}
        if architecture.arch is Arch.TWO_DATE_LINKNET:
            dates = bands_by_date(architecture.bands)
            bands = spectral_and_terrain(architecture.bands)
            widen_first_layer(encoder, bands, architecture.first_layer, generator)
            pair = TwoDateEncoder(encoder.network, encoder.channels, dates)
            return TwoDateLinkNet(pair, encoder.channels, **own)
        widen_first_layer(encoder, architecture.bands, architecture.first_layer, generator)
        if architecture.arch is Arch.ALBUNET:
            return AlbuNet(encoder.network, encoder.channels)
        return LinkNet(encoder.network, encoder.channels, **own)


def _build_smp_network(
    architecture: Architecture, weights: str, generator: torch.Generator
) -> nn.Module:
    """Build a network of segmentation-models-pytorch, with its own settings, on a timm backbone.

    Encoder weights and first layer follow this package's rules: the library gives a fourth band
    the red filters and rescales them all.
    """
    import segmentation_models_pytorch as smp

    check_any_size(probe_backbone(architecture.encoder), architecture.encoder)
    try:
        network: nn.Module = smp.create_model(
            architecture.arch.value,
            encoder_name=f"tu-{architecture.encoder}",
            encoder_weights=None,
            in_channels=len(architecture.bands),
            classes=1,
        )
    except BUILD_ERRORS as error:
        raise InputError(
            f"{argument('encoder', architecture.encoder)}: this backbone does not fit the "
            f"{architecture.title} ({one_line(error)}); use another, such as resnet50"
        ) from error
    backbone: Any = network.get_submodule("encoder.model")
    levels = tuple(int(index) for index in backbone.feature_info.out_indices)
    pretrained = load_backbone(architecture.encoder, weights, levels)
    widen_first_layer(pretrained, architecture.bands, architecture.first_layer, generator)
    backbone.load_state_dict(pretrained.network.state_dict())
    return network


def parameter_count(network: nn.Module) -> int:
    """Count the trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def network_cost(architecture: Architecture) -> NetworkCost:
    """Count parameters and operations without computing anything."""
    network = build_network(architecture).to("meta").eval()
    image = torch.zeros(1, len(architecture.bands), _COST_TILE_PX, _COST_TILE_PX, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    return NetworkCost(parameter_count(network), counter.get_total_flops() / 1e9)


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the device computes convolutions faster in bf16 than in float32.

    On CPUs: those with AVX512-BF16 or AMX instructions; others emulate bf16.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
