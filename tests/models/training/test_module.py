from typing import Literal

import pytest
import torch
from torch import nn

from landslip.models.training.module import SegmentationModule, TrainingCallbacks
from landslip.models.training.recipe import TrainConfig


@pytest.mark.parametrize("mode", ["none", "offline", "on_the_fly"])
def test_batches_are_augmented_on_the_fly_alone(
    mode: Literal["none", "offline", "on_the_fly"],
) -> None:
    module = SegmentationModule(
        nn.Identity(), TrainConfig(augmentation_mode=mode), TrainingCallbacks()
    )
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((2, 3, 32, 32), generator=generator)
    label = (image[:, 0] > 0.5).to(torch.uint8)
    batch = image, label, torch.ones(2, 32, 32, dtype=torch.bool)
    found = module.augmented(batch, 0)
    same = [torch.equal(part, given) for part, given in zip(found, batch, strict=True)]
    assert all(same) is (mode != "on_the_fly")
    assert torch.equal(found[0], module.augmented(batch, 1)[0]) is (mode != "on_the_fly")
    assert torch.equal(found[0], module.augmented(batch, 0)[0])
