"""Binary cross-entropy + (1 - Dice), over the pixels that are valid and labelled.

Equation 3 of Li, Li & Ge (2023), doi 10.11834/jrs.20211020, with the minus sign that cross-entropy
needs, summed over the images of a batch as there, so that the step grows with the batch size. With
a mean instead, the paper's learning rate of 0.01 is far too slow.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from landslip.models.training.distributed import SINGLE_PROCESS, TrainingProcess

SMOOTHING = 1.0


def segmentation_loss(
    logits: Tensor,
    label: Tensor,
    counted: Tensor,
    *,
    dice_over: Literal["image", "batch"],
    process: TrainingProcess = SINGLE_PROCESS,
) -> Tensor:
    """Return the loss of a batch, summed over its images; a float32 scalar.

    All arrays are (n, height, width): logits of any floating type, label 1 for landslide; pixels
    not counted are ignored. There is one Dice per image, or one over the whole batch, which counts
    for each image. In distributed training every process returns the loss of the whole batch.
    """
    logits, mask = logits.float(), counted.float()
    truth = (label == 1).float() * mask
    per_pixel = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none") * mask
    probability = torch.sigmoid(logits) * mask
    parts = per_pixel, mask, probability * truth, probability, truth
    if dice_over == "image":
        each = _losses(torch.stack([part.sum((1, 2)) for part in parts]))
        return process.differentiable_sum(each.sum())
    sums = process.differentiable_sum(torch.stack([part.sum() for part in parts]))
    return _losses(sums) * (len(logits) * process.world_size)


def cross_entropies(logits: Tensor, label: Tensor, counted: Tensor) -> Tensor:
    """Return the mean cross-entropy of each image's counted pixels, (n,), without gradient."""
    mask = counted.float()
    truth = (label == 1).float() * mask
    per_pixel = functional.binary_cross_entropy_with_logits(
        logits.detach().float(), truth, reduction="none"
    )
    return (per_pixel * mask).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1.0)


def _losses(sums: Tensor) -> Tensor:
    """Return cross-entropy + 1 - Dice from sums over pixels.

    Dice is 2 |A B| / (|A| + |B|), both smoothed by 1: it is 1 where both are empty.
    """
    per_pixel, counted, overlap, predicted, truth = sums.unbind()
    dice = (2.0 * overlap + SMOOTHING) / (predicted + truth + SMOOTHING)
    return per_pixel / counted.clamp(min=1.0) + 1.0 - dice
