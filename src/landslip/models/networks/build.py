"""Builds the network that an `Architecture` describes.

Networks of segmentation-models-pytorch, with encoders and first layers made as for LinkNet.

The library builds the network, with its own settings, around a timm backbone. The backbone's
weights and the filters of bands other than red, green and blue are then put in by this package's
rules; the library's own rule for four bands gives the fourth the red filters and scales them all.
"""

from dataclasses import dataclass
from typing import Any

import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from landslip.core.choices import Arch
from landslip.core.errors import InputError
from landslip.models.networks.albunet import AlbuNet
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.encoder import (
    BUILD_ERRORS,
    NO_WEIGHTS,
    check_any_size,
    load_backbone,
    make_encoder,
    one_line,
    probe_backbone,
    widen_first_layer,
)
from landslip.models.networks.linknet import LinkNet
from landslip.models.networks.residual_unet import ResidualUNet

SMP_ARCHITECTURES = (
    Arch.UNET,
    Arch.UNET_PLUS_PLUS,
    Arch.DEEPLAB_V3_PLUS,
    Arch.SEGFORMER,
    Arch.UPERNET,
)
_COST_TILE_PX = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCost:
    """Trainable parameters, and 10^9 operations for one tile of 256 x 256 px.

    A multiplication and the addition that follows it are two operations; those of convolutions,
    matrix products and attention are counted.
    """

    parameters: int
    gflop_per_tile: float


def build_network(
    architecture: Architecture, *, encoder_weights: str = NO_WEIGHTS, seed: int = 0
) -> nn.Module:
    """Build a network; the same seed gives the same weights.

    The improved U-Net has no pretrained encoder: ``encoder_weights`` are not looked at.

    Raises:
        InputError: the encoder or its weights cannot be used.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        if architecture.arch is Arch.IMPROVED_UNET:
            return ResidualUNet(len(architecture.bands))
        if architecture.arch in SMP_ARCHITECTURES:
            return build_smp_network(architecture, encoder_weights, generator)
        encoder, channels = make_encoder(architecture.encoder, encoder_weights)
        widen_first_layer(encoder, architecture.bands, architecture.first_layer, generator)
        network = AlbuNet if architecture.arch is Arch.ALBUNET else LinkNet
        return network(encoder, channels)


def build_smp_network(
    architecture: Architecture, weights: str, generator: torch.Generator
) -> nn.Module:
    """Build a network of the library; it returns logits (n, 1, height, width).

    Raises:
        InputError: the encoder does not fit the decoder, or its weights cannot be used.
    """
    check_any_size(probe_backbone(architecture.encoder), architecture.encoder)
    network = _assemble(architecture)
    inside = network.encoder.model
    levels = tuple(int(at) for at in inside.feature_info.out_indices)
    backbone = load_backbone(architecture.encoder, weights, levels)
    widen_first_layer(backbone, architecture.bands, architecture.first_layer, generator)
    inside.load_state_dict(backbone.state_dict())
    made: nn.Module = network
    return made


def _assemble(architecture: Architecture) -> Any:
    try:
        return smp.create_model(
            architecture.arch.value,
            encoder_name=f"tu-{architecture.encoder}",
            encoder_weights=None,
            in_channels=len(architecture.bands),
            classes=1,
        )
    except BUILD_ERRORS as error:
        raise InputError(
            f"--encoder {architecture.encoder}: this backbone does not fit the "
            f"{architecture.title} ({one_line(error)}); take one such as resnet50"
        ) from error


def network_cost(architecture: Architecture) -> NetworkCost:
    """Count; nothing is computed.

    Raises:
        InputError: the encoder cannot be used.
    """
    network = build_network(architecture).to("meta").eval()
    image = torch.zeros(1, len(architecture.bands), _COST_TILE_PX, _COST_TILE_PX, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    return NetworkCost(
        parameters=sum(one.numel() for one in network.parameters()),
        gflop_per_tile=counter.get_total_flops() / 1e9,
    )


def computes_in_bf16(device: torch.device) -> bool:
    """Whether convolutions in bf16 are faster there than in float32.

    On CPUs: those with bf16 instructions (AVX512-BF16 or AMX); without them bf16 is emulated.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
