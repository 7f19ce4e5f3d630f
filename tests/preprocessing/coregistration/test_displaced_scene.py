from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import transform as warp_points

from landslip.core.bands import Bands
from landslip.core.errors import RegistrationError
from landslip.core.grid import Grid, PixelTransform
from landslip.core.window import Window
from landslip.io.raster import Scene
from landslip.preprocessing.coregistration.displaced_scene import (
    DisplacedScene,
    SceneDisplacement,
    block_means,
    extend_edges,
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
    seen = PixelTransform(moving, reference)(np.array([[20.5, 7.25]]))
    assert seen[0] == pytest.approx(((x - 790_000) / 2, (4_000_000 - y) / 2), abs=1e-5)
    back = PixelTransform(reference, moving)(seen)
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


def test_scenes_that_have_no_place_in_the_others_system_are_refused() -> None:
    polar = Grid(crs=CRS.from_epsg(4326), transform=Affine(1, 0, 0, 0, -1, 95), shape=(4, 4))
    reference = Grid(crs=UTM50, transform=Affine(2, 0, 5e5, 0, -2, 4e6), shape=(9, 9))
    with pytest.raises(RegistrationError, match="has no place in the coordinate system of the ref"):
        output_grid(polar, reference)


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

    moved = SceneDisplacement(frame=reference, displacement=growing)
    out = output_grid(moving, reference, moved)
    # left edge: said to be at column 5 = p + 2 + p / 100, so p = 2.97; right: 20 likewise, 17.82
    assert out.transform.c == 500_000 + 2 * 2.5
    assert out.transform.c + out.shape[1] == 500_000 + 36
    assert (out.transform.f, out.shape[0]) == (4_000_000 - 6, 20)
    points = np.array([[3.0, 40.0], [20.0, 2.0]])
    assert moved.undo(moved.apply(points)) == pytest.approx(points, abs=1e-5)


def test_footprints_hold_outlines_that_bend() -> None:
    reference = grid(2, (100, 100), x=790_000)
    moving = Grid(crs=UTM51, transform=Affine(3, 0, 250_000, 0, -3, 4_000_300), shape=(400, 500))
    window = footprint(moving, reference)
    generator = np.random.default_rng(0)
    inside = PixelTransform(moving, reference)(generator.uniform(0, (500, 400), (1000, 2)))
    assert (inside >= (window.col_off, window.row_off)).all()
    assert (inside <= (window.col_end, window.row_end)).all()
    corners = np.array([[0, 0], [500, 0], [500, 400], [0, 400]], dtype=np.float64)
    seen = PixelTransform(moving, reference)(corners)
    assert window.width == pytest.approx(np.ptp(seen[:, 0]), abs=2)


def test_coarse_and_fine_grids_share_the_corner_and_cover_all() -> None:
    assert grid(2, (5, 7)).coarser(3, covering=True).shape == (2, 3)
    assert grid(2, (5, 7)).coarser(3, covering=True).transform == Affine(
        6, 0, 500_000, 0, -6, 4_000_000
    )
    assert grid(2, (5, 7)).finer(2).shape == (10, 14)
    assert grid(2, (5, 7)).finer(2).transform == Affine(1, 0, 500_000, 0, -1, 4_000_000)


def test_a_grid_that_cannot_be_mapped_has_no_footprint() -> None:
    far = Grid(crs=UTM50, transform=Affine(1e6, 0, 1e10, 0, -1e6, 1e10), shape=(4, 4))
    world = Grid(
        crs=CRS.from_epsg(4326), transform=Affine(0.1, 0, 110, 0, -0.1, 40), shape=(50, 50)
    )
    assert footprint(far, world) == Window(-1, -1, 1, 1)


WriteRaster = Callable[..., Path]
NAMES = ("red", "nir")
RED = Bands(("red",))


def smooth(shape: tuple[int, int] = (80, 90)) -> NDArray[np.float32]:
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    first = 200 + 40 * np.sin(cols / 7) + 30 * np.cos(rows / 5 + cols / 30)
    return np.stack([first, 2 * first + 10]).astype(np.float32)


@pytest.fixture
def scene(write_raster: WriteRaster) -> Scene:
    values = smooth()
    values[:, 30:40, 50:60] = -1
    return Scene(write_raster("scene.tif", values, names=NAMES, nodata=-1))


def shifted(dx: float, dy: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda points: np.tile([dx, dy], (len(points), 1)).astype(np.float64)


def test_a_scene_on_its_own_grid_is_itself(scene: Scene) -> None:
    view = DisplacedScene(scene, scene.grid, SceneDisplacement(frame=scene.grid))
    values, valid = view.read(scene.grid.window)
    stored, known = scene.read(scene.grid.window)
    assert np.array_equal(valid, known)
    assert values[:, valid] == pytest.approx(stored[:, known], abs=1e-3)


def test_displacements_say_where_to_look(scene: Scene) -> None:
    view = DisplacedScene(
        scene, scene.grid, SceneDisplacement(frame=scene.grid, displacement=shifted(5, -3))
    )
    values, valid = view.read(Window(10, 10, 20, 15), RED)
    stored, _ = scene.read(Window(15, 7, 20, 15), RED)
    assert valid.all()
    assert values == pytest.approx(stored, abs=1e-3)


def test_windows_beyond_the_scene_are_not_valid(scene: Scene) -> None:
    view = DisplacedScene(scene, scene.grid, SceneDisplacement(frame=scene.grid))
    values, valid = view.read(Window(-10, 70, 30, 20))
    assert valid[:10, 10:].all()
    assert np.count_nonzero(valid) == 200
    assert values.shape == (2, 20, 30)
    values, valid = view.read(Window(500, 500, 8, 8))
    assert not valid.any()
    assert values.shape == (2, 8, 8)


def test_missing_pixels_do_not_bleed(scene: Scene) -> None:
    view = DisplacedScene(
        scene, scene.grid, SceneDisplacement(frame=scene.grid, displacement=shifted(0.4, 0.3))
    )
    values, valid = view.read(Window(40, 20, 30, 30), RED)
    rows, cols = np.mgrid[20:50, 40:70] + np.array([0.3, 0.4])[:, None, None]
    expected = 200 + 40 * np.sin(cols / 7) + 30 * np.cos(rows / 5 + cols / 30)
    assert np.abs(values[0] - expected)[valid].max() < 6  # -1 would pull by 100 and more
    whole = valid.copy()
    whole[7:23, 7:23] = False
    assert np.abs(values[0] - expected)[whole].max() < 0.8
    assert 95 <= np.count_nonzero(~valid) <= 105


def test_another_coordinate_system_shows_the_same_ground(write_raster: WriteRaster) -> None:
    path = write_raster("whole.tif", smooth((200, 220)), names=NAMES)
    (left,), (top,) = warp_points("EPSG:32650", "EPSG:32651", [500_040], [3_999_980])
    transform = Affine(0.9, 0.1, left, 0.1, -1.1, top)
    wanted = Grid(crs=CRS.from_epsg(32651), transform=transform, shape=(100, 110))
    with Scene(path) as whole:
        found, valid = DisplacedScene(whole, wanted, SceneDisplacement(frame=wanted)).read(
            wanted.window, RED
        )
    rows, cols = np.mgrid[:100, :110] + 0.5
    x, y = transform @ (cols.ravel(), rows.ravel())
    x, y = (np.reshape(part, cols.shape) for part in warp_points(wanted.crs, "EPSG:32650", x, y))
    cols, rows = x - 500_000 - 0.5, 4_000_000 - y - 0.5
    expected = 200 + 40 * np.sin(cols / 7) + 30 * np.cos(rows / 5 + cols / 30)
    assert valid.mean() > 0.9
    # the slopes are up to 8 a pixel, and OpenCV's cubic displaces them by up to 0.05 px
    assert np.abs(found[0] - expected)[valid].max() < 0.8


def test_coarse_grids_take_means_and_parts_of_windows_agree(scene: Scene) -> None:
    times = 4
    coarse = Grid(
        crs=scene.grid.crs, transform=scene.grid.transform @ Affine.scale(times), shape=(20, 22)
    )
    view = DisplacedScene(scene, coarse, SceneDisplacement(frame=scene.grid))
    values, valid = view.read(coarse.window)
    stored, _ = scene.read(Window(0, 0, 88, 80))
    blocks = stored.reshape(2, 20, times, 22, times).mean(axis=(2, 4))
    assert values[:, :7] == pytest.approx(blocks[:, :7], abs=1e-3)
    assert not valid[8:9, 13:14].any()
    part, _ = view.read(Window(3, 2, 9, 5))
    assert part == pytest.approx(values[:, 2:7, 3:12], abs=1e-3)
    mean, _ = view.read(Window(3, 2, 9, 5), as_mean=True)
    assert mean[0] == pytest.approx(part.mean(axis=0), abs=1e-3)


def test_blocks_of_which_half_is_missing_are_means_of_the_rest() -> None:
    values = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    valid = np.ones((4, 4), dtype=np.bool_)
    valid[:2, 0] = False
    valid[2:, 2:] = False
    valid[2, 2] = True
    means, known = block_means(values, valid, 2)
    assert means[0].tolist() == [[3.0, 4.5], [10.5, 10.0]]
    assert known.tolist() == [[True, True], [True, False]]


def test_gaps_are_continued_from_the_nearest() -> None:
    pixels = np.full((9, 9), np.nan, dtype=np.float32)
    pixels[:, :3] = 7
    whole = extend_edges(pixels, np.isfinite(pixels))
    assert (whole[:, :5] == 7).all()
    assert (whole[:, 5:] == 0).all()
