"""Known landslides: tongues that begin on steep ground and run down it."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.grid import Grid, map_points
from landslip.io.labels import LabelPolygons
from landslip.synthetic.landscape.noise import Field, blurred, ramp
from landslip.synthetic.landscape.terrain import Terrain

_STEP_PX = 2.0
_STEEP_DEG, _TOO_FLAT_DEG, _MEAN_DEG = (28.0, 40.0), 13.0, 28.0
_SMALLEST_AREA_PX = 300.0
_SPACING_PX = 5.0
_TRIES_PER_LANDSLIDE = 40

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LandslideRecipe:
    """What landslides are like; ranges are of uniform draws, lengths are log-normal.

    Attributes:
        per_km2: how many landslides a square kilometre has, give or take a fifth.
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
    """One landslide.

    Attributes:
        outline: a valid polygon, in pixels (x, y) or, once on a map, in map coordinates.
        freshness: 1 is bare debris, 0 is overgrown.
    """

    outline: shapely.Polygon
    freshness: float


def draw_landslides(
    terrain: Terrain,
    frame: shapely.Polygon,
    generator: np.random.Generator,
    recipe: LandslideRecipe | None = None,
) -> list[Landslide]:
    """Draw landslides in a frame that do not touch each other, with outlines in pixels."""
    recipe = recipe or LandslideRecipe()
    area_km2 = terrain.river_m.size * terrain.resolution_m**2 / 1e6
    wanted = round(area_km2 * recipe.per_km2 * generator.uniform(0.8, 1.2))
    downslope = _smooth_direction(terrain)
    landslides: list[Landslide] = []
    for source in _sources(terrain, wanted * _TRIES_PER_LANDSLIDE, generator):
        outline = _draw_outline(source, terrain, downslope, recipe, generator)
        if outline is not None and _has_room(outline, landslides, frame):
            freshness = float(generator.uniform(*recipe.freshness))
            landslides.append(Landslide(outline=outline, freshness=freshness))
        if len(landslides) == wanted:
            break
    return landslides


def on_map(landslides: list[Landslide], grid: Grid) -> list[Landslide]:
    """Return the landslides with outlines in map coordinates."""
    outlines = shapely.transform(
        np.array([one.outline for one in landslides], dtype=object),
        lambda points: map_points(grid.transform, points),
    )
    return [
        Landslide(outline=outline, freshness=one.freshness)
        for outline, one in zip(outlines, landslides, strict=True)
    ]


def landslide_mask(landslides: list[Landslide], grid: Grid) -> NDArray[np.bool_]:
    """Return which pixels (height, width) have their centre in a landslide of the map."""
    outlines = np.array([one.outline for one in landslides], dtype=object)
    return LabelPolygons(geometries=outlines, notes=()).covered(grid, grid.window)


def _smooth_direction(terrain: Terrain) -> Field:
    """Return where the ground falls on the scale of a landslide (2: x and y, height, width)."""
    smooth = np.stack([blurred(part, 5) for part in terrain.downslope])
    unit: Field = smooth / np.maximum(np.hypot(*smooth), 1e-6)
    return unit


def _sources(terrain: Terrain, count: int, generator: np.random.Generator) -> Points:
    """Draw points (count, 2: x and y) on steep ground, the steeper the likelier."""
    weight = ramp(blurred(terrain.slope_deg, 4), *_STEEP_DEG).ravel().astype(np.float64)
    cells = generator.choice(len(weight), size=count, p=weight / weight.sum())
    row, col = np.divmod(cells, terrain.shape[1])
    return np.column_stack([col + 0.5, row + 0.5])


def _draw_outline(
    source: Points,
    terrain: Terrain,
    downslope: Field,
    recipe: LandslideRecipe,
    generator: np.random.Generator,
) -> shapely.Polygon | None:
    """Return a tongue from a source downwards, or None where the ground is too flat for one."""
    length_m = recipe.length_m * np.exp(recipe.spread * generator.standard_normal())
    length_px = float(np.clip(length_m, 50, 420)) / terrain.resolution_m
    path = _path_down(source, length_px, terrain, downslope)
    width_px = length_px / generator.uniform(*recipe.slenderness)
    col, row = path.astype(np.intp).T
    is_short = (len(path) - 1) * _STEP_PX < max(0.6 * length_px, 1.5 * width_px)
    if is_short or terrain.slope_deg[row, col].mean() < _MEAN_DEG:
        return None
    outline = _tongue(path, width_px / 2, generator)
    return outline if outline.area >= _SMALLEST_AREA_PX else None


def _path_down(source: Points, length_px: float, terrain: Terrain, downslope: Field) -> Points:
    """Follow the ground down to the valley floor or to where it is too flat."""
    points: list[Points] = []
    at = source
    for _ in range(int(length_px / _STEP_PX)):
        col, row = (int(value) for value in at)
        if not (0 <= row < terrain.shape[0] and 0 <= col < terrain.shape[1]):
            break
        on_plain = terrain.river_m[row, col] < terrain.plain_m[row, col]
        if on_plain or terrain.slope_deg[row, col] < _TOO_FLAT_DEG:
            break
        points.append(at)
        at = at + _STEP_PX * downslope[:, row, col]
    return np.array(points).reshape(-1, 2)


def _tongue(path: Points, half_width_px: float, generator: np.random.Generator) -> shapely.Polygon:
    """Widen a path into a polygon: round at the crown, narrow in the middle, wide at the toe."""
    smooth = ndimage.gaussian_filter1d(path, 4, axis=0, mode="nearest")
    along = np.linspace(0, 1, len(smooth))
    from_end = np.minimum(1, np.minimum(along / 0.32, (1 - along) / 0.22))
    ends = np.sqrt(1 - (1 - from_end) ** 2)
    profile = half_width_px * ends * (1 - 0.3 * np.sin(np.pi * along) + 0.25 * along)
    heading = np.gradient(smooth, axis=0)
    normal = heading[:, ::-1] * (1, -1) / np.maximum(np.hypot(*heading.T), 1e-6)[:, np.newaxis]
    sides = [
        smooth + side * normal * (profile * _wobble(len(path), generator))[:, np.newaxis]
        for side in (1, -1)
    ]
    ring = np.concatenate([sides[0], sides[1][::-1]])
    whole = shapely.Polygon(ring).buffer(0).buffer(-1.5).buffer(3.0).buffer(-1.5)
    parts = shapely.get_parts(whole)
    largest = max(parts, key=lambda part: float(part.area), default=shapely.Polygon())
    return shapely.Polygon(largest.exterior)


def _wobble(length: int, generator: np.random.Generator) -> Points:
    """Return factors around 1 that vary along a side, broadly and finely."""
    white = generator.standard_normal((2, length))
    broad, fine = (
        ndimage.gaussian_filter1d(line, sigma, mode="wrap") * np.sqrt(2 * np.sqrt(np.pi) * sigma)
        for line, sigma in zip(white, (7.0, 1.5), strict=True)
    )
    factors: Points = np.clip(1 + 0.22 * broad + 0.10 * fine, 0.4, 1.8)
    return factors


def _has_room(
    outline: shapely.Polygon, landslides: list[Landslide], frame: shapely.Polygon
) -> bool:
    others = np.array([one.outline for one in landslides], dtype=object)
    return bool(frame.contains(outline)) and not shapely.dwithin(outline, others, _SPACING_PX).any()
