from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from landslip.core.errors import InputError
from landslip.synthetic.ground_model import DemFormat, GroundModel, write_dem


def test_heights_in_metres_over_the_geoid(tmp_path: Path, ground: GroundModel) -> None:
    path = tmp_path / "dem.tif"
    write_dem(path, ground, DemFormat(epsg=32648, spacing_m=2.0, undulation_m=-41.5))
    with rasterio.open(path) as file:
        assert file.shape == ground.grid.shape
        assert file.transform == ground.grid.transform
        assert file.crs.to_epsg() == 32648
        np.testing.assert_allclose(file.read(1), ground.height_m + 41.5, atol=1e-3)


def test_degrees_at_arc_seconds(tmp_path: Path, ground: GroundModel) -> None:
    path = tmp_path / "dem.tif"
    write_dem(path, ground, DemFormat(spacing_m=30.0))
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 4326
        assert file.transform.a == pytest.approx(1 / 3600)
        assert (file.transform.c * 3600) == pytest.approx(round(file.transform.c * 3600), abs=1e-6)
        lon, lat = ground.centre_deg
        height = next(file.sample([(lon, lat)]))[0]
    centre = ground.height_m[300:340, 300:340]
    assert float(centre.min()) < height < float(centre.max())


def test_the_file_can_say_what_its_heights_are(tmp_path: Path, ground: GroundModel) -> None:
    path = tmp_path / "dem.tif"
    write_dem(path, ground, DemFormat(vertical_epsg=3855, undulation_m=-41.5))
    with rasterio.open(path) as file:
        assert "EGM2008" in file.crs.to_wkt()


def test_margins_need_mirrored_ground(tmp_path: Path, ground: GroundModel) -> None:
    style = DemFormat(epsg=32648, spacing_m=20.0, margin_m=200.0)
    with pytest.raises(InputError, match=r"only mirrored ground.*got a margin of 200\.0 m"):
        write_dem(tmp_path / "no.tif", ground, style)
    grid = write_dem(tmp_path / "dem.tif", replace(ground, mirrored=True), style)
    assert grid.shape == (84, 84)
