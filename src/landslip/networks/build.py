"""Builds the network that an `Architecture` describes."""

import torch
from torch import nn

from landslip.networks.architecture import Architecture
from landslip.networks.encoder import NO_WEIGHTS, make_encoder
from landslip.networks.first_layer import widen_first_layer
from landslip.networks.linknet import LinkNet


def build_network(
    architecture: Architecture, *, encoder_weights: str = NO_WEIGHTS, seed: int = 0
) -> nn.Module:
    """Build a network; the same seed gives the same weights.

    Raises:
        InputError: the encoder or its weights cannot be used.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder, channels = make_encoder(architecture.encoder, encoder_weights)
        generator = torch.Generator().manual_seed(seed)
        widen_first_layer(encoder, architecture.bands, architecture.first_layer, generator)
        return LinkNet(encoder, channels)
