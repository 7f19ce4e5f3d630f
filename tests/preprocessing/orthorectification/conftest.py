"""Analytic terrain, cameras over it, and images whose pixels hold their own coordinates."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
import rasterio.rpc
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning

from landslip.core.rpc import RPC
from landslip.synthetic.camera import Attitude, Orbit, PushbroomCamera, aim_at, fit_rpc

CENTRE_DEG = (103.48, 31.30)
SHAPE = (300, 320)
RANGE_M = (500.0, 3000.0)
UTM = "EPSG:32648"
Values = NDArray[np.float64]


def land_m(lonlat_deg: Values) -> Values:
    """Heights over the ellipsoid (n,) of the land, 1350 to 1650 m with slopes of 35 degrees."""
    x, y = pyproj.Transformer.from_crs(4326, UTM, always_xy=True).transform(*lonlat_deg.T)
    height: Values = 1500 + 75 * np.sin(x / 150) + 75 * np.cos(y / 140 + x / 500)
    return height


def make_camera(
    roll_deg: float = 25.0,
    centre_deg: tuple[float, float] = CENTRE_DEG,
    shape: tuple[int, int] = SHAPE,
) -> PushbroomCamera:
    start = PushbroomCamera(
        orbit=Orbit(lon_deg=centre_deg[0], lat_deg=centre_deg[1]),
        attitude=Attitude(roll_deg=roll_deg),
        shape=shape,
        gsd_m=2.0,
    )
    return aim_at(start, centre_deg, 1500.0)


def rasterio_rpc(rpc: RPC) -> rasterio.rpc.RPC:
    """Return the model in rasterio's words; its own correction is left out."""
    names = {"line": "line", "samp": "samp", "lat": "lat", "lon": "long", "height": "height"}
    scalars = {
        f"{theirs}_{part}": getattr(rpc, f"{ours}_{part}")
        for ours, theirs in names.items()
        for part in ("off", "scale")
    }
    lists = {
        f"{name}_coeff": list(getattr(rpc, name))
        for name in ("line_num", "line_den", "samp_num", "samp_den")
    }
    return rasterio.rpc.RPC(**scalars, **lists)


def write_image(path: Path, values: NDArray[Any], rpc: RPC | None, **profile: Any) -> Path:
    """Write an image (bands, height, width) in the geometry of its sensor."""
    names = profile.pop("names", None)
    frame = {"count": values.shape[0], "height": values.shape[1], "width": values.shape[2]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", dtype=values.dtype, **(frame | profile)) as file:
            file.write(values)
            if rpc is not None:
                file.rpcs = rasterio_rpc(rpc)
            if names is not None:
                file.descriptions = names
    return path


def places(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the bands column and row (2, height, width): pixels that hold where they are."""
    row, col = np.indices(shape, dtype=np.float32) + np.float32(0.5)
    return np.stack([col, row])


def lonlat_of_pixels(transform: Affine, crs: Any, shape: tuple[int, int], every: int = 1) -> Values:
    """Return longitudes and latitudes (n, 2) of (every so many of) a raster's pixel centres."""
    row, col = np.indices(shape)[:, ::every, ::every] + 0.5
    x, y = (
        transform.a * col + transform.b * row + transform.c,
        transform.d * col + transform.e * row + transform.f,
    )
    flat = pyproj.CRS.from_user_input(crs).sub_crs_list[:1] or [pyproj.CRS.from_user_input(crs)]
    to_lonlat = pyproj.Transformer.from_crs(flat[0], 4326, always_xy=True)
    return np.column_stack(to_lonlat.transform(x.ravel(), y.ravel()))


def write_land(
    path: Path,
    crs: str = UTM,
    *,
    spacing_m: float = 6.0,
    reach_m: float = 1200.0,
    lift_m: float = 0.0,
    centre_deg: tuple[float, float] = CENTRE_DEG,
    dtype: str = "float32",
    nodata: float | None = None,
    holes: NDArray[np.bool_] | None = None,
    hole: float = np.nan,
) -> Path:
    """Write the land as an elevation model around its centre.

    Args:
        path: of the file.
        crs: its coordinate system, perhaps with a vertical one.
        spacing_m: side of a cell.
        reach_m: half of a side.
        lift_m: what is added to all heights.
        centre_deg: longitude and latitude of its middle.
        dtype: of the file.
        nodata: what the file declares.
        holes: (height, width) cells that get ``hole`` in place of a height.
        hole: what stands in the holes.
    """
    flat = crs.split("+", maxsplit=1)[0]
    x, y = pyproj.Transformer.from_crs(4326, flat, always_xy=True).transform(*centre_deg)
    unit = 111_195.0 if pyproj.CRS.from_user_input(flat).is_geographic else 1.0
    side, count = spacing_m / unit, round(2 * reach_m / spacing_m)
    transform = Affine(side, 0, x - side * count / 2, 0, -side, y + side * count / 2)
    heights = land_m(lonlat_of_pixels(transform, flat, (count, count))).reshape(count, count)
    heights = heights + lift_m
    if holes is not None:
        heights[holes] = hole
    with rasterio.open(
        path, "w", width=count, height=count, count=1, dtype=dtype, crs=crs, transform=transform,
        nodata=nodata,
    ) as file:  # fmt: skip
        file.write(heights.astype(dtype), 1)
    return path


def read(path: Path) -> NDArray[Any]:
    with rasterio.open(path) as file:
        values: NDArray[Any] = file.read()
    return values


@pytest.fixture(scope="session")
def camera() -> PushbroomCamera:
    return make_camera()


@pytest.fixture(scope="session")
def rpc(camera: PushbroomCamera) -> RPC:
    return fit_rpc(camera, RANGE_M)


@pytest.fixture(scope="session")
def image_and_dem(tmp_path_factory: pytest.TempPathFactory, rpc: RPC) -> tuple[Path, Path]:
    """Write an image of places, and the land as an elevation model."""
    folder = tmp_path_factory.mktemp("image_and_dem")
    image = write_image(folder / "image.tif", places(SHAPE), rpc, nodata=np.nan)
    return image, write_land(folder / "dem.tif")
