"""A second task for the encoder: whether a crop has a landslide at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class PresenceHead(nn.Module):
    """A linear layer on the mean of the encoder's last level; not part of the saved model."""

    def __init__(self, network: nn.Module) -> None:
        """Start at weights of 0, that is at a probability of one half."""
        super().__init__()
        self._level = torch.empty(0)
        bands = next(network.parameters()).shape[1]
        is_training = network.training
        with torch.no_grad(), self.reading(network.eval()):
            network(torch.zeros(1, bands, 64, 64))
        network.train(is_training)
        self.linear = nn.Linear(self._level.shape[1], 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    @contextmanager
    def reading(self, network: nn.Module) -> Iterator[None]:
        """Keep the last level that the network's encoder computes meanwhile."""
        handle = _encoder(network).register_forward_hook(self._keep)
        try:
            yield
        finally:
            handle.remove()

    def _keep(self, _encoder: nn.Module, _images: Any, levels: Any) -> None:
        self._level = levels if isinstance(levels, Tensor) else levels[-1]

    def loss(self, label: Tensor, counted: Tensor) -> Tensor:
        """Return the cross-entropy of the images read last, summed over them.

        Label and counted are (n, height, width); an image has a landslide if a counted pixel is 1.
        """
        logits = self.linear(self._level.float().mean((2, 3)))[:, 0].float()
        self._level = torch.empty(0)
        truth = ((label == 1) & counted).flatten(1).any(1).float()
        return functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum")


def _encoder(network: nn.Module) -> nn.Module:
    """Return the encoder, or the deepest unit of the improved U-Net."""
    encoder = getattr(network, "encoder", None)
    if isinstance(encoder, nn.Module):
        return encoder
    return list(network.get_submodule("down").children())[-1]
