"""Random augmentation of a batch of tiles, on its device.

All draws come from a generator on the CPU, so that a GPU gets the same ones.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from landslip.datasets.augmentation import AugmentationSettings
from landslip.datasets.band_groups import BandGroups


def augment(  # noqa: PLR0913 - a batch is three tensors
    image: Tensor,
    label: Tensor,
    counted: Tensor,
    recipe: AugmentationSettings,
    generator: torch.Generator,
    margin: int = 0,
    *,
    groups: BandGroups | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Augment a batch: flips, rotations, stretch, scale, translation, colour, noise.

    Images (n, bands, side, side), normalised, 0 where not valid, are resampled bilinearly; label
    and counted (n, side, side) by nearest neighbour. The result is without ``margin`` pixels on
    each side. What it shows beyond the images' border is mirrored there, in image, label and
    counted alike: a mirrored pixel counts if its original does. Of the ``groups`` of bands,
    directions turn with the image and are mirrored where it is, terrain keeps its values, and the
    bands of each date change in colour by themselves; those of an earlier date are shifted against
    the others.
    """
    matrices = random_matrices(len(image), recipe, generator).to(image.device)
    grid = sampling_grid(matrices, image.shape, margin)
    image, label, counted = warp(image, label, counted, grid)
    if groups is None or not groups.auxiliary:
        return jitter(image, recipe, generator), label, counted
    if groups.directions is not None:
        image = turn_directions(image, groups.directions, matrices, grid)
    if groups.before and recipe.date_shift_px > 0:
        earlier = list(groups.before)
        image[:, earlier] = shifted(image[:, earlier], recipe.date_shift_px, generator)
    for date in filter(None, (groups.own, groups.before)):
        part = image[:, list(date)]
        image[:, list(date)] = jitter(part, recipe, generator) * (part != 0)
    return image, label, counted


def turn_directions(
    image: Tensor, directions: tuple[int, int], matrices: Tensor, grid: Tensor
) -> Tensor:
    """Turn eastness and northness of a warped batch by the rotation of its maps, in place.

    The maps are from output to input, so that directions turn by the transpose of their rotation.
    Where ``grid``, of which see `sampling_grid`, is an odd number of times beyond the border along
    an axis, the image is mirrored along it, and so are they.
    """
    east, north = directions
    rotations = functional.normalize(matrices[:, :, :2], dim=2)  # without stretch and scale
    both = torch.stack([image[:, east], -image[:, north]], dim=1)
    both *= 1 - 2 * (((grid + 1) / 2).floor() % 2).permute(0, 3, 1, 2)
    found = torch.einsum("nij,nihw->njhw", rotations, both)
    image[:, east], image[:, north] = found[:, 0], -found[:, 1]
    return image


def shifted(image: Tensor, largest_px: float, generator: torch.Generator) -> Tensor:
    """Shift each image (n, bands, side, side) by up to so many pixels, bilinearly.

    A pixel next to a missing one, which is 0 in all bands, is missing too, so that none is mixed
    with what is missing.
    """
    pixels = _uniform((len(image), 2), largest_px, generator).to(image)
    maps = torch.eye(2, 3).to(image).repeat(len(image), 1, 1)
    maps[:, :, 2] = pixels * 2.0 / image.new_tensor([image.shape[3], image.shape[2]])
    grid = functional.affine_grid(maps, list(image.shape), align_corners=False)
    known = (image != 0).any(dim=1, keepdim=True).to(image)
    return _sampled(image, grid, "bilinear") * (_sampled(known, grid, "bilinear") > 1 - 1e-4)


def drop_sources(
    image: Tensor, groups: BandGroups, share: float, generator: torch.Generator
) -> Tensor:
    """Return a batch without the bands of a source, 0, in a share of the images, by each source."""
    for group in groups.auxiliary:
        kept = torch.rand(len(image), generator=generator) >= share
        image = image.clone()
        image[:, list(group)] *= kept.to(image)[:, None, None, None]
    return image


def random_matrices(count: int, recipe: AugmentationSettings, generator: torch.Generator) -> Tensor:
    """Draw (count, 2, 3) maps from output to input, in coordinates of -1 to 1 over the output."""
    turns = torch.zeros(count)
    mirror = torch.ones(count)
    if recipe.flips:
        turns = torch.randint(4, (count,), generator=generator) * (math.pi / 2)
        mirror = 1.0 - 2.0 * torch.randint(2, (count,), generator=generator)
    warped = (torch.rand(count, generator=generator) < recipe.warp_share).float()
    angle = turns + warped * _uniform((count,), math.radians(recipe.rotation_deg), generator)
    stretch = 1.0 + warped[:, None] * _uniform((count, 2), recipe.stretch, generator)
    offset = torch.zeros(count, 2, 1)
    if recipe.scale != (1.0, 1.0):
        low, high = (math.log(factor) for factor in recipe.scale)
        drawn = low + (high - low) * torch.rand(count, 1, generator=generator)
        stretch = stretch * torch.exp(warped[:, None] * drawn)
    if recipe.translation > 0:
        moved = 2.0 * warped[:, None, None]
        offset = moved * _uniform((count, 2, 1), recipe.translation, generator)
    cosine, sine = angle.cos(), angle.sin()
    rows = (
        torch.stack([cosine * mirror / stretch[:, 0], -sine / stretch[:, 0]], dim=1),
        torch.stack([sine * mirror / stretch[:, 1], cosine / stretch[:, 1]], dim=1),
    )
    linear = torch.stack(rows, dim=1)
    return torch.cat([linear, offset], dim=2)


def sampling_grid(matrices: Tensor, shape: Sequence[int], margin: int = 0) -> Tensor:
    """Return where a batch of a shape is sampled (n, height, width, 2), by maps to its coordinates.

    Columns, then rows, from -1 to 1 over the input. The output is without ``margin`` pixels on each
    side; its sides are 2 in the coordinates of the maps.
    """
    height, width = (side - 2 * margin for side in shape[2:])
    grid = functional.affine_grid(matrices, [len(matrices), 1, height, width], align_corners=False)
    return grid * matrices.new_tensor([width / shape[3], height / shape[2]])


def warp(
    image: Tensor, label: Tensor, counted: Tensor, grid: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Resample a batch where a grid says, mirrored beyond its border; see `sampling_grid`."""
    # label + 1: leaves 0 for pixels that are not counted
    codes = ((label.float() + 1.0) * counted)[:, None]
    codes = _sampled(codes, grid, "nearest")[:, 0]
    return (
        _sampled(image, grid, "bilinear"),
        (codes - 1.0).clamp(min=0.0).to(torch.uint8),
        codes > 0.5,
    )


def _sampled(pixels: Tensor, grid: Tensor, mode: str) -> Tensor:
    return functional.grid_sample(
        pixels, grid, mode=mode, padding_mode="reflection", align_corners=False
    )


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
