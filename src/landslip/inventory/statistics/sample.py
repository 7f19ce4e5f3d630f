"""A validation sample: points whose true class somebody looked up."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from landslip.core.crs import reproject
from landslip.core.errors import InputError
from landslip.core.messages import Message, message
from landslip.io.vector import read_vector

REFERENCE = "reference"
_LANDSLIDE = {"1", "1.0", "yes", "y", "true", "landslide"}
_OTHER = {"0", "0.0", "no", "n", "false", "other", "none", "no landslide"}
_TABLES = (".csv", ".txt", ".tsv")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
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


def read_sample(
    path: Path,
    polygons: NDArray[np.object_],
    crs: Any,
    ground: shapely.Geometry | None = None,
) -> Sample:
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
    return Sample(
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
