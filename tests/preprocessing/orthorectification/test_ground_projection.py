from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from tests.preprocessing.orthorectification.conftest import (
    CENTRE_DEG,
    land_m,
    lonlat_of_pixels,
    write_land,
)

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.io.raster.readers import ElevationRaster, SensorImage
from landslip.preprocessing.orthorectification.elevation import Elevation, GridProjection
from landslip.preprocessing.orthorectification.ground_projection import (
    TOLERANCE_PX,
    GroundGrid,
    ImageCoordinates,
)
from landslip.preprocessing.orthorectification.views import CameraImage

Values = NDArray[np.float64]
WINDOW = Window(40, 25, 190, 170)


@pytest.fixture(scope="module", params=["EPSG:32648", "EPSG:4326"])
def ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> GroundGrid:
    path = write_land(tmp_path_factory.mktemp("land") / "dem.tif", request.param)
    return ground_over(path)


def ground_over(dem: Path) -> GroundGrid:
    with ElevationRaster(dem) as file:
        heights = file.read(file.grid.window)
        elevation = Elevation(height_m=heights, known=np.isfinite(heights), grid=file.grid)
    crs = CRS.from_epsg(32648)
    anywhere = GridProjection(Grid(crs=crs, transform=Affine.identity(), shape=(1, 1)))
    x, y = np.round(anywhere.map_of(np.array([CENTRE_DEG]))[0] / 2) * 2
    transform = Affine(2, 0, x - 300, 0, -2, y + 260)
    return GroundGrid(Grid(crs=crs, transform=transform, shape=(260, 300)), elevation)


def lonlat_in(ground: GroundGrid, window: Window) -> Values:
    grid = ground.grid.at(window)
    return lonlat_of_pixels(grid.transform, grid.crs, grid.shape)


def seen(found: ImageCoordinates) -> Values:
    away = np.column_stack([found.col.ravel(), found.row.ravel()]).astype(np.float64)
    return np.asarray(away + np.array(found.corner), dtype=np.float64)


def bent(rpc: RPC, by: float) -> RPC:
    """Return a model with ``by`` times the square of the normalised longitude added to samples."""
    samp_num = list(rpc.samp_num)
    samp_num[7] += by
    return replace(rpc, samp_num=tuple(samp_num))


def test_heights_are_those_of_the_ground(ground: GroundGrid) -> None:
    patch = ground.window(WINDOW)
    expected = land_m(lonlat_in(ground, WINDOW)).reshape(WINDOW.shape)
    assert np.abs(patch.height_m - expected).max() < 0.3
    assert abs((patch.height_m - expected).mean()) < 0.03
    assert patch.known.all()


def test_each_pixel_appears_where_the_exact_camera_puts_it(ground: GroundGrid, rpc: RPC) -> None:
    patch = ground.window(WINDOW)
    found = patch.project(rpc)
    exact = rpc.project(lonlat_in(ground, WINDOW), patch.height_m.ravel().astype(float))
    away = np.hypot(*(seen(found) - exact).T).max()
    assert away < 0.005
    assert found.error_px < TOLERANCE_PX


def test_a_window_outside_the_grid_is_projected_as_well(ground: GroundGrid, rpc: RPC) -> None:
    inside = ground.window(Window(0, 0, 64, 64)).project(rpc)
    around = ground.window(Window(-10, -20, 128, 128)).project(rpc)
    at = (slice(20, 84), slice(10, 74))
    for one in ("col", "row"):
        whole, part = getattr(around, one)[at], getattr(inside, one)
        axis = 0 if one == "col" else 1
        apart = whole + around.corner[axis] - part - inside.corner[axis]
        assert np.abs(apart).max() < 0.01


@pytest.mark.parametrize("by", [0.3, 3.0])
def test_a_rough_model_is_followed_more_closely(ground: GroundGrid, rpc: RPC, by: float) -> None:
    """With nodes 64 px apart they would be off by 0.16 and 1.6 px."""
    rough = bent(rpc, by)
    patch = ground.window(WINDOW)
    found = patch.project(rough)
    exact = rough.project(lonlat_in(ground, WINDOW), patch.height_m.ravel().astype(float))
    away = np.hypot(*(seen(found) - exact).T).max()
    assert away < 1.5 * TOLERANCE_PX
    coarse = patch._interpolate(rough, 64)
    assert coarse.error_px > 3 * TOLERANCE_PX, "the case is rough"


def test_a_model_that_is_too_rough_is_refused(ground: GroundGrid, rpc: RPC) -> None:
    message = r"cannot be interpolated to 0.05 px around column 40, row 25, 190 x 170 px.*off by"
    with pytest.raises(InputError, match=message):
        ground.window(WINDOW).project(bent(rpc, 60.0))


def test_heights_far_outside_the_model_are_refused(tmp_path: Path, rpc: RPC) -> None:
    """A model that is cubic in height, over ground twice as high as it is for."""
    samp_num = list(rpc.samp_num)
    samp_num[19] += 1.0
    high = write_land(tmp_path / "dem.tif", lift_m=3500.0)
    with pytest.raises(InputError, match=r"the ground is far outside the heights"):
        ground_over(high).window(WINDOW).project(replace(rpc, samp_num=tuple(samp_num)))


def test_what_is_touched_holds_all_coordinates(ground: GroundGrid, rpc: RPC) -> None:
    found = ground.window(WINDOW).project(rpc)
    window = found.touched.padded(3)
    col, row = found.relative_to(window)
    assert 3 <= col.min() < 4.01
    assert 3 <= row.min() < 4.01
    assert window.width - 4.01 < col.max() <= window.width - 3
    assert window.height - 4.01 < row.max() <= window.height - 3
    np.testing.assert_allclose(
        np.column_stack([col.ravel() + window.col_off, row.ravel() + window.row_off]),
        seen(found),
        atol=1e-3,
    )


def test_windows_that_may_see_the_image_are_found(
    image_and_dem: tuple[Path, Path], ground: GroundGrid, rpc: RPC
) -> None:
    """At every place where a pixel of the window is in the image, and not far beside it."""
    with SensorImage(image_and_dem[0]) as image:
        camera = CameraImage(image, rpc)
        for col_off in range(-1200, 1201, 150):
            window = Window(col_off, 20, 100, 80)
            touched = ground.window(window).project(rpc).touched
            if touched.clipped(image.shape) is not None:
                assert camera.may_see(ground, window)
            elif touched.padded(300).clipped(image.shape) is None:
                assert not camera.may_see(ground, window)
        assert camera.may_see(ground, Window(0, 20, 100, 80))
        assert not camera.may_see(ground, Window(1200, 20, 100, 80))
