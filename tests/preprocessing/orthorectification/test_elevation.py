import numpy as np
import pyproj
import pytest
from affine import Affine
from rasterio.crs import CRS

from landslip.core.grid import Grid
from landslip.preprocessing.orthorectification.elevation import Elevation, GridProjection

PLACE = np.array([[103.48, 31.30]])


@pytest.mark.parametrize(
    "crs",
    ["EPSG:4326", "EPSG:32648", "EPSG:32647", "EPSG:4326+3855", "EPSG:32648+5773", "EPSG:4979"],
)
def test_a_grid_in_any_system_holds_the_place(crs: str) -> None:
    """Axis order is longitude, latitude; a vertical system changes nothing."""
    flat = {"EPSG:4979": "EPSG:4326"}.get(crs, crs.split("+", maxsplit=1)[0])
    x, y = pyproj.Transformer.from_crs(4326, flat, always_xy=True).transform(*PLACE[0])
    side = 1e-4 if "4326" in flat else 10.0
    transform = Affine(side, 0, x - 3 * side, 0, -side, y + 5 * side)
    frame = GridProjection(Grid(crs=CRS.from_user_input(crs), transform=transform, shape=(10, 10)))
    np.testing.assert_allclose(frame.pixels_of(PLACE), [[3, 5]], atol=1e-5)
    np.testing.assert_allclose(frame.lonlat_of(np.array([[3.0, 5.0]])), PLACE, atol=1e-9)
    np.testing.assert_allclose(frame.map_of(PLACE), [[x, y]], rtol=1e-12)


def test_without_a_system_there_is_no_place() -> None:
    with pytest.raises(ValueError, match="needs a coordinate system"):
        GridProjection(Grid(crs=None, transform=Affine.identity(), shape=(2, 2)))


# 1e-4 degrees a cell; the upper left corner at 100 E, 30 N
GRID = Grid(crs=CRS.from_epsg(4326), transform=Affine(1e-4, 0, 100, 0, -1e-4, 30), shape=(20, 30))


def plane(known: bool = True) -> Elevation:
    """Height 10 col + row of the pixel coordinates of cell centres."""
    row, col = np.indices(GRID.shape, dtype=np.float32) + np.float32(0.5)
    flags = np.full(GRID.shape, known)
    return Elevation(height_m=(10 * col + row).astype(np.float32), known=flags, grid=GRID)


def test_heights_hold_at_cell_centres() -> None:
    places = np.array([[100 + 3.5e-4, 30 - 7.5e-4], [100 + 12.25e-4, 30 - 4e-4]])
    assert plane().at(places) == pytest.approx([42.5, 126.5], abs=1e-4)


def test_beyond_the_edge_the_edge_holds_and_is_not_covered() -> None:
    places = np.array([[99.0, 30 - 10.5e-4], [101.0, 29.0], [100 + 1e-4, 30 - 1e-4]])
    assert plane().at(places) == pytest.approx([5 + 10.5, 295 + 19.5, 10 + 1], abs=1e-4)
    assert plane().covers(places).tolist() == [False, False, True]


@pytest.mark.parametrize("corner", [(0, 0), (4, 9), (-3, 2)])
def test_sample_is_at_per_pixel(corner: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    places = np.stack([generator.uniform(1, 29, (5, 6)), generator.uniform(1, 19, (5, 6))])
    col, row = (places[axis] - corner[axis] for axis in (0, 1))
    heights, known = plane().sample(col.astype(np.float32), row.astype(np.float32), corner)
    np.testing.assert_allclose(heights, 10 * places[0] + places[1], atol=1e-2)
    assert known.all()


def test_outside_nothing_is_known() -> None:
    col = np.array([[-2.0, 0.2, 15.0, 29.8, 31.0]], np.float32)
    heights, known = plane().sample(col, np.full((1, 5), 10.0, np.float32), (0, 0))
    assert known.tolist() == [[False, True, True, True, False]]
    np.testing.assert_allclose(heights, [[15, 15, 160, 305, 305]], atol=1e-3)


def test_far_outside_nothing_is_known() -> None:
    far = np.full((2, 2), 1000.0, np.float32)
    _, known = plane().sample(far, far, (0, 0))
    assert not known.any()


def test_unknown_cells_are_flagged() -> None:
    elevation = plane()
    elevation.known[4, 6] = False
    col = np.array([[5.9, 6.1, 6.9, 7.1]], np.float32)
    _, known = elevation.sample(col, np.full((1, 4), 4.5, np.float32), (0, 0))
    assert known.tolist() == [[True, False, False, True]]


def test_one_cell_is_enough() -> None:
    grid = Grid(crs=GRID.crs, transform=GRID.transform, shape=(1, 1))
    one = Elevation(
        height_m=np.full((1, 1), 7, np.float32), known=np.ones((1, 1), np.bool_), grid=grid
    )
    assert one.at(np.array([[100.0, 30.0], [100.5, 29.0]])).tolist() == [7, 7]
    assert one.range_m == (7, 7)
