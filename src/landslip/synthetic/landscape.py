"""A synthetic mountain valley that stays the same while its landslides come and go."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyproj
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.features import rasterize

from landslip.core.grid import Grid
from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.failures import FailureSettings, draw_failures
from landslip.synthetic.ground_model import GroundModel
from landslip.synthetic.histories import (
    WENCHUAN,
    LandslideHistory,
    TriggerEvent,
    draw_histories,
)
from landslip.synthetic.land_cover import (
    SurfaceCanvas,
    paint_bare_share,
    paint_debris,
    paint_land_cover,
)
from landslip.synthetic.landslides import LandslideSettings, draw_landslides
from landslip.synthetic.noise import Field, ramp
from landslip.synthetic.phenology import palette_on
from landslip.synthetic.terrain import SyntheticTerrain, illumination, make_terrain

_BLOCK_PX = 16
_EDGE_PX = 8.0
_FAINT, _BARE = 0.12, 0.5
_LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class LandscapeSettings:
    """Place, triggers in order of time, and landslides (of all times together) of a landscape.

    Attributes:
        centre_deg: (lon, lat).
        shape: rounded up to multiples of 16.
        river_m: the river's height over the ellipsoid.
        landslides: a number and sizes, or failures by a law of their areas.
        seasons: whether plants, fields and shadows of houses are those of the day; freshness is
            the share of a landslide that is bare then.
    """

    centre_deg: tuple[float, float]
    epsg: int
    shape: tuple[int, int]
    resolution_m: float = 2.0
    river_m: float = 1300.0
    landslides: LandslideSettings | FailureSettings = field(
        default_factory=lambda: LandslideSettings(per_km2=14.0)
    )
    triggers: tuple[TriggerEvent, ...] = WENCHUAN
    seasons: bool = False

    @property
    def grid(self) -> Grid:
        """The landscape's grid, with corners at multiples of the resolution."""
        height, width = (-(-size // _BLOCK_PX) * _BLOCK_PX for size in self.shape)
        to_map = pyproj.Transformer.from_crs(4326, self.epsg, always_xy=True)
        x, y = to_map.transform(*self.centre_deg)
        side = self.resolution_m
        west, north = (round(x / side - width / 2) * side, round(y / side + height / 2) * side)
        transform = Affine(side, 0, west, 0, -side, north)
        return Grid(crs=CRS.from_epsg(self.epsg), transform=transform, shape=(height, width))


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySurface:
    """The ground of a day before light falls on it: without landslides, and with them."""

    cover: SurfaceCanvas
    with_landslides: SurfaceCanvas


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticLandscape:
    """Terrain, land cover without landslides, and the history of every landslide, in pixels.

    Heights of the terrain are over the river, which is ``river_m`` over the ellipsoid; the seed is
    that of the landscape. Land cover is None where it is that of the day.
    """

    terrain: SyntheticTerrain
    cover: SurfaceCanvas | None
    landslides: tuple[LandslideHistory, ...]
    grid: Grid
    river_m: float
    seed: int

    @property
    def height_m(self) -> Field:
        """Heights (height, width) over the ellipsoid."""
        return self.terrain.height_m + np.float32(self.river_m)

    def ground_on(self, day: date, sun: SunPosition, *, mirrored: bool = True) -> GroundModel:
        """Return the ground as it is on a day, in the day's light."""
        return self.lit(self.surface_on(day, sun), sun, mirrored=mirrored)

    def surface_on(self, day: date, sun: SunPosition) -> DaySurface:
        """Return the ground of a day; the sun casts the shadows of houses where seasons change."""
        cover = self.cover
        if cover is None:
            generator = _generators(self.seed)[2]
            cover = paint_land_cover(self.terrain, sun, generator, palette_on(day))
        canvas = SurfaceCanvas(cover.reflectance.copy(), cover.relief_m.copy())
        freshness = self.freshness_on(day)
        if freshness.any():
            debris = np.random.default_rng([self.seed, day.toordinal()])
            if self.cover is None:
                paint_bare_share(canvas, self.terrain, freshness, debris)
                return DaySurface(cover=cover, with_landslides=canvas)
            paint_debris(canvas, self.terrain, freshness, debris)
            # old landslides are blended with what grew there before
            weight = ramp(freshness, _FAINT, _BARE)
            before = (*cover.reflectance, cover.relief_m)
            for painted, old in zip((*canvas.reflectance, canvas.relief_m), before, strict=True):
                np.subtract(painted, old, out=painted)
                np.multiply(painted, weight, out=painted)
                np.add(painted, old, out=painted)
        return DaySurface(cover=cover, with_landslides=canvas)

    def lit(self, surface: DaySurface, sun: SunPosition, *, mirrored: bool = True) -> GroundModel:
        """Return the ground with its landslides in the light of the sun."""
        canvas = surface.with_landslides
        relief = self.terrain.height_m + canvas.relief_m
        light = illumination(relief, self.terrain.resolution_m, sun)
        return GroundModel(
            reflectance=canvas.reflectance * light,
            height_m=self.height_m,
            grid=self.grid,
            mirrored=mirrored,
        )

    def freshness_on(self, day: date) -> Field:
        """Return how bare landslides are on a day (height, width), 0 outside and once overgrown.

        Where several overlap, it is that of the barest.
        """
        shapes = [
            (part.outline, part.freshness) for one in self.landslides for part in one.parts_on(day)
        ]
        least = _FAINT if self.cover is not None else _LEAST_SHARE
        visible = sorted((one for one in shapes if one[1] >= least), key=lambda one: one[1])
        if not visible:
            return np.zeros(self.grid.shape, dtype=np.float32)
        freshness: Field = rasterize(visible, out_shape=self.grid.shape, dtype="float32")
        return freshness


def make_landscape(settings: LandscapeSettings, seed: int, sun: SunPosition) -> SyntheticLandscape:
    """Make a landscape; without seasons, the sun casts the shadows of houses on all days."""
    ground, slides, cover, history = _generators(seed)
    grid = settings.grid
    terrain = make_terrain(grid.shape, settings.resolution_m, ground)
    height, width = grid.shape
    frame = shapely.box(_EDGE_PX, _EDGE_PX, width - _EDGE_PX, height - _EDGE_PX)
    if isinstance(settings.landslides, FailureSettings):
        histories = draw_failures(terrain, frame, slides, settings.landslides, settings.triggers)
    else:
        drawn = draw_landslides(terrain, frame, slides, settings.landslides)
        outlines = [one.outline for one in drawn]
        histories = draw_histories(outlines, history, settings.triggers)
    return SyntheticLandscape(
        terrain=terrain,
        cover=None if settings.seasons else paint_land_cover(terrain, sun, cover),
        landslides=tuple(histories),
        grid=grid,
        river_m=settings.river_m,
        seed=seed,
    )


def _generators(seed: int) -> list[np.random.Generator]:
    """Return the generators of terrain, outlines, land cover and histories."""
    return np.random.default_rng(seed).spawn(4)
