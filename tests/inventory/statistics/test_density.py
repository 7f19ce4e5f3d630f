import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.inventory.statistics.density import (
    covered_fractions,
    density_cells,
    density_limits,
)

UTM = CRS.from_epsg(32648)


def geometries(*items: shapely.Geometry) -> NDArray[np.object_]:
    return np.array(items, dtype=object)


def by_place(cells: geopandas.GeoDataFrame) -> dict[tuple[float, float], list[float]]:
    """Return number, density and share by the lower left corner."""
    return {
        (square.bounds[0], square.bounds[1]): [number, density, share]
        for square, number, density, share in zip(
            cells.geometry, cells["landslides"], cells["per_km2"], cells["area_share"], strict=True
        )
    }


def test_numbers_and_shares_of_a_grid_worked_by_hand() -> None:
    polygons = geometries(
        shapely.box(100, 100, 300, 200),  # 20,000 m² in the lower left cell
        shapely.box(900, 1_100, 1_200, 1_200),  # 30,000 m², a third of it left of 1,000 m
    )
    cells = density_cells(polygons, UTM, (0, 0, 2_000, 2_000), 1_000.0)
    found = by_place(cells)
    assert found[0, 0] == pytest.approx([1, 1.0, 0.02])
    assert found[0, 1_000] == pytest.approx([0, 0.0, 0.01])
    assert found[1_000, 1_000] == pytest.approx([1, 1.0, 0.02])
    assert found[1_000, 0] == [0, 0, 0]
    assert list(cells["cell"]) == [1, 2, 3, 4]
    assert by_place(cells.iloc[:1]).keys() == {(0, 1_000)}  # rows from the top
    assert cells.crs == pyproj.CRS.from_epsg(32648)
    assert [str(cells[name].dtype) for name in ("cell", "landslides")] == ["int64", "int64"]


def test_density_is_over_the_mapped_ground_of_a_cell() -> None:
    ground = shapely.Polygon([(0, 0), (1_000, 0), (0, 1_000)])
    polygons = geometries(shapely.box(100, 100, 200, 200))
    found = by_place(density_cells(polygons, UTM, ground, 1_000.0))
    assert list(found) == [(0, 0)]
    assert found[0, 0] == pytest.approx([1, 2.0, 0.02])


def test_a_sliver_of_mapped_ground_has_a_number_and_no_density() -> None:
    ground = shapely.box(0, 0, 1_249, 1_000)  # 24.9 % of the second cell
    polygons = geometries(shapely.box(1_100, 100, 1_200, 200))
    found = by_place(density_cells(polygons, UTM, ground, 1_000.0))
    assert found[0, 0] == [0, 0, 0]
    number, density, share = found[1_000, 0]
    assert number == 1
    assert np.isnan([density, share]).all()
    whole = by_place(density_cells(polygons, UTM, shapely.box(0, 0, 1_250, 1_000), 1_000.0))
    assert whole[1_000, 0] == pytest.approx([1, 4.0, 0.04])


def test_cells_beside_the_ground_are_left_out() -> None:
    ground = shapely.MultiPolygon([shapely.box(0, 0, 10, 10), shapely.box(290, 290, 300, 300)])
    assert len(density_cells(geometries(), UTM, ground, 100.0)) == 2


def test_ground_that_landslides_share_counts_once() -> None:
    polygons = geometries(
        shapely.box(0, 0, 80, 100), shapely.box(20, 0, 100, 100), shapely.box(0, 0, 100, 50)
    )
    found = by_place(density_cells(polygons, UTM, (0, 0, 100, 100), 100.0))
    assert found[0, 0] == pytest.approx([3, 300.0, 1.0])


def test_touching_landslides_are_added() -> None:
    polygons = geometries(shapely.box(0, 0, 30, 100), shapely.box(30, 0, 50, 100))
    found = by_place(density_cells(polygons, UTM, (0, 0, 100, 100), 100.0))
    assert found[0, 0][2] == pytest.approx(0.5)


def test_shares_are_those_of_cutting_each_cell_from_the_union() -> None:
    generator = np.random.default_rng(0)
    centres = shapely.points(generator.uniform(0, 2_000, (80, 2)))
    polygons = np.asarray(shapely.buffer(centres, generator.uniform(5, 200, 80)), dtype=object)
    ground = shapely.box(0, 0, 2_000, 2_000).difference(shapely.box(500, 500, 900, 777))
    cells = density_cells(shapely.intersection(polygons, ground), UTM, ground, 250.0)
    union = shapely.union_all(shapely.intersection(polygons, ground))
    squares = np.asarray(cells.geometry.values, dtype=object)
    mapped = shapely.area(shapely.intersection(squares, ground))
    expected = shapely.area(shapely.intersection(squares, union)) / mapped
    np.testing.assert_allclose(cells["area_share"], expected, atol=1e-9)
    assert cells["landslides"].sum() == 80
    assert cells["area_share"].max() <= 1


def test_degrees_give_cells_in_metres() -> None:
    polygons = geometries(shapely.box(103.20, 31.10, 103.21, 31.11))
    cells = density_cells(polygons, CRS.from_epsg(4326), (103.0, 31.0, 103.4, 31.4), 5_000.0)
    assert cells.crs == pyproj.CRS.from_epsg(32648)
    np.testing.assert_allclose(cells.geometry.area, 25e6)
    area = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(polygons[0])[0]
    inside = float(np.sum(cells["area_share"] * 25e6))
    assert inside == pytest.approx(abs(area), rel=0.002)


def test_a_country_in_degrees_gets_an_equal_area_projection() -> None:
    ground = (75.0, 20.0, 130.0, 50.0)
    cells = density_cells(geometries(), CRS.from_epsg(4326), ground, 50_000.0)
    assert "Lambert Azimuthal" in cells.crs.coordinate_operation.method_name
    lon, lat = np.radians(np.array(ground).reshape(2, 2)).T
    sphere = 6_371_007**2 * (lon[1] - lon[0]) * (np.sin(lat[1]) - np.sin(lat[0]))
    assert len(cells) * 25e8 == pytest.approx(sphere, rel=0.04)


def test_feet_and_mercator_are_left_for_metres() -> None:
    for code in (2263, 3857):
        left, bottom = pyproj.Transformer.from_crs(4326, code, always_xy=True).transform(
            -74.0, 40.7
        )
        polygons = geometries(shapely.box(left, bottom, left + 3_000, bottom + 3_000))
        assert density_cells(polygons, CRS.from_epsg(code)).crs == pyproj.CRS.from_epsg(32618)


def test_a_side_is_chosen_round_and_covers_the_landslides() -> None:
    polygons = geometries(shapely.box(0, 0, 100, 100), shapely.box(24_000, 9_000, 24_100, 9_100))
    cells = density_cells(polygons, UTM)
    side = np.sqrt(cells.geometry.area)
    np.testing.assert_allclose(side, 1_000)
    assert cells["landslides"].sum() == 2


@pytest.mark.parametrize(
    ("polygons", "crs"),
    [
        pytest.param(geometries(), UTM, id="nothing known"),
        pytest.param(geometries(shapely.box(0, 0, 1, 1)), None, id="no coordinate system"),
    ],
)
def test_where_nothing_can_be_counted_there_are_no_cells(
    polygons: NDArray[np.object_], crs: CRS | None
) -> None:
    cells = density_cells(polygons, crs)
    assert len(cells) == 0
    assert list(cells.columns) == ["cell", "landslides", "per_km2", "area_share", "geometry"]


def test_an_empty_map_has_cells_without_landslides() -> None:
    cells = density_cells(geometries(), UTM, (0, 0, 300, 300), 100.0)
    assert len(cells) == 9
    assert cells["landslides"].sum() == 0
    assert (cells["area_share"] == 0).all()


@pytest.mark.parametrize(
    ("side", "message"),
    [(0.0, "over 0 m; got 0"), (float("nan"), "got nan"), (1.0, "1e.06|1000000 .*longer ones")],
)
def test_sides_that_make_no_sense_are_refused(side: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        density_cells(geometries(), UTM, (0, 0, 1_000, 1_000), side)


def test_what_lies_beside_the_ground_does_not_count() -> None:
    polygons = geometries(
        shapely.box(50, 0, 150, 100),  # half of it on the ground
        shapely.box(120, 0, 130, 10),  # in a cell of the ground, beside it
        shapely.box(900, 900, 1_000, 1_000),
    )
    found = by_place(density_cells(polygons, UTM, shapely.box(0, 0, 100, 100), 200.0))
    assert found == {(0, 0): pytest.approx([1, 100.0, 0.5])}


def test_landslides_on_both_sides_of_180_degrees_are_neighbours() -> None:
    polygons = geometries(
        shapely.box(179.99, 10, 180.01, 10.01), shapely.box(-180, 10.02, -179.99, 10.03)
    )
    cells = density_cells(polygons, CRS.from_epsg(4326))
    assert cells["landslides"].sum() == 2
    height, width = shapely.box(*cells.total_bounds).exterior.length / 2, 2_200 + 3_320
    assert height == pytest.approx(width, abs=800)


def test_copies_and_what_lies_inside_another_count_once_and_cost_little() -> None:
    inside = [
        shapely.box(x, y, x + 5, y + 5) for x in range(0, 1_000, 10) for y in range(0, 1_000, 10)
    ]
    polygons = geometries(*[shapely.box(0, 0, 1_000, 500)] * 10_000, *inside)
    cells = density_cells(polygons, UTM, (0, 0, 1_000, 1_000), 500.0)
    np.testing.assert_allclose(cells["area_share"], [0.25, 0.25, 1, 1])
    assert cells["landslides"].sum() == 20_000


SHAPE, CORNER, SIDE = (4, 5), (100.0, 240.0), 10.0


def shares(*polygons: shapely.Geometry) -> NDArray[np.float64]:
    return covered_fractions(np.array(polygons, dtype=object), CORNER, SIDE, SHAPE)


def by_cutting(polygons: NDArray[np.object_]) -> NDArray[np.float64]:
    row, col = np.indices(SHAPE)
    left, top = CORNER[0] + col * SIDE, CORNER[1] - row * SIDE
    cells = shapely.box(left, top - SIDE, left + SIDE, top)
    area: NDArray[np.float64] = shapely.area(
        shapely.intersection(cells, shapely.union_all(polygons))
    )
    return area / SIDE**2


def test_shares_worked_by_hand() -> None:
    hole = [(112, 222), (118, 222), (118, 228), (112, 228)]
    found = shares(shapely.Polygon(shapely.box(105, 215, 125, 235).exterior.coords, [hole]))
    expected = np.zeros(SHAPE)
    expected[0, :3] = 0.25, 0.5, 0.25
    expected[1, :3] = 0.5, 1 - 0.36, 0.5
    expected[2, :3] = 0.25, 0.5, 0.25
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_those_of_cutting_every_cell(seed: int) -> None:
    generator = np.random.default_rng(seed)
    centres = generator.uniform((85, 185), (165, 255), (40, 2))  # some beyond the cells
    polygons = np.asarray(
        shapely.buffer(shapely.points(centres), generator.uniform(0.5, 8, 40)), dtype=object
    )
    polygons[:20] = shapely.difference(polygons[:20], shapely.buffer(polygons[:20], -1.0))
    found = covered_fractions(polygons, CORNER, SIDE, SHAPE)
    np.testing.assert_allclose(found, by_cutting(polygons), atol=1e-10)


def test_edges_on_the_lines_between_cells() -> None:
    found = shares(shapely.box(110, 210, 130, 230), shapely.box(130, 230, 150, 240))
    expected = np.zeros(SHAPE)
    expected[1:3, 1:3] = 1
    expected[0, 3:5] = 1
    np.testing.assert_array_equal(found, expected)


def test_one_polygon_over_everything_is_one_everywhere() -> None:
    np.testing.assert_allclose(shares(shapely.box(-1e6, -1e6, 1e6, 1e6)), np.ones(SHAPE))


def test_nothing_covers_nothing() -> None:
    assert not shares().any()


def test_ten_thousand_copies_count_once() -> None:
    copies = [shapely.box(102, 232, 107, 238)] * 10_000
    assert shares(*copies)[0, 0] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("largest", "limits"),
    [
        (16.0, [0, 1, 2, 4, 8, 16]),
        (17.0, [0, 2, 4, 8, 16, 32]),
        (0.03, [0, 0.002, 0.004, 0.008, 0.016, 0.032]),
        (3000.0, [0, 200, 400, 800, 1600, 3200]),
    ],
)
def test_classes_of_density_are_round_and_reach_the_largest(
    largest: float, limits: list[float]
) -> None:
    assert density_limits(np.array([0.0, largest / 3, largest])) == pytest.approx(limits)


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [np.nan]])
def test_without_any_density_there_are_no_classes(values: list[float]) -> None:
    assert density_limits(np.array(values, dtype=np.float64)) == []
