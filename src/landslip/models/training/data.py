"""Tiles as torch batches, in an order and with crops that depend on seed and epoch alone."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from landslip.core.errors import InputError, argument
from landslip.datasets.augmentation import VariantRule, tile_variant
from landslip.datasets.batches import padded_shape, plan_batches
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation
from landslip.models.training.distributed import SINGLE_PROCESS, TrainingProcess
from landslip.models.training.recipe import TrainConfig

Batch = tuple[Tensor, Tensor, Tensor]
LARGEST_CROP = 256
_CROP_STREAM = 1
_ORDER_STREAM = 2


class TrainingTiles(Dataset[Batch]):
    """Square crops of training tiles, indexed by (epoch, position)."""

    def __init__(
        self, dataset: TileDataset, normalisation: Normalisation, *, crop: int, seed: int
    ) -> None:
        """Take crops of ``crop`` pixels; smaller tiles are padded and the padding not counted."""
        self._dataset, self._normalisation = dataset, normalisation
        self._crop, self._seed = crop, seed

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        """Return image (bands, crop, crop), label (crop, crop) and counted (crop, crop)."""
        epoch, position = key
        tile = self._dataset.tile(position)
        draw = (self._seed, _CROP_STREAM, epoch, position)
        rows, cols = _random_crop(tile.label.shape, self._crop, draw)
        image = self._normalisation.apply(tile.stored[:, rows, cols], tile.valid[rows, cols])
        label, counted = tile.label[rows, cols], tile.counted[rows, cols]
        return _padded(image, label, counted, (self._crop, self._crop))


class OfflineAugmentedTiles(Dataset[Batch]):
    """Augmented versions of training tiles, computed on access, indexed by (version, position).

    Of a version larger than ``crop`` always the same crop is taken.
    """

    def __init__(self, dataset: TileDataset, rule: VariantRule, *, crop: int) -> None:
        """Augment by ``rule``; smaller versions are padded and the padding not counted."""
        self._dataset, self._rule, self._crop = dataset, rule, crop

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        """Return image (bands, crop, crop), label (crop, crop) and counted (crop, crop)."""
        version, position = key
        variant = tile_variant(self._dataset.tile(position), version, self._rule)
        draw = (self._rule.seed, _CROP_STREAM, version, position)
        rows, cols = _random_crop(variant.label.shape, self._crop, draw)
        image, label = variant.image[:, rows, cols], variant.label[rows, cols]
        return _padded(image, label, variant.counted[rows, cols], (self._crop, self._crop))


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


class EpochSampler(Sampler[Any]):
    """Yields (round, position), or (version, position), in an order drawn from the seed.

    A round is all tiles, or all versions of all tiles, once. An epoch is a round, or ``length``
    items, continuing where the previous epoch stopped, round after round.
    """

    def __init__(
        self,
        positions: list[int],
        seed: int,
        *,
        versions: int | None = None,
        length: int | None = None,
    ) -> None:
        """Shuffle ``positions``, or ``versions`` of each, in every round."""
        self._positions, self._seed, self._versions = positions, seed, versions
        self._items = len(positions) * (versions or 1)
        self._length = length or self._items
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        first = self._epoch * self._length
        end = first + self._length
        for round_ in range(first // self._items, -(-end // self._items)):
            generator = np.random.default_rng((self._seed, _ORDER_STREAM, round_))
            order = generator.permutation(self._items)
            start = round_ * self._items
            for item in order[max(first - start, 0) : end - start]:
                version, index = divmod(int(item), len(self._positions))
                yield round_ if self._versions is None else version, self._positions[index]

    def __len__(self) -> int:
        return self._length


class DistributedSampler(Sampler[Any]):
    """One process's part of each batch of a sampler, in order.

    torch's sampler of this name deals items round-robin over the epoch, so that batches would
    differ from those of a single process.
    """

    def __init__(self, sampler: EpochSampler, size: int, process: TrainingProcess) -> None:
        """Take ``size`` items of each batch of ``size`` times the number of processes."""
        self._sampler, self._size, self._process = sampler, size, process
        self._batches = len(sampler) // (size * process.world_size)

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self._sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        # an incomplete batch would give processes different numbers of steps
        items = self._batches * self._size * self._process.world_size
        for index, key in enumerate(islice(self._sampler, items)):
            if index // self._size % self._process.world_size == self._process.rank:
                yield key

    def __len__(self) -> int:
        return self._batches * self._size


def training_loader(
    dataset: TileDataset,
    positions: list[int],
    normalisation: Normalisation,
    config: TrainConfig,
    crop: int,
    process: TrainingProcess = SINGLE_PROCESS,
) -> DataLoader[Batch]:
    """Return the loader of a configuration's training batches, or of a process's part of them.

    An incomplete last batch is dropped unless it is the only one.

    Raises:
        InputError: the batch size is no multiple of the number of processes.
    """
    offline = config.augmentation_mode == "offline"
    length = None if config.steps_per_epoch is None else config.steps_per_epoch * config.batch_size
    versions = config.offline_versions if offline else None
    sampler = EpochSampler(positions, config.seed, versions=versions, length=length)
    tiles: Dataset[Batch] = TrainingTiles(dataset, normalisation, crop=crop, seed=config.seed)
    if offline:
        amounts = config.augmentation
        rule = VariantRule(normalisation=normalisation, amounts=amounts, seed=config.seed)
        tiles = OfflineAugmentedTiles(dataset, rule, crop=crop)
    batch = min(config.batch_size, len(sampler))
    if batch % process.world_size:
        raise InputError(
            f"batch_size: a step's {batch} tiles cannot be divided evenly among "
            f"{process.world_size} processes ({argument('devices')} times {argument('num_nodes')}"
            f"); use a multiple of {process.world_size}"
        )
    size = batch // process.world_size
    return DataLoader(
        tiles,
        batch_size=size,
        sampler=DistributedSampler(sampler, size, process),
        drop_last=True,
        num_workers=config.workers,
        persistent_workers=config.workers > 0,
    )


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
