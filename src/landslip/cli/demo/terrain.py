"""The synthetic terrain of the demo: what a user would have, and the truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.grid import Grid, map_points
from landslip.core.window import Window
from landslip.synthetic.histories import visible_landslides
from landslip.synthetic.landscape import LandscapeSettings, SyntheticLandscape, make_landscape
from landslip.synthetic.landslides import (
    Landslide,
    LandslideSettings,
    in_map_coordinates,
    landslide_mask,
)
from landslip.synthetic.overpass import target_over
from landslip.synthetic.product import ProductRequest, write_product
from landslip.synthetic.series import (
    StudyArea,
    write_area,
    write_landscape_dem,
    write_landslides,
    write_reflectance,
)
from landslip.synthetic.study_areas import wenchuan_area

DEM, REFERENCE, TRUTH = "dem.tif", "reference.tif", "landslides_truth.gpkg"
TRAIN_AREA, TEST_AREA = "train_area.gpkg", "test_area.gpkg"
SHAPE, _MARGIN_PX = (1536, 1024), 32
_PER_KM2 = 21.0
_TRAIN_SHARE, _GAP_PX = 7 / 12, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoTerrain:
    """Terrain seen from above, with all its landslides, and the archive of its product.

    The demo is about ``area``, seen a year ago for the reference, and lately for the product.
    """

    land: SyntheticLandscape
    area: StudyArea
    product: Path

    @property
    def landslides(self) -> list[Landslide]:
        """Those that can be seen in the product, in map coordinates."""
        day = self.area.overpasses[-1].beijing_time.date()
        return in_map_coordinates(visible_landslides(self.land.landslides, day), self.land.grid)

    def window_on(self, grid: Grid, part: Window) -> Window:
        """Return a window of the demo's area as one of a grid that lies pixel on pixel with it."""
        offset = self.area.window_on(self.land.grid)
        corner = np.array([[offset.col_off + part.col_off, offset.row_off + part.row_off]])
        place = map_points(self.land.grid.transform, corner.astype(np.float64))
        col, row = np.rint(map_points(~grid.transform, place))[0].astype(int).tolist()
        return Window(col, row, part.width, part.height)

    def landslide_mask(self, grid: Grid) -> NDArray[np.bool_]:
        """Return which pixels of a grid lie in a landslide (height, width)."""
        return landslide_mask(self.landslides, grid)


def make_terrain(seed: int, folder: Path, shape: tuple[int, int] = SHAPE) -> DemoTerrain:
    """Make a land, and write what a user would have of it, and the truth.

    That is a raw product whose pointing is 42 m off, an elevation model, a scene of the year before
    that lies where it should, and the landslides drawn as polygons; of an area of ``shape``
    (height, width).
    """
    large = wenchuan_area(seed)
    plan = LandscapeSettings(
        centre_deg=large.landscape.centre_deg,
        epsg=large.landscape.epsg,
        shape=shape,
        landslides=LandslideSettings(per_km2=_PER_KM2),
    )
    area = StudyArea(
        landscape=plan, overpasses=large.overpasses[:2], margin_px=_MARGIN_PX, seed=seed
    )
    before, look = area.overpasses
    land = make_landscape(area.landscape_with_margin, seed, look.sun(area.middle))
    window = area.window_on(land.grid)
    earlier = land.ground_on(before.beijing_time.date(), before.sun(area.middle))
    write_reflectance(earlier, window, folder / REFERENCE)
    day = look.beijing_time.date()
    ground = land.ground_on(day, look.sun(area.middle))
    request = ProductRequest(
        ground=ground, overpass=look, target=target_over(ground, look, window), seed=seed
    )
    made = DemoTerrain(land=land, area=area, product=write_product(request, folder))
    write_landscape_dem(land, area.dem, folder / DEM)
    write_landslides(land, day, folder / TRUTH)
    for part, name in zip(split_area(shape), (TRAIN_AREA, TEST_AREA), strict=True):
        col, row = window.col_off + part.col_off, window.row_off + part.row_off
        moved = Window(col, row, part.width, part.height)
        write_area(land.grid, moved, folder / name)
    return made


def split_area(shape: tuple[int, int] = SHAPE) -> tuple[Window, Window]:
    """Return the windows of an area (height, width) to train on and to test on, none between.

    The gap is a tile wide, so that no landslide lies in both.
    """
    height, width = shape
    train_end = round(height * _TRAIN_SHARE)
    test_start = train_end + _GAP_PX
    return Window(0, 0, width, train_end), Window(0, test_start, width, height - test_start)
