"""What a network costs: its parameters and its arithmetic."""

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network

TILE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Trainable parameters, and 10^9 operations for one tile of 256 x 256 px.

    A multiplication and the addition that follows it are two operations; those of convolutions,
    matrix products and attention are counted.
    """

    parameters: int
    gflop_per_tile: float


def network_cost(architecture: Architecture) -> Cost:
    """Count; nothing is computed.

    Raises:
        InputError: the encoder cannot be used.
    """
    network = build_network(architecture).to("meta").eval()
    image = torch.zeros(1, len(architecture.bands), TILE, TILE, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    return Cost(
        parameters=sum(one.numel() for one in network.parameters()),
        gflop_per_tile=counter.get_total_flops() / 1e9,
    )
