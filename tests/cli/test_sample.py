from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from typer.testing import CliRunner

from landslip.cli.app import app


def test_a_sample_is_drawn_and_its_strata_are_printed(tmp_path: Path) -> None:
    mask = np.zeros((60, 50), dtype=np.uint8)
    mask[10:30, 10:40] = 1
    file, out = tmp_path / "mask.tif", tmp_path / "sample.gpkg"
    place = Affine(2, 0, 4e5, 0, -2, 3e6)
    with rasterio.open(file, "w", "GTiff", 50, 60, 1, "EPSG:32648", place, "uint8") as raster:
        raster.write(mask, 1)
    words = ["sample", str(file), "--out", str(out), "--min-per-stratum", "20"]
    found = CliRunner().invoke(app, [*words, "--expected", "landslide=0.9", "--size", "99"])
    assert found.exit_code == 0, found.output
    assert "99 points in 3 strata of mask.tif" in found.output
    assert "of 3,000 pixels" not in found.output
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 2
    assert "already exists; choose another --out or pass --overwrite" in again.output
    wrong = CliRunner().invoke(app, [*words, "--overwrite", "--expected", "landslide"])
    assert wrong.exit_code == 2
    assert "--expected are fractions like landslide=0.7,background=0.98" in wrong.output
