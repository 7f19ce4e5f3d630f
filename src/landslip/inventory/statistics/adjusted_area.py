"""Landslide area adjusted for the map's errors, in m² with its interval.

The errors come from a validation sample of points, or from the evaluated tiles of a model. The
formulas are those of `landslip.metrics.area` (Olofsson et al. 2014, doi
10.1016/j.rse.2014.02.015); intervals are value ± z standard errors, clipped to 0 and the mapped
area.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.special import ndtri

from landslip.core.crs import datum_note, reproject
from landslip.core.errors import InputError, excerpt
from landslip.core.messages import Message, message
from landslip.core.text import read_json, read_table
from landslip.inventory.statistics.result import AdjustedLandslideArea
from landslip.io.vector import read_vector
from landslip.io.vector_source import InputKind, input_kind
from landslip.metrics.area import (
    adjusted_fraction_from_tiles,
    adjusted_fractions,
    reference_fractions,
)
from landslip.metrics.bootstrap import (
    DEFAULT_RESAMPLING,
    IntervalEstimate,
    Resampling,
    bootstrap_sums,
    interval_estimate,
)

MIN_SAMPLES = 2
_MIN_DRAWS = 200
BY_SAMPLE = "stratified sample of points (Olofsson et al. 2014, equations 1 to 11)"
BY_TILES = "errors on evaluated tiles, whole tiles drawn anew (Olofsson et al. 2014, equation 9)"

Array = NDArray[np.float64]
REFERENCE = "reference"
_LANDSLIDE = {"1", "1.0", "yes", "y", "true", "landslide"}
_OTHER = {"0", "0.0", "no", "n", "false", "other", "none", "no landslide"}
_TABLES = (".csv", ".txt", ".tsv", "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValidationSample:
    """Points drawn at random inside and outside the mapped landslides.

    For each, (n,): whether it is in a mapped landslide or on its edge, and in the reference.
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
) -> AdjustedLandslideArea:
    """Return the area adjusted by points drawn at random within map classes.

    ``landslide_m2`` is the area of the landslides mapped in the mapped area.

    Raises:
        InputError: a mapped class has fewer than two points, or the areas do not fit.
    """
    counts, fraction = sample.counts, _mapped_fraction(mapped_m2, landslide_m2)
    weights = np.array([fraction, 1 - fraction])
    for number, weight, name in zip(
        counts.sum(axis=1), weights, ("in mapped landslides", "outside them"), strict=True
    ):
        if weight > 0 and number < MIN_SAMPLES:
            raise InputError(
                f"the sample needs at least {MIN_SAMPLES} points {name}; it has {number} of "
                f"{counts.sum()}. Draw points within each of the two classes"
            )
    found = adjusted_fractions(counts, weights)
    return AdjustedLandslideArea(
        method=BY_SAMPLE,
        samples=int(counts.sum()),
        mapped_m2=landslide_m2,
        adjusted_m2=_normal(found.fractions[0], found.standard_errors[0], level, scale=mapped_m2),
        users_accuracy=_normal(found.users[0], found.users_errors[0], level),
        producers_accuracy=_normal(found.producers[0], found.producers_errors[0], level),
        overall_accuracy=_normal(found.overall, found.overall_error, level),
        level=level,
    )


def adjusted_from_tiles(
    evaluation: Path, mapped_m2: float, landslide_m2: float, how: Resampling = DEFAULT_RESAMPLING
) -> AdjustedLandslideArea | None:
    """Return the area adjusted by the errors that `landslip evaluate --json` counted.

    The tile is the sampling unit. The mapped area is assumed to be of the same kind as the tiles,
    and mapped as they were: by the model's threshold alone, which counts errors that hysteresis
    thresholds and a minimum mapping unit remove. Where it differs, the adjustment is wrong and its
    interval too narrow. The mapped area counts as as many tiles as fit into it, or as there are
    where the resolution is unknown.

    Args:
        evaluation: the JSON file.
        mapped_m2: size of the mapped area.
        landslide_m2: area of the landslides mapped in it.
        how: seed, draws (at least 200 are made) and level.

    Returns:
        None where there are fewer than two tiles, or where a class is mapped of which they hold
        no pixel.

    Raises:
        InputError: the file is not that of an evaluation, or the areas do not fit.
    """
    fraction = _mapped_fraction(mapped_m2, landslide_m2)
    how = replace(how, draws=max(how.draws, _MIN_DRAWS))
    table, resolution_m = _read_evaluation(evaluation)
    tiles = len(table)
    if resolution_m and table.sum() > 0:
        tile_m2 = table.sum() / tiles * resolution_m**2
        tiles = max(round(mapped_m2 / tile_m2), MIN_SAMPLES)
    found = adjusted_fraction_from_tiles(fraction, table, tiles, how)
    if found is None:
        return None
    drawn = bootstrap_sums(table, how.draws, np.random.default_rng(how.seed))
    values = _accuracies(table.sum(axis=0), fraction)
    accuracies = {
        f"{name}_accuracy": interval_estimate(float(values[name]), samples, how.level)
        for name, samples in _accuracies(drawn, fraction).items()
    }
    return AdjustedLandslideArea(
        method=BY_TILES,
        samples=len(table),
        mapped_m2=landslide_m2,
        adjusted_m2=_normal(found.fraction, found.standard_error, how.level, scale=mapped_m2),
        level=how.level,
        **accuracies,
    )


def _mapped_fraction(mapped_m2: float, landslide_m2: float) -> float:
    """Return which fraction of the mapped area is mapped as landslide."""
    if not (0 < mapped_m2 < np.inf and 0 <= landslide_m2 <= mapped_m2):
        raise InputError(
            "the mapped area is over 0, and at least that of the landslides in it; got "
            f"{mapped_m2:g} m² and {landslide_m2:g} m²"
        )
    return landslide_m2 / mapped_m2


def _read_evaluation(path: Path) -> tuple[Array, float | None]:
    """Return tp, fp, fn, tn of each tile (tiles, 4) and the pixels' side in metres."""
    try:
        content = read_json(path)
        table = np.array(content["tile_counts"], dtype=np.float64).reshape(-1, 4)
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
    return table, resolution_m


def _normal(value: float, error: float, level: float, scale: float = 1.0) -> IntervalEstimate:
    """Return a fraction times ``scale`` with its normal interval; None where undefined."""
    if not np.isfinite(value):
        return IntervalEstimate(value=None)
    if not np.isfinite(error):
        return IntervalEstimate(value=float(value) * scale)
    half = float(ndtri((1 + level) / 2)) * error
    return IntervalEstimate(
        value=float(value) * scale,
        low=float(max(value - half, 0)) * scale,
        high=float(min(value + half, 1)) * scale,
    )


def _accuracies(counts: Array, fraction: float) -> dict[str, Array]:
    """Return user's, producer's and overall accuracy of (..., 4) counts tp, fp, fn, tn.

    ``fraction`` of the area is mapped as landslide; equations 1 to 3 with p_ij of equation 4.
    """
    mapped, missed = reference_fractions(counts, fraction)
    tp, fp = counts[..., 0], counts[..., 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "users": tp / (tp + fp),
            "producers": mapped / (mapped + missed),
            "overall": mapped + (1 - fraction) - missed,
        }


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
        ground: the mapped area, in the same; points outside it are left out.

    Raises:
        InputError: the file cannot be read, a column is missing, a coordinate or class is invalid,
            or no point is in the mapped area.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    own = None if crs is None else pyproj.CRS.from_user_input(crs)
    points, source, words = (_read_table if _is_table(path) else _read_points)(path, own)
    notes = []
    if own is not None and source is not None:
        try:
            near = float(shapely.total_bounds(polygons)[[0, 2]].mean()) if len(polygons) else None
            shift = datum_note(path.name, source, own, points)
            notes += [] if shift is None else [shift]
            points = reproject(points, source, own, near)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    unknown = [at for at, word in enumerate(words) if word.lower() not in _LANDSLIDE | _OTHER]
    if unknown:
        raise InputError(
            f"{path}: {REFERENCE} is 1, yes or landslide, or 0, no or other; point "
            f"{unknown[0] + 1} has {words[unknown[0]]!r}"
        )
    reference = np.array([word.lower() in _LANDSLIDE for word in words], dtype=np.bool_)
    inside = np.ones(len(points), dtype=np.bool_)
    if ground is not None:
        shapely.prepare(ground)
        inside = shapely.intersects(ground, points)
        if not inside.any():
            raise InputError(
                f"{path}: none of the {len(points)} points is in the mapped area; check their "
                "coordinate system"
            )
        outside = int(np.count_nonzero(~inside))
        if outside:
            total = len(inside)
            notes.append(message("adjusted.outside", file=path.name, count=outside, total=total))
    mapped = np.zeros(len(points), dtype=np.bool_)
    if len(polygons):
        hits, _ = shapely.STRtree(polygons).query(points, predicate="intersects")
        mapped[hits] = True
    return ValidationSample(mapped=mapped[inside], reference=reference[inside], notes=tuple(notes))


def _is_table(path: Path) -> bool:
    """Whether a file holds rows without geometry; one that GDAL cannot open, by its name."""
    try:
        return input_kind(path) is InputKind.TABLE
    except InputError:
        return path.suffix.lower() in _TABLES


_Points = tuple[NDArray[np.object_], pyproj.CRS | None, list[str]]


def _read_table(path: Path, crs: pyproj.CRS | None) -> _Points:
    """Return the points of a CSV, their coordinate system, and the words of their classes."""
    rows = read_table(path, ",;\t")
    if not rows:
        raise InputError(f"{path}: contains no point; give one row for each")
    names = {(name or "").strip().lower(): name for name in rows[0]}
    pair = next((pair for pair in (("lon", "lat"), ("x", "y")) if set(pair) <= set(names)), None)
    if pair is None or REFERENCE not in names:
        raise InputError(
            f"{path}: a sample needs the columns lon and lat, or x and y, and {REFERENCE}; this "
            f"one has {', '.join(name for name in names if name)}"
        )
    coordinates = np.full((len(rows), 2), np.nan)
    for at, row in enumerate(rows):
        for axis, name in enumerate(pair):
            text = row[names[name]]
            with suppress(ValueError):
                coordinates[at, axis] = float(text or "")
            if not np.isfinite(coordinates[at, axis]):
                raise InputError(f"{path}, line {at + 2}: a coordinate is a number; got {text!r}")
    points = np.asarray(shapely.points(coordinates), dtype=object)
    words = [(row[names[REFERENCE]] or "").strip() for row in rows]
    if pair == ("x", "y"):
        return points, crs, words
    if crs is None:
        raise InputError(
            f"{path}: the inventory has no coordinate system, so lon and lat cannot be placed on "
            "it; give x and y in the inventory's coordinates"
        )
    if (np.abs(coordinates) > (180, 90)).any():
        raise InputError(
            f"{path}: lon is within 180 and lat within 90 degrees; name columns in the "
            "inventory's own coordinate system x and y"
        )
    return points, pyproj.CRS.from_epsg(4326), words


def _read_points(path: Path, crs: pyproj.CRS | None) -> _Points:
    """Return the points of a vector file, their coordinate system, and the words of the classes."""
    frame = read_vector(path)
    names = {str(name).lower(): name for name in frame.columns}
    if REFERENCE not in names:
        others = ", ".join(str(name) for name in frame.columns if name != frame.geometry.name)
        raise InputError(
            f"{path}: a sample needs the column {REFERENCE}; this one has {others or 'none'}"
        )
    points = np.asarray(frame.geometry.values, dtype=object)
    is_point = shapely.get_type_id(points) == shapely.GeometryType.POINT
    if len(points) == 0 or not is_point.all() or shapely.is_empty(points).any():
        raise InputError(f"{path}: a sample contains points, at least one, and none is empty")
    if (frame.crs is None) != (crs is None):
        without = "sample" if frame.crs is None else "inventory"
        raise InputError(
            f"{path}: both inventory and sample need a coordinate system, or neither; the "
            f"{without} has none"
        )
    values = frame[names[REFERENCE]].tolist()
    words = ["" if value is None else str(value).strip() for value in values]
    return shapely.force_2d(points), frame.crs, words
