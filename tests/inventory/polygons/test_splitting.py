import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from tests.inventory.polygons.pixel_shapes import (
    ANGLE,
    BRIDGED,
    CROSS,
    DISCS,
    HORSESHOE,
    HOURGLASS,
    LONG_NECK,
    RING,
    SIDE,
    TONGUE,
    TONGUES,
    Mask,
    Slope,
    box,
    disc,
    landslides_of,
    winding,
)

from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.inventory.polygons import splitting as module
from landslip.inventory.polygons.cutting import Splitting
from landslip.inventory.polygons.flow import Heights
from landslip.inventory.polygons.splitting import Split, split

GRID = Grid(
    crs=CRS.from_epsg(32650),
    transform=Affine(2, 0, 500_000, 0, -2, 4_000_000),
    shape=(SIDE, SIDE),
)
SOUTH, EAST = Slope(0.0, 0.5), Slope(-0.5, 0.0)


def split_mask(
    mask: Mask, heights: Heights | None = None, steps: NDArray[np.uint8] | None = None
) -> Split:
    known = np.where(mask, np.uint8(200), np.uint8(20)) if steps is None else steps

    def read(window: Window) -> NDArray[np.uint8]:
        return known[window.slices_in(Window(0, 0, SIDE, SIDE))]

    return split(
        landslides_of(mask),
        Splitting(grid=GRID, steps=read, least=100, seed=150, least_px=25, heights=heights),
    )


@pytest.mark.parametrize(
    ("shape", "unknown", "downwards", "sideways"),
    [
        pytest.param(TONGUES, 2, 2, 1, id="tongues that touch"),
        pytest.param(BRIDGED, 1, 2, 1, id="tongues with a bridge"),
        pytest.param(HOURGLASS, 2, 1, 2, id="hourglass"),
        pytest.param(HOURGLASS.T, 2, 2, 1, id="hourglass that lies"),
        pytest.param(DISCS, 1, 3, 1, id="three discs in a row"),
        pytest.param(LONG_NECK, 1, 1, 2, id="source, track and deposit"),
        pytest.param(TONGUE, 1, 1, 1, id="tongue"),
        pytest.param(RING, 1, 1, 1, id="ring"),
        pytest.param(ANGLE, 1, 1, 1, id="angle"),
        pytest.param(HORSESHOE, 1, 1, 1, id="horseshoe"),
        pytest.param(CROSS, 1, 1, 1, id="cross"),
        pytest.param(winding(), 1, 1, 1, id="winding"),
    ],
)
def test_how_many_landslides_a_shape_is(
    shape: Mask, unknown: int, downwards: int, sideways: int
) -> None:
    counts = [
        len(split_mask(np.ascontiguousarray(shape), heights).parts)
        for heights in (None, SOUTH, EAST)
    ]

    assert counts == [unknown, downwards, sideways]


@pytest.mark.parametrize("turns", range(4))
def test_turning_the_ground_with_the_landslides_changes_nothing(turns: int) -> None:
    mask = np.ascontiguousarray(np.rot90(TONGUES, turns))
    heights = [SOUTH, EAST][turns % 2]

    parts = split_mask(mask, heights).parts

    assert len(parts) == 2
    assert np.abs(np.diff(parts.pixels))[0] <= 40


def test_parts_are_the_pixels_of_the_whole() -> None:
    before = landslides_of(DISCS)

    after = split_mask(DISCS, SOUTH)

    polygons = after.parts.outlines.geometries()
    whole = shapely.union_all(polygons)
    assert shapely.equals(whole, before.outlines.geometries()[0])
    assert shapely.area(polygons).tolist() == after.parts.pixels.tolist()
    assert after.parts.pixels.sum() == np.count_nonzero(DISCS)
    assert after.parts.probability_sums.tolist() == (200 * after.parts.pixels).tolist()
    assert after.parts.probability_maxima.tolist() == [200] * 3
    assert shapely.coverage_is_valid(polygons)
    assert after.region.tolist() == [0, 0, 0]


def test_the_line_follows_where_the_landslide_is_least_sure() -> None:
    steps = np.where(TONGUES, np.uint8(240), np.uint8(0))
    steps[:, 33] = np.where(TONGUES[:, 33], 130, 0)

    parts = split_mask(TONGUES, SOUTH, steps).parts

    # the surest ways from both sides meet in column 33, or beside it
    left = min(shapely.total_bounds(part)[2] for part in parts.outlines.geometries())
    assert left in (33, 34)
    low = shapely.get_coordinates(shapely.intersection(*parts.outlines.geometries()))
    assert set(low[:, 0].tolist()) <= {33, 34}


def test_doubt_makes_a_wide_neck_narrow_enough() -> None:
    mask = disc(26, 40, 15) | disc(52, 40, 15)
    sure = np.where(mask, np.uint8(240), np.uint8(0))
    doubtful = sure.copy()
    doubtful[:, 37:41] = np.where(mask[:, 37:41], 110, 0)

    assert len(split_mask(mask, SOUTH, sure).parts) == 1
    assert len(split_mask(mask, SOUTH, doubtful).parts) == 2


def test_no_part_is_without_a_sure_pixel() -> None:
    steps = np.where(TONGUES, np.uint8(120), np.uint8(0))
    steps[20:30, 22:30] = 240

    assert len(split_mask(TONGUES, SOUTH, steps).parts) == 1
    steps[60, 45] = 150
    assert len(split_mask(TONGUES, SOUTH, steps).parts) == 2


def test_flat_ground_is_as_no_ground() -> None:
    flat = Slope(0.0, 0.001)

    assert len(split_mask(LONG_NECK, flat).parts) == 1
    assert len(split_mask(TONGUES, flat).parts) == 2


def test_other_landslides_in_the_window_stay_apart() -> None:
    mask = TONGUES | box(22, 48, 72, 76) | box(60, 64, 20, 60)

    after = split_mask(mask, SOUTH)

    assert len(after.parts) == 4
    assert np.bincount(after.region).tolist().count(2) == 1
    assert after.parts.pixels.sum() == np.count_nonzero(mask)


def test_holes_go_to_the_part_around_them() -> None:
    mask = TONGUES & ~box(24, 26, 20, 22)

    polygons = split_mask(mask, SOUTH).parts.outlines.geometries()

    assert sorted(shapely.get_num_interior_rings(polygons).tolist()) == [0, 1]


def test_what_is_too_large_is_left_alone_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_WINDOW_PX", 1500)

    after = split_mask(TONGUES, SOUTH)

    assert after.too_large == 1
    assert len(after.parts) == 1
