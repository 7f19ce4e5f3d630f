"""Data of another PROJ or GDAL installation is not used."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

CODE = """
import landslip, numpy, pyogrio, pyproj, rasterio, sys
from rasterio.warp import transform_bounds
assert rasterio.CRS.from_epsg(32648).to_epsg() == 32648
assert pyproj.CRS.from_epsg(32648).to_epsg() == 32648
print(*transform_bounds("EPSG:32648", "EPSG:4326", 353366, 3461628, 357402, 3466076))
with rasterio.open(
    sys.argv[1], "w", driver="GTiff", width=1, height=1, count=1, dtype="uint8",
    crs=pyproj.CRS.from_epsg(32648).to_wkt(), transform=rasterio.Affine(1, 0, 9, 0, -1, 9),
) as file:
    pass
"""


@pytest.fixture(params=["empty folder", "older database"])
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give what PROJ_DATA may be: it has no database, or one of another version."""
    folder = tmp_path / "share"
    folder.mkdir()
    if request.param == "older database":
        spec = find_spec("rasterio")
        assert spec is not None
        assert spec.submodule_search_locations is not None
        own = Path(spec.submodule_search_locations[0], "proj_data", "proj.db")
        if not own.exists():
            pytest.skip("rasterio brings no data of its own")
        shutil.copyfile(own, folder / "proj.db")
        with closing(sqlite3.connect(folder / "proj.db")) as database:
            minor = "DATABASE.LAYOUT.VERSION.MINOR"
            database.execute("update metadata set value = '0' where key = ?", [minor])
            database.commit()
    return folder


def test_other_installations_are_ignored(foreign: Path, tmp_path: Path) -> None:
    names = ("PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "GDAL_DRIVER_PATH")
    file = tmp_path / "scene.tif"
    result = subprocess.run(
        [sys.executable, "-c", CODE, file],
        env=os.environ | dict.fromkeys(names, str(foreign)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    # by pyproj with its own data
    expected = [103.458938, 31.279736, 103.501977, 31.320357]
    assert [float(number) for number in result.stdout.split()] == pytest.approx(expected, abs=1e-4)
    assert b"WGS 84 / UTM zone 48N" in file.read_bytes()


def test_the_variables_stay_where_packages_bring_no_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from landslip.core import geodata  # noqa: PLC0415

    monkeypatch.setenv("PROJ_DATA", str(tmp_path))
    monkeypatch.setitem(geodata._DATABASES, "rasterio", "share/none.db")
    geodata.ignore_foreign_geodata()
    assert os.environ["PROJ_DATA"] == str(tmp_path)
