"""Networks of segmentation-models-pytorch, with encoders and first layers made as for LinkNet.

The library builds the network, with its own settings, around a timm backbone. The backbone's
weights and the filters of bands other than red, green and blue are then put in by this package's
rules; the library's own rule for four bands gives the fourth the red filters and scales them all.
"""

from typing import Any

import segmentation_models_pytorch as smp
import torch
from torch import nn

from landslip.core.choices import Arch
from landslip.core.errors import InputError
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.encoder import (
    CANNOT_MAKE,
    check_any_size,
    load_backbone,
    probe_backbone,
    shortened,
)
from landslip.models.networks.first_layer import widen_first_layer

LIBRARY = (Arch.UNET, Arch.UNET_PLUS_PLUS, Arch.DEEPLAB_V3_PLUS, Arch.SEGFORMER, Arch.UPERNET)


def library_network(
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
    except CANNOT_MAKE as error:
        raise InputError(
            f"--encoder {architecture.encoder}: this backbone does not fit the "
            f"{architecture.title} ({shortened(error)}); take one such as resnet50"
        ) from error
