"""A made-up mountain valley that stays the same while its landslides come and go."""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import rasterize

from landslip.core.grid import Grid
from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.ground_model import GroundModel
from landslip.synthetic.land_cover import SurfaceCanvas, paint_debris, paint_land_cover
from landslip.synthetic.landslides import (
    WENCHUAN,
    LandslideHistory,
    LandslideSettings,
    TriggerEvent,
    draw_histories,
    draw_landslides,
)
from landslip.synthetic.noise import Field, ramp
from landslip.synthetic.terrain import LightDirection as Light
from landslip.synthetic.terrain import SyntheticTerrain, illumination, make_terrain

_BLOCK_PX = 16
_EDGE_PX = 8.0
_FAINT, _BARE = 0.12, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LandscapeSettings:
    """Where a land lies and what happens on it.

    Attributes:
        centre_deg: longitude and latitude of its middle.
        epsg: its projected coordinate system.
        shape: (height, width) in pixels, rounded up to multiples of 16.
        resolution_m: side of a pixel.
        river_m: height of the river over the ellipsoid.
        recipe: what landslides are like, those of all times together.
        triggers: what sets them off, in order of time.
    """

    centre_deg: tuple[float, float]
    epsg: int
    shape: tuple[int, int]
    resolution_m: float = 2.0
    river_m: float = 1300.0
    recipe: LandslideSettings = field(default_factory=lambda: LandslideSettings(per_km2=14.0))
    triggers: tuple[TriggerEvent, ...] = WENCHUAN

    @property
    def grid(self) -> Grid:
        """The land's grid, with corners at multiples of the resolution."""
        height, width = (-(-size // _BLOCK_PX) * _BLOCK_PX for size in self.shape)
        to_map = pyproj.Transformer.from_crs(4326, self.epsg, always_xy=True)
        x, y = to_map.transform(*self.centre_deg)
        side = self.resolution_m
        west, north = (round(x / side - width / 2) * side, round(y / side + height / 2) * side)
        transform = Affine(side, 0, west, 0, -side, north)
        return Grid(crs=CRS.from_epsg(self.epsg), transform=transform, shape=(height, width))


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticLandscape:
    """Ground, plants and houses, and the history of every landslide.

    Attributes:
        terrain: its heights are over the river.
        cover: reflectance and relief of all but landslides.
        slides: with outlines in pixels.
        grid: where it lies.
        river_m: height of the river over the ellipsoid.
        seed: of the debris.
    """

    terrain: SyntheticTerrain
    cover: SurfaceCanvas
    slides: tuple[LandslideHistory, ...]
    grid: Grid
    river_m: float
    seed: int

    @property
    def height_m(self) -> Field:
        """Heights (height, width) over the ellipsoid."""
        return self.terrain.height_m + np.float32(self.river_m)

    def ground_on(self, day: date, sun: SunPosition, *, mirrored: bool = True) -> GroundModel:
        """Return what the land looks like on a day, in the day's light."""
        canvas = self._canvas_on(day)
        light = Light(azimuth_deg=sun.azimuth_deg, elevation_deg=sun.elevation_deg)
        relief = self.terrain.height_m + canvas.relief_m
        canvas.reflectance *= illumination(relief, self.terrain.resolution_m, light)
        return GroundModel(
            reflectance=canvas.reflectance,
            height_m=self.height_m,
            grid=self.grid,
            mirrored=mirrored,
        )

    def freshness_on(self, day: date) -> Field:
        """Return how bare landslides are on a day (height, width), 0 outside and once overgrown."""
        shapes = [(slide.outline, slide.freshness(day)) for slide in self.slides]
        kept = [one for one in shapes if one[1] >= _FAINT]
        if not kept:
            return np.zeros(self.grid.shape, dtype=np.float32)
        burnt: Field = rasterize(kept, out_shape=self.grid.shape, dtype="float32")
        return burnt

    def _canvas_on(self, day: date) -> SurfaceCanvas:
        """Return cover and debris; where landslides are old, what grew there shines through."""
        canvas = SurfaceCanvas(self.cover.reflectance.copy(), self.cover.relief_m.copy())
        freshness = self.freshness_on(day)
        if freshness.any():
            debris = np.random.default_rng([self.seed, day.toordinal()])
            paint_debris(canvas, self.terrain, freshness, debris)
            share = ramp(freshness, _FAINT, _BARE)
            for new, old in zip(canvas.reflectance, self.cover.reflectance, strict=True):
                _blend(new, old, share)
            _blend(canvas.relief_m, self.cover.relief_m, share)
        return canvas


def make_landscape(plan: LandscapeSettings, seed: int, sun: SunPosition) -> SyntheticLandscape:
    """Make a land.

    Args:
        plan: where it lies and what happens on it.
        seed: of all draws.
        sun: whose light casts the shadows of houses, which stay the same on all days.
    """
    ground, slides, cover, fate = np.random.default_rng(seed).spawn(4)
    grid = plan.grid
    terrain = make_terrain(grid.shape, plan.resolution_m, ground)
    height, width = grid.shape
    frame = shapely.box(_EDGE_PX, _EDGE_PX, width - _EDGE_PX, height - _EDGE_PX)
    drawn = draw_landslides(terrain, frame, slides, plan.recipe)
    light = Light(azimuth_deg=sun.azimuth_deg, elevation_deg=sun.elevation_deg)
    bare = np.zeros(grid.shape, dtype=np.float32)
    return SyntheticLandscape(
        terrain=terrain,
        cover=paint_land_cover(terrain, bare, light, cover),
        slides=tuple(draw_histories([one.outline for one in drawn], fate, plan.triggers)),
        grid=grid,
        river_m=plan.river_m,
        seed=seed,
    )


def _blend(new: NDArray[np.float32], old: NDArray[np.float32], share: Field) -> None:
    """Leave a share (height, width) of the new, in place."""
    new -= old
    new *= share
    new += old
