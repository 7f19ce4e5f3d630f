"""Binary cross-entropy + (1 - Dice), over the pixels that are valid and labelled.

Equation 3 of Li, Li & Ge (2023), doi 10.11834/jrs.20211020, with the minus sign that cross-entropy
needs, summed over the images of a batch as there: the step grows with the batch size. With a mean
instead of the sum, the paper's learning rate of 0.01 learns far too slowly.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

SMOOTHING = 1.0


def segmentation_loss(
    logits: Tensor, label: Tensor, counted: Tensor, *, dice_over: Literal["image", "batch"]
) -> Tensor:
    """Return the loss of a batch, summed over its images; a float32 scalar.

    Args:
        logits: (n, height, width), any floating type; computed on in float32.
        label: (n, height, width), 1 for landslide.
        counted: (n, height, width) bool; the loss looks nowhere else.
        dice_over: whether Dice is taken for each image, or once for the batch, for all of them.
    """
    logits, mask = logits.float(), counted.float()
    truth = (label == 1).float() * mask
    per_pixel = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none") * mask
    over = (1, 2) if dice_over == "image" else (0, 1, 2)
    cross_entropy = per_pixel.sum(over) / mask.sum(over).clamp(min=1.0)
    losses = cross_entropy + 1.0 - _dice(torch.sigmoid(logits) * mask, truth, over)
    return losses.sum() * (len(logits) / losses.numel())


def _dice(probability: Tensor, truth: Tensor, over: tuple[int, ...]) -> Tensor:
    """Return 2 |A B| / (|A| + |B|), both smoothed by 1: it is 1 where both are empty."""
    overlap = (probability * truth).sum(over)
    sizes = probability.sum(over) + truth.sum(over)
    return (2.0 * overlap + SMOOTHING) / (sizes + SMOOTHING)
