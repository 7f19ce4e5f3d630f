"""The scene with its outlines, and pictures of single landslides."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.grid import map_points
from landslip.core.window import Window
from landslip.reporting.inventory.backdrop import Backdrop
from landslip.reporting.inventory.data import InventoryData
from landslip.reporting.inventory.furniture import north_arrow, scale_bar
from landslip.reporting.inventory.outlines import (
    Rings,
    brought_to,
    drawn,
    few_rings,
    path,
    rings_of,
    within,
)
from landslip.reporting.inventory.pictures import image, jpeg_uri
from landslip.reporting.inventory.svg import drawing, element
from landslip.reporting.inventory.texts import Texts
from landslip.reporting.inventory.view import View

_PLATE_PX, _PICTURE_PX, _TALLEST_PX = 700.0, 1600, 900.0
_THUMB_PX, _CROP_PX, _LEAST_PX = 300.0, 420, 12
SCENE, RELIEF, PAPER = "scene", "relief", "paper"
_COLOURS = {SCENE: (255, 214, 10), RELIEF: (193, 18, 31)}
_MARGIN = 1.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What pictures of an inventory are made of.

    Attributes:
        data: the inventory.
        backdrop: what outlines are drawn on; None for paper.
        kind: of the backdrop: scene, relief or paper.
        shapes: outlines in pixels of the backdrop, empty for paper.
        tree: of all outlines, in the inventory's coordinates.
    """

    data: InventoryData
    backdrop: Backdrop | None
    kind: str
    shapes: NDArray[np.object_]
    tree: shapely.STRtree


def sight_of(data: InventoryData, backdrop: Backdrop | None, kind: str) -> Sight:
    """Return what pictures are made of; on paper where the backdrop lies elsewhere."""
    shapes = None
    if backdrop is not None:
        shapes = _on(data, View.of_grid(backdrop.grid))
    return Sight(
        data=data,
        backdrop=backdrop if shapes is not None else None,
        kind=kind if shapes is not None else PAPER,
        shapes=np.empty(0, dtype=object) if shapes is None else shapes,
        tree=shapely.STRtree(data.outlines),
    )


def _on(data: InventoryData, view: View) -> NDArray[np.object_] | None:
    """Return outlines in pixels of a view; None where all of them lie beside it."""
    if (view.crs is None) != (data.crs is None):
        return None
    shapes = brought_to(data.outlines, data.crs, view)
    return shapes if not len(shapes) or within(shapes, view).any() else None


def scene_plate(sight: Sight, texts: Texts) -> str | None:
    """Return all of the scene, or the relief around landslides, with outlines; None on paper."""
    backdrop = sight.backdrop
    if backdrop is None:
        return None
    window = backdrop.grid.window if sight.kind == SCENE else _around_all(sight, backdrop)
    picture, view = backdrop.picture(window, _PICTURE_PX)
    width = min(_PLATE_PX, _TALLEST_PX * view.width / view.height)
    plate = view.scaled_to(width)
    few, lines = few_rings(_seen_on(sight, plate)), ""
    if few is None:
        rings = rings_of(_seen_on(sight, view), simplified=False)
        picture = drawn(picture, rings, _COLOURS[sight.kind])
    else:
        lines = path(few, f"casing {sight.kind}") + path(few, f"outline {sight.kind}")
    size = float(plate.width), float(plate.height)
    parts = [image(jpeg_uri(picture), *size), lines, *_furniture(plate, texts)]
    return drawing(*size, parts, texts("scene_title"))


def _seen_on(sight: Sight, view: View) -> NDArray[np.object_]:
    shapes = brought_to(sight.data.outlines, sight.data.crs, view)
    return shapes[within(shapes, view)]


def _furniture(view: View, texts: Texts) -> list[str]:
    bar = scale_bar(view, 18.0, view.height - 16.0, view.width / 4)
    return [bar, north_arrow(view, view.width - 26.0, 26.0, texts("north"))]


def _around_all(sight: Sight, backdrop: Backdrop) -> Window:
    """Return the part of a backdrop that holds all landslides."""
    left, top, right, bottom = shapely.total_bounds(sight.shapes).tolist()
    pad = 0.05 * max(right - left, bottom - top, 20.0)
    return _window((left - pad, top - pad, right + pad, bottom + pad), backdrop)


def _window(bounds: tuple[float, float, float, float], backdrop: Backdrop) -> Window:
    left, top, right, bottom = bounds
    height, width = backdrop.grid.shape
    col = min(max(math.floor(left), 0), width - 1)
    row = min(max(math.floor(top), 0), height - 1)
    col_end = min(max(math.ceil(right), col + 1), width)
    row_end = min(max(math.ceil(bottom), row + 1), height)
    return Window(col, row, col_end - col, row_end - row)


def thumbnail(sight: Sight, at: int, texts: Texts, *, least_m: float = 120.0) -> str:
    """Return a picture of one landslide with its outline and, thinner, those beside it.

    Args:
        sight: what it is made of.
        at: place of the landslide in the table.
        texts: of the report.
        least_m: side of the smallest piece of ground that is shown.
    """
    found = _crop(sight, at, least_m)
    picture = ""
    if found is None:
        view = _paper(sight.data, at)
    else:
        pixels, view = found
        view = view.scaled_to(_THUMB_PX * min(1.0, view.width / view.height))
        picture = image(jpeg_uri(pixels), float(view.width), float(view.height))
    kind = PAPER if found is None else sight.kind
    parts = [picture, *_outlined(sight, at, view, kind), *_ends(sight.data, at, view)]
    bar = scale_bar(view, 14.0, view.height - 12.0, view.width / 2.5)
    title = texts("thumbnail_title", number=_id(sight.data, at))
    return drawing(float(view.width), float(view.height), [*parts, bar], title)


def _id(data: InventoryData, at: int) -> int:
    return int(data.landslides["id"].iloc[at])


def _crop(sight: Sight, at: int, least_m: float) -> tuple[NDArray[np.uint8], View] | None:
    """Return the backdrop around a landslide; None on paper or where it is too coarse."""
    backdrop = sight.backdrop
    if backdrop is None:
        return None
    left, top, right, bottom = shapely.bounds(sight.shapes[at]).tolist()
    height, width = backdrop.grid.shape
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        return None
    least = least_m / (backdrop.grid.resolution_m or 1.0)
    half = max(right - left, bottom - top, least) * _MARGIN / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    window = _window((x - half, y - half, x + half, y + half), backdrop)
    if min(window.shape) < _LEAST_PX:
        return None
    return backdrop.picture(window, _CROP_PX)


def _paper(data: InventoryData, at: int) -> View:
    left, bottom, right, top = shapely.bounds(data.outlines[at]).tolist()
    x, y = (left + right) / 2, (bottom + top) / 2
    half = max(right - left, top - bottom) / 2 or 0.5
    is_image = data.crs is None and data.record.source.kind == "extraction"
    square = (x - half, y - half, x + half, y + half)
    return View.around(square, data.crs, round(_THUMB_PX), rows_down=is_image)


def _outlined(sight: Sight, at: int, view: View, kind: str) -> list[str]:
    """Return the outlines near a landslide, its own last."""
    corners = np.array([[0, 0], [view.width, 0], [view.width, view.height], [0, view.height]])
    ground = shapely.Polygon(map_points(view.transform, corners.astype(np.float64)))
    if sight.data.crs is not None and view.crs is not None and view.crs != sight.data.crs:
        here = shapely.bounds(sight.data.outlines[at])
        reach = float(max(here[2] - here[0], here[3] - here[1]))
        ground = shapely.box(*here).buffer(2 * reach)
    beside = sight.tree.query(ground)
    beside = np.sort(beside[beside != at])[:300]
    return [
        path(_near(sight.data, beside, view), f"beside {kind}"),
        path(_near(sight.data, np.array([at]), view), f"casing {kind}"),
        path(_near(sight.data, np.array([at]), view), f"outline {kind}"),
    ]


def _near(data: InventoryData, which: NDArray[Any], view: View) -> Rings:
    return rings_of(brought_to(data.outlines[which], data.crs, view))


def _ends(data: InventoryData, at: int, view: View) -> list[str]:
    """Return a triangle at the crown and a dot at the toe, where they are known."""
    number, parts = _id(data, at), []
    for layer, mark in ((data.crowns, "crown"), (data.toes, "toe")):
        points = np.asarray(layer.geometry[layer["id"] == number].array, dtype=object)
        for point in brought_to(points[:1], data.crs, view):
            x, y = float(shapely.get_x(point)), float(shapely.get_y(point))
            parts.append(_mark(mark, x, y))
    return parts


def _mark(kind: str, x: float, y: float) -> str:
    if kind == "toe":
        return element("circle", cx=x, cy=y, r=4.0, class_="toe")
    return element("path", d=f"M{x:.1f} {y - 5:.1f}l5 9h-10z", class_="crown")
