import os
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from tests.preprocessing.orthorectification.conftest import CENTRE_DEG, SHAPE, land_m, write_land

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.rpc import RPC
from landslip.io.raster.readers import ElevationRaster
from landslip.preprocessing.orthorectification.elevation import Elevation, GridProjection
from landslip.preprocessing.orthorectification.map_grid import (
    GridRequest,
    image_edge,
    image_outline,
    locate_at_height,
    locate_on_ground,
    parse_crs,
    plan_grid,
    utm_crs,
)
from landslip.preprocessing.resampling import Points
from landslip.synthetic.camera import PushbroomCamera


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Elevation:
    with ElevationRaster(write_land(tmp_path_factory.mktemp("land") / "dem.tif")) as file:
        heights = file.read(file.grid.window)
        return Elevation(height_m=heights, known=np.isfinite(heights), grid=file.grid)


def test_the_ring_runs_along_the_outer_edge() -> None:
    points = image_edge((30, 40))
    for corner in ([0, 0], [40, 0], [40, 30], [0, 30]):
        assert corner in points.tolist()
    on_edge = (points[:, 0] % 40 == 0) | (points[:, 1] % 30 == 0)
    assert on_edge.all()
    assert len(np.unique(points, axis=0)) == len(points)


def test_the_outline_is_where_the_camera_sees_the_ground(
    camera: PushbroomCamera, rpc: RPC, land: Elevation
) -> None:
    lonlat = image_outline(rpc, SHAPE, land)
    seen = camera.project(lonlat, land_m(lonlat))
    assert np.abs(seen - image_edge(SHAPE)).max() < 0.05


def test_rays_meet_steep_ground_at_an_oblique_view(rpc: RPC) -> None:
    """A wall of 60 degrees, where going to and fro between ray and ground swings."""
    row, col = np.indices((400, 400), dtype=np.float32)
    heights = 1500 + np.clip((col - 200) * 4 * 1.7, -400, 400)
    grid = Grid(
        crs=CRS.from_epsg(32648),
        transform=Affine(4, 0, 355_300 - 800, 0, -4, 3_463_900 + 800),
        shape=(400, 400),
    )
    wall = Elevation(
        height_m=heights.astype(np.float32), known=np.ones(grid.shape, np.bool_), grid=grid
    )
    col, row = np.meshgrid(np.linspace(20, 300, 15), np.linspace(20, 280, 5))
    points = np.column_stack([col.ravel(), row.ravel()]).astype(np.float64)
    lonlat = locate_on_ground(rpc, points, wall)
    seen = rpc.project(lonlat, wall.at(lonlat))
    assert np.hypot(*(seen - points).T).max() < 1.0


def test_an_image_of_another_size_is_refused(rpc: RPC) -> None:
    with pytest.raises(InputError, match=r"cannot be inverted at the image's edge.*of this size"):
        locate_at_height(rpc, image_edge((10**9, 10**9)), 1500.0)


def test_the_middle_is_the_target(camera: PushbroomCamera, rpc: RPC, land: Elevation) -> None:
    lonlat = locate_on_ground(rpc, camera.centre, land)
    away_m = np.hypot(*((lonlat - CENTRE_DEG) * [95_000, 111_000]).T)
    assert away_m < 150 * np.tan(np.radians(28)) + 1


UTM = CRS.from_epsg(32648)


def frame(crs: CRS = UTM) -> GridProjection:
    return GridProjection(Grid(crs=crs, transform=Affine.identity(), shape=(1, 1)))


def box(left: float, bottom: float, right: float, top: float) -> Points:
    """Return the outline of a box on the map."""
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return frame().lonlat_of(corners)


def flat(left: float, bottom: float, right: float, top: float) -> Elevation:
    transform = Affine(10, 0, left, 0, -10, top)
    shape = (round((top - bottom) / 10), round((right - left) / 10))
    grid = Grid(crs=UTM, transform=transform, shape=shape)
    heights: NDArray[np.float32] = np.zeros(shape, np.float32)
    return Elevation(height_m=heights, known=np.ones(shape, np.bool_), grid=grid)


ELEVATION = flat(353_000, 3_462_000, 356_000, 3_465_000)
SCENE = box(354_001.3, 3_463_000.9, 354_951.2, 3_463_977.7)


def test_a_grid_holds_the_outline_on_multiples_of_the_resolution() -> None:
    grid = plan_grid(GridRequest(resolution_m=2.0), SCENE, ELEVATION)
    assert grid.crs == UTM
    assert tuple(grid.transform)[:6] == (2, 0, 354_000, 0, -2, 3_463_978)
    assert grid.shape == (489, 476)


def test_two_scenes_align_pixel_by_pixel() -> None:
    one, two = (
        plan_grid(GridRequest(resolution_m=0.8), box(*corners), ELEVATION)
        for corners in (
            (354_001.3, 3_463_000.9, 354_951.2, 3_463_977.7),
            (354_333.7, 3_463_111.1, 355_004.4, 3_464_010.2),
        )
    )
    apart = ~one.transform @ two.transform
    assert apart.a == pytest.approx(1)
    assert apart.c == pytest.approx(round(apart.c), abs=1e-6)
    assert apart.f == pytest.approx(round(apart.f), abs=1e-6)


def test_an_outline_on_multiples_gets_no_row_more() -> None:
    scene = box(354_000, 3_463_000, 354_900, 3_463_900)
    grid = plan_grid(GridRequest(resolution_m=2.0), scene, ELEVATION)
    assert grid.shape == (450, 450)


def test_clipped_it_ends_where_the_elevation_model_does() -> None:
    scene = box(352_000, 3_463_000, 354_901, 3_463_900)
    wide = plan_grid(GridRequest(resolution_m=2.0), scene, ELEVATION)
    assert wide.transform.c == 352_000
    clipped = plan_grid(GridRequest(resolution_m=2.0, clip=True), scene, ELEVATION)
    assert clipped.transform.c == 353_000
    assert clipped.shape == (450, 951)
    beyond = box(340_000, 3_463_000, 341_000, 3_463_900)
    with pytest.raises(InputError, match="the elevation model and the scene do not meet"):
        plan_grid(GridRequest(resolution_m=2.0, clip=True), beyond, ELEVATION)


@pytest.mark.parametrize(
    ("lon", "lat", "epsg"),
    [
        pytest.param(103.48, 31.30, 32648, id="Wenchuan"),
        pytest.param(55.65, -21.23, 32740, id="Reunion, in the south"),
        pytest.param(-70.0, -33.0, 32719, id="Chile"),
        pytest.param(179.9, -17.0, 32760, id="Fiji"),
    ],
)
def test_zone(lon: float, lat: float, epsg: int) -> None:
    assert utm_crs(lon, lat).to_epsg() == epsg


def test_the_pole_has_no_zone() -> None:
    with pytest.raises(InputError, match=r"no UTM zone holds longitude 10.*latitude 88.*with crs"):
        utm_crs(10.0, 88.0)


def test_the_grid_takes_the_system_that_is_asked_for() -> None:
    asked = GridRequest(resolution_m=2.0, crs=CRS.from_epsg(32647))
    grid = plan_grid(asked, SCENE, ELEVATION)
    assert grid.crs is not None
    assert grid.crs.to_epsg() == 32647
    x, y = frame(CRS.from_epsg(32647)).map_of(SCENE).T
    west, north = grid.transform.c, grid.transform.f
    assert west <= x.min() < west + 2
    assert north - 2 < y.max() <= north


def test_resolution_is_metres_on_a_map_in_feet() -> None:
    asked = GridRequest(resolution_m=0.3048, crs=CRS.from_epsg(3089))  # Kentucky, US survey feet
    scene = np.array([[-85.0, 38.0], [-84.999, 38.0], [-84.999, 37.999], [-85.0, 37.999]])
    grid = plan_grid(asked, scene, ELEVATION)
    assert grid.transform.a == pytest.approx(1.0, abs=1e-4)
    assert grid.resolution_m == pytest.approx(0.3048)


@pytest.mark.parametrize("text", ["EPSG:4326", "EPSG:4490"])
def test_degrees_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"projected, in metres; got EPSG:4"):
        GridRequest(resolution_m=2.0, crs=parse_crs(text))


@pytest.mark.parametrize("resolution", [0.0, -2.0, float("nan"), float("inf")])
def test_resolutions(resolution: float) -> None:
    with pytest.raises(InputError, match="the resolution is over 0 m"):
        GridRequest(resolution_m=resolution)


def test_a_grid_far_too_large_is_refused() -> None:
    with pytest.raises(InputError, match="at most 200000 px a side; at this resolution it would"):
        plan_grid(GridRequest(resolution_m=0.001), SCENE, ELEVATION)


def test_words_for_systems() -> None:
    assert parse_crs(None) is None
    assert parse_crs("EPSG:32648") == UTM
    with pytest.raises(InputError, match=r"written like EPSG:32648; got crs 'moon'"):
        parse_crs("moon")


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_a_coordinate_system_is_no_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "system.prj"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_text(UTM.to_wkt())
    with pytest.raises(InputError, match="is written like EPSG:32648"):
        parse_crs(str(path))
