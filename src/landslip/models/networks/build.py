"""Builds the network that an `Architecture` describes."""

import torch
from torch import nn

from landslip.core.choices import Arch
from landslip.models.networks.albunet import AlbuNet
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.encoder import NO_WEIGHTS, make_encoder
from landslip.models.networks.first_layer import widen_first_layer
from landslip.models.networks.library import LIBRARY, library_network
from landslip.models.networks.linknet import LinkNet
from landslip.models.networks.residual_unet import ResidualUNet


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
        if architecture.arch in LIBRARY:
            return library_network(architecture, encoder_weights, generator)
        encoder, channels = make_encoder(architecture.encoder, encoder_weights)
        widen_first_layer(encoder, architecture.bands, architecture.first_layer, generator)
        network = AlbuNet if architecture.arch is Arch.ALBUNET else LinkNet
        return network(encoder, channels)
