import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from tests.preprocessing.orthorectification.conftest import write_land

from landslip.core.errors import InputError
from landslip.io.raster.readers import ElevationRaster
from landslip.preprocessing.orthorectification.height_reference import HeightReference

PLACES = np.array([[103.4, 31.2], [103.6, 31.4]])


def write_geoid(path: Path, values: object, west: float = 103.0, north: float = 32.0) -> Path:
    """Write cells of half a degree."""
    array = np.asarray(values, dtype=np.float32)
    transform = Affine(0.5, 0, west, 0, -0.5, north)
    with rasterio.open(
        path, "w", width=array.shape[1], height=array.shape[0], count=1, dtype="float32",
        crs="EPSG:4326", transform=transform,
    ) as file:  # fmt: skip
        file.write(array, 1)
    return path


@pytest.mark.parametrize(
    ("text", "expected", "shown"),
    [
        ("ellipsoid", HeightReference(), "ellipsoid"),
        (" EGM96 ", HeightReference(geoid="egm96"), "egm96"),
        ("egm2008", HeightReference(geoid="egm2008"), "egm2008"),
        ("-41.5", HeightReference(offset_m=-41.5), "-41.5 m over the ellipsoid"),
        ("0", HeightReference(), "ellipsoid"),
    ],
)
def test_words(text: str, expected: HeightReference, shown: str) -> None:
    found = HeightReference.parse(text)
    assert found == expected
    assert str(found) == shown
    assert not expected.is_assumed


def test_nothing_stated_is_left_to_the_file() -> None:
    assert HeightReference.parse(None) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("geoid.tif", r"--dem-heights is ellipsoid, egm96.*got 'geoid.tif', and no such file"),
        ("msl", r"got 'msl'"),
        ("-415", r"within 120 m of the ellipsoid; --dem-heights says -415.0 m"),
        ("nan", r"within 120 m of the ellipsoid; --dem-heights says nan m"),
    ],
)
def test_other_words_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        HeightReference.parse(text)


def test_a_number_is_the_zero_everywhere() -> None:
    reference = HeightReference.parse("-41.5")
    assert reference is not None
    assert reference.undulation_m(PLACES).tolist() == [-41.5, -41.5]


def test_a_raster_is_interpolated(tmp_path: Path) -> None:
    """Cell centres lie at 103.25 and 103.75 E, 31.75 and 31.25 N."""
    path = write_geoid(tmp_path / "geoid.tif", [[-40, -30], [-44, -34]])
    reference = HeightReference.parse(str(path))
    assert reference is not None
    assert str(reference) == "geoid of geoid.tif"
    found = reference.undulation_m(np.array([[103.25, 31.75], [103.5, 31.5], [103.35, 31.25]]))
    assert found == pytest.approx([-40, -37, -42], abs=1e-4)


def test_a_raster_that_does_not_reach_is_refused(tmp_path: Path) -> None:
    path = write_geoid(tmp_path / "geoid.tif", [[-40, -30]])
    message = r"geoid.tif: a geoid covers the whole scene.*103.400 to 103.600.*31.200 to 31.400"
    with pytest.raises(InputError, match=message):
        HeightReference(file=path).undulation_m(PLACES)


@pytest.mark.parametrize("value", [1500.0, np.nan])
def test_a_raster_of_something_else_is_refused(tmp_path: Path, value: float) -> None:
    path = write_geoid(tmp_path / "geoid.tif", np.full((2, 2), value))
    with pytest.raises(InputError, match=r"geoid.tif: a geoid lies within 120 m of the ellipsoid"):
        HeightReference(file=path).undulation_m(PLACES)


@pytest.mark.parametrize("geoid", ["egm96", "egm2008"])
def test_a_geoid_is_true_or_refused(geoid: str) -> None:
    """Off the wheels PROJ has no grid; where one is installed its figures must be the known ones.

    EGM96 and EGM2008 lie 41 to 43 m under the ellipsoid near Wenchuan.
    """
    try:
        found = HeightReference(geoid=geoid).undulation_m(PLACES)
    except InputError as error:
        refusal = str(error)
    else:
        assert ((found > -46) & (found < -36)).all()
        return
    message = rf"--dem-heights {geoid} needs the grid of that geoid, which PROJ does not have"
    assert re.match(message, refusal)
    assert "--dem-heights FILE" in refusal
    assert "--dem-heights -41.5" in refusal


@pytest.mark.parametrize(
    ("crs", "expected"),
    [
        ("EPSG:4326", HeightReference(is_assumed=True)),
        ("EPSG:32648", HeightReference(is_assumed=True)),
        ("EPSG:4326+5773", HeightReference(geoid="egm96")),
        ("EPSG:32648+3855", HeightReference(geoid="egm2008")),
    ],
)
def test_the_file_says(tmp_path: Path, crs: str, expected: HeightReference) -> None:
    with ElevationRaster(write_land(tmp_path / "dem.tif", crs, spacing_m=100)) as heights:
        assert HeightReference.of_file(heights) == expected


def test_an_unknown_vertical_system_is_refused(tmp_path: Path) -> None:
    path = write_land(tmp_path / "dem.tif", "EPSG:32648+5703", spacing_m=100)
    message = r"dem.tif: its heights are in the vertical system EPSG:5703.*with --dem-heights"
    with ElevationRaster(path) as heights, pytest.raises(InputError, match=message):
        HeightReference.of_file(heights)
