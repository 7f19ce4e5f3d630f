import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import transform as warp_points

from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.preprocessing.coregistration.lattice import (
    Moved,
    PixelMap,
    footprint,
    matching_grid,
    output_grid,
    pixel_ratio,
)

UTM50, UTM51 = CRS.from_epsg(32650), CRS.from_epsg(32651)


def grid(size: float, shape: tuple[int, int], x: float = 500_000, y: float = 4_000_000) -> Grid:
    return Grid(crs=UTM50, transform=Affine(size, 0, x, 0, -size, y), shape=shape)


def test_pixel_coordinates_go_over_coordinate_systems() -> None:
    reference = grid(2, (100, 100), x=790_000)
    moving = Grid(crs=UTM51, transform=Affine(3, 0, 250_000, 0, -3, 4_000_300), shape=(100, 100))
    (x,), (y,) = warp_points(UTM51, UTM50, [250_000 + 3 * 20.5], [4_000_300 - 3 * 7.25])
    seen = PixelMap(moving, reference)(np.array([[20.5, 7.25]]))
    assert seen[0] == pytest.approx(((x - 790_000) / 2, (4_000_000 - y) / 2), abs=1e-5)
    back = PixelMap(reference, moving)(seen)
    assert back[0] == pytest.approx((20.5, 7.25), abs=1e-5)


@pytest.mark.parametrize(
    ("ours", "theirs", "ratio", "matched", "written"),
    [
        (2.0, 2.0, 1.0, 2.0, 2.0),
        (2.0, 2.1, 2 / 2.1, 2.1, 2.1),  # nearly one size
        (2.0, 10.0, 0.2, 10.0, 2.0),
        (2.0, 3.0, 2 / 3, 3.0, 1.5),
        (10.0, 2.0, 5.0, 10.0, 10.0),
        (3.0, 2.0, 1.5, 2.0, 2.0),
    ],
)
def test_pixels_nest_and_keep_the_detail_of_the_moving_scene(
    ours: float, theirs: float, ratio: float, matched: float, written: float
) -> None:
    moving, reference = grid(ours, (60, 60), x=500_003), grid(theirs, (90, 90))
    assert pixel_ratio(moving, reference) == pytest.approx(ratio)
    assert matching_grid(moving, reference).transform.a == pytest.approx(matched)
    out = output_grid(moving, reference)
    assert out.transform.a == pytest.approx(written)
    corner = (out.transform.c - reference.transform.c) / written
    assert corner == pytest.approx(round(corner), abs=1e-9)


def test_the_output_covers_the_moving_scene_and_no_more() -> None:
    reference, moving = grid(2, (50, 50)), grid(2, (20, 30), x=499_991, y=4_000_005)
    out = output_grid(moving, reference)
    assert (out.transform.c, out.transform.f) == (499_990, 4_000_006)
    assert out.shape == (21, 31)
    same = output_grid(grid(2, (20, 30), x=500_100), reference)
    assert (same.transform.c, same.shape) == (500_100, (20, 30))


def test_the_output_covers_where_the_scene_is_not_where_it_is_said_to_be() -> None:
    reference, moving = grid(2, (50, 50)), grid(1, (20, 30), x=500_010, y=4_000_000)

    def growing(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([2 + 0.01 * points[:, 0], np.full(len(points), -3.0)])

    moved = Moved(frame=reference, displacement=growing)
    out = output_grid(moving, reference, moved)
    # left edge: said to be at column 5 = p + 2 + p / 100, so p = 2.97; right: 20 likewise, 17.82
    assert out.transform.c == 500_000 + 2 * 2.5
    assert out.transform.c + out.shape[1] == 500_000 + 36
    assert (out.transform.f, out.shape[0]) == (4_000_000 - 6, 20)
    points = np.array([[3.0, 40.0], [20.0, 2.0]])
    assert moved.undone(moved.done(points)) == pytest.approx(points, abs=1e-5)


def test_footprints_hold_outlines_that_bend() -> None:
    reference = grid(2, (100, 100), x=790_000)
    moving = Grid(crs=UTM51, transform=Affine(3, 0, 250_000, 0, -3, 4_000_300), shape=(400, 500))
    window = footprint(moving, reference)
    generator = np.random.default_rng(0)
    inside = PixelMap(moving, reference)(generator.uniform(0, (500, 400), (1000, 2)))
    assert (inside >= (window.col_off, window.row_off)).all()
    assert (inside <= (window.col_end, window.row_end)).all()
    corners = np.array([[0, 0], [500, 0], [500, 400], [0, 400]], dtype=np.float64)
    seen = PixelMap(moving, reference)(corners)
    assert window.width == pytest.approx(np.ptp(seen[:, 0]), abs=2)


def test_coarse_and_fine_grids_share_the_corner_and_cover_all() -> None:
    assert grid(2, (5, 7)).coarser(3, covering=True).shape == (2, 3)
    assert grid(2, (5, 7)).coarser(3, covering=True).transform == Affine(
        6, 0, 500_000, 0, -6, 4_000_000
    )
    assert grid(2, (5, 7)).finer(2).shape == (10, 14)
    assert grid(2, (5, 7)).finer(2).transform == Affine(1, 0, 500_000, 0, -1, 4_000_000)


def test_a_grid_that_cannot_be_mapped_lies_nowhere() -> None:
    far = Grid(crs=UTM50, transform=Affine(1e9, 0, 1e12, 0, -1e9, 1e12), shape=(4, 4))
    world = Grid(
        crs=CRS.from_epsg(4326), transform=Affine(0.1, 0, 110, 0, -0.1, 40), shape=(50, 50)
    )
    assert footprint(far, world) == Window(-1, -1, 1, 1)
