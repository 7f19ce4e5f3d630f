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
from landslip.synthetic.terrain import SyntheticTerrain, illumination, make_terrain

_BLOCK_PX = 16
_EDGE_PX = 8.0
_FAINT, _BARE = 0.12, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LandscapeSettings:
    """Place, triggers in order of time, and landslides (of all times together) of a landscape.

    ``centre_deg`` is (lon, lat); the shape is rounded up to multiples of 16; ``river_m`` is the
    river's height over the ellipsoid.
    """

    centre_deg: tuple[float, float]
    epsg: int
    shape: tuple[int, int]
    resolution_m: float = 2.0
    river_m: float = 1300.0
    landslides: LandslideSettings = field(default_factory=lambda: LandslideSettings(per_km2=14.0))
    triggers: tuple[TriggerEvent, ...] = WENCHUAN

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
class SyntheticLandscape:
    """Terrain, land cover without landslides, and the history of every landslide, in pixels.

    Heights of the terrain are over the river, which is ``river_m`` over the ellipsoid; the seed is
    of the debris.
    """

    terrain: SyntheticTerrain
    cover: SurfaceCanvas
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
        canvas = SurfaceCanvas(self.cover.reflectance.copy(), self.cover.relief_m.copy())
        freshness = self.freshness_on(day)
        if freshness.any():
            debris = np.random.default_rng([self.seed, day.toordinal()])
            paint_debris(canvas, self.terrain, freshness, debris)
            # old landslides are blended with what grew there before
            weight = ramp(freshness, _FAINT, _BARE)
            before = (*self.cover.reflectance, self.cover.relief_m)
            for painted, old in zip((*canvas.reflectance, canvas.relief_m), before, strict=True):
                np.subtract(painted, old, out=painted)
                np.multiply(painted, weight, out=painted)
                np.add(painted, old, out=painted)
        relief = self.terrain.height_m + canvas.relief_m
        canvas.reflectance *= illumination(relief, self.terrain.resolution_m, sun)
        return GroundModel(
            reflectance=canvas.reflectance,
            height_m=self.height_m,
            grid=self.grid,
            mirrored=mirrored,
        )

    def freshness_on(self, day: date) -> Field:
        """Return how bare landslides are on a day (height, width), 0 outside and once overgrown."""
        shapes = [(one.outline, one.freshness(day)) for one in self.landslides]
        visible = [one for one in shapes if one[1] >= _FAINT]
        if not visible:
            return np.zeros(self.grid.shape, dtype=np.float32)
        freshness: Field = rasterize(visible, out_shape=self.grid.shape, dtype="float32")
        return freshness


def make_landscape(settings: LandscapeSettings, seed: int, sun: SunPosition) -> SyntheticLandscape:
    """Make a landscape; the sun casts the shadows of houses, the same on all days."""
    ground, slides, cover, history = np.random.default_rng(seed).spawn(4)
    grid = settings.grid
    terrain = make_terrain(grid.shape, settings.resolution_m, ground)
    height, width = grid.shape
    frame = shapely.box(_EDGE_PX, _EDGE_PX, width - _EDGE_PX, height - _EDGE_PX)
    drawn = draw_landslides(terrain, frame, slides, settings.landslides)
    histories = draw_histories([one.outline for one in drawn], history, settings.triggers)
    return SyntheticLandscape(
        terrain=terrain,
        cover=paint_land_cover(terrain, sun, cover),
        landslides=tuple(histories),
        grid=grid,
        river_m=settings.river_m,
        seed=seed,
    )
