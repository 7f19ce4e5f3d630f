import numpy as np
import pyproj
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
from landslip.inventory.polygons import watershed as module
from landslip.inventory.polygons.constrictions import Constriction
from landslip.inventory.polygons.watershed import (
    ElevationSource,
    SplitContext,
    SplitLandslides,
    fraction_across,
    max_pixel_side_m,
    pixel_to_metres,
    slope_across,
    split_landslides,
)

GRID = Grid(
    crs=CRS.from_epsg(32650),
    transform=Affine(2, 0, 500_000, 0, -2, 4_000_000),
    shape=(SIDE, SIDE),
)
SOUTH, EAST = Slope(0.0, 0.5), Slope(-0.5, 0.0)


def split_mask(
    mask: Mask, heights: ElevationSource | None = None, steps: NDArray[np.uint8] | None = None
) -> SplitLandslides:
    known = np.where(mask, np.uint8(200), np.uint8(20)) if steps is None else steps

    def read(window: Window) -> NDArray[np.uint8]:
        return known[window.slices_in(Window(0, 0, SIDE, SIDE))]

    return split_landslides(
        landslides_of(mask),
        SplitContext(
            grid=GRID,
            read_levels=read,
            low_level=100,
            high_level=150,
            min_part_px=25,
            elevation=heights,
        ),
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
def test_turning_terrain_and_landslides_changes_nothing(turns: int) -> None:
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


def test_level_terrain_is_as_no_elevation_model() -> None:
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


def test_what_is_too_large_stays_whole_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WINDOW_PX", 1500)

    after = split_mask(TONGUES, SOUTH)

    assert after.too_large == 1
    assert len(after.parts) == 1


FLOW_GRID = Grid(
    crs=CRS.from_epsg(32650),
    transform=Affine(2, 0, 500_000, 0, -2, 4_000_000),
    shape=(200, 200),
)


def neck(end: tuple[float, float]) -> Constriction:
    return Constriction(start=(100.0, 100.0), end=end, overhang_px=9.0, overhang_near_px=9.0)


@pytest.mark.parametrize(
    ("end", "rise", "share"),
    [
        pytest.param((110.0, 100.0), (0.5, 0.0), 0.0, id="along"),
        pytest.param((110.0, 100.0), (0.0, -0.5), 1.0, id="across"),
        pytest.param((110.0, 100.0), (0.3, 0.3), np.sqrt(0.5), id="aslant"),
        pytest.param((110.0, 110.0), (0.3, -0.3), 0.0, id="rows go south"),
        pytest.param((100.0, 104.0), (0.3, 0.4), 0.6, id="three four five"),
    ],
)
def test_the_share_of_a_plane_that_falls_across(
    end: tuple[float, float], rise: tuple[float, float], share: float
) -> None:
    assert slope_across(Slope(*rise), FLOW_GRID, neck(end)) == pytest.approx(share, abs=1e-4)


def test_level_terrain_has_no_direction() -> None:
    assert slope_across(Slope(0.0, 0.019), FLOW_GRID, neck((110.0, 100.0))) is None
    assert slope_across(Slope(0.0, 0.021), FLOW_GRID, neck((110.0, 100.0))) == pytest.approx(1)


def test_without_heights_nothing_is_known() -> None:
    assert slope_across(None, FLOW_GRID, neck((110.0, 100.0))) is None


def test_gaps_are_left_out_and_too_many_tell_nothing() -> None:
    heights = np.add.outer(np.arange(10.0), np.zeros(10)).astype(np.float32)
    line, metres = np.array([1.0, 0.0]), np.eye(2)
    heights[:5] = np.nan
    assert fraction_across(heights, metres, line) == pytest.approx(1)

    heights[5, 0] = np.nan
    assert fraction_across(heights, metres, line) is None


def test_a_neck_at_the_edge_of_the_raster() -> None:
    corner = Constriction(start=(0.0, 0.0), end=(0.0, 8.0), overhang_px=9.0, overhang_near_px=9.0)

    assert slope_across(Slope(0.5, 0.0), FLOW_GRID, corner) == pytest.approx(1, abs=1e-4)


def grid(epsg: int | None, transform: Affine) -> Grid:
    crs = None if epsg is None else CRS.from_epsg(epsg)
    return Grid(crs=crs, transform=transform, shape=(100, 60))


def test_metres() -> None:
    place = grid(32650, Affine(2, 0, 500_000, 0, -3, 4_000_000))

    np.testing.assert_allclose(np.array(pixel_to_metres(place)), [[2, 0], [0, -3]])
    assert max_pixel_side_m(place) == pytest.approx(3)


def test_feet() -> None:
    place = grid(2263, Affine(10, 0, 1e6, 0, -10, 2e5))

    assert max_pixel_side_m(place) == pytest.approx(3048.0061 / 1000)


def test_a_turned_grid() -> None:
    place = grid(32650, Affine.rotation(30) @ Affine.scale(2, -2))

    assert max_pixel_side_m(place) == pytest.approx(2)
    np.testing.assert_allclose(
        np.array(pixel_to_metres(place)), [[np.sqrt(3), 1], [1, -np.sqrt(3)]], atol=1e-12
    )


@pytest.mark.parametrize("south", [60.0, 0.0, -35.0])
def test_degrees(south: float) -> None:
    step = 1 / 3600
    place = grid(4326, Affine(step, 0, 103, 0, -step, south + 50 * step))
    geod = pyproj.Geod(ellps="WGS84")
    east_m = geod.inv(103, south, 103 + step, south)[2]
    north_m = geod.inv(103, south, 103, south + step)[2]

    matrix = pixel_to_metres(place)

    assert matrix is not None
    np.testing.assert_allclose(np.diag(matrix), [east_m, -north_m], rtol=0.006)
    longest_m = max_pixel_side_m(place)
    assert longest_m is not None
    assert longest_m >= max(east_m, north_m) * 0.995


def test_nothing_is_known_without_a_coordinate_system() -> None:
    place = grid(None, Affine(2, 0, 0, 0, -2, 0))

    assert pixel_to_metres(place) is None
    assert max_pixel_side_m(place) is None
