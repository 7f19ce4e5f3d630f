"""Tiles as torch batches, in an order and with crops that depend on seed and epoch alone."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, default_collate

from landslip.core.errors import InputError, argument
from landslip.datasets.augmentation import VariantRule, tile_variant
from landslip.datasets.band_groups import BandGroups, MirroredSide, directions_of, mirrored
from landslip.datasets.batches import padded_shape, plan_batches
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation
from landslip.models.training.copy_paste import CopyPaste, Crop, pasted
from landslip.models.training.distributed import SINGLE_PROCESS, TrainingProcess
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.sampling import DistributedSampler, EpochSampler, HardBackground

Batch = tuple[Tensor, Tensor, Tensor]
"""Images, labels and where they count."""
TrainingBatch = tuple[Tensor, Tensor, Tensor, Tensor]
"""A batch and the tiles' positions in the dataset."""
LARGEST_CROP = 256
_CROP_STREAM = 1
_PASTE_STREAM = 6


class TrainingTiles(Dataset[TrainingBatch]):
    """Square crops of training tiles and their surroundings, indexed by (epoch, position).

    Beyond its border a tile is mirrored, image, label and what is counted alike, the directions of
    its terrain too.
    """

    def __init__(
        self,
        dataset: TileDataset,
        normalisation: Normalisation,
        *,
        crop: int,
        seed: int,
        margin: int = 0,
        copy_paste: CopyPaste | None = None,
    ) -> None:
        """Take crops of ``crop`` pixels with ``margin`` more on each side."""
        self._dataset, self._normalisation = dataset, normalisation
        self._crop, self._seed, self._margin = crop, seed, margin
        self._copy_paste = copy_paste
        self._directions = directions_of(dataset.bands)

    def __getitem__(self, key: tuple[int, int]) -> TrainingBatch:
        """Return image (bands, side, side), label and counted (side, side), and the position."""
        epoch, position = key
        crop = self._cropped(position, (self._seed, _CROP_STREAM, epoch, position))
        if self._copy_paste is not None:
            generator = np.random.default_rng((self._seed, _PASTE_STREAM, epoch, position))
            donor = self._copy_paste.draw(generator)
            if donor is not None:
                draw = (self._seed, _PASTE_STREAM, epoch, position, donor)
                crop = pasted(crop, self._cropped(donor, draw), generator, self._directions)
        image, label, counted = (torch.from_numpy(np.ascontiguousarray(part)) for part in crop)
        return image, label, counted, torch.tensor(position)

    def _cropped(self, position: int, draw: tuple[int, ...]) -> Crop:
        tile = self._dataset.tile(position)
        shape = tile.label.shape
        rows, cols = (
            MirroredSide.of(part.start - self._margin, self._crop + 2 * self._margin, side)
            for part, side in zip(_random_crop(shape, self._crop, draw), shape, strict=True)
        )
        image = self._normalisation.apply(tile.stored, tile.valid)
        shown = rows.index[:, None], cols.index
        image = mirrored(image, rows, cols, self._directions)
        return image, tile.label[shown], tile.counted[shown]


class OfflineAugmentedTiles(Dataset[TrainingBatch]):
    """Augmented versions of training tiles, computed on access, indexed by (version, position).

    Of a version larger than ``crop`` always the same crop is taken.
    """

    def __init__(self, dataset: TileDataset, rule: VariantRule, *, crop: int) -> None:
        """Augment by ``rule``; smaller versions are padded and the padding not counted."""
        self._dataset, self._rule, self._crop = dataset, rule, crop

    def __getitem__(self, key: tuple[int, int]) -> TrainingBatch:
        """Return image (bands, crop, crop), label and counted (crop, crop), and the position."""
        version, position = key
        variant = tile_variant(self._dataset.tile(position), version, self._rule)
        draw = (self._rule.seed, _CROP_STREAM, version, position)
        rows, cols = _random_crop(variant.label.shape, self._crop, draw)
        image, label = variant.image[:, rows, cols], variant.label[rows, cols]
        parts = _padded(image, label, variant.counted[rows, cols], (self._crop, self._crop))
        return (*parts, torch.tensor(position))


class ValidationTiles(Dataset[Batch]):
    """Tiles padded to a multiple of the network's stride."""

    def __init__(self, dataset: TileDataset, normalisation: Normalisation, multiple: int) -> None:
        """Read from ``dataset``."""
        self._dataset, self._normalisation, self._multiple = dataset, normalisation, multiple

    def __getitem__(self, position: int) -> Batch:
        """Return image (bands, height, width), label and counted of the padded shape."""
        tile = self._dataset.tile(position)
        image = self._normalisation.apply(tile.stored, tile.valid)
        shape = padded_shape(tile.label.shape, self._multiple)
        return _padded(image, tile.label, tile.counted, shape)


def _random_crop(shape: tuple[int, ...], crop: int, draw: tuple[int, ...]) -> tuple[slice, slice]:
    """Draw the rows and columns of a crop; all of a side that is no longer than it."""
    generator = np.random.default_rng(draw)
    first, last = (int(generator.integers(side - crop + 1)) if side > crop else 0 for side in shape)
    return slice(first, min(first + crop, shape[0])), slice(last, min(last + crop, shape[1]))


def _padded(
    image: NDArray[np.float32],
    label: NDArray[np.uint8],
    counted: NDArray[np.bool_],
    shape: tuple[int, int],
) -> Batch:
    """Return tensors of a shape, padded below and to the right by pixels that are not counted."""
    (rows, cols), (height, width) = shape, label.shape
    padding = (0, cols - width, 0, rows - height)
    images, labels, mask = (
        functional.pad(torch.tensor(part), padding) for part in (image, label, counted)
    )
    return images, labels, mask


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBatches:
    """The loader of training batches, whose images have ``margin`` more pixels on each side.

    ``background`` is what draws background tiles and is given the losses; None where nothing does.
    """

    loader: DataLoader[TrainingBatch]
    margin: int
    background: HardBackground | None


def training_loader(
    dataset: TileDataset,
    positions: list[int],
    normalisation: Normalisation,
    config: TrainConfig,
    crop: int,
    process: TrainingProcess = SINGLE_PROCESS,
) -> TrainingBatches:
    """Return the loader of a configuration's training batches, or of a process's part of them.

    An incomplete last batch is dropped unless it is the only one.

    Raises:
        InputError: the batch size is no multiple of the number of processes.
    """
    offline = config.augmentation_mode == "offline"
    length = None
    if config.steps_per_epoch == "tiles":
        length = len(positions)
    elif config.steps_per_epoch is not None:
        length = config.steps_per_epoch * config.batch_size
    versions = config.offline_versions if offline else None
    background = hard_background(dataset, positions, config)
    margin = crop_margin(dataset, positions, config, crop)
    donors = CopyPaste(share=config.copy_paste, donors=_with_landslides(dataset, positions))
    if background is not None:
        length = length or len(positions)
        drawn = set(background.positions)
        positions = [position for position in positions if position not in drawn]
    sampler = EpochSampler(
        positions, config.seed, versions=versions, length=length, background=background
    )
    tiles: Dataset[TrainingBatch] = TrainingTiles(
        dataset,
        normalisation,
        crop=crop,
        seed=config.seed,
        margin=margin,
        copy_paste=donors if config.copy_paste > 0 else None,
    )
    if offline:
        amounts = config.augmentation
        rule = VariantRule(
            normalisation=normalisation,
            amounts=amounts,
            seed=config.seed,
            groups=BandGroups.of(dataset.bands),
        )
        tiles = OfflineAugmentedTiles(dataset, rule, crop=crop)
    batch = min(config.batch_size, len(sampler))
    if batch % process.world_size:
        raise InputError(
            f"batch_size: a step's {batch} tiles cannot be divided evenly among "
            f"{process.world_size} processes ({argument('devices')} times {argument('num_nodes')}"
            f"); use a multiple of {process.world_size}"
        )
    size = batch // process.world_size
    loader = DataLoader(
        tiles,
        batch_size=size,
        sampler=DistributedSampler(sampler, size, process),
        drop_last=True,
        num_workers=config.workers,
        persistent_workers=config.workers > 0,
    )
    return TrainingBatches(loader=loader, margin=margin, background=background)


def validation_loader(
    dataset: TileDataset,
    positions: list[int],
    normalisation: Normalisation,
    *,
    multiple: int,
    batch_px: int,
    process: TrainingProcess = SINGLE_PROCESS,
) -> DataLoader[Batch | None]:
    """Return the loader of uncropped tiles, in batches of one shape, or of a process's batches.

    All processes have the same number of batches, since they step together: missing ones are None.
    """
    batches = plan_batches(dataset, positions, multiple=multiple, batch_px=batch_px)
    batches += [[]] * (-len(batches) % process.world_size)
    return DataLoader(
        ValidationTiles(dataset, normalisation, multiple),
        batch_sampler=batches[process.rank :: process.world_size],
        collate_fn=lambda tiles: default_collate(tiles) if tiles else None,
    )


def crop_side(dataset: TileDataset, positions: list[int], multiple: int) -> int:
    """Return the crop that holds the largest tile, at most 256, as a multiple of the stride."""
    longest = max(max(dataset.shape(position)) for position in positions)
    return min(padded_shape((longest, longest), multiple)[0], LARGEST_CROP)


def crop_margin(dataset: TileDataset, positions: list[int], config: TrainConfig, crop: int) -> int:
    """Return the pixels beyond each side of a crop that its augmentation may show.

    0 where no tile is larger than the crop: such tiles are mirrored while they are augmented.
    """
    settings = config.augmentation
    is_larger = any(max(dataset.shape(position)) > crop for position in positions)
    if config.augmentation_mode != "on_the_fly" or not is_larger:
        return 0
    reach = 1.0 / settings.scale[0]
    if settings.warp_share > 0:
        angle = math.radians(min(settings.rotation_deg, 45.0))
        reach *= (math.cos(angle) + math.sin(angle)) / (1.0 - settings.stretch)
    return max(math.ceil(crop * ((reach - 1.0) / 2 + settings.translation)) + 1, 0)


def hard_background(
    dataset: TileDataset, positions: list[int], config: TrainConfig
) -> HardBackground | None:
    """Return the draws of background tiles; None if off, or if tiles of either kind are missing."""
    landslides = set(_with_landslides(dataset, positions))
    background = [position for position in positions if position not in landslides]
    if config.hard_background == 0 or len(background) in (0, len(positions)):
        return None
    return HardBackground(background, config.hard_background, config.seed)


def _with_landslides(dataset: TileDataset, positions: list[int]) -> list[int]:
    landslide_px = dataset.index["landslide_px"]
    return [position for position in positions if landslide_px[position]]
