"""Area of landslide adjusted for the map's errors, in m² and with its interval.

The formulas are those of `landslip.metrics.area` (Olofsson et al. 2014, doi
10.1016/j.rse.2014.02.015); intervals are value ± z standard errors, kept between 0 and the mapped
area.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from landslip.core.errors import InputError
from landslip.inventory.statistics.result import AdjustedArea, Estimate
from landslip.inventory.statistics.sample import Sample
from landslip.metrics.area import adjusted_shares, area_from_tiles
from landslip.metrics.intervals import STANDARD, Resampling, percentile_interval, tile_draws

FEWEST = 2
_FEWEST_DRAWS = 200
BY_SAMPLE = "stratified sample of points (Olofsson et al. 2014, equations 1 to 11)"
BY_TILES = "errors on evaluated tiles, whole tiles drawn anew (Olofsson et al. 2014, equation 9)"

Array = NDArray[np.float64]


def adjusted_from_sample(
    sample: Sample, mapped_m2: float, landslide_m2: float, level: float = 0.95
) -> AdjustedArea:
    """Return the area adjusted by points drawn at random within map classes.

    Args:
        sample: the points.
        mapped_m2: area of the ground that was mapped.
        landslide_m2: area of the landslides mapped on it.
        level: of the intervals.

    Raises:
        InputError: a class that is mapped has fewer than two points, or the areas do not fit.
    """
    counts, share = sample.counts, _share(mapped_m2, landslide_m2)
    shares = np.array([share, 1 - share])
    for number, of_class, name in zip(
        counts.sum(axis=1), shares, ("in mapped landslides", "outside them"), strict=True
    ):
        if of_class > 0 and number < FEWEST:
            raise InputError(
                f"the sample needs at least {FEWEST} points {name}; it has {number} of "
                f"{counts.sum()}. Draw points within each of the two classes"
            )
    found = adjusted_shares(counts, shares)
    return AdjustedArea(
        method=BY_SAMPLE,
        samples=int(counts.sum()),
        mapped_m2=landslide_m2,
        adjusted_m2=_scaled(_normal(found.shares[0], found.standard_errors[0], level), mapped_m2),
        users_accuracy=_normal(found.users[0], found.users_errors[0], level),
        producers_accuracy=_normal(found.producers[0], found.producers_errors[0], level),
        overall_accuracy=_normal(found.overall, found.overall_error, level),
        level=level,
    )


def adjusted_from_tiles(
    evaluation: Path, mapped_m2: float, landslide_m2: float, how: Resampling = STANDARD
) -> AdjustedArea | None:
    """Return the area adjusted by the errors that `landslip evaluate --json` counted.

    The tile is the sampling unit. It presumes that the ground mapped is of the same kind as the
    tiles, and mapped as they were: by the model's threshold alone, which counts errors that two
    thresholds and a smallest area take out. Where it is unlike, the adjustment is wrong and its
    interval too narrow. The ground counts as as many tiles as its area holds, or as there are
    where the resolution is not known.

    Args:
        evaluation: the JSON file.
        mapped_m2: area of the ground that was mapped.
        landslide_m2: area of the landslides mapped on it.
        how: seed, draws (at least 200 are made) and level.

    Returns:
        None where there are fewer than two tiles, or where a class is mapped of which they hold
        no pixel.

    Raises:
        InputError: the file is not that of an evaluation, or the areas do not fit.
    """
    share = _share(mapped_m2, landslide_m2)
    how = replace(how, draws=max(how.draws, _FEWEST_DRAWS))
    table, resolution_m = _read_evaluation(evaluation)
    tiles = len(table)
    if resolution_m and table.sum() > 0:
        tile_m2 = table.sum() / tiles * resolution_m**2
        tiles = max(round(mapped_m2 / tile_m2), FEWEST)
    found = area_from_tiles(share, table, tiles, how)
    if found is None:
        return None
    drawn = tile_draws(len(table), how.draws, np.random.default_rng(how.seed)) @ table

    summed = table.sum(axis=0)
    return AdjustedArea(
        method=BY_TILES,
        samples=len(table),
        mapped_m2=landslide_m2,
        adjusted_m2=_scaled(_normal(found.share, found.standard_error, how.level), mapped_m2),
        users_accuracy=_spread(_users(summed), _users(drawn), how.level),
        producers_accuracy=_spread(_producers(summed, share), _producers(drawn, share), how.level),
        overall_accuracy=_spread(_overall(summed, share), _overall(drawn, share), how.level),
        level=how.level,
    )


def _share(mapped_m2: float, landslide_m2: float) -> float:
    """Return the share of the ground that is mapped as landslide."""
    if not (0 < mapped_m2 < np.inf and 0 <= landslide_m2 <= mapped_m2):
        raise InputError(
            "the mapped ground has an area over 0, at least that of the landslides on it; got "
            f"{mapped_m2:g} m² and {landslide_m2:g} m²"
        )
    return landslide_m2 / mapped_m2


def _read_evaluation(path: Path) -> tuple[Array, float | None]:
    """Return tp, fp, fn, tn of each tile (tiles, 4) and the pixels' side in metres."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        table = np.array(found["tile_counts"], dtype=np.float64).reshape(-1, 4)
        resolution = found.get("resolution_m")
        resolution_m = None if resolution is None else float(resolution)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not the counts of an evaluation; make it by `landslip evaluate MODEL TILES "
            "--json`"
        ) from error
    if not (np.isfinite(table) & (table >= 0)).all():
        raise InputError(f"{path}: counts of pixels are at least 0; this file holds others")
    return table, resolution_m


def _normal(value: float, error: float, level: float) -> Estimate:
    """Return a share and its normal interval; None where they are not defined."""
    if not np.isfinite(value):
        return Estimate(value=None)
    if not np.isfinite(error):
        return Estimate(value=float(value))
    half = float(ndtri((1 + level) / 2)) * error
    return Estimate(
        value=float(value), low=float(max(value - half, 0)), high=float(min(value + half, 1))
    )


def _spread(value: Array, drawn: Array, level: float) -> Estimate:
    """Return a share and its percentile interval; None where they are not defined."""
    low, high = percentile_interval(drawn, level)
    return Estimate(value=float(value) if np.isfinite(value) else None, low=low, high=high)


def _scaled(share: Estimate, by: float) -> Estimate:
    value, low, high = (
        None if one is None else one * by for one in (share.value, share.low, share.high)
    )
    return Estimate(value=value, low=low, high=high)


def _users(counts: Array) -> Array:
    """Return the user's accuracy tp / (tp + fp) of (..., 4) counts."""
    tp, fp, _, _ = np.moveaxis(counts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = tp / (tp + fp)
    return found


def _shares(counts: Array, share: float) -> tuple[Array, Array]:
    """Return which shares of the ground are landslide found, and landslide missed."""
    _, _, fn, tn = np.moveaxis(counts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        missed = (1 - share) * fn / (fn + tn) if share < 1 else np.zeros_like(fn)
    found = share * _users(counts) if share > 0 else np.zeros_like(fn)
    return found, missed


def _producers(counts: Array, share: float) -> Array:
    """Return the share of the landslide area that is mapped."""
    found, missed = _shares(counts, share)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = found / (found + missed)
    return ratio


def _overall(counts: Array, share: float) -> Array:
    """Return the share of the ground that is mapped rightly."""
    found, missed = _shares(counts, share)
    return found + (1 - share) - missed
