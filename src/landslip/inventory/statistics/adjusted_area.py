"""Area of landslide adjusted for the map's errors, in m² and with its interval.

The formulas are those of `landslip.metrics.area` (Olofsson et al. 2014, doi
10.1016/j.rse.2014.02.015); intervals are value ± z standard errors, kept between 0 and the mapped
area.
"""

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.special import ndtri

from landslip.core.crs import reproject
from landslip.core.errors import InputError
from landslip.core.messages import Message, message
from landslip.inventory.statistics.result import AdjustedArea
from landslip.io.vector import read_vector
from landslip.metrics.area import adjusted_fraction_from_tiles, adjusted_fractions
from landslip.metrics.resampling import (
    DEFAULT_RESAMPLING,
    IntervalEstimate,
    Resampling,
    bootstrap_weights,
    percentile_interval,
)

FEWEST = 2
_FEWEST_DRAWS = 200
BY_SAMPLE = "stratified sample of points (Olofsson et al. 2014, equations 1 to 11)"
BY_TILES = "errors on evaluated tiles, whole tiles drawn anew (Olofsson et al. 2014, equation 9)"

Array = NDArray[np.float64]
REFERENCE = "reference"
_LANDSLIDE = {"1", "1.0", "yes", "y", "true", "landslide"}
_OTHER = {"0", "0.0", "no", "n", "false", "other", "none", "no landslide"}
_TABLES = (".csv", ".txt", ".tsv")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValidationSample:
    """Points drawn at random inside and outside the mapped landslides.

    Attributes:
        mapped: (n,) bool, whether each lies in a mapped landslide or on its edge.
        reference: (n,) bool, whether it is landslide in truth.
        notes: what was left out.
    """

    mapped: NDArray[np.bool_]
    reference: NDArray[np.bool_]
    notes: tuple[Message, ...] = ()

    @property
    def counts(self) -> NDArray[np.int64]:
        """Numbers of points (2, 2): rows map, columns reference, landslide first."""
        cells = 2 * (~self.mapped).astype(np.int64) + ~self.reference
        return np.bincount(cells, minlength=4).reshape(2, 2)


def adjusted_from_sample(
    sample: ValidationSample, mapped_m2: float, landslide_m2: float, level: float = 0.95
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
    found = adjusted_fractions(counts, shares)
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
    evaluation: Path, mapped_m2: float, landslide_m2: float, how: Resampling = DEFAULT_RESAMPLING
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
    found = adjusted_fraction_from_tiles(share, table, tiles, how)
    if found is None:
        return None
    drawn = bootstrap_weights(len(table), how.draws, np.random.default_rng(how.seed)) @ table

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


def _normal(value: float, error: float, level: float) -> IntervalEstimate:
    """Return a share and its normal interval; None where they are not defined."""
    if not np.isfinite(value):
        return IntervalEstimate(value=None)
    if not np.isfinite(error):
        return IntervalEstimate(value=float(value))
    half = float(ndtri((1 + level) / 2)) * error
    return IntervalEstimate(
        value=float(value), low=float(max(value - half, 0)), high=float(min(value + half, 1))
    )


def _spread(value: Array, drawn: Array, level: float) -> IntervalEstimate:
    """Return a share and its percentile interval; None where they are not defined."""
    low, high = percentile_interval(drawn, level)
    return IntervalEstimate(value=float(value) if np.isfinite(value) else None, low=low, high=high)


def _scaled(share: IntervalEstimate, by: float) -> IntervalEstimate:
    value, low, high = (
        None if one is None else one * by for one in (share.value, share.low, share.high)
    )
    return IntervalEstimate(value=value, low=low, high=high)


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


def read_validation_sample(
    path: Path,
    polygons: NDArray[np.object_],
    crs: Any,
    ground: shapely.Geometry | None = None,
) -> ValidationSample:
    """Read points with their true class, and look up what the map says there.

    A CSV has the columns ``lon`` and ``lat`` (WGS 84), or ``x`` and ``y`` in the inventory's
    coordinate system; any other vector file holds points. Both have a column ``reference``: 1, yes
    or landslide, or 0, no or other.

    Args:
        path: the file.
        polygons: (n,) landslides of the inventory.
        crs: their coordinate system, as pyproj takes it, or None.
        ground: what was mapped, in the same; points beside it are left out.

    Raises:
        InputError: the file cannot be read, a column is missing, a coordinate or class is none, or
            the points lie nowhere near the map.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    known = None if crs is None else pyproj.CRS.from_user_input(crs)
    if path.suffix.lower() in _TABLES:
        points, words = _points_of_table(path, known)
    else:
        points, words = _points_of_layer(path, known)
    reference = _classes(words, path)
    inside = np.ones(len(points), dtype=np.bool_)
    if ground is not None:
        shapely.prepare(ground)
        inside = shapely.intersects(ground, points)
        if not inside.any():
            raise InputError(
                f"{path}: none of the {len(points)} points lies on the mapped ground; check their "
                "coordinate system"
            )
    mapped = np.zeros(len(points), dtype=np.bool_)
    if len(polygons):
        hits, _ = shapely.STRtree(polygons).query(points, predicate="intersects")
        mapped[hits] = True
    return ValidationSample(
        mapped=mapped[inside],
        reference=reference[inside],
        notes=_left_out(path, inside),
    )


def _left_out(path: Path, inside: NDArray[np.bool_]) -> tuple[Message, ...]:
    if inside.all():
        return ()
    beside = int(np.count_nonzero(~inside))
    return (message("adjusted.outside", file=path.name, count=beside, total=len(inside)),)


def _points_of_table(path: Path, crs: pyproj.CRS | None) -> tuple[NDArray[np.object_], list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            mark = next((one for one in (",", ";", "\t") if one in head), ",")
            rows = list(csv.DictReader(file, delimiter=mark))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV file in UTF-8 ({error})") from error
    if not rows:
        raise InputError(f"{path}: there is no point in it; give one row for each")
    table = {(name or "").strip().lower(): name for name in rows[0]}
    pair = next((pair for pair in (("lon", "lat"), ("x", "y")) if set(pair) <= set(table)), None)
    if pair is None or REFERENCE not in table:
        raise InputError(
            f"{path}: a sample needs the columns lon and lat, or x and y, and {REFERENCE}; this "
            f"one has {', '.join(name for name in table if name)}"
        )
    places = np.array(
        [
            [_number(row[table[one]], path, at) for one in pair]
            for at, row in enumerate(rows, start=2)
        ]
    )
    words = [(row[table[REFERENCE]] or "").strip() for row in rows]
    if pair == ("x", "y"):
        return _points(places), words
    if crs is None:
        raise InputError(
            f"{path}: the inventory has no coordinate system, so lon and lat cannot be placed on "
            "it; give x and y as the inventory counts them"
        )
    if (np.abs(places) > (180, 90)).any():
        raise InputError(
            f"{path}: lon is within 180 and lat within 90 degrees; name columns in the "
            "inventory's own coordinate system x and y"
        )
    return _brought(_points(places), pyproj.CRS.from_epsg(4326), crs, path), words


def _number(text: str | None, path: Path, line: int) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"{path}, line {line}: a coordinate is a number; got {text!r}")
    return number


def _points_of_layer(path: Path, crs: pyproj.CRS | None) -> tuple[NDArray[np.object_], list[str]]:
    frame = read_vector(path)
    names = {str(name).lower(): name for name in frame.columns}
    if REFERENCE not in names:
        others = ", ".join(str(name) for name in frame.columns if name != frame.geometry.name)
        raise InputError(
            f"{path}: a sample needs the column {REFERENCE}; this one has {others or 'none'}"
        )
    points = np.asarray(frame.geometry.values, dtype=object)
    kinds = shapely.get_type_id(points)
    if len(points) == 0 or (kinds != 0).any() or shapely.is_empty(points).any():
        raise InputError(f"{path}: a sample holds points, each with a place, and at least one")
    if (frame.crs is None) != (crs is None):
        without = "sample" if frame.crs is None else "inventory"
        raise InputError(
            f"{path}: both inventory and sample need a coordinate system, or neither; the "
            f"{without} has none"
        )
    words = [_word(value) for value in frame[names[REFERENCE]].tolist()]
    points = shapely.force_2d(points)
    return (points if crs is None else _brought(points, frame.crs, crs, path)), words


def _brought(
    points: NDArray[np.object_], source: pyproj.CRS, target: pyproj.CRS, path: Path
) -> NDArray[np.object_]:
    """Return points in another coordinate system."""
    try:
        return reproject(points, source, target)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _points(places: NDArray[np.float64]) -> NDArray[np.object_]:
    points: NDArray[np.object_] = np.asarray(shapely.points(places), dtype=object)
    return points


def _word(value: object) -> str:
    return "" if value is None else str(value).strip()


def _classes(words: list[str], path: Path) -> NDArray[np.bool_]:
    lower = [word.lower() for word in words]
    unknown = [at for at, word in enumerate(lower) if word not in _LANDSLIDE | _OTHER]
    if unknown:
        raise InputError(
            f"{path}: {REFERENCE} is 1, yes or landslide, or 0, no or other; point "
            f"{unknown[0] + 1} has {words[unknown[0]]!r}"
        )
    return np.array([word in _LANDSLIDE for word in lower], dtype=np.bool_)
