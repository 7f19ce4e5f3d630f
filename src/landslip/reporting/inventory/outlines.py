"""Outlines on a picture: as SVG paths while they are few, drawn into the picture when many."""

from dataclasses import dataclass

import cv2
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from landslip.io.visualization import RgbImage
from landslip.reporting.inventory.svg import element
from landslip.reporting.inventory.view import View

MOST_VERTICES = 60_000
_TOLERANCE_PX = 0.25
_HOPELESS = 20
_FRACTION_BITS = 4
_LARGEST_PX = 60_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rings:
    """Rings of polygons in pixels of a view.

    Attributes:
        points: (n, 2) of all rings, one after the other.
        starts: (rings + 1,) where each begins.
    """

    points: NDArray[np.float64]
    starts: NDArray[np.int64]

    @property
    def parts(self) -> list[NDArray[np.float64]]:
        """The points of each ring."""
        return [
            self.points[start:end]
            for start, end in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)
        ]


def brought_to(
    geometries: NDArray[np.object_], crs: pyproj.CRS | None, view: View
) -> NDArray[np.object_]:
    """Return geometries in pixels of a view; None for those that cannot be brought there."""
    change = None
    if crs is not None and view.crs is not None and crs != view.crs:
        change = pyproj.Transformer.from_crs(crs, view.crs, always_xy=True)

    def pixels(points: NDArray[np.float64]) -> NDArray[np.float64]:
        if change is not None:
            points = np.column_stack(change.transform(points[:, 0], points[:, 1]))
        return np.nan_to_num(view.pixels(points), nan=1e12, posinf=1e12, neginf=-1e12)

    brought: NDArray[np.object_] = np.asarray(shapely.transform(geometries, pixels), dtype=object)
    return brought


def few_rings(shapes: NDArray[np.object_]) -> Rings | None:
    """Return the rings of polygons in pixels as `rings_of`; None where they are too many to write.

    ``MOST_VERTICES`` points are half a megabyte.
    """
    if int(shapely.get_num_coordinates(shapes).sum()) > _HOPELESS * MOST_VERTICES:
        return None
    rings = rings_of(shapes)
    return rings if len(rings.points) <= MOST_VERTICES else None


def rings_of(shapes: NDArray[np.object_], *, simplified: bool = True) -> Rings:
    """Return the rings of polygons in pixels, by default with no more points than one sees.

    Polygons beside the picture by far are left out.
    """
    near = shapely.bounds(shapes)
    seen = np.all(np.isfinite(near) & (np.abs(near) < _LARGEST_PX), axis=1)
    rings = shapely.get_rings(shapely.get_parts(shapes[seen]))  # multipolygons have none
    if simplified and len(rings):
        # rings as lines: for polygons GEOS sees to it that they stay valid, which takes long
        corners, corner_of = shapely.get_coordinates(rings, return_index=True)
        lines = shapely.linestrings(corners, indices=corner_of)
        simple = shapely.simplify(lines, _TOLERANCE_PX, preserve_topology=False)
        rings = np.asarray(simple, dtype=object)
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    starts = np.searchsorted(ring_of, np.arange(len(rings) + 1)).astype(np.int64)
    return Rings(points=points, starts=starts)


def within(shapes: NDArray[np.object_], view: View) -> NDArray[np.bool_]:
    """Return which shapes, in pixels, touch the picture."""
    left, top, right, bottom = shapely.bounds(shapes).T
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (right >= 0) & (bottom >= 0) & (left <= view.width) & (top <= view.height)
        )


def path(rings: Rings, class_: str) -> str:
    """Return rings as one path, holes open, coordinates as whole tenths of a pixel."""
    tenths = np.rint(10 * rings.points).astype(np.int64)
    steps = np.diff(tenths, axis=0, prepend=0)
    parts = []
    for start, end in zip(rings.starts[:-1].tolist(), rings.starts[1:].tolist(), strict=True):
        first = tenths[start].tolist()
        moves = steps[start + 1 : end - 1].tolist()
        parts.append(f"M{first[0]} {first[1]}l" + " ".join(f"{x} {y}" for x, y in moves) + "z")
    text = "".join(parts).replace("lz", "z").replace(" -", "-")
    return element("path", d=text, transform="scale(.1)", fill_rule="evenodd", class_=class_)


def drawn(
    picture: RgbImage,
    rings: Rings,
    colour: tuple[int, int, int],
    *,
    fill: tuple[int, int, int] | None = None,
    thick: int = 1,
) -> RgbImage:
    """Return a picture with outlines drawn into it, filled where a colour is given."""
    sheet = np.ascontiguousarray(picture.copy())
    scaled = np.rint(rings.points * 2**_FRACTION_BITS).astype(np.int32)
    parts = np.split(scaled, rings.starts[1:-1]) if len(scaled) else []
    if fill is not None and parts:
        cv2.fillPoly(sheet, parts, fill, cv2.LINE_AA, _FRACTION_BITS)
    if parts:
        cv2.polylines(sheet, parts, True, colour, thick, cv2.LINE_AA, _FRACTION_BITS)
    result: RgbImage = sheet
    return result
