from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray

from landslip.inventory.footprint import footprint

SIDE, LEFT, TOP = 4.0, 400_000.0, 3_400_000.0


def write(path: Path, valid: NDArray[np.bool_]) -> Path:
    height, width = valid.shape
    transform = Affine(SIDE, 0, LEFT, 0, -SIDE, TOP)
    profile = {"height": height, "width": width, "count": 1, "dtype": "uint8", "nodata": 255}
    with rasterio.open(path, "w", crs="EPSG:32648", transform=transform, **profile) as file:
        file.write(np.where(valid, 7, 255).astype(np.uint8), 1)
    return path


def test_a_small_raster_is_outlined_pixel_by_pixel(tmp_path: Path) -> None:
    valid = np.zeros((30, 40), dtype=bool)
    valid[5:25, 10:30] = True
    valid[8:10, 12:20] = False
    found = footprint(write(tmp_path / "a.tif", valid))
    assert shapely.area(found) == pytest.approx(valid.sum() * SIDE**2)
    left, right = LEFT + 10 * SIDE, LEFT + 30 * SIDE
    assert shapely.bounds(found).tolist() == [left, TOP - 25 * SIDE, right, TOP - 5 * SIDE]


def test_a_large_raster_is_outlined_as_nearly_as_its_cells(tmp_path: Path) -> None:
    rows, cols = np.indices((1300, 900))
    valid = rows > cols  # a slanting edge, as orthorectified scenes have
    found = footprint(write(tmp_path / "a.tif", valid))
    assert shapely.area(found) == pytest.approx(valid.sum() * SIDE**2, rel=0.01)
    assert shapely.contains_xy(found, LEFT + 40 * SIDE, TOP - 1200 * SIDE)
    assert not shapely.contains_xy(found, LEFT + 880 * SIDE, TOP - 20 * SIDE)


def test_without_data_there_is_no_ground(tmp_path: Path) -> None:
    assert shapely.is_empty(footprint(write(tmp_path / "a.tif", np.zeros((8, 8), dtype=bool))))
