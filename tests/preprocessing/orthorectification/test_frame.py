import numpy as np
import pyproj
import pytest
from affine import Affine
from rasterio.crs import CRS

from landslip.core.grid import Grid
from landslip.preprocessing.orthorectification.frame import Frame

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
    frame = Frame(Grid(crs=CRS.from_user_input(crs), transform=transform, shape=(10, 10)))
    np.testing.assert_allclose(frame.pixels_of(PLACE), [[3, 5]], atol=1e-5)
    np.testing.assert_allclose(frame.lonlat_of(np.array([[3.0, 5.0]])), PLACE, atol=1e-9)
    np.testing.assert_allclose(frame.map_of(PLACE), [[x, y]], rtol=1e-12)


def test_without_a_system_there_is_no_place() -> None:
    with pytest.raises(ValueError, match="lies nowhere"):
        Frame(Grid(crs=None, transform=Affine.identity(), shape=(2, 2)))
