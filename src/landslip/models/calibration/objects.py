"""Fits the confidence of mapped objects on tiles that the network was not trained on.

An object is what an inventory of the model's threshold has: pixels that reach it and touch by a
side, of the minimum area of an extraction. Objects that the edge of a tile cuts, or of what is
valid and labelled, are left out: their area is that of a part, and what is beyond the edge would
decide whether they are right. Large objects are cut more often, so that there are fewer of them
than in a scene; what is fitted is how often objects of a size are right, not how many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import minimize

from landslip.core.bands import Bands, normalised_difference
from landslip.core.messages import Message, message
from landslip.datasets.format import LANDSLIDE, DatasetCard, Tile, TileDataset
from landslip.metrics.curves import bin_pixels, calibration_error
from landslip.metrics.objects import size_class, size_classes_px
from landslip.models.calibration.curve import sigmoid
from landslip.models.calibration.fit import calibration_folds
from landslip.models.calibration.levels import LevelTable
from landslip.models.calibration.object_confidence import (
    FeatureName,
    FeatureTerm,
    ObjectConfidence,
    ObjectFeatures,
    ObjectRegression,
    ObjectScoresCard,
    SizeReliability,
)
from landslip.models.engines.base import PROBABILITY_LEVELS, threshold_level

MIN_EACH = 5
MIN_OBJECTS = 30
MIN_UNITS = 5
"""What a fit needs: objects of either kind, of both, and groups of tiles that have some."""
PENALTY = 1.0
"""Weight of half the sum of squared coefficients against the sum of the log losses."""
_BINS = 10
_FEATURES: tuple[FeatureName, ...] = ("area", "mean", "maximum")
_RISING: set[FeatureName] = {"mean", "maximum"}
_LEAST_SD = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ObjectSamples:
    """Objects of tiles (n,).

    Attributes:
        levels: int32 (n, PROBABILITY_LEVELS + 1), pixels by level of the network's probability.
        right: whether half of the pixels, or more, are on landslides.
        ndvi: mean over the pixels; NaN where it is unknown.
        units: str, what objects are kept together by: the tile's group.
        cut: number of objects that were left out as cut.
    """

    levels: NDArray[np.int32]
    right: NDArray[np.bool_]
    ndvi: NDArray[np.float64]
    units: NDArray[np.str_]
    cut: int

    def __len__(self) -> int:
        return len(self.right)

    def features(self, table: LevelTable | None) -> ObjectFeatures:
        """Return the features on a map's scale; ``table`` has the calibrated level of each."""
        level = np.arange(PROBABILITY_LEVELS + 1)
        values = (level if table is None else table[level]) / PROBABILITY_LEVELS
        pixels = self.levels.sum(axis=1)
        highest = PROBABILITY_LEVELS - np.argmax(self.levels[:, ::-1] > 0, axis=1)
        return ObjectFeatures(
            pixels=pixels,
            mean_probability=self.levels @ values / pixels,
            max_probability=values[highest],
            ndvi=self.ndvi,
        )


def tile_objects(
    levels: NDArray[np.uint8],
    tile: Tile,
    *,
    threshold: float,
    min_area_px: int,
    unit: str,
    ndvi: NDArray[np.floating[Any]] | None = None,
) -> ObjectSamples:
    """Return the objects of one tile that nothing cuts.

    Args:
        levels: of the network's probability, (height, width).
        tile: with its label.
        threshold: of the network's probability.
        min_area_px: pixels that an object has at least.
        unit: name of the tile's group.
        ndvi: of the tile (height, width), NaN where it is unknown; None: of no pixel.
    """
    mask = (levels >= threshold_level(threshold)) & tile.counted
    numbers, count = ndimage.label(mask)
    uncounted = np.pad(~tile.counted, 1, constant_values=True)
    beside = ndimage.binary_dilation(uncounted)[1:-1, 1:-1]
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    is_cut = np.zeros(count + 1, dtype=np.bool_)
    is_cut[numbers[beside]] = True
    is_large = sizes >= min_area_px
    is_large[0] = False
    wanted = np.flatnonzero(is_large & ~is_cut)
    place = np.full(count + 1, -1)
    place[wanted] = np.arange(len(wanted))
    own = place[numbers]
    inside = own >= 0
    width = PROBABILITY_LEVELS + 1
    by_level = np.bincount(own[inside] * width + levels[inside], minlength=len(wanted) * width)
    shared = np.bincount(own[inside & (tile.label == LANDSLIDE)], minlength=len(wanted))
    mean_ndvi = np.full(len(wanted), np.nan)
    if ndvi is not None:
        known = inside & np.isfinite(ndvi)
        pixels = np.bincount(own[known], minlength=len(wanted))
        sums = np.bincount(own[known], weights=ndvi[known], minlength=len(wanted))
        np.divide(sums, pixels, out=mean_ndvi, where=pixels > 0)
    return ObjectSamples(
        levels=by_level.reshape(-1, width).astype(np.int32),
        right=2 * shared >= sizes[wanted],
        ndvi=mean_ndvi,
        units=np.full(len(wanted), unit),
        cut=int((is_large & is_cut).sum()),
    )


def tile_ndvi(tile: Tile, dataset: TileDataset) -> NDArray[np.float64] | None:
    """Return the NDVI (height, width) of a tile, NaN where it is unknown; None without bands."""
    if not {"red", "nir"} <= set(dataset.bands):
        return None
    order = dataset.bands.positions_of(Bands(("nir", "red")))
    nir, red = dataset.card.radiometry.select(order).values(tile.stored[list(order)])
    return np.where(tile.valid, normalised_difference(nir, red), np.nan)


def join_objects(parts: Sequence[ObjectSamples]) -> ObjectSamples:
    """Return the objects of all tiles."""
    return ObjectSamples(
        levels=np.concatenate(
            [np.empty((0, PROBABILITY_LEVELS + 1), np.int32), *(part.levels for part in parts)]
        ),
        right=np.concatenate([np.empty(0, np.bool_), *(part.right for part in parts)]),
        ndvi=np.concatenate([np.empty(0), *(part.ndvi for part in parts)]),
        units=np.concatenate([np.empty(0, np.str_), *(part.units for part in parts)]),
        cut=sum(part.cut for part in parts),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSource:
    """Where objects come from: the tiles, and the map that they are cut from.

    Attributes:
        data: description of the tiles' dataset.
        split: of the tiles, or ``out_of_fold``.
        tiles: their number.
        threshold: of the map, on the scale of an extraction's rasters.
        table: calibrated level of each level of the network; None: not calibrated.
        min_area_px: pixels that an object has at least.
        seed: of the folds.
    """

    data: DatasetCard
    split: str
    tiles: int
    threshold: float
    table: LevelTable | None
    min_area_px: int
    seed: int


def too_few(samples: ObjectSamples) -> Message | None:
    """Return what is missing for a fit; None: nothing."""
    right, units = int(samples.right.sum()), len(np.unique(samples.units))
    false = len(samples) - right
    is_enough = min(right - MIN_EACH, false - MIN_EACH, len(samples) - MIN_OBJECTS) >= 0
    if is_enough and units >= MIN_UNITS:
        return None
    return message(
        "objects.too_few",
        right=right,
        false=false,
        units=units,
        min_each=MIN_EACH,
        min_objects=MIN_OBJECTS,
        min_units=MIN_UNITS,
    )


def fit_object_confidence(samples: ObjectSamples, source: ObjectSource) -> ObjectConfidence:
    """Fit the confidence of objects, and cross-validate it over their units.

    NDVI is a feature where all objects have it and the log loss of held-out objects falls by it.
    There are enough objects, see `too_few`.
    """
    objects, right = samples.features(source.table), samples.right
    fold = np.array(calibration_folds(samples.units.tolist(), seed=source.seed))
    held_out = _held_out(objects, right, fold, _FEATURES)
    after, with_ndvi = _scores(held_out, right), None
    if np.isfinite(samples.ndvi).all():
        names: tuple[FeatureName, ...] = (*_FEATURES, "ndvi")
        by_ndvi = _held_out(objects, right, fold, names)
        if (scores := _scores(by_ndvi, right)).log_loss < after.log_loss:
            held_out, after = by_ndvi, scores
            with_ndvi = fit_regression(objects, right, names)
    return ObjectConfidence(
        threshold=source.threshold,
        is_calibrated=source.table is not None,
        regression=fit_regression(objects, right, _FEATURES),
        with_ndvi=with_ndvi,
        split=source.split,
        tiles=source.tiles,
        units=len(np.unique(samples.units)),
        folds=int(fold.max()) + 1,
        right=int(right.sum()),
        false=int((~right).sum()),
        cut=samples.cut,
        min_area_px=source.min_area_px,
        before=_scores(objects.mean_probability, right),
        after=after,
        by_size=size_reliability(objects, right, held_out),
        dataset_source=source.data.source,
        pixels_sha256=source.data.pixels_sha256,
        split_sha256=source.data.split_sha256,
        seed=source.seed,
    )


def fit_regression(
    objects: ObjectFeatures, right: NDArray[np.bool_], names: Sequence[FeatureName]
) -> ObjectRegression:
    """Fit a logistic regression by maximum penalised likelihood.

    Features are standardised, their coefficients penalised by `PENALTY` (Hoerl and Kennard 1970,
    doi 10.1080/00401706.1970.10488634; Le Cessie and Van Houwelingen 1992, doi 10.2307/2347628),
    the intercept not. Confidence never falls with the mean or the maximum; with area and NDVI it
    may, since river beds are large and fields are green.
    """
    columns = np.stack([objects.column(name) for name in names])
    mean, sd = columns.mean(axis=1), np.maximum(columns.std(axis=1), _LEAST_SD)
    inputs = np.vstack([np.ones(len(right)), (columns - mean[:, None]) / sd[:, None]])
    penalty = np.array([0.0, *[PENALTY] * len(names)])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = weights @ inputs
        value = np.where(right, np.logaddexp(0, -logits), np.logaddexp(0, logits)).sum()
        slope = inputs @ (sigmoid(logits) - right)
        return value + penalty @ weights**2 / 2, slope + penalty * weights

    optimum = minimize(
        loss,
        np.zeros(len(names) + 1),
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None), *((0.0 if name in _RISING else None, None) for name in names)],
        options={"ftol": 1e-12, "gtol": 1e-8},
    )
    intercept, *coefficients = optimum.x.tolist()
    return ObjectRegression(
        intercept=intercept,
        terms=tuple(
            FeatureTerm(
                name=name,
                low=float(column.min()),
                high=float(column.max()),
                mean=float(mean[at]),
                sd=float(sd[at]),
                coefficient=coefficients[at],
            )
            for at, (name, column) in enumerate(zip(names, columns, strict=True))
        ),
    )


def size_reliability(
    objects: ObjectFeatures, right: NDArray[np.bool_], confidence: NDArray[np.float64]
) -> tuple[SizeReliability, ...]:
    """Return how many objects of each size class are right, and were promised to be."""
    classes = size_class(objects.pixels)
    result = []
    for at, (at_least, under) in enumerate(size_classes_px()):
        own = classes == at
        count = int(own.sum())
        result.append(
            SizeReliability(
                at_least_px=at_least,
                under_px=under,
                objects=count,
                right=int(right[own].sum()),
                promised_by_pixels=float(objects.mean_probability[own].mean()) if count else None,
                promised=float(confidence[own].mean()) if count else None,
            )
        )
    return tuple(result)


def _held_out(
    objects: ObjectFeatures,
    right: NDArray[np.bool_],
    fold: NDArray[np.intp],
    names: Sequence[FeatureName],
) -> NDArray[np.float64]:
    """Return the confidence of each object by a regression fitted without its fold."""
    confidence = np.empty(len(right))
    for number in range(int(fold.max()) + 1):
        own = fold == number
        fitted = fit_regression(objects.take(~own), right[~own], names)
        confidence[own] = fitted.probabilities(objects.take(own))
    return confidence


def _scores(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> ObjectScoresCard:
    """Score confidences (n,); objects take the place of pixels in the calibration error."""
    bins = bin_pixels(confidence, right, np.ones_like(right), bins=_BINS)
    end = 0.5 / PROBABILITY_LEVELS
    clipped = np.clip(confidence, end, 1 - end)
    return ObjectScoresCard(
        calibration_error=calibration_error(bins, _BINS) or 0.0,
        brier=float(np.mean((confidence - right) ** 2)),
        log_loss=float(-np.log(np.where(right, clipped, 1 - clipped)).mean()),
    )
