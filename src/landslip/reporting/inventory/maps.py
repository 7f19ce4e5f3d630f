"""Maps of an inventory: where the landslides are, and how dense they lie."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyproj
import shapely

from landslip.core.grid import map_points
from landslip.inventory.statistics.density import density_limits
from landslip.reporting.inventory.data import InventoryData
from landslip.reporting.inventory.furniture import graticule, north_arrow, scale_bar
from landslip.reporting.inventory.numbers import rounded
from landslip.reporting.inventory.outlines import brought_to, drawn, few_rings, path, rings_of
from landslip.reporting.inventory.pictures import image, png_uri
from landslip.reporting.inventory.svg import drawing, element, words
from landslip.reporting.inventory.texts import Texts
from landslip.reporting.inventory.view import View

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 700.0, 74.0, 8.0, 6.0, 26.0
_LONGEST_PX, _DENSITY_PX = 600, 440
_LEGEND = 130.0
_FINER = 3
_LANDSLIDE, _EDGE = (150, 46, 27), (120, 32, 18)
_NUMBERED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What stands on a map.

    Attributes:
        view: of the ground.
        content: elements in pixels of the view.
        over: elements on top of the graticule.
        aside: elements right of the map, their origin its upper right corner.
    """

    view: View
    content: str
    over: str = ""
    aside: str = ""


def footprint_in(data: InventoryData, scene: View | None) -> shapely.Polygon | None:
    """Return the outline of the scene in the inventory's coordinates; None where not known."""
    if scene is None or (scene.crs is None) != (data.crs is None):
        return None
    width, height = float(scene.width), float(scene.height)
    ring = shapely.segmentize(shapely.box(0.0, 0.0, width, height), max(width, height) / 16)
    points = map_points(scene.transform, shapely.get_coordinates(ring))
    if scene.crs is not None and data.crs is not None:
        change = pyproj.Transformer.from_crs(scene.crs, data.crs, always_xy=True)
        points = np.column_stack(change.transform(points[:, 0], points[:, 1]))
    return shapely.Polygon(points) if np.isfinite(points).all() else None


def whole_view(data: InventoryData, footprint: shapely.Polygon | None) -> View | None:
    """Return a view of all landslides and of the scene; None where there is neither."""
    known = [shapely.total_bounds(data.outlines)] if len(data.outlines) else []
    if footprint is not None:
        known.append(np.array(footprint.bounds))
    bounds = np.array([box for box in known if np.isfinite(box).all()])
    if not len(bounds):
        return None
    low, high = bounds[:, :2].min(axis=0).tolist(), bounds[:, 2:].max(axis=0).tolist()
    is_image = data.crs is None and data.record.source.kind == "extraction"
    return View.around((*low, *high), data.crs, _LONGEST_PX, rows_down=is_image)


def location_map(data: InventoryData, scene: View | None, texts: Texts) -> str | None:
    """Return a map of all landslides and the scene's footprint; None with nothing to show."""
    footprint = footprint_in(data, scene)
    view = whole_view(data, footprint)
    if view is None:
        return None
    frame = ""
    if footprint is not None:
        shape = brought_to(np.array([footprint], dtype=object), data.crs, view)
        frame = path(rings_of(shape), "footprint")
    content = _landslides(data, view)
    sheet = Sheet(view=view, content=frame + content, over=_numbers(data, view))
    return _plate(sheet, texts, texts("location_title"))


def _landslides(data: InventoryData, view: View) -> str:
    """Return landslides as a path, or as a picture where they have too many corners."""
    if not len(data.outlines):
        return ""
    few = few_rings(brought_to(data.outlines, data.crs, view))
    if few is not None:
        return path(few, "landslide")
    fine = view.scaled_to(_FINER * view.width)
    sheet = np.full((fine.height, fine.width, 3), 255, dtype=np.uint8)
    rings = rings_of(brought_to(data.outlines, data.crs, fine), simplified=False)
    sheet = drawn(sheet, rings, _EDGE, fill=_LANDSLIDE)
    picture = image(png_uri(sheet), float(view.width), float(view.height))
    return element("g", picture, class_="multiplied")


def _numbers(data: InventoryData, view: View) -> str:
    """Return the numbers of the largest landslides, beside them."""
    largest = brought_to(data.outlines[:_NUMBERED], data.crs, view)
    parts = []
    for number, shape in zip(data.landslides["id"].head(_NUMBERED), largest, strict=True):
        _, top, right, _ = shapely.bounds(shape)
        if 0 <= right <= view.width and 0 <= top <= view.height:
            parts.append(words(float(right) + 2, float(top) + 4, str(number), class_="map-number"))
    return "".join(parts)


def density_map(data: InventoryData, texts: Texts) -> str | None:
    """Return a map of landslides per km²; None where the layer is empty."""
    cells = np.asarray(data.density.geometry.array, dtype=object)
    if not len(cells):
        return None
    values = data.density["per_km2"].to_numpy(np.float64, na_value=np.nan)
    values = np.nan_to_num(values)
    left, bottom, right, top = shapely.total_bounds(cells).tolist()
    view = View.around((left, bottom, right, top), data.crs, _DENSITY_PX)
    shapes = brought_to(cells, data.crs, view)
    limits = density_limits(values)
    classes = np.searchsorted(limits[1:-1], values, side="right")
    classes[values <= 0] = -1
    content = "".join(
        path(rings_of(shapes[classes == at]), f"cell cell-{at}" if at >= 0 else "cell cell-none")
        for at in np.unique(classes).tolist()
    )
    legend = _density_legend(limits, texts)
    return _plate(Sheet(view=view, content=content, aside=legend), texts, texts("density_title"))


def _density_legend(limits: list[float], texts: Texts) -> str:
    x, parts = 14.0, []
    title = words(x, 12.0, texts("density_legend"), class_="map-word")
    for at, (low, high) in enumerate(pairwise(limits)):
        y = 22.0 + 16 * at
        parts.append(element("rect", x=x, y=y, width=16, height=11, class_=f"cell cell-{at}"))
        text = f"{rounded(low, 2)}–{rounded(high, 2)}"
        parts.append(words(x + 22, y + 9.5, text, class_="map-word"))
    return title + "".join(parts)


def _plate(sheet: Sheet, texts: Texts, title: str) -> str:
    """Return a map in its frame, with graticule, scale bar and arrow."""
    view = sheet.view
    width, height = float(view.width), float(view.height)
    lines, labels = graticule(view)
    inside = element(
        "svg",
        sheet.content + lines + sheet.over,
        x=0,
        y=0,
        width=width,
        height=height,
        viewBox=f"0 0 {width:g} {height:g}",
    )
    frame = element("rect", x=0, y=0, width=width, height=height, class_="frame")
    bar = scale_bar(view, 16.0, height - 16, min(width / 3, 150))
    arrow = north_arrow(view, width - 26, 26.0, texts("north"))
    aside = element("g", sheet.aside, transform=f"translate({width:g} 0)") if sheet.aside else ""
    used = width + _LEFT + (_LEGEND if aside else _RIGHT)
    whole = max(_WIDTH, used)
    left = _LEFT + math.floor((whole - used) / 2)
    plate = element(
        "g",
        inside + frame + labels + bar + arrow + aside,
        transform=f"translate({left:g} {_TOP:g})",
    )
    return drawing(whole, height + _TOP + _BOTTOM, [plate], title)
