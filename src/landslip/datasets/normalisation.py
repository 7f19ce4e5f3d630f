"""Band statistics of training tiles, and the normalisation that a model carries with it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import Radiometry, after_name
from landslip.core.errors import InputError
from landslip.datasets.band_groups import directions_of

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
    """``(value - mean) / std`` by band; invalid pixels, and missing values, become 0, the mean."""

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
        if self.radiometry.bands:
            values[~np.isfinite(values)] = 0.0
        return values


def band_statistics(dataset: "TileDataset", positions: list[int]) -> BandStatistics:
    """Measure the valid pixels of tiles; quantiles are of at most 2000 pixels a tile.

    Values that a band misses at valid pixels do not count. The directions northness and eastness
    get the mean 0 and one standard deviation, so that an image that is turned or mirrored has
    them turned by the same rotation as their normalised values. Bands of an earlier date get mean
    and standard deviation of the same bands after it, so that no change is none after it.

    Raises:
        InputError: no valid pixel, or a constant band.
    """
    count, sums, squares = np.zeros((3, len(dataset.bands)))
    low, high = np.full(len(dataset.bands), np.inf), np.full(len(dataset.bands), -np.inf)
    samples = []
    for position in positions:
        tile = dataset.tile(position)
        values = dataset.card.radiometry.values(tile.stored[:, tile.valid])
        pixels = values.astype(np.float64)
        count += np.count_nonzero(~np.isnan(pixels), axis=1)
        sums += np.nansum(pixels, axis=1)
        squares += np.nansum(pixels**2, axis=1)
        low = np.minimum(low, np.fmin.reduce(pixels, axis=1, initial=np.inf))
        high = np.maximum(high, np.fmax.reduce(pixels, axis=1, initial=-np.inf))
        samples.append(pixels[:, :: max(1, -(-pixels.shape[1] // _SAMPLED_PX_PER_TILE))])
    if not count.any():
        raise InputError(f"{dataset.path}: the training tiles hold no valid pixel")
    if not count.all():
        raise InputError(
            f"{dataset.path}: band {dataset.bands.names[int(count.argmin())]} has no value in the "
            "training tiles; leave it out"
        )
    mean = sums / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    flat = np.flatnonzero((low == high) | (std == 0))  # rounding may give a constant a spread
    if len(flat):
        raise InputError(
            f"{dataset.path}: band {dataset.bands.names[flat[0]]} has the same value in all "
            "training tiles; leave it out"
        )
    turning = directions_of(dataset.bands)
    if turning is not None:
        at = list(turning)
        mean[at], std[at] = 0.0, np.sqrt((squares[at] / count[at]).mean())
    names = dataset.bands.names
    for position, name in enumerate(names):
        if name != after_name(name) and after_name(name) in names:
            after = names.index(after_name(name))
            mean[position], std[position] = mean[after], std[after]
    sampled = np.concatenate(samples, axis=1)
    points = np.nanquantile(sampled, QUANTILES, axis=1).T
    return BandStatistics(
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
        quantiles=tuple((float(first), float(mid), float(last)) for first, mid, last in points),
        correlations=_correlations(sampled[:, np.isfinite(sampled).all(axis=0)]),
    )


def sampled_pixels(dataset: "TileDataset", positions: list[int]) -> NDArray[np.float32]:
    """Return valid pixels (bands, n), in the data's units, of at most 64 tiles spread over all.

    Values that a band misses are NaN.
    """
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
