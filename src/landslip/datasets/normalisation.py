"""Band statistics of training tiles, and the normalisation that a model carries with it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import Radiometry
from landslip.core.errors import InputError

if TYPE_CHECKING:  # it reads Parquet, which takes a while to import
    from landslip.datasets.format import TileDataset

QUANTILES = (0.01, 0.5, 0.99)
_SAMPLED_PX_PER_TILE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class BandStatistics:
    """By band, in the data's units: mean, standard deviation, and 1 %, 50 % and 99 % quantiles."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    quantiles: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalisation:
    """``(value - mean) / std`` by band; invalid pixels become 0, the mean."""

    radiometry: Radiometry
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def apply(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Normalise stored numbers (bands, height, width) to float32 of the same shape."""
        with np.errstate(over="ignore", invalid="ignore"):  # nodata may be the lowest float
            values = self.radiometry.values(stored)
            values -= np.asarray(self.mean, dtype=np.float32)[:, None, None]
            values /= np.asarray(self.std, dtype=np.float32)[:, None, None]
        if not valid.all():
            values[:, ~valid] = 0.0
        return values


def band_statistics(dataset: "TileDataset", positions: list[int]) -> BandStatistics:
    """Measure the valid pixels of tiles; quantiles are of at most 2000 pixels a tile.

    Raises:
        InputError: no valid pixel, or a constant band.
    """
    count, sums, squares = 0, np.zeros(len(dataset.bands)), np.zeros(len(dataset.bands))
    low, high = np.full(len(dataset.bands), np.inf), np.full(len(dataset.bands), -np.inf)
    samples = []
    for position in positions:
        tile = dataset.tile(position)
        values = dataset.card.radiometry.values(tile.stored[:, tile.valid])
        pixels = values.astype(np.float64)
        count += pixels.shape[1]
        sums += pixels.sum(axis=1)
        squares += (pixels**2).sum(axis=1)
        low = np.minimum(low, pixels.min(axis=1, initial=np.inf))
        high = np.maximum(high, pixels.max(axis=1, initial=-np.inf))
        samples.append(pixels[:, :: max(1, -(-pixels.shape[1] // _SAMPLED_PX_PER_TILE))])
    if count == 0:
        raise InputError(f"{dataset.path}: the training tiles hold no valid pixel")
    mean = sums / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    flat = np.flatnonzero((low == high) | (std == 0))  # rounding may give a constant a spread
    if len(flat):
        raise InputError(
            f"{dataset.path}: band {dataset.bands.names[flat[0]]} has the same value in all "
            "training tiles; leave it out"
        )
    points = np.quantile(np.concatenate(samples, axis=1), QUANTILES, axis=1).T
    return BandStatistics(
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
        quantiles=tuple((float(first), float(mid), float(last)) for first, mid, last in points),
    )
