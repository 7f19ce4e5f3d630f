"""Maps of an inventory, drawn by matplotlib: location, density, scene, single landslides."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyproj
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as OutlinePath
from numpy.typing import NDArray

from landslip.core.grid import map_points
from landslip.core.transformations import transformation
from landslip.core.window import Window
from landslip.inventory.formats.colours import DENSITIES
from landslip.inventory.statistics.density import density_limits
from landslip.io.visualization import RgbImage
from landslip.reporting.charts import GREY, INK, RED, chart_style, svg_text
from landslip.reporting.inventory.basemap import Basemap, MapFrame, to_pixels, touches_frame
from landslip.reporting.inventory.data import InventoryData
from landslip.reporting.numbers import degrees, distance, rounded
from landslip.reporting.texts import Texts

SCENE, RELIEF, BLANK = "scene", "relief", "blank"
MAX_VERTICES = 25_000
_HOPELESS, _TOLERANCE_PX, _FARTHEST_PX = 20, 0.25, 60_000.0
_PAGE_PX, _LEFT, _RIGHT, _TOP, _BOTTOM, _LEGEND = 700, 74, 8, 6, 26, 130
_LOCATION_PX, _DENSITY_PX, _NUMBERED = 600, 440, 10
_SCENE_IMAGE_PX, _TALLEST_PX = 1600, 900
_THUMBNAIL_PX, _CROP_PX, _MIN_CROP_PX, _MIN_GROUND_M, _CROP_MARGIN = 300, 420, 12, 120.0, 1.7
_MAX_NEIGHBOURS = 300
_YELLOW, _BRIGHT_RED, _PALE_RED, _GRATICULE = "#ffd60a", "#c1121f", "#e9cfc6", "#3d5f7d"
_GRATICULE_STEPS_DEG = (
    *(30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005),
)
_LINE_POINTS = 33
_LABEL_STYLE: dict[str, Any] = {"ha": "center", "va": "baseline", "size": 11, "zorder": 6}
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapContext:
    """What maps of an inventory are drawn from; ``basemap`` is None for a blank page.

    Attributes:
        kind: of the basemap: scene, relief or blank.
        shapes: outlines in pixels of the basemap, empty on a blank page.
        tree: of all outlines, in the inventory's coordinates.
    """

    data: InventoryData
    basemap: Basemap | None
    kind: str
    shapes: NDArray[np.object_]
    tree: shapely.STRtree

    @classmethod
    def of(cls, data: InventoryData, basemap: Basemap | None, kind: str) -> "MapContext":
        """Return the context; blank where the basemap does not show any of the landslides."""
        shapes: NDArray[np.object_] | None = None
        if basemap is not None:
            frame = MapFrame.of_grid(basemap.grid)
            if (frame.crs is None) == (data.crs is None):
                shapes = to_pixels(data.outlines, data.crs, frame)
                if len(shapes) and not touches_frame(shapes, frame).any():
                    shapes = None
        if shapes is None:
            basemap, kind, shapes = None, BLANK, np.empty(0, dtype=object)
        tree = shapely.STRtree(data.outlines)
        return cls(data=data, basemap=basemap, kind=kind, shapes=shapes, tree=tree)


def scene_footprint(data: InventoryData, scene: MapFrame | None) -> shapely.Polygon | None:
    """Return the outline of the scene in the inventory's coordinates; None where unknown."""
    if scene is None or (scene.crs is None) != (data.crs is None):
        return None
    width, height = float(scene.width), float(scene.height)
    ring = shapely.segmentize(shapely.box(0.0, 0.0, width, height), max(width, height) / 16)
    points = map_points(scene.transform, shapely.get_coordinates(ring))
    if scene.crs is not None and data.crs is not None:
        points = transformation(scene.crs, data.crs).points(points)
    return shapely.Polygon(points) if np.isfinite(points).all() else None


def inventory_frame(data: InventoryData, footprint: shapely.Geometry | None) -> MapFrame | None:
    """Return a frame of all landslides, mapped area and footprint; None where there is nothing."""
    ground = [area for area in (data.mapped_area, footprint) if area is not None]
    shown = np.array([*data.outlines, *ground], dtype=object)
    if not len(shown):
        return None
    left, bottom, right, top = shapely.total_bounds(shown).tolist()
    if not np.isfinite([left, bottom, right, top]).all():
        return None
    return _frame_around((left, bottom, right, top), data, _LOCATION_PX)


def _frame_around(bounds: Bounds, data: InventoryData, longest_px: int) -> MapFrame:
    is_image = data.crs is None and data.record.source.kind == "extraction"
    return MapFrame.around(bounds, data.crs, longest_px, rows_down=is_image)


def location_map(data: InventoryData, scene: MapFrame | None, texts: Texts) -> str | None:
    """Return a map of all landslides, the mapped area and the scene's footprint.

    None: there is nothing to show.
    """
    footprint, mapped = scene_footprint(data, scene), data.mapped_area
    frame = inventory_frame(data, footprint)
    if frame is None:
        return None
    with chart_style():
        figure, axis = page_map(frame, _RIGHT)
        ground: dict[str, Any] = {"fc": "#eef2f5", "ec": "none"}
        dashed: dict[str, Any] = {"ec": "#5a6572", "lw": 1.1, "ls": (0, (5.5, 3.5))}
        for name, area, looks in (
            ("mapped", mapped, ground),
            ("footprint", footprint, dashed | {"fc": ground["fc"] if mapped is None else "none"}),
        ):
            if area is not None:
                shape = to_pixels(np.array([area], dtype=object), data.crs, frame)
                draw_polygons(axis, shape, name, **looks)
        shapes = to_pixels(data.outlines, data.crs, frame)
        draw_polygons(axis, shapes, "landslides", fc=RED, ec=RED, lw=0.6)
        draw_graticule(axis, frame)
        draw_numbers(axis, frame, data.landslides["id"].tolist(), shapes[:_NUMBERED])
        draw_furniture(axis, frame, texts, min(frame.width / 3, 150))
        return svg_text(figure, "location", texts("location_title"))


def draw_numbers(
    axis: Axes, frame: MapFrame, numbers: Sequence[int], shapes: NDArray[np.object_]
) -> None:
    """Draw the numbers of shapes in pixels beside them, of those on the map."""
    for number, shape in zip(numbers, shapes, strict=False):
        _, top, right, _ = shapely.bounds(shape)
        if 0 <= right <= frame.width and 0 <= top <= frame.height:
            back = {"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.7}
            axis.text(right + 2, top + 4, str(number), weight="bold", size=11, bbox=back)


def density_map(data: InventoryData, texts: Texts) -> str | None:
    """Return a map of landslides per km²; None where the layer is empty.

    Its classes and colours are those of the layer's QGIS style.
    """
    cells = np.asarray(data.density.geometry.array, dtype=object)
    if not len(cells):
        return None
    values = np.nan_to_num(data.density["per_km2"].to_numpy(np.float64, na_value=np.nan))
    left, bottom, right, top = shapely.total_bounds(cells).tolist()
    # cells are square in metres, whatever the system of the landslides
    crs = None if data.density.crs is None else pyproj.CRS(data.density.crs)
    frame = MapFrame.around((left, bottom, right, top), crs, _DENSITY_PX)
    shapes = to_pixels(cells, crs, frame)
    limits = density_limits(values)
    classes = np.searchsorted(limits[1:-1], values, side="right")
    classes[values <= 0] = -1
    colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in DENSITIES]
    with chart_style():
        figure, axis = page_map(frame, _LEGEND)
        for at in np.unique(classes).tolist():
            colour = "#f7f8f9" if at < 0 else colours[at]
            draw_polygons(axis, shapes[classes == at], f"cells-{at}", fc=colour, ec="white", lw=0.4)
        draw_graticule(axis, frame)
        handles = [
            Patch(fc=colours[at], label=f"{rounded(low, 2)}–{rounded(high, 2)}")
            for at, (low, high) in enumerate(pairwise(limits))
        ]
        if handles:
            axis.legend(
                handles=handles,
                title=texts("density_legend"),
                alignment="left",
                loc="upper left",
                bbox_to_anchor=(1.02, 1.0),
                borderaxespad=0,
            )
        draw_furniture(axis, frame, texts, min(frame.width / 3, 150))
        return svg_text(figure, "density", texts("density_title"))


def scene_map(context: MapContext, texts: Texts) -> str | None:
    """Return the whole scene, or the relief around landslides, with outlines; None if blank."""
    basemap = context.basemap
    if basemap is None:
        return None
    window = basemap.grid.window
    if context.kind != SCENE:
        left, top, right, bottom = shapely.total_bounds(context.shapes).tolist()
        pad = 0.05 * max(right - left, bottom - top, 20.0)
        window = _window((left - pad, top - pad, right + pad, bottom + pad), basemap)
    image, frame = basemap.image(window, _SCENE_IMAGE_PX)
    frame = frame.scaled_to(min(_PAGE_PX, _TALLEST_PX * frame.width / frame.height))
    shapes = to_pixels(context.data.outlines, context.data.crs, frame)
    shapes = shapes[touches_frame(shapes, frame)]
    with chart_style():
        figure, axis = _map_axes(frame, image)
        _draw_outlines(axis, shapes, context.kind, width=1.1)
        draw_furniture(axis, frame, texts, frame.width / 4)
        return svg_text(figure, "scene", texts("scene_title"))


def landslide_map(context: MapContext, at: int, texts: Texts) -> str:
    """Return a map of the landslide in row ``at`` with its outline and, thinner, its neighbours."""
    data = context.data
    number = int(data.landslides["id"].iloc[at])
    crop = _crop(context, at)
    kind = context.kind
    if crop is None:
        kind = BLANK
        left, bottom, right, top = shapely.bounds(data.outlines[at]).tolist()
        x, y, half = (left + right) / 2, (bottom + top) / 2, max(right - left, top - bottom) / 2
        half = half or 0.5
        square = (x - half, y - half, x + half, y + half)
        frame = _frame_around(square, data, _THUMBNAIL_PX)
    else:
        frame = crop[1].scaled_to(_THUMBNAIL_PX * min(1.0, crop[1].width / crop[1].height))
    with chart_style():
        figure, axis = _map_axes(frame, None if crop is None else crop[0])
        neighbours = to_pixels(data.outlines[_neighbours(context, at, frame)], data.crs, frame)
        edge = {SCENE: "white", RELIEF: _BRIGHT_RED, BLANK: "#8a94a0"}[kind]
        alpha = 0.5 if kind == RELIEF else 0.85
        draw_polygons(axis, neighbours, "neighbours", fc="none", ec=edge, lw=1.1, alpha=alpha)
        own = to_pixels(data.outlines[at : at + 1], data.crs, frame)
        _draw_outlines(axis, own, kind, width=2.0)
        for layer, marker in ((data.highest_points, "^"), (data.lowest_points, "o")):
            points = np.asarray(layer.geometry[layer["id"] == number].array, dtype=object)
            for point in to_pixels(points[:1], data.crs, frame):
                x, y = shapely.get_x(point), shapely.get_y(point)
                axis.plot([x], [y], marker, mfc="white", mec="#111111", mew=1.4, ms=8)
        draw_scale_bar(axis, frame, 14, frame.height - 12, frame.width / 2.5)
        title = texts("thumbnail_title", number=number)
        return svg_text(figure, f"landslide-{number}", title)


def _crop(context: MapContext, at: int) -> tuple[RgbImage, MapFrame] | None:
    """Return the basemap around a landslide; None if it is blank there or too coarse."""
    basemap = context.basemap
    if basemap is None:
        return None
    left, top, right, bottom = shapely.bounds(context.shapes[at]).tolist()
    height, width = basemap.grid.shape
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        return None
    smallest = _MIN_GROUND_M / (basemap.grid.resolution_m or 1.0)
    half = max(right - left, bottom - top, smallest) * _CROP_MARGIN / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    window = _window((x - half, y - half, x + half, y + half), basemap)
    return None if min(window.shape) < _MIN_CROP_PX else basemap.image(window, _CROP_PX)


def _window(bounds: Bounds, basemap: Basemap) -> Window:
    left, top, right, bottom = bounds
    height, width = basemap.grid.shape
    col, row = min(max(math.floor(left), 0), width - 1), min(max(math.floor(top), 0), height - 1)
    col_end = min(max(math.ceil(right), col + 1), width)
    row_end = min(max(math.ceil(bottom), row + 1), height)
    return Window(col, row, col_end - col, row_end - row)


def _neighbours(context: MapContext, at: int, frame: MapFrame) -> NDArray[np.int64]:
    """Return the rows of other landslides in a frame."""
    data = context.data
    if data.crs is not None and frame.crs is not None and frame.crs != data.crs:
        left, bottom, right, top = shapely.bounds(data.outlines[at]).tolist()
        reach = 2 * max(right - left, top - bottom)
        extent: shapely.Geometry = shapely.box(left, bottom, right, top).buffer(reach)
    else:
        corners = [(0, 0), (frame.width, 0), (frame.width, frame.height), (0, frame.height)]
        extent = shapely.Polygon(map_points(frame.transform, np.array(corners, dtype=np.float64)))
    rows = context.tree.query(extent)
    return np.sort(rows[rows != at])[:_MAX_NEIGHBOURS]


def polygon_path(shapes: NDArray[np.object_], *, simplify: bool = True) -> OutlinePath:
    """Return polygons in pixels as one path whose holes are open.

    Simplified to a quarter of a pixel by default; polygons far outside the frame are left out.
    """
    bounds = shapely.bounds(shapes)
    near = np.all(np.isfinite(bounds) & (np.abs(bounds) < _FARTHEST_PX), axis=1)
    polygons = shapely.orient_polygons(shapely.get_parts(shapes[near]))
    rings = shapely.get_rings(polygons)
    if simplify and len(rings):
        # rings as lines: for polygons GEOS ensures that they stay valid, which is slow
        corners, ring_of = shapely.get_coordinates(rings, return_index=True)
        lines = shapely.linestrings(corners, indices=ring_of)
        rings = np.asarray(
            shapely.simplify(lines, _TOLERANCE_PX, preserve_topology=False), dtype=object
        )
    points, ring_of = shapely.get_coordinates(rings, return_index=True)
    codes = np.full(len(points), OutlinePath.LINETO, dtype=OutlinePath.code_type)
    starts = np.searchsorted(ring_of, np.arange(len(rings) + 1))
    codes[starts[:-1]] = OutlinePath.MOVETO
    codes[starts[1:] - 1] = OutlinePath.CLOSEPOLY
    return OutlinePath(points, codes)


def draw_polygons(axis: Axes, shapes: NDArray[np.object_], name: str, **style: Any) -> None:
    """Draw polygons in pixels as one path, or as an image where it would be too long.

    ``MAX_VERTICES`` points are about 0.4 MB.
    """
    is_hopeless = shapely.get_num_coordinates(shapes).sum() > _HOPELESS * MAX_VERTICES
    path = polygon_path(shapes, simplify=not is_hopeless)
    vertices = np.asarray(path.vertices)
    if len(vertices):
        patch = PathPatch(path, joinstyle="round", gid=name, **style)
        patch.set_rasterized(len(vertices) > MAX_VERTICES)
        axis.add_patch(patch)


def _draw_outlines(axis: Axes, shapes: NDArray[np.object_], kind: str, width: float) -> None:
    if kind == SCENE:  # a dark line under the bright one, for bright scenes
        draw_polygons(axis, shapes, "casing", fc="none", ec="black", alpha=0.5, lw=2.2 * width)
        draw_polygons(axis, shapes, "outlines", fc="none", ec=_YELLOW, lw=width)
    elif kind == RELIEF:
        draw_polygons(axis, shapes, "outlines", fc="none", ec=_BRIGHT_RED, lw=width)
    else:
        draw_polygons(axis, shapes, "outlines", fc=_PALE_RED, ec=RED, lw=width)


def _map_axes(
    frame: MapFrame, image: RgbImage | None = None, margins: Sequence[float] = (0, 0, 0, 0)
) -> tuple[Figure, Axes]:
    """Return axes in the frame's pixels, over an image; ``margins`` left, right, top, bottom."""
    left, right, top, bottom = margins
    width, height = frame.width + left + right, frame.height + top + bottom
    figure = Figure(figsize=(width / 72, height / 72))
    axis = figure.add_axes(
        (left / width, bottom / height, frame.width / width, frame.height / height)
    )
    axis.set(xlim=(0, frame.width), ylim=(frame.height, 0), xticks=[], yticks=[])
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set(visible=any(margins), color="#4c5662", linewidth=1)
    if image is not None:
        extent = (0, frame.width, frame.height, 0)
        axis.imshow(image, extent=extent, interpolation="none", aspect="auto")
    return figure, axis


def page_map(frame: MapFrame, right: float) -> tuple[Figure, Axes]:
    """Return axes in the middle of a figure as wide as the page."""
    spare = max(_PAGE_PX - frame.width - _LEFT - right, 0) / 2
    return _map_axes(frame, None, (_LEFT + spare, right + spare, _TOP, _BOTTOM))


def draw_furniture(axis: Axes, frame: MapFrame, texts: Texts, longest_px: float) -> None:
    """Draw scale bar and north arrow."""
    draw_scale_bar(axis, frame, 16, frame.height - 16, longest_px)
    draw_north_arrow(axis, frame, (frame.width - 26, 26), texts("north"))


def draw_scale_bar(axis: Axes, frame: MapFrame, x: float, y: float, longest_px: float) -> None:
    """Draw a bar of a round length with its lower left corner at a pixel; nothing if unknown."""
    metres = frame.metres_per_px
    if metres is None:
        return
    power = 10.0 ** math.floor(math.log10(longest_px * metres))
    longest_m = longest_px * metres * (1 + 1e-9)
    length_m = next(power * factor for factor in (5, 2, 1) if power * factor <= longest_m)
    length = length_m / metres
    back = Rectangle((x - 8, y - 20), length + 16, 28, fc="white", ec="none", alpha=0.86, zorder=5)
    axis.add_patch(back)
    for start, colour in ((x, INK), (x + length / 2, "white")):
        bar = Rectangle((start, y - 3), length / 2, 5, fc=colour, ec=INK, lw=0.8, zorder=6)
        axis.add_patch(bar)
    axis.text(x + length / 2, y - 8, distance(length_m), gid="scale", **_LABEL_STYLE)


def draw_north_arrow(axis: Axes, frame: MapFrame, centre: tuple[float, float], letter: str) -> None:
    """Draw an arrow to true north about a pixel; nothing if unknown."""
    angle = frame.north_deg
    if angle is None:
        return
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    dart = np.array([(0, -14), (5, 7), (0, 3), (-5, 7)]) @ np.array(
        [[cosine, sine], [-sine, cosine]]
    )
    axis.add_patch(Circle(centre, 17, fc="white", ec="none", alpha=0.86, zorder=5))
    axis.add_patch(Polygon(dart + centre, fc=INK, ec="none", zorder=6, gid="north"))
    x, y = np.array(centre) + 14 * np.array([-sine, cosine])
    axis.text(x, y, letter, rotation=-angle, rotation_mode="anchor", **_LABEL_STYLE)


def draw_graticule(axis: Axes, frame: MapFrame) -> None:
    """Draw lines of longitude and latitude with labels under and left of the map."""
    side = np.linspace(0, 1, _LINE_POINTS)
    low, high = np.zeros(_LINE_POINTS), np.ones(_LINE_POINTS)
    sides = [(side, low), (side, high), (low, side), (high, side)]
    edge = np.concatenate([np.column_stack(pair) for pair in sides])
    lonlat = frame.lonlat(edge * np.array([frame.width, frame.height], dtype=np.float64))
    if lonlat is None or not np.isfinite(lonlat).all():
        return
    lonlat[:, 0] += 360 * np.round((lonlat[0, 0] - lonlat[:, 0]) / 360)  # on across 180 degrees
    low, high = lonlat.min(axis=0), lonlat.max(axis=0)
    extent = high - low
    if extent[0] > 180 or min(extent) <= 0:
        return
    steps = (step for step in _GRATICULE_STEPS_DEG if max(extent) / step >= 3)
    step = float(next(steps, _GRATICULE_STEPS_DEG[-1]))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    for along, letters in enumerate(("EW", "NS")):
        ticks: dict[float, str] = {}
        first, last = math.ceil(low[along] / step), math.floor(high[along] / step)
        for value in (round(at * step, 6) for at in range(first, min(last, first + 30) + 1)):
            line = np.empty((_LINE_POINTS, 2))
            line[:, along] = value
            line[:, 1 - along] = np.linspace(low[1 - along], high[1 - along], _LINE_POINTS)
            points = frame.pixels_of_lonlat(line)
            if points is None or not np.isfinite(points).all():
                continue
            axis.plot(*points.T, color=_GRATICULE, alpha=0.28, lw=0.7)
            place = _edge_crossing(frame, along, points)
            if place is not None:
                shown = value if along else (value + 180) % 360 - 180
                ticks[place] = degrees(shown, decimals, letters)
        style: dict[str, Any] = {"size": 10.5, "color": "#4c5662"}
        (axis.set_yticks if along else axis.set_xticks)([*ticks], [*ticks.values()], **style)
    axis.tick_params(color=GREY)


def _edge_crossing(frame: MapFrame, along: int, points: NDArray[np.float64]) -> float | None:
    """Return where a line leaves the map: below (longitude, 0) or to the left (latitude, 1)."""
    edge, across = (0.0, 0) if along else (float(frame.height), 1)
    order = np.argsort(points[:, across])
    if not points[order[0], across] <= edge <= points[order[-1], across]:
        return None
    place = float(np.interp(edge, points[order, across], points[order, along]))
    return place if 0 <= place <= (frame.height if along else frame.width) else None
