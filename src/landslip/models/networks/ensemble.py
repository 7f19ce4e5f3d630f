"""Several networks as one: the mean of their probabilities."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Ensemble(nn.Module):
    """Networks of one architecture whose probabilities are averaged; returns the mean's logit.

    With logits l of n members, logit(mean p) = log sum p - log sum (1 - p), where log p =
    -softplus(-l) and log (1 - p) = -softplus(l): exact at both ends, where 1 - p itself rounds to
    0, and in half precision.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        """Take networks that return logits (n, 1, height, width)."""
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (n, 1, height, width) of the mean probability."""
        logits = torch.cat([member(image) for member in self.members], dim=1).float()
        landslide = torch.logsumexp(-functional.softplus(-logits), dim=1, keepdim=True)
        other = torch.logsumexp(-functional.softplus(logits), dim=1, keepdim=True)
        return landslide - other
