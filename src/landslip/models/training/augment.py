"""Random augmentation of a batch of tiles, on its device.

All draws come from a generator on the CPU, so that a GPU gets the same ones.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from landslip.datasets.augmentation import AugmentationSettings


def augment(
    image: Tensor,
    label: Tensor,
    counted: Tensor,
    recipe: AugmentationSettings,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor]:
    """Augment a batch: flips, rotations, stretch, colour, noise.

    Images (n, bands, side, side), normalised, 0 where not valid, are resampled bilinearly; label
    and counted (n, side, side) by nearest neighbour. Corners from outside the tile are 0 (the
    bands' mean) and not counted.
    """
    matrices = random_matrices(len(image), recipe, generator).to(image.device)
    image, label, counted = warp(image, label, counted, matrices)
    return jitter(image, recipe, generator), label, counted


def random_matrices(count: int, recipe: AugmentationSettings, generator: torch.Generator) -> Tensor:
    """Draw (count, 2, 3) maps from output to input, in coordinates of -1 to 1."""
    turns = torch.zeros(count)
    mirror = torch.ones(count)
    if recipe.flips:
        turns = torch.randint(4, (count,), generator=generator) * (math.pi / 2)
        mirror = 1.0 - 2.0 * torch.randint(2, (count,), generator=generator)
    warped = (torch.rand(count, generator=generator) < recipe.warp_share).float()
    angle = turns + warped * _uniform((count,), math.radians(recipe.rotation_deg), generator)
    stretch = 1.0 + warped[:, None] * _uniform((count, 2), recipe.stretch, generator)
    cosine, sine = angle.cos(), angle.sin()
    rows = (
        torch.stack([cosine * mirror / stretch[:, 0], -sine / stretch[:, 0]], dim=1),
        torch.stack([sine * mirror / stretch[:, 1], cosine / stretch[:, 1]], dim=1),
    )
    linear = torch.stack(rows, dim=1)
    return torch.cat([linear, torch.zeros(count, 2, 1)], dim=2)


def warp(
    image: Tensor, label: Tensor, counted: Tensor, matrices: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Resample a batch by maps from output to input coordinates."""
    grid = functional.affine_grid(matrices, [*image.shape], align_corners=False)
    # label + 1: leaves 0 for pixels that are outside or not counted
    codes = ((label.float() + 1.0) * counted)[:, None]
    codes = functional.grid_sample(codes, grid, mode="nearest", align_corners=False)[:, 0]
    image = functional.grid_sample(image, grid, mode="bilinear", align_corners=False)
    return image, (codes - 1.0).clamp(min=0.0).to(torch.uint8), codes > 0.5


def jitter(image: Tensor, recipe: AugmentationSettings, generator: torch.Generator) -> Tensor:
    """Change contrast and brightness, of all bands together and of each alone, and add noise."""
    count, bands = image.shape[:2]
    gain = (1.0 + _uniform((count, 1), recipe.gain, generator)) * (
        1.0 + _uniform((count, bands), recipe.band_gain, generator)
    )
    shift = _uniform((count, 1), recipe.shift, generator)
    shift = shift + _uniform((count, bands), recipe.band_shift, generator)
    level = torch.rand((count, 1, 1, 1), generator=generator) * recipe.noise
    noise = torch.randn(image.shape, generator=generator) * level
    device = image.device
    gain, shift = gain.to(device)[:, :, None, None], shift.to(device)[:, :, None, None]
    return image * gain + shift + noise.to(device)


def _uniform(shape: tuple[int, ...], largest: float, generator: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=generator) * 2.0 - 1.0) * largest
