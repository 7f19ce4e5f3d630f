import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from tests.synthetic.conftest import rounded_otherwise

from landslip.core.grid import Grid
from landslip.synthetic.landslides import (
    Landslide,
    LandslideSettings,
    Outline,
    draw_landslides,
    in_map_coordinates,
    landslide_mask,
)
from landslip.synthetic.terrain import SyntheticTerrain, make_terrain

SHAPE = (768, 512)
FRAME = shapely.box(20, 0, SHAPE[1], SHAPE[0])
GRID = Grid(
    crs=CRS.from_epsg(32648), transform=Affine(2, 0, 354_000, 0, -2, 3_468_000), shape=SHAPE
)


@pytest.fixture(scope="module")
def terrain() -> SyntheticTerrain:
    return make_terrain(SHAPE, 2.0, np.random.default_rng(3))


@pytest.fixture(scope="module")
def drawn(terrain: SyntheticTerrain) -> list[Landslide]:
    return draw_landslides(terrain, FRAME, np.random.default_rng(4))


@pytest.fixture(scope="module")
def mask(drawn: list[Landslide]) -> NDArray[np.bool_]:
    return landslide_mask(in_map_coordinates(drawn, GRID), GRID)


def long_axis(outline: Outline) -> NDArray[np.float64]:
    corners = shapely.get_coordinates(outline.minimum_rotated_rectangle)
    sides = np.diff(corners, axis=0)[:2]
    longest = sides[np.argmax(np.hypot(*sides.T))]
    unit: NDArray[np.float64] = longest / np.hypot(*longest)
    return unit


def test_there_are_as_many_as_the_recipe_says(drawn: list[Landslide]) -> None:
    area_km2 = SHAPE[0] * SHAPE[1] * 4 / 1e6
    expected = LandslideSettings().per_km2 * area_km2
    assert 0.8 * expected - 1 <= len(drawn) <= 1.2 * expected + 1


def test_slopes_that_are_rounded_otherwise_change_few_landslides(
    terrain: SyntheticTerrain,
) -> None:
    dense = LandslideSettings(per_km2=60.0, length_m=90.0)
    drawn, others = (
        draw_landslides(each, FRAME, np.random.default_rng(4), dense)
        for each in (terrain, rounded_otherwise(terrain))
    )
    outlines = [one.outline for one in others]
    same = sum(any(one.outline.equals_exact(other, 0.01) for other in outlines) for one in drawn)
    assert same > 0.9 * len(drawn) > 30


def test_outlines_are_valid_polygons_apart_from_each_other_and_in_the_frame(
    drawn: list[Landslide],
) -> None:
    outlines = np.array([one.outline for one in drawn])
    assert all(one.geom_type == "Polygon" and one.is_valid for one in outlines)
    assert FRAME.contains(outlines).all()
    near = shapely.STRtree(outlines).query(outlines, predicate="dwithin", distance=4.9)
    np.testing.assert_array_equal(near[0], near[1])


def test_they_lie_on_steep_ground(terrain: SyntheticTerrain, mask: NDArray[np.bool_]) -> None:
    assert np.median(terrain.slope_deg[mask]) > np.median(terrain.slope_deg) + 4
    floor = terrain.river_m < terrain.plain_m - 20
    assert (mask & floor).sum() < 0.01 * mask.sum()


def test_most_are_long_and_point_down_the_slope(
    terrain: SyntheticTerrain, drawn: list[Landslide]
) -> None:
    angles, stretches = [], []
    for one in drawn:
        inside = landslide_mask(in_map_coordinates([one], GRID), GRID)
        down = terrain.downslope[:, inside].mean(axis=1)
        angles.append(np.arccos(abs(long_axis(one.outline) @ down) / np.hypot(*down)))
        stretches.append(one.outline.length**2 / (4 * np.pi * one.outline.area))
    assert np.mean(np.degrees(angles) < 30) > 0.75
    assert np.median(stretches) > 1.5  # a circle has 1, a rectangle of 3 x 1 has 1.7


def test_sizes_and_ages_vary(drawn: list[Landslide]) -> None:
    areas = [one.outline.area for one in drawn]
    assert max(areas) > 4 * min(areas)
    ages = [one.freshness for one in drawn]
    assert 0.55 <= min(ages) < 0.7
    assert 0.9 < max(ages) <= 1


def test_the_mask_is_the_polygons_by_pixel_centre(
    drawn: list[Landslide], mask: NDArray[np.bool_]
) -> None:
    union = shapely.union_all([one.outline for one in drawn])
    shapely.prepare(union)
    row, col = np.indices(SHAPE)
    np.testing.assert_array_equal(mask, shapely.contains_xy(union, col + 0.5, row + 0.5))


def test_on_the_map_y_goes_north(drawn: list[Landslide]) -> None:
    placed = in_map_coordinates(drawn, GRID)[0].outline
    x, y = shapely.get_coordinates(drawn[0].outline)[0]
    expected = GRID.transform.c + 2 * x, GRID.transform.f - 2 * y
    assert shapely.get_coordinates(placed)[0] == pytest.approx(expected)


def test_the_same_seed_gives_the_same_landslides(
    terrain: SyntheticTerrain, drawn: list[Landslide]
) -> None:
    again = draw_landslides(terrain, FRAME, np.random.default_rng(4))
    other = draw_landslides(terrain, FRAME, np.random.default_rng(5))
    assert [one.outline.wkb for one in again] == [one.outline.wkb for one in drawn]
    assert other[0].outline != drawn[0].outline
