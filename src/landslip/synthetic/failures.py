"""Landslides of all sizes that touch and overlap, fail again, and grow when they do."""

import math
from dataclasses import dataclass

import numpy as np
import shapely
import shapely.affinity

from landslip.metrics.inverse_gamma import MALAMUD_2004, InverseGamma
from landslip.synthetic.histories import (
    LandslideHistory,
    SlopeFailure,
    TriggerEvent,
    trigger_fractions,
)
from landslip.synthetic.landslides import (
    STEP_PX,
    Outline,
    Points,
    broad_downslope,
    draw_sources,
    path_down,
    tongue,
)
from landslip.synthetic.noise import Field
from landslip.synthetic.terrain import SyntheticTerrain

_TONGUE_PX = 150.0  # smaller ones are ovals: a path would have too few points
_TONGUE_FILL = 0.8
_OVAL_POINTS, _OVAL_ROUGHNESS = 18, 0.14
_TRIES = 40
_MOST_OVERLAP = 0.4
_MEAN_DEG = 26.0
_INITIAL_FRESHNESS = (0.8, 1.0)
_HEALING_SPREAD = 0.5
_EDGE_SHARE, _LEAST_EDGE_PX = 0.35, 1.0
_GROWING_SHARE = 0.55
_GROWTH, _PART = (1.10, 1.45), (0.5, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureSettings:
    """How many landslides of all times together, how large, and how they grow over.

    Attributes:
        per_km2: number in a square kilometre.
        law: distribution of the area of a first failure, between the two limits.
        smallest_m2: smallest area, some pixels.
        largest_m2: largest area.
        slenderness: length over width, of uniform draws.
        beside_fraction: share of landslides whose source is drawn at the edge of another one.
        healing_years: median of the years in which bareness falls to 37 percent.
    """

    per_km2: float = 55.0
    law: InverseGamma = MALAMUD_2004
    smallest_m2: float = 16.0
    largest_m2: float = 60_000.0
    slenderness: tuple[float, float] = (1.6, 4.5)
    beside_fraction: float = 0.35
    healing_years: float = 3.0


def draw_failures(
    terrain: SyntheticTerrain,
    frame: shapely.Polygon,
    generator: np.random.Generator,
    settings: FailureSettings,
    triggers: tuple[TriggerEvent, ...],
) -> list[LandslideHistory]:
    """Draw landslides in a frame, with outlines in pixels, the largest first.

    Two may touch, and overlap by up to 40 percent of the smaller one. Those that find no place are
    left out. Each is drawn by a generator of its own, as in `draw_landslides`.
    """
    wanted = round(terrain.river_m.size * terrain.resolution_m**2 / 1e6 * settings.per_km2)
    fractions = trigger_fractions(triggers)
    downslope = broad_downslope(terrain)
    outlines: list[shapely.Polygon] = []
    histories: list[LandslideHistory] = []
    sources = draw_sources(terrain, wanted * _TRIES, generator).reshape(wanted, _TRIES, 2)
    areas = _draw_areas(wanted, settings, generator)
    firsts = generator.choice(len(triggers), size=wanted, p=fractions)
    for area_m2, steep, first, own in zip(
        areas, sources, firsts, generator.spawn(wanted), strict=True
    ):
        area_px = float(area_m2) / terrain.resolution_m**2
        placed = np.array(outlines, dtype=object)
        for source in steep:
            at = source
            if outlines and own.random() < settings.beside_fraction:
                at = _source_beside(outlines, math.sqrt(area_px) / 2, own)
            outline = _draw_outline(at, area_px, terrain, downslope, settings, own)
            if outline is None or not frame.contains(outline):
                continue
            overlaps = shapely.area(shapely.intersection(outline, placed))
            if (overlaps <= _MOST_OVERLAP * np.minimum(area_px, shapely.area(placed))).all():
                outlines.append(outline)
                histories.append(
                    _draw_history(outline, triggers[first:], frame, terrain, settings, own)
                )
                break
    return histories


def _draw_areas(count: int, settings: FailureSettings, generator: np.random.Generator) -> Points:
    """Return areas in m² between the limits of the law, the largest first."""
    limits = settings.law.fraction_over(np.array([settings.smallest_m2, settings.largest_m2]))
    shares = generator.uniform(limits[1], limits[0], count)
    return np.sort(settings.law.area_exceeded_by(shares))[::-1]


def _source_beside(
    outlines: list[shapely.Polygon], away_px: float, generator: np.random.Generator
) -> Points:
    """Return a point that far or less outside the upper half of an outline drawn before."""
    ring = outlines[generator.integers(len(outlines))].exterior
    at = shapely.get_coordinates(ring.interpolate(generator.random(), normalized=True))[0]
    middle = shapely.get_coordinates(ring.centroid)[0]
    outwards = (at - middle) / max(float(np.hypot(*(at - middle))), 1e-6)
    return np.asarray(at + outwards * away_px * generator.uniform(0.3, 1.0))


def _draw_outline(
    source: Points,
    area_px: float,
    terrain: SyntheticTerrain,
    downslope: Field,
    settings: FailureSettings,
    generator: np.random.Generator,
) -> shapely.Polygon | None:
    """Return an outline of this area, or None where the terrain is too flat for it."""
    col, row = (int(value) for value in source)
    if not (0 <= row < terrain.shape[0] and 0 <= col < terrain.shape[1]):
        return None
    slenderness = generator.uniform(*settings.slenderness)
    if area_px < _TONGUE_PX:
        if terrain.slope_deg[row, col] < _MEAN_DEG:
            return None
        outline = _oval(source, slenderness, downslope[:, row, col], generator)
    else:
        length_px = math.sqrt(area_px * slenderness / _TONGUE_FILL)
        path = path_down(source, length_px, terrain, downslope)
        if (len(path) - 1) * STEP_PX < 0.6 * length_px:
            return None
        cols, rows = path.astype(np.intp).T
        if terrain.slope_deg[rows, cols].mean() < _MEAN_DEG:
            return None
        outline = tongue(path, length_px / slenderness / 2, generator)
    if outline.is_empty:
        return None
    size = math.sqrt(area_px / outline.area)
    return shapely.affinity.scale(outline, size, size, origin=tuple(source))


def _oval(
    source: Points, slenderness: float, direction: Field, generator: np.random.Generator
) -> shapely.Polygon:
    """Return a rough oval that begins at a point and is long in a direction, of any size."""
    angle = np.linspace(0, 2 * np.pi, _OVAL_POINTS, endpoint=False)
    radius = 1 + _OVAL_ROUGHNESS * generator.standard_normal(_OVAL_POINTS)
    across = np.array([-direction[1], direction[0]])
    along = slenderness * (radius * np.cos(angle) + 1)
    ring = source + along[:, np.newaxis] * direction
    ring = ring + (radius * np.sin(angle))[:, np.newaxis] * across
    valid = shapely.Polygon(ring).buffer(0)
    largest = max(shapely.get_parts(valid), key=lambda part: float(part.area))
    return shapely.Polygon(largest.exterior)


def _draw_history(
    outline: shapely.Polygon,
    triggers: tuple[TriggerEvent, ...],
    frame: shapely.Polygon,
    terrain: SyntheticTerrain,
    settings: FailureSettings,
    generator: np.random.Generator,
) -> LandslideHistory:
    """Draw when a landslide fails again after the first trigger, and what of it."""
    failures: list[SlopeFailure] = []
    for trigger in triggers:
        if not failures:
            failed: Outline = outline
        elif generator.random() < trigger.repeat_fraction:
            failed = _fail_again(failures[-1].outline, frame, terrain, generator)
        else:
            continue
        freshness = float(generator.uniform(*_INITIAL_FRESHNESS))
        failures.append(SlopeFailure(day=trigger.day, outline=failed, freshness=freshness))
    edge_px = _EDGE_SHARE * outline.area / outline.length
    spread = math.exp(_HEALING_SPREAD * generator.standard_normal())
    return LandslideHistory(
        failures=tuple(failures),
        healing_years=settings.healing_years * spread,
        edge_px=edge_px if edge_px >= _LEAST_EDGE_PX else 0.0,
    )


def _fail_again(
    outline: Outline,
    frame: shapely.Polygon,
    terrain: SyntheticTerrain,
    generator: np.random.Generator,
) -> Outline:
    """Return what fails again: more than all of it, up the slope and to the sides, or a part."""
    points = shapely.get_coordinates(outline)
    cols, rows = np.clip(points.astype(np.intp), 0, np.subtract(terrain.shape[::-1], 1)).T
    heights = terrain.height_m[rows, cols]
    toe, crown = points[np.argmin(heights)], points[np.argmax(heights)]
    if generator.random() < _GROWING_SHARE:
        size = generator.uniform(*_GROWTH)
        grown = shapely.affinity.scale(outline, size, size, origin=tuple(toe)).union(outline)
        if isinstance(grown, shapely.Polygon) and frame.contains(grown):
            return shapely.Polygon(grown.exterior)
    size = generator.uniform(*_PART)
    return shapely.affinity.scale(outline, size, size, origin=tuple(crown))
