"""Binary cross-entropy + (1 - Dice), over the pixels that are valid and labelled.

Equations 1 to 3 of Li, Li & Ge (2023), doi 10.11834/jrs.20211020::

    L(X, Y) = sum_i (H(X_i, Y_i) + 1 - C(X_i, Y_i))                     over the images i
    C(X_i, Y_i) = 2 |X_i and Y_i| / (|X_i| + |Y_i|)
    H(X_i, Y_i) = sum_j y_j log p_j + (1 - y_j) log(1 - p_j)            over the pixels j of i

Two things differ here:

- H has the minus sign that cross-entropy needs and the printed equation lacks.
- H is the mean over an image's pixels, not their sum. Of 256 x 256 pixels the sum is 65,536 times
  the mean: at a mean cross-entropy of 0.1 it is 6,554, beside a Dice term of at most 1, which then
  has no say. Taken as printed the loss is cross-entropy alone, and a learning rate of 0.01 on it
  acts like 655 on the mean. With means both terms are of one order, and 0.01 trains. Public code of
  this loss averages too (`torch.nn.BCELoss` does by default); whether the authors' does is not
  known.

The sum over the images of a batch is kept, so that the step grows with the batch size. With a mean
instead, the paper's learning rate of 0.01 is far too slow.
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

    All arrays are (n, height, width): logits of any floating type, label 1 for landslide, or the
    probability of it as a floating type; pixels not counted are ignored. There is one Dice per
    image, or one over the whole batch, which counts for each image. In distributed training every
    process returns the loss of the whole batch.
    """
    logits, mask = logits.float(), counted.float()
    truth = (label if label.is_floating_point() else (label == 1).float()) * mask
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
