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
_SAMPLED_TILES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class BandStatistics:
    """By band, in the data's units: mean, standard deviation, and 1 %, 50 % and 99 % quantiles.

    ``correlations`` are those of each band with each one, (bands, bands).
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    quantiles: tuple[tuple[float, float, float], ...]
    correlations: tuple[tuple[float, ...], ...]


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
    sampled = np.concatenate(samples, axis=1)
    points = np.quantile(sampled, QUANTILES, axis=1).T
    return BandStatistics(
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
        quantiles=tuple((float(first), float(mid), float(last)) for first, mid, last in points),
        correlations=_correlations(sampled),
    )


def sampled_pixels(dataset: "TileDataset", positions: list[int]) -> NDArray[np.float32]:
    """Return valid pixels (bands, n), in the data's units, of at most 64 tiles spread over all."""
    spread = np.linspace(0, len(positions) - 1, min(len(positions), _SAMPLED_TILES))
    samples = []
    for index in spread.round().astype(int):
        tile = dataset.tile(positions[index])
        pixels = tile.stored[:, tile.valid]
        samples.append(pixels[:, :: max(1, -(-pixels.shape[1] // _SAMPLED_PX_PER_TILE))])
    return dataset.card.radiometry.values(np.concatenate(samples, axis=1))


def _correlations(pixels: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    """Return correlations rounded to 6 digits; a band that is constant in a sample has none: 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.nan_to_num(np.atleast_2d(np.corrcoef(pixels)))
    np.fill_diagonal(found, 1.0)
    return tuple(tuple(row) for row in found.round(6).tolist())
