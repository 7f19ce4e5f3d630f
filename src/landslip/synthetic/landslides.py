"""Synthetic landslides: tongues that begin on steep slopes and run down."""

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.grid import Grid, map_points
from landslip.io.labels import LabelPolygons
from landslip.synthetic.noise import Field, blurred, ramp
from landslip.synthetic.terrain import SyntheticTerrain

STEP_PX = 2.0
_STEEP_DEG, _TOO_FLAT_DEG, _MEAN_DEG = (28.0, 40.0), 13.0, 28.0
_SMALLEST_AREA_PX = 300.0
_SPACING_PX = 5.0
_TRIES_PER_LANDSLIDE = 40

Points = NDArray[np.float64]
Outline = shapely.Polygon | shapely.MultiPolygon


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslideSettings:
    """Size and number of landslides; ranges are of uniform draws, lengths are log-normal.

    Attributes:
        per_km2: number of landslides in a square kilometre, plus or minus a fifth.
        length_m: median length.
        spread: standard deviation of the logarithm of length.
        slenderness: length over width.
        freshness: 1 is bare debris, 0 is overgrown.
    """

    per_km2: float = 17.0
    length_m: float = 215.0
    spread: float = 0.35
    slenderness: tuple[float, float] = (2.6, 5.0)
    freshness: tuple[float, float] = (0.6, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Landslide:
    """A valid polygon in pixels (x, y) or map coordinates; freshness 1 is bare, 0 overgrown."""

    outline: Outline
    freshness: float


def draw_landslides(
    terrain: SyntheticTerrain,
    frame: shapely.Polygon,
    generator: np.random.Generator,
    settings: LandslideSettings | None = None,
) -> list[Landslide]:
    """Draw landslides in a frame that do not touch each other, with outlines in pixels.

    Each is drawn by a generator of its own, so that a slope whose last digit another processor
    rounds differently changes one landslide and not all that follow.
    """
    settings = settings or LandslideSettings()
    area_km2 = terrain.river_m.size * terrain.resolution_m**2 / 1e6
    wanted = round(area_km2 * settings.per_km2 * generator.uniform(0.8, 1.2))
    downslope = broad_downslope(terrain)
    landslides: list[Landslide] = []
    for source in draw_sources(terrain, wanted * _TRIES_PER_LANDSLIDE, generator):
        own = generator.spawn(1)[0]
        outline = _draw_outline(source, terrain, downslope, settings, own)
        if outline is None or not frame.contains(outline):
            continue
        others = np.array([one.outline for one in landslides], dtype=object)
        if not shapely.dwithin(outline, others, _SPACING_PX).any():
            freshness = float(own.uniform(*settings.freshness))
            landslides.append(Landslide(outline=outline, freshness=freshness))
        if len(landslides) == wanted:
            break
    return landslides


def broad_downslope(terrain: SyntheticTerrain) -> Field:
    """Return unit vectors (2: x and y, height, width) down the slope on a landslide's scale."""
    smooth = np.stack([blurred(part, 5) for part in terrain.downslope])
    downslope: Field = smooth / np.maximum(np.hypot(*smooth), 1e-6)
    return downslope


def draw_sources(terrain: SyntheticTerrain, count: int, generator: np.random.Generator) -> Points:
    """Draw points (count, 2: x and y) on steep slopes, the steeper the likelier."""
    weight = ramp(blurred(terrain.slope_deg, 4), *_STEEP_DEG).ravel().astype(np.float64)
    cells = generator.choice(len(weight), size=count, p=weight / weight.sum())
    row, col = np.divmod(cells, terrain.shape[1])
    return np.column_stack([col + 0.5, row + 0.5])


def in_map_coordinates(landslides: list[Landslide], grid: Grid) -> list[Landslide]:
    """Return the landslides with outlines in map coordinates."""
    outlines = shapely.transform(
        np.array([one.outline for one in landslides], dtype=object),
        lambda points: map_points(grid.transform, points),
    )
    return [replace(one, outline=at) for one, at in zip(landslides, outlines, strict=True)]


def landslide_mask(landslides: list[Landslide], grid: Grid) -> NDArray[np.bool_]:
    """Return which pixels (height, width) have their centre in a landslide in map coordinates."""
    outlines = np.array([one.outline for one in landslides], dtype=object)
    return LabelPolygons(geometries=outlines, notes=()).rasterize(grid, grid.window)


def _draw_outline(
    source: Points,
    terrain: SyntheticTerrain,
    downslope: Field,
    settings: LandslideSettings,
    generator: np.random.Generator,
) -> shapely.Polygon | None:
    """Return a tongue from a source downwards, or None where the terrain is too flat for one."""
    length_m = settings.length_m * np.exp(settings.spread * generator.standard_normal())
    length_px = float(np.clip(length_m, 50, 420)) / terrain.resolution_m
    path = path_down(source, length_px, terrain, downslope)
    width_px = length_px / generator.uniform(*settings.slenderness)
    col, row = path.astype(np.intp).T
    is_short = (len(path) - 1) * STEP_PX < max(0.6 * length_px, 1.5 * width_px)
    if is_short or terrain.slope_deg[row, col].mean() < _MEAN_DEG:
        return None
    outline = tongue(path, width_px / 2, generator)
    return outline if outline.area >= _SMALLEST_AREA_PX else None


def path_down(
    source: Points, length_px: float, terrain: SyntheticTerrain, downslope: Field
) -> Points:
    """Follow the terrain down to the valley floor or to where it is too flat."""
    points: list[Points] = []
    at = source
    for _ in range(int(length_px / STEP_PX)):
        col, row = (int(value) for value in at)
        if not (0 <= row < terrain.shape[0] and 0 <= col < terrain.shape[1]):
            break
        on_plain = terrain.river_m[row, col] < terrain.plain_m[row, col]
        if on_plain or terrain.slope_deg[row, col] < _TOO_FLAT_DEG:
            break
        points.append(at)
        at = at + STEP_PX * downslope[:, row, col]
    return np.array(points).reshape(-1, 2)


def tongue(path: Points, half_width_px: float, generator: np.random.Generator) -> shapely.Polygon:
    """Widen a path into a polygon: round at the crown, narrow in the middle, wide at the toe."""
    smooth = ndimage.gaussian_filter1d(path, 4, axis=0, mode="nearest")
    along = np.linspace(0, 1, len(smooth))
    from_end = np.minimum(1, np.minimum(along / 0.32, (1 - along) / 0.22))
    ends = np.sqrt(1 - (1 - from_end) ** 2)
    profile = half_width_px * ends * (1 - 0.3 * np.sin(np.pi * along) + 0.25 * along)
    heading = np.gradient(smooth, axis=0)
    normal = heading[:, ::-1] * (1, -1) / np.maximum(np.hypot(*heading.T), 1e-6)[:, np.newaxis]
    sides = []
    for side in (1, -1):
        # the width varies along a side, broadly and finely
        broad, fine = (
            ndimage.gaussian_filter1d(line, px, mode="wrap") * np.sqrt(2 * np.sqrt(np.pi) * px)
            for line, px in zip(generator.standard_normal((2, len(path))), (7.0, 1.5), strict=True)
        )
        width = profile * np.clip(1 + 0.22 * broad + 0.10 * fine, 0.4, 1.8)
        sides.append(smooth + side * normal * width[:, np.newaxis])
    ring = np.concatenate([sides[0], sides[1][::-1]])
    smoothed = shapely.Polygon(ring).buffer(0).buffer(-1.5).buffer(3.0).buffer(-1.5)
    parts = shapely.get_parts(smoothed)
    largest = max(parts, key=lambda part: float(part.area), default=shapely.Polygon())
    return shapely.Polygon(largest.exterior)
