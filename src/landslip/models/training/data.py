"""Tiles as torch batches, in an order and with crops that depend on seed and epoch alone."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from landslip.core.errors import InputError
from landslip.datasets.augmentation import VariantRule, tile_variant
from landslip.datasets.batches import padded_shape, plan_batches, whole_tile
from landslip.datasets.format import TileDataset
from landslip.datasets.normalisation import Normalisation
from landslip.models.training.distributed import SINGLE_PROCESS, TrainingProcess
from landslip.models.training.recipe import TrainConfig

Batch = tuple[Tensor, Tensor, Tensor]
LARGEST_CROP = 256
_CROP_STREAM = 1
_ORDER_STREAM = 2


class TrainingTiles(Dataset[Batch]):
    """Square crops of training tiles; asked for by (epoch, position)."""

    def __init__(
        self, dataset: TileDataset, normalisation: Normalisation, *, crop: int, seed: int
    ) -> None:
        """Take crops of ``crop`` pixels; smaller tiles are padded and the rest not counted."""
        self._dataset = dataset
        self._normalisation = normalisation
        self._crop = crop
        self._seed = seed

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        """Return image (bands, crop, crop), label (crop, crop) and counted (crop, crop)."""
        epoch, position = key
        tile = self._dataset.tile(position)
        generator = np.random.default_rng((self._seed, _CROP_STREAM, epoch, position))
        rows, cols = (_cut(side, self._crop, generator) for side in tile.label.shape)
        image = self._normalisation.apply(tile.stored[:, rows, cols], tile.valid[rows, cols])
        return _padded(image, tile.label[rows, cols], tile.counted[rows, cols], self._crop)


class OfflineAugmentedTiles(Dataset[Batch]):
    """Versions of training tiles, made when asked for by (version, position).

    Of a version larger than ``crop`` always the same crop is taken.
    """

    def __init__(self, dataset: TileDataset, rule: VariantRule, *, crop: int) -> None:
        """Make versions by ``rule``; smaller ones are padded and the rest not counted."""
        self._dataset = dataset
        self._rule = rule
        self._crop = crop

    def __getitem__(self, key: tuple[int, int]) -> Batch:
        """Return image (bands, crop, crop), label (crop, crop) and counted (crop, crop)."""
        version, position = key
        made = tile_variant(self._dataset.tile(position), version, self._rule)
        generator = np.random.default_rng((self._rule.seed, _CROP_STREAM, version, position))
        rows, cols = (_cut(side, self._crop, generator) for side in made.label.shape)
        image, label = made.image[:, rows, cols], made.label[rows, cols]
        return _padded(image, label, made.counted[rows, cols], self._crop)


class EpochSampler(Sampler[Any]):
    """Yields (round, position), or (version, position), in an order drawn from the seed.

    A round is all tiles, or all versions of all tiles, once. An epoch is a round, or ``length``
    items, which go on where the epoch before stopped, in one round after the other.
    """

    def __init__(
        self,
        positions: list[int],
        seed: int,
        *,
        versions: int | None = None,
        length: int | None = None,
    ) -> None:
        """Order ``positions``, or ``versions`` of each, anew in every round."""
        self._positions = positions
        self._seed = seed
        self._versions = versions
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
                version, at = divmod(int(item), len(self._positions))
                yield round_ if self._versions is None else version, self._positions[at]

    def __len__(self) -> int:
        return self._length


class DistributedSampler(Sampler[Any]):
    """One process's share of what a sampler yields: of every batch its part, in order."""

    def __init__(self, whole: EpochSampler, size: int, process: TrainingProcess) -> None:
        """Take ``size`` items of each batch of ``size`` times the number of processes."""
        self._whole = whole
        self._size = size
        self._process = process
        self._batches = len(whole) // (size * process.count)

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self._whole.set_epoch(epoch)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        # parts of an incomplete batch would give processes different numbers of steps
        complete = islice(self._whole, self._batches * self._size * self._process.count)
        for at, key in enumerate(complete):
            if at // self._size % self._process.count == self._process.rank:
                yield key

    def __len__(self) -> int:
        return self._batches * self._size


class ValidationTiles(Dataset[Batch]):
    """Whole tiles, padded to a multiple of the network's stride, for validation."""

    def __init__(self, dataset: TileDataset, normalisation: Normalisation, multiple: int) -> None:
        """Read from ``dataset``."""
        self._dataset = dataset
        self._normalisation = normalisation
        self._multiple = multiple

    def __getitem__(self, position: int) -> Batch:
        """Return image (bands, height, width), label and counted of the padded shape."""
        image = whole_tile(self._dataset, position, self._normalisation, self._multiple)
        tile = self._dataset.tile(position)
        label = np.zeros(image.shape[1:], dtype=np.uint8)
        counted = np.zeros(image.shape[1:], dtype=np.bool_)
        rows, cols = tile.label.shape
        label[:rows, :cols], counted[:rows, :cols] = tile.label, tile.counted
        return torch.from_numpy(image), torch.from_numpy(label), torch.from_numpy(counted)


def training_batches(
    dataset: TileDataset,
    positions: list[int],
    normalisation: Normalisation,
    config: TrainConfig,
    crop: int,
    process: TrainingProcess = SINGLE_PROCESS,
) -> DataLoader[Batch]:
    """Return the loader of a configuration's training batches, or of a process's share of them.

    Raises:
        InputError: the processes cannot share a batch evenly.
    """
    offline = config.augmentation_mode == "offline"
    length = None if config.steps_per_epoch is None else config.steps_per_epoch * config.batch_size
    sampler = EpochSampler(
        positions,
        config.seed,
        versions=config.offline_versions if offline else None,
        length=length,
    )
    tiles: Dataset[Batch] = TrainingTiles(dataset, normalisation, crop=crop, seed=config.seed)
    if offline:
        rule = VariantRule(
            normalisation=normalisation, amounts=config.augmentation, seed=config.seed
        )
        tiles = OfflineAugmentedTiles(dataset, rule, crop=crop)
    return training_loader(
        tiles, sampler, batch_size=config.batch_size, workers=config.workers, process=process
    )


def training_loader(
    tiles: Dataset[Batch],
    sampler: EpochSampler,
    *,
    batch_size: int,
    workers: int,
    process: TrainingProcess = SINGLE_PROCESS,
) -> DataLoader[Batch]:
    """Return the loader of training batches; an incomplete last batch is left out unless alone.

    Raises:
        InputError: the processes cannot share a batch evenly.
    """
    batch = min(batch_size, len(sampler))
    if batch % process.count:
        raise InputError(
            f"batch_size: a step's {batch} tiles cannot be shared evenly by {process.count} "
            f"processes (--devices times --num-nodes); take a multiple of {process.count}"
        )
    size = batch // process.count
    return DataLoader(
        tiles,
        batch_size=size,
        sampler=DistributedSampler(sampler, size, process),
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
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
    """Return the loader of whole tiles, in batches of one shape, or of a process's share of them.

    Each batch is of one process. All processes have the same number of them, since they go step by
    step together; what lacks is filled up by None.
    """
    batches = plan_batches(dataset, positions, multiple=multiple, batch_px=batch_px)
    batches += [[]] * (-len(batches) % process.count)
    return DataLoader(
        ValidationTiles(dataset, normalisation, multiple),
        batch_sampler=batches[process.rank :: process.count],
        collate_fn=_collated,
    )


def _collated(tiles: list[Batch]) -> Batch | None:
    collated: Batch | None = default_collate(tiles) if tiles else None
    return collated


def crop_side(dataset: TileDataset, positions: list[int], multiple: int) -> int:
    """Return the crop that fits the largest tile, at most 256, as a multiple of the stride."""
    longest = max(max(dataset.shape(position)) for position in positions)
    return min(padded_shape((longest, longest), multiple)[0], LARGEST_CROP)


def _padded(
    image: NDArray[np.float32], label: NDArray[np.uint8], counted: NDArray[np.bool_], side: int
) -> Batch:
    """Return a square of tensors, filled up below and to the right by what is not counted."""
    height, width = label.shape
    square = np.zeros((len(image), side, side), dtype=np.float32)
    labels = np.zeros((side, side), dtype=np.uint8)
    known = np.zeros((side, side), dtype=np.bool_)
    square[:, :height, :width], labels[:height, :width] = image, label
    known[:height, :width] = counted
    return torch.from_numpy(square), torch.from_numpy(labels), torch.from_numpy(known)


def _cut(side: int, crop: int, generator: np.random.Generator) -> slice:
    start = int(generator.integers(side - crop + 1)) if side > crop else 0
    return slice(start, min(start + crop, side))
