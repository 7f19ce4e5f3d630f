"""Tiles as a torch Dataset, for other people's training loops; needs torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from landslip.core.choices import Split
from landslip.datasets.format import TileDataset

Sample = dict[str, Any]


class TorchTiles(Dataset[Sample]):
    """The tiles of one split, whole, as dictionaries.

    ``image``: (bands, height, width) float32 in the dataset's units (reflectance or digital
    numbers, not normalised), 0 where there is no data, of all bands or of one; ``mask``: (height,
    width) int64, 0 background, 1 landslide, 255 to be ignored by the loss, also where there is no
    data; ``valid``: (height, width) bool; ``tile_id``: the tile's name.
    """

    def __init__(
        self,
        dataset: TileDataset,
        split: Split,
        transform: Callable[[Sample], Sample] | None = None,
    ) -> None:
        """Take the tiles of a split; ``transform`` is applied to every sample."""
        self._dataset, self._transform = dataset, transform
        self._positions = dataset.positions(split)

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: int) -> Sample:
        """Return a tile; see the class."""
        tile = self._dataset.tile(self._positions[index])
        values = self._dataset.card.radiometry.values(tile.stored)
        values[:, ~tile.valid] = 0
        if self._dataset.card.band_radiometry:
            values[~np.isfinite(values)] = 0
        mask = torch.from_numpy(tile.label.astype("int64"))
        mask[torch.from_numpy(~tile.valid)] = 255
        sample: Sample = {
            "image": torch.from_numpy(values),
            "mask": mask,
            "valid": torch.from_numpy(tile.valid.copy()),
            "tile_id": tile.tile_id,
        }
        return sample if self._transform is None else self._transform(sample)
