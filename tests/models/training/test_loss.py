import math
from typing import Literal

import pytest
import torch
from torch import Tensor

from landslip.models.training.loss import segmentation_loss

Over = Literal["image", "batch"]


def loss(
    logits: Tensor, label: Tensor, counted: Tensor | None = None, over: Over = "image"
) -> float:
    everywhere = torch.ones_like(label, dtype=torch.bool)
    known = everywhere if counted is None else counted
    return segmentation_loss(logits, label, known, dice_over=over).item()


def test_worked_by_hand() -> None:
    """Four pixels of probability 0.8, 0.2, 0.5, 0.5 with one landslide, the first."""
    probability = torch.tensor([[[0.8, 0.2], [0.5, 0.5]]])
    label = torch.tensor([[[1, 0], [0, 0]]])
    cross_entropy = -(math.log(0.8) + math.log(0.8) + 2 * math.log(0.5)) / 4
    dice = (2 * 0.8 + 1) / (2.0 + 1 + 1)
    assert loss(torch.logit(probability), label) == pytest.approx(cross_entropy + 1 - dice)


@pytest.mark.parametrize("over", ["image", "batch"])
def test_an_empty_tile_that_is_left_empty_costs_nothing(over: Over) -> None:
    logits = torch.full((2, 8, 8), -40.0)
    assert loss(logits, torch.zeros(2, 8, 8), over=over) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("over", ["image", "batch"])
def test_nothing_counted_gives_a_finite_loss_and_no_gradient(over: Over) -> None:
    logits = torch.randn(1, 4, 4, requires_grad=True)
    value = segmentation_loss(
        logits, torch.ones(1, 4, 4), torch.zeros(1, 4, 4, dtype=torch.bool), dice_over=over
    )
    torch.autograd.backward(value)
    assert value.item() == pytest.approx(0.0)
    assert logits.grad is not None
    assert not logits.grad.any()


def test_pixels_that_are_not_counted_change_nothing() -> None:
    torch.manual_seed(0)
    logits, label = torch.randn(1, 4, 4), torch.randint(2, (1, 4, 4))
    counted = torch.ones(1, 4, 4, dtype=torch.bool)
    counted[0, 0] = False
    before = loss(logits, label, counted)
    logits[0, 0], label[0, 0] = 30.0, 255
    assert loss(logits, label, counted) == pytest.approx(before)


def test_images_are_summed_and_weigh_the_same_whatever_their_counted_size() -> None:
    logits = torch.tensor([[[0.0, 0.0]], [[2.0, 2.0]]])
    label = torch.tensor([[[1, 1]], [[0, 0]]])
    counted = torch.tensor([[[True, True]], [[True, False]]])
    alone = [loss(logits[at : at + 1], label[at : at + 1], counted[at : at + 1]) for at in (0, 1)]
    assert loss(logits, label, counted) == pytest.approx(sum(alone))


def test_half_precision_logits_are_raised_to_float32() -> None:
    logits = torch.full((1, 64, 64), 8.0, dtype=torch.bfloat16)
    value = segmentation_loss(
        logits, torch.ones(1, 64, 64), torch.ones(1, 64, 64, dtype=torch.bool), dice_over="batch"
    )
    assert value.dtype == torch.float32
    probability = 1 / (1 + math.exp(-8))
    dice = (2 * probability * 4096 + 1) / (4096 * (1 + probability) + 1)
    assert value.item() == pytest.approx(-math.log(probability) + 1 - dice, abs=1e-6)
