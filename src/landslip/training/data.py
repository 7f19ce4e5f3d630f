"""Tiles as torch batches, in an order and with crops that depend on seed and epoch alone."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from landslip.dataset.batches import padded_shape, plan_batches, whole_tile
from landslip.dataset.format import TileDataset
from landslip.normalise import Normalisation

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
        valid = tile.valid[rows, cols]
        height, width = valid.shape
        image = np.zeros((len(tile.stored), self._crop, self._crop), dtype=np.float32)
        label = np.zeros((self._crop, self._crop), dtype=np.uint8)
        counted = np.zeros((self._crop, self._crop), dtype=np.bool_)
        image[:, :height, :width] = self._normalisation.apply(tile.stored[:, rows, cols], valid)
        label[:height, :width] = tile.label[rows, cols]
        counted[:height, :width] = tile.counted[rows, cols]
        return torch.from_numpy(image), torch.from_numpy(label), torch.from_numpy(counted)


class EpochSampler(Sampler[Any]):
    """Yields (epoch, position) in an order drawn from seed and epoch."""

    def __init__(self, positions: list[int], seed: int) -> None:
        """Order ``positions`` anew in every epoch."""
        self._positions = positions
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[tuple[int, int]]:
        generator = np.random.default_rng((self._seed, _ORDER_STREAM, self._epoch))
        for at in generator.permutation(len(self._positions)):
            yield self._epoch, self._positions[int(at)]

    def __len__(self) -> int:
        return len(self._positions)


class WholeTiles(Dataset[Batch]):
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


def training_loader(
    tiles: TrainingTiles, sampler: EpochSampler, *, batch_size: int, workers: int
) -> DataLoader[Batch]:
    """Return the loader of training batches; an incomplete last batch is left out unless alone."""
    return DataLoader(
        tiles,
        batch_size=min(batch_size, len(sampler)),
        sampler=sampler,
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
) -> DataLoader[Batch]:
    """Return the loader of whole tiles, in batches of one shape."""
    batches = plan_batches(dataset, positions, multiple=multiple, batch_px=batch_px)
    return DataLoader(WholeTiles(dataset, normalisation, multiple), batch_sampler=batches)


def crop_side(dataset: TileDataset, positions: list[int], multiple: int) -> int:
    """Return the crop that fits the largest tile, at most 256, as a multiple of the stride."""
    longest = max(max(dataset.shape(position)) for position in positions)
    return min(padded_shape((longest, longest), multiple)[0], LARGEST_CROP)


def _cut(side: int, crop: int, generator: np.random.Generator) -> slice:
    start = int(generator.integers(side - crop + 1)) if side > crop else 0
    return slice(start, min(start + crop, side))
