import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from tests.preprocessing.orthorectification.conftest import CENTRE_DEG, SHAPE, land_m, write_land

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.rpc import RPC
from landslip.io.raster.readers import ElevationRaster
from landslip.preprocessing.orthorectification.elevation import Elevation
from landslip.preprocessing.orthorectification.outline import Outline, image_outline, on_ground
from landslip.synthetic.camera import Camera


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Elevation:
    with ElevationRaster(write_land(tmp_path_factory.mktemp("land") / "dem.tif")) as file:
        heights = file.read(file.grid.window)
        return Elevation(height_m=heights, known=np.isfinite(heights), grid=file.grid)


def test_the_ring_runs_along_the_outer_edge() -> None:
    points = Outline.ring((30, 40)).points
    for corner in ([0, 0], [40, 0], [40, 30], [0, 30]):
        assert corner in points.tolist()
    on_edge = (points[:, 0] % 40 == 0) | (points[:, 1] % 30 == 0)
    assert on_edge.all()
    assert len(np.unique(points, axis=0)) == len(points)


def test_the_outline_lies_where_the_camera_sees_the_ground(
    camera: Camera, rpc: RPC, land: Elevation
) -> None:
    lonlat = image_outline(rpc, SHAPE, land).lonlat_deg
    seen = camera.project(lonlat, land_m(lonlat))
    assert np.abs(seen - Outline.ring(SHAPE).points).max() < 0.05


def test_steep_ground_seen_aslant_is_met(rpc: RPC) -> None:
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
    lonlat = on_ground(rpc, points, wall)
    seen = rpc.project(lonlat, wall.at(lonlat))
    assert np.hypot(*(seen - points).T).max() < 1.0


def test_an_image_of_another_size_is_refused(rpc: RPC) -> None:
    with pytest.raises(InputError, match=r"cannot be inverted at the image's edge.*of this size"):
        Outline.ring((10**9, 10**9)).on_level(rpc, 1500.0)


def test_the_middle_is_the_target(camera: Camera, rpc: RPC, land: Elevation) -> None:
    lonlat = on_ground(rpc, camera.centre, land)
    away_m = np.hypot(*((lonlat - CENTRE_DEG) * [95_000, 111_000]).T)
    assert away_m < 150 * np.tan(np.radians(28)) + 1
