"""Landslide area adjusted for the map's errors, in m² with its interval.

The errors come from a validation sample of points (`landslip.metrics.stratified`), or from the
evaluated tiles of a model (`landslip.metrics.area`). Both give two estimates, which differ in what
they take from one place to another. Intervals are value ± z standard errors, clipped to 0 and the
mapped area.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from landslip.core.errors import InputError, excerpt
from landslip.core.messages import Message, message
from landslip.core.text import read_json
from landslip.inventory.statistics.result import AdjustedLandslideArea
from landslip.inventory.statistics.validation_sample import ValidationSample, map_class_strata
from landslip.metrics.area import (
    adjusted_fraction_from_tiles,
    fraction_by_error_rates,
    reference_fractions,
)
from landslip.metrics.bootstrap import (
    DEFAULT_RESAMPLING,
    IntervalEstimate,
    Resampling,
    bootstrap_sums,
    effective_units,
    interval_estimate,
    tail_percentage,
)
from landslip.metrics.stratified import Estimate, StratifiedSample, landslide_estimates
from landslip.metrics.tile_scores import group_counts, independent_units

MIN_SAMPLES = 2
_MIN_DRAWS = 200
BY_SAMPLE = "stratified sample of points (Olofsson et al. 2014, equations 1 to 11)"
BY_STRATA = "sample drawn by strata of this map (Stehman 2014; Olofsson et al. 2014)"
BY_TILES = "errors on evaluated tiles, whole tiles drawn anew (Olofsson et al. 2014, equation 9)"

Array = NDArray[np.float64]


def adjusted_from_sample(
    sample: ValidationSample, mapped_m2: float, landslide_m2: float, level: float = 0.95
) -> AdjustedLandslideArea:
    """Return the area adjusted by points drawn at random within map classes.

    ``landslide_m2`` is the area of the landslides mapped in the mapped area. Of a sample that was
    drawn by strata, the weights are those of the strata, whatever the map has there; other points
    are taken as drawn at random within the map's two classes. By such points both estimates agree.

    Raises:
        InputError: a stratum has fewer than two points, or the areas do not fit.
    """
    fraction = _mapped_fraction(mapped_m2, landslide_m2)
    strata = sample.strata or map_class_strata(sample.mapped, fraction)
    drawn = StratifiedSample(strata=strata.index, weights=strata.weights, sizes=strata.sizes)
    for number, size, weight, name in zip(
        drawn.drawn, drawn.sizes, drawn.weights, strata.names, strict=True
    ):
        if weight > 0 and number < min(MIN_SAMPLES, size):
            raise InputError(
                f"the sample needs at least {MIN_SAMPLES} points {name}; it has {number} of "
                f"{len(sample.mapped)}. Draw points within each of the strata, and judge them"
            )
    found = landslide_estimates(drawn, sample.mapped, sample.reference, fraction, strata.unit_areas)

    def interval(estimate: Estimate, scale: float = 1.0) -> IntervalEstimate:
        return _normal(estimate.value, estimate.standard_error, level, scale)

    return AdjustedLandslideArea(
        method=BY_SAMPLE if sample.strata is None else BY_STRATA,
        samples=len(sample.mapped),
        mapped_m2=landslide_m2,
        adjusted_m2=interval(found.fraction, mapped_m2),
        by_rates_m2=interval(found.by_rates, mapped_m2),
        users_accuracy=interval(found.users),
        producers_accuracy=interval(found.producers),
        overall_accuracy=interval(found.overall),
        sensitivity=interval(found.producers),
        specificity=interval(found.specificity),
        level=level,
        strata=sample.sampled_strata,
    )


def adjusted_from_tiles(
    evaluation: Path, mapped_m2: float, landslide_m2: float, how: Resampling = DEFAULT_RESAMPLING
) -> AdjustedLandslideArea | None:
    """Return the area adjusted by the errors that `landslip evaluate --json` counted.

    The sampling unit is the group of tiles that `landslip evaluate` states, or the tile in files of
    earlier versions; intervals allow for few groups. The mapped area is assumed to be mapped as the
    tiles were: by the model's threshold alone, which counts errors that hysteresis thresholds and a
    minimum mapping unit remove. The first estimate assumes that landslides are as common as on the
    tiles, the second one that they and other ground are of the same kinds. Where this is not so,
    the adjustment is wrong and its interval too narrow. The mapped area counts as as many groups as
    fit into it, or as there are where the resolution is unknown.

    Args:
        evaluation: the JSON file.
        mapped_m2: size of the mapped area.
        landslide_m2: area of the landslides mapped in it.
        how: seed, draws (at least 200 are made) and level.

    Returns:
        None where there are fewer than two groups, or where a class is mapped of which they hold
        no pixel.

    Raises:
        InputError: the file is not that of an evaluation, or the areas do not fit.
    """
    fraction = _mapped_fraction(mapped_m2, landslide_m2)
    how = replace(how, draws=max(how.draws, _MIN_DRAWS))
    tiles, groups, resolution_m = _read_evaluation(evaluation)
    table = group_counts(tiles[np.newaxis], independent_units(groups))[0]
    mapped_units = len(table)
    if resolution_m and table.sum() > 0:
        unit_m2 = table.sum() / len(table) * resolution_m**2
        mapped_units = max(round(mapped_m2 / unit_m2), MIN_SAMPLES)
    found = adjusted_fraction_from_tiles(fraction, table, mapped_units, how)
    if found is None:
        return None
    by_rates = adjusted_fraction_from_tiles(
        fraction, table, mapped_units, how, fraction_by_error_rates
    )
    units = effective_units(table @ (2, 1, 1, 0))
    drawn = bootstrap_sums(table, how.draws, np.random.default_rng(how.seed))
    values = _accuracies(table.sum(axis=0), fraction)
    accuracies = {
        name: interval_estimate(float(values[name]), samples, how.level, units)
        for name, samples in _accuracies(drawn, fraction).items()
    }
    return AdjustedLandslideArea(
        method=BY_TILES,
        samples=len(tiles),
        mapped_m2=landslide_m2,
        adjusted_m2=_normal(found.fraction, found.standard_error, how.level, mapped_m2, units),
        by_rates_m2=None
        if by_rates is None
        else _normal(by_rates.fraction, by_rates.standard_error, how.level, mapped_m2, units),
        level=how.level,
        **accuracies,
    )


def estimate_notes(adjusted: AdjustedLandslideArea) -> tuple[Message, ...]:
    """Return a note where the intervals of the two estimates have nothing in common."""
    one, other = adjusted.adjusted_m2, adjusted.by_rates_m2
    if other is None or one.low is None or one.high is None:
        return ()
    if other.low is None or other.high is None:
        return ()
    apart = one.high < other.low or other.high < one.low
    return (message("adjusted.differ"),) if apart else ()


def _mapped_fraction(mapped_m2: float, landslide_m2: float) -> float:
    """Return which fraction of the mapped area is mapped as landslide."""
    if not (0 < mapped_m2 < np.inf and 0 <= landslide_m2 <= mapped_m2):
        raise InputError(
            "the mapped area is over 0, and at least that of the landslides in it; got "
            f"{mapped_m2:g} m² and {landslide_m2:g} m²"
        )
    return landslide_m2 / mapped_m2


def _read_evaluation(path: Path) -> tuple[NDArray[np.int64], list[str], float | None]:
    """Return tp, fp, fn, tn of each tile (tiles, 4), its group, and the pixels' side in metres."""
    try:
        content = read_json(path)
        table = np.array(content["tile_counts"], dtype=np.float64).reshape(-1, 4)
        groups = [str(one) for one in content.get("groups") or range(len(table))]
        if len(groups) != len(table):
            raise ValueError(f"{len(groups)} groups of {len(table)} tiles")
        resolution = content.get("resolution_m")
        resolution_m = None if resolution is None else float(resolution)
    except (InputError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        problem = excerpt(str(error).removeprefix(f"{path}: ") or type(error).__name__)
        raise InputError(
            f"{path}: not the counts of an evaluation ({problem}); make it with `landslip evaluate "
            "MODEL TILES --json`"
        ) from error
    if not (np.isfinite(table) & (table >= 0)).all():
        raise InputError(f"{path}: counts of pixels are 0 or more; this file has others")
    return table.astype(np.int64), groups, resolution_m


def _normal(
    value: float, error: float, level: float, scale: float = 1.0, units: float = np.inf
) -> IntervalEstimate:
    """Return a fraction times ``scale`` with its normal interval; None where undefined.

    ``units``: (effective) number of units that the error is from, where they are few.
    """
    if not np.isfinite(value):
        return IntervalEstimate(value=None)
    if not np.isfinite(error):
        return IntervalEstimate(value=float(value) * scale)
    half = -float(ndtri(tail_percentage(level, units) / 100)) * error
    return IntervalEstimate(
        value=float(value) * scale,
        low=float(max(value - half, 0)) * scale,
        high=float(min(value + half, 1)) * scale,
    )


def _accuracies(counts: Array, fraction: float) -> dict[str, Array]:
    """Return accuracies of (..., 4) counts tp, fp, fn, tn.

    User's, producer's and overall accuracy of an area of which ``fraction`` is mapped as landslide
    (Olofsson et al. 2014, equations 1 to 3 with p_ij of equation 4), and the rates of the counts
    themselves.
    """
    mapped, missed = reference_fractions(counts, fraction)
    tp, fp, fn, tn = np.moveaxis(counts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "users_accuracy": tp / (tp + fp),
            "producers_accuracy": mapped / (mapped + missed),
            "overall_accuracy": mapped + (1 - fraction) - missed,
            "sensitivity": tp / (tp + fn),
            "specificity": tn / (tn + fp),
        }
