"""Whether bands are named in their order, judged by levels, spreads and correlations.

Of all orders of the same names, the one that fits the training data best is found. How much worse
the stated order fits is measured against how well that one fits: data of another sensor or season
fit in no order, and then nothing is concluded. `docs/results/band_order.md` has the measured hits
and false alarms.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import Bands
from landslip.core.messages import Message, message

DOUBTFUL_CONTRAST, PLAIN_CONTRAST = 0.8, 1.5
_LEVEL_WEIGHT, _OWN_WEIGHT, _TYPICAL_WEIGHT = 8.0, 1.5, 0.5
_SHRINKAGE = 0.03  # of correlations to 0, so that no matrix is singular
_MIN_PIXELS = 500
_MAX_PERMUTED = 6
_LEAST_REDNESS = 0.25
_LEAST_OF_VISIBLE = 0.8  # correlation of blue and red; of near infrared and another it is less
_QUANTILES = (0.01, 0.5, 0.99)
_TYPICAL_BANDS = ("blue", "green", "red", "nir")
_TYPICAL_CORRELATIONS = np.array(
    [[1, 0.96, 0.92, 0.30], [0.96, 1, 0.96, 0.38], [0.92, 0.96, 1, 0.28], [0.30, 0.38, 0.28, 1]]
)
"""Of land by day: medians over scenes of Gaofen-1 and -2, WorldView-2, Sentinel-2 and GeoEye-1."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandStatisticsMatch:
    """How well the stated order of bands fits what is known of them.

    Attributes:
        contrast: ``(d - b) / (b + 1)`` of the distance d of the stated order and b of the best
            one; 0 where the stated one is the best.
        likely: the names in the order of the best one.
    """

    contrast: float
    likely: Bands

    @property
    def is_doubtful(self) -> bool:
        """Whether another order fits better than another sensor or season explains."""
        return self.contrast >= DOUBTFUL_CONTRAST

    @property
    def is_wrong(self) -> bool:
        """Whether the stated order is plainly not that of the data."""
        return self.contrast >= PLAIN_CONTRAST

    def note(self, compared: Bands, stated: Bands) -> Message:
        """Return a note with the likely order of all stated bands, some of which were compared."""
        named = dict(zip(compared, self.likely, strict=True))
        likely = Bands(tuple(named.get(band, band) for band in stated))
        return message("data.band_order", stated=str(stated), likely=str(likely))


def match_band_order(
    values: NDArray[np.floating],
    bands: Bands,
    quantiles: Sequence[tuple[float, float, float]] | None = None,
    correlations: Sequence[Sequence[float]] | None = None,
) -> BandStatisticsMatch | None:
    """Compare the stated order of bands with every other one.

    Args:
        values: (bands, n) of valid pixels, in the order and units of ``bands``.
        bands: names, as stated.
        quantiles: 1 %, 50 % and 99 % of each band of the training data; None: not known.
        correlations: (bands, bands) of the training pixels; None: typical ones are taken.

    Returns:
        None where nothing can be said: fewer than 2 bands or 500 pixels, a constant band, or
        neither quantiles nor typical correlations of these bands.
    """
    if len(bands) < 2 or values.shape[1] < _MIN_PIXELS:
        return None
    pixels = values.astype(np.float64)
    low, middle, high = np.quantile(pixels, _QUANTILES, axis=1)
    if np.any(pixels.std(axis=1) == 0) or np.any(high <= low):
        return None
    orders = np.array(list(_orders(len(bands))))
    correlated: Matrix = np.asarray(np.corrcoef(pixels))
    found = correlated[orders[:, :, None], orders[:, None, :]]
    typical = _typical_correlations(bands)
    contrasts = []
    if typical is not None:
        contrasts.append(_contrast(_OWN_WEIGHT * _distance(found, typical)))
    looks_right = bool(contrasts) and contrasts[0][0] < DOUBTFUL_CONTRAST
    if quantiles is not None and not (looks_right and _is_water(bands, middle)):
        known_low, known_middle, known_high = np.array(quantiles, dtype=np.float64).T
        distance = _LEVEL_WEIGHT * (
            _pattern(_log(middle)[orders] - _log(known_middle))
            + _pattern(_log(high - low)[orders] - _log(known_high - known_low))
        )
        if correlations is not None:
            distance += _OWN_WEIGHT * _distance(found, np.array(correlations))
        elif typical is not None:
            distance += _TYPICAL_WEIGHT * _distance(found, typical)
        contrasts.append(_contrast(distance))
    if not contrasts:
        return None
    # of two tests the surer one decides, and of the orders that it cannot tell apart the other
    combined = np.max(contrasts, axis=0)
    best = orders[np.argmin(combined)]
    names: list[str] = [""] * len(bands)
    for name, position in zip(bands, best, strict=True):
        names[position] = name
    return BandStatisticsMatch(contrast=float(combined[0]), likely=Bands(tuple(names)))


def guess_bands(values: NDArray[np.floating]) -> Bands | None:
    """Guess the names of three or four bands in a usual order by their statistics.

    Near infrared correlates least with the others and is first or last. Of the outer two others red
    has the larger spread, both in itself and relative to its level, since haze adds to blue. None
    where nothing can be said.

    Args:
        values: (bands, n) of valid pixels.
    """
    count = len(values)
    if count not in (3, 4) or values.shape[1] < _MIN_PIXELS or np.any(values.std(axis=1) == 0):
        return None
    visible = list(range(count))
    names = ["green"] * count
    if count == 4:
        infrared = int(np.argmin(np.corrcoef(values).sum(axis=1)))
        if infrared not in (0, 3):
            return None
        visible.remove(infrared)
        names[infrared] = "nir"
    first, _, last = visible
    if np.corrcoef(values)[first, last] < _LEAST_OF_VISIBLE:
        return None
    low, middle, high = np.quantile(values, _QUANTILES, axis=1)
    spread, level = (_log(one)[[first, last]] for one in (high - low, middle))
    redness = 1.5 * (spread[0] - spread[1]) - 0.5 * (level[0] - level[1])
    if abs(redness) < _LEAST_REDNESS:
        return None
    names[first], names[last] = ("red", "blue") if redness > 0 else ("blue", "red")
    return Bands(tuple(names))


def _orders(count: int) -> Iterator[tuple[int, ...]]:
    """Yield orders of bands, the stated one first; of many bands only exchanges of two."""
    if count <= _MAX_PERMUTED:
        yield from itertools.permutations(range(count))
        return
    yield tuple(range(count))
    yield tuple(reversed(range(count)))
    for first, second in itertools.combinations(range(count), 2):
        order = list(range(count))
        order[first], order[second] = second, first
        yield tuple(order)


def _is_water(bands: Bands, levels: NDArray[np.float64]) -> bool:
    """Whether most pixels are open water by their names: less near infrared than green.

    No land has such levels, in any order. Land is named so where near infrared is in another place,
    which correlations find.
    """
    if not {"green", "nir"} <= set(bands):
        return False
    green, infrared = (levels[bands.names.index(name)] for name in ("green", "nir"))
    return bool(infrared < green)


def _typical_correlations(bands: Bands) -> Matrix | None:
    if not set(bands) <= set(_TYPICAL_BANDS):
        return None
    at = [_TYPICAL_BANDS.index(name) for name in bands]
    return _TYPICAL_CORRELATIONS[np.ix_(at, at)]


def _distance(found: Matrix, known: Matrix) -> Matrix:
    """Return squared affine-invariant distances of (n, k, k) correlations from (k, k) ones.

    The sum of squared logarithms of the eigenvalues of ``known**-1 @ found``; Pennec et al. 2006,
    https://doi.org/10.1007/s11263-005-3222-z, eq. 3.8.
    """
    unit = np.eye(len(known))
    root = np.linalg.inv(np.linalg.cholesky((1 - _SHRINKAGE) * known + _SHRINKAGE * unit))
    whitened = root @ ((1 - _SHRINKAGE) * found + _SHRINKAGE * unit) @ root.T
    eigenvalues = np.linalg.eigvalsh(whitened)
    return np.asarray((np.log(np.maximum(eigenvalues, 1e-12)) ** 2).sum(axis=-1))


def _pattern(differences: Matrix) -> Matrix:
    """Return the squared norm of (n, k) differences, whatever all bands have in common removed."""
    centred = differences - differences.mean(axis=-1, keepdims=True)
    return np.asarray((centred**2).sum(axis=-1))


def _log(numbers: Matrix) -> Matrix:
    """Logarithm of band levels; those near or below 0 count as 1 % of the largest."""
    return np.asarray(np.log(np.maximum(numbers, 0.01 * max(numbers.max(), 1e-9))))


def _contrast(distance: Matrix) -> Matrix:
    best = distance.min()
    return np.asarray((distance - best) / (best + 1))
