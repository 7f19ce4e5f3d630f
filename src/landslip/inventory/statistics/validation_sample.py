"""Points whose true class somebody looked up, and how they were drawn."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.geometries import reproject
from landslip.core.messages import Message, message
from landslip.core.text import read_table
from landslip.core.transformations import datum_note
from landslip.inventory.statistics.result import SampledStratum
from landslip.io.vector import read_vector
from landslip.io.vector_source import InputKind, input_kind

Array = NDArray[np.float64]
REFERENCE = "reference"
LANDSLIDE_WORDS = {"1", "1.0", "yes", "y", "true", "landslide", "滑坡"}
OTHER_WORDS = {
    "0",
    "0.0",
    "no",
    "n",
    "false",
    "other",
    "none",
    "no landslide",
    "background",
    "背景",
}
_SAMPLE_COLUMNS = {"id", "comment", "x", "y", "lon", "lat"}
_TABLES = (".csv", ".txt", ".tsv", "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleStrata:
    """The strata of a sample of n points.

    Attributes:
        names: of each stratum, as messages call its points.
        index: (n,) the stratum of each point.
        weights: (strata,) W_h, fractions of the area.
        sizes: (strata,) N_h, numbers of pixels; infinite where unknown.
        unit_areas: (n,) area of each point's pixel over the mean of its stratum; None: all equal.
    """

    names: tuple[str, ...]
    index: NDArray[np.int64]
    weights: Array
    sizes: Array
    unit_areas: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValidationSample:
    """Points with a known reference class.

    For each, (n,): whether it is in a mapped landslide or on its edge, and in the reference.
    Without ``strata`` they were drawn at random inside and outside the mapped landslides.
    """

    mapped: NDArray[np.bool_]
    reference: NDArray[np.bool_]
    notes: tuple[Message, ...] = ()
    strata: SampleStrata | None = None
    sampled_strata: tuple[SampledStratum, ...] = ()


def map_class_strata(mapped: NDArray[np.bool_], mapped_fraction: float) -> SampleStrata:
    """Return the two classes of the map as strata, of points (n,) and the map's fraction."""
    return SampleStrata(
        names=("in mapped landslides", "outside them"),
        index=np.where(mapped, 0, 1).astype(np.int64),
        weights=np.array([mapped_fraction, 1 - mapped_fraction]),
        sizes=np.full(2, np.inf),
    )


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
    unknown = [
        at for at, word in enumerate(words) if word.lower() not in LANDSLIDE_WORDS | OTHER_WORDS
    ]
    if unknown:
        raise InputError(
            f"{path}: {REFERENCE} is 1, yes or landslide, or 0, no or other; point "
            f"{unknown[0] + 1} has {words[unknown[0]]!r}"
        )
    reference = np.array([word.lower() in LANDSLIDE_WORDS for word in words], dtype=np.bool_)
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
    mapped = are_inside(points, polygons)
    return ValidationSample(mapped=mapped[inside], reference=reference[inside], notes=tuple(notes))


def are_inside(points: NDArray[np.object_], polygons: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which points (n,) are in any polygon or on its edge."""
    inside = np.zeros(len(points), dtype=np.bool_)
    if len(polygons):
        hits, _ = shapely.STRtree(polygons).query(points, predicate="intersects")
        inside[hits] = True
    return inside


def _is_table(path: Path) -> bool:
    """Whether a file holds rows without geometry; one that GDAL cannot open, by its name."""
    try:
        return input_kind(path) is InputKind.TABLE
    except InputError:
        return path.suffix.lower() in _TABLES


def _refuse_without_design(path: Path, columns: Iterable[str]) -> None:
    """Refuse points that `landslip sample` drew by strata, exported without these."""
    if {*columns} >= _SAMPLE_COLUMNS:
        raise InputError(
            f"{path}: these points were drawn by `landslip sample`, and the tables of their strata "
            f"are missing; give the GeoPackage that it wrote, with the column {REFERENCE} filled in"
        )


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
    _refuse_without_design(path, names)
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
    _refuse_without_design(path, names)
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
