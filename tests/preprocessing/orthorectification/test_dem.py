import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from tests.preprocessing.orthorectification.conftest import CENTRE_DEG, SHAPE, land_m, write_land

from landslip.core.choices import DemGapHandling
from landslip.core.errors import InputError
from landslip.core.rpc import RPC
from landslip.io.raster.readers import ElevationRaster
from landslip.preprocessing.orthorectification.dem import (
    DemReport,
    DemRequest,
    HeightReference,
    load_dem,
)
from landslip.preprocessing.orthorectification.elevation import Elevation

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
        ("geoid.tif", r"dem_heights is ellipsoid, egm96.*got 'geoid.tif', and no such file"),
        ("msl", r"got 'msl'"),
        ("-415", r"within 120 m of the ellipsoid; dem_heights says -415.0 m"),
        ("nan", r"within 120 m of the ellipsoid; dem_heights says nan m"),
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
    with pytest.raises(InputError, match=r"geoid.tif: a geoid is within 120 m of the ellipsoid"):
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
    message = rf"dem_heights='{geoid}' needs the grid of that geoid, which PROJ does not have"
    assert re.match(message, refusal)
    assert "dem_heights='-41.5'" in refusal


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
    message = r"dem.tif: its heights are in the vertical system EPSG:5703.*with dem_heights"
    with ElevationRaster(path) as heights, pytest.raises(InputError, match=message):
        HeightReference.of_file(heights)


ELLIPSOID = HeightReference()
CELLS = (400, 400)
HOLES = np.zeros(CELLS, np.bool_)
HOLES[190:203, 195:205] = True  # cells of 6 m in the middle of the scene


def load(
    rpc: RPC,
    path: Path,
    heights: HeightReference | None = ELLIPSOID,
    gaps: DemGapHandling = DemGapHandling.FILL,
    *,
    clip: bool = False,
) -> tuple[Elevation, DemReport]:
    request = DemRequest(path=path, heights=heights, gaps=gaps, clip=clip)
    return load_dem(request, [(rpc, SHAPE)])


def places() -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.array(CENTRE_DEG) + generator.uniform(-0.003, 0.003, (300, 2))


@pytest.mark.parametrize(
    "crs", ["EPSG:32648", "EPSG:4326", "EPSG:32647", "EPSG:3857", "EPSG:4326+3855"]
)
def test_heights_are_the_lands_in_any_system(tmp_path: Path, rpc: RPC, crs: str) -> None:
    elevation, report = load(rpc, write_land(tmp_path / "dem.tif", crs))
    away = elevation.at(places()) - land_m(places())
    assert np.abs(away).max() < 0.05
    assert report.covered_share == pytest.approx(1)
    assert (report.heights, report.missing_share) == ("ellipsoid", 0)
    assert report.warnings == ()
    assert 1340 < report.lowest_m < report.highest_m < 1660


@pytest.mark.parametrize("crs", ["EPSG:4326+5773"])
def test_heights_over_a_geoid_are_lifted(tmp_path: Path, rpc: RPC, crs: str) -> None:
    path = write_land(tmp_path / "dem.tif", crs, lift_m=41.5)
    elevation, report = load(rpc, path, HeightReference(offset_m=-41.5))
    assert np.abs(elevation.at(places()) - land_m(places())).max() < 0.05
    assert report.undulation_m == pytest.approx(-41.5)
    assert report.heights == "-41.5 m over the ellipsoid"


def test_a_geoid_from_a_file_is_put_on(tmp_path: Path, rpc: RPC) -> None:
    geoid = tmp_path / "geoid.tif"
    transform = Affine(0.1, 0, 103, 0, -0.1, 32)
    columns = 103.05 + 0.1 * np.arange(10)
    values = np.tile(-41.5 + 10 * (columns - CENTRE_DEG[0]), (10, 1)).astype(np.float32)
    with rasterio.open(
        geoid, "w", width=10, height=10, count=1, dtype="float32", crs=4326, transform=transform
    ) as file:
        file.write(values, 1)
    path = write_land(tmp_path / "dem.tif")
    elevation, report = load(rpc, path, HeightReference(file=geoid))
    expected = land_m(places()) - 41.5 + 10 * (places()[:, 0] - CENTRE_DEG[0])
    assert np.abs(elevation.at(places()) - expected).max() < 0.05
    assert report.heights == "geoid of geoid.tif"


def test_an_unstated_vertical_datum_is_a_warning(tmp_path: Path, rpc: RPC) -> None:
    elevation, report = load(rpc, write_land(tmp_path / "dem.tif"), None)
    assert report.heights == "ellipsoid (assumed)"
    assert len(report.warnings) == 1
    assert "does not name the vertical datum of its heights" in report.warnings[0]
    assert "dem_heights" in report.warnings[0]
    assert np.abs(elevation.at(places()) - land_m(places())).max() < 0.05


def test_the_files_geoid_is_not_passed_over(tmp_path: Path, rpc: RPC) -> None:
    """With a grid installed its heights are lifted; without one the run stops. Never neither."""
    path = write_land(tmp_path / "dem.tif", "EPSG:4326+3855")
    try:
        elevation, report = load(rpc, path, None)
    except InputError as error:
        refusal = str(error)
    else:
        refusal = ""
        assert report.heights == "egm2008"
        assert np.median(elevation.at(places()) - land_m(places())) < -30
    assert refusal == "" or refusal.startswith("dem_heights='egm2008' needs the grid of that geoid")


GAPS = [
    pytest.param("float32", -9999.0, -9999.0, id="declared"),
    pytest.param("float32", None, np.nan, id="undeclared NaN"),
    pytest.param("int16", None, -32768, id="undeclared -32768"),
    pytest.param("int16", -32768, -32768, id="declared -32768"),
    pytest.param("float32", None, -9999.0, id="undeclared -9999"),
    pytest.param("float32", None, 1e20, id="no height on Earth"),
]


@pytest.mark.parametrize(("dtype", "nodata", "hole"), GAPS)
def test_gaps_are_filled_and_reported(
    tmp_path: Path, rpc: RPC, dtype: str, nodata: float | None, hole: float
) -> None:
    path = write_land(tmp_path / "dem.tif", dtype=dtype, nodata=nodata, holes=HOLES, hole=hole)
    elevation, report = load(rpc, path)
    assert elevation.known.all()
    assert np.isfinite(elevation.height_m).all()
    assert np.abs(elevation.at(places()) - land_m(places())).max() < 25
    assert report.lowest_m > 1340, "no height 0"
    used = elevation.height_m.size
    assert report.filled_share == report.missing_share == pytest.approx(HOLES.sum() / used)
    assert any("were filled from their surroundings" in note for note in report.warnings)


@pytest.mark.parametrize(("dtype", "nodata", "hole"), GAPS)
def test_gaps_stay_where_they_are_left_out(
    tmp_path: Path, rpc: RPC, dtype: str, nodata: float | None, hole: float
) -> None:
    path = write_land(tmp_path / "dem.tif", dtype=dtype, nodata=nodata, holes=HOLES, hole=hole)
    elevation, report = load(rpc, path, gaps=DemGapHandling.NODATA)
    assert (~elevation.known).sum() == HOLES.sum()
    assert np.isfinite(elevation.height_m).all()
    assert elevation.height_m.min() > 1340
    assert report.filled_share == 0
    assert report.missing_share > 0


@pytest.mark.parametrize(("dtype", "nodata", "hole"), GAPS)
def test_gaps_are_refused_where_asked(
    tmp_path: Path, rpc: RPC, dtype: str, nodata: float | None, hole: float
) -> None:
    path = write_land(tmp_path / "dem.tif", dtype=dtype, nodata=nodata, holes=HOLES, hole=hole)
    with pytest.raises(InputError, match=r"dem.tif: 0\.\d+% of its heights .* are missing; fill"):
        load(rpc, path, gaps=DemGapHandling.ERROR)


def test_a_gap_elsewhere_does_not_count(tmp_path: Path, rpc: RPC) -> None:
    holes = np.zeros(CELLS, np.bool_)
    holes[:20, :20] = True
    path = write_land(tmp_path / "dem.tif", holes=holes)
    _, report = load(rpc, path, gaps=DemGapHandling.ERROR)
    assert report.missing_share == 0


def test_a_gap_that_is_too_wide_is_not_filled(tmp_path: Path, rpc: RPC) -> None:
    """More than 100 cells lie between its edge and that of the scene. No height 0 there."""
    holes = np.zeros(CELLS, np.bool_)
    holes[:, :200] = True
    path = write_land(tmp_path / "dem.tif", spacing_m=3, reach_m=600, holes=holes)
    with pytest.raises(InputError, match=r"has gaps wider than 100 of its cells"):
        load(rpc, path, gaps=DemGapHandling.FILL)
    elevation, report = load(rpc, path, clip=True)
    assert not elevation.known.all()
    assert elevation.height_m.min() > 1300
    assert report.covered_share < 0.95
    assert any("of the scene has no height and is left out" in note for note in report.warnings)


def test_only_what_is_needed_is_read(tmp_path: Path, rpc: RPC) -> None:
    elevation, _ = load(rpc, write_land(tmp_path / "dem.tif", reach_m=8000.0, spacing_m=20.0))
    height, width = elevation.grid.shape
    assert height * 20 < 3000
    assert width * 20 < 4000


def test_a_model_that_does_not_cover_is_refused(tmp_path: Path, rpc: RPC) -> None:
    """Its eastern edge runs 200 m west of the middle of a scene some 700 m wide."""
    path = write_land(
        tmp_path / "dem.tif", centre_deg=(CENTRE_DEG[0] - 1400 / 95_200, CENTRE_DEG[1])
    )
    with pytest.raises(InputError, match="must cover the whole scene") as caught:
        load(rpc, path)
    text = str(caught.value)
    share, beyond = (
        float(text.split(mark, maxsplit=1)[0].rsplit(maxsplit=1)[-1].rstrip("%"))
        for mark in (" of it; the scene", " m beyond its edge")
    )
    assert 10 < share < 35
    assert 450 < beyond < 750
    assert "clip_to_dem=True" in text
    assert "longitude 103.4" in text
    _, report = load(rpc, path, clip=True)
    assert report.covered_share == pytest.approx(share / 100, abs=0.001)
    assert any("of the scene has no height and is left out" in note for note in report.warnings)


@pytest.mark.parametrize("clip", [False, True])
def test_a_model_of_another_place_is_refused(tmp_path: Path, rpc: RPC, clip: bool) -> None:
    path = write_land(tmp_path / "dem.tif", centre_deg=(103.0, 30.0))
    message = r"dem.tif: the elevation model does not reach the scene.*103.48.*31.30"
    with pytest.raises(InputError, match=message):
        load(rpc, path, clip=clip)


def test_a_model_without_a_height_is_refused(tmp_path: Path, rpc: RPC) -> None:
    path = write_land(tmp_path / "dem.tif", holes=np.ones(CELLS, np.bool_))
    with pytest.raises(InputError, match=r"dem.tif: the elevation model has no height under"):
        load(rpc, path)


def test_two_images_share_one_model(tmp_path: Path, rpc: RPC) -> None:
    path = write_land(tmp_path / "dem.tif")
    wide = load_dem(DemRequest(path=path, heights=ELLIPSOID), [(rpc, (10, 10)), (rpc, SHAPE)])
    assert wide[0].grid == load(rpc, path)[0].grid


def test_heights_of_the_images_ground_leave_out_what_is_around(tmp_path: Path, rpc: RPC) -> None:
    """A ridge 550 m west of the image's middle, beside it, does not count."""
    plain = load(rpc, write_land(tmp_path / "dem.tif"))[1].terrain_m
    ridge = np.zeros(CELLS, np.bool_)
    ridge[:, 105:112] = True
    path = write_land(tmp_path / "ridge.tif", holes=ridge, hole=4800.0)
    elevation, report = load(rpc, path)
    assert report.highest_m == elevation.range_m[1] == pytest.approx(4800)
    assert report.terrain_m == plain
    assert plain.mean == pytest.approx(land_m(places()).mean(), abs=20)
    assert 1350 <= plain.p05 < plain.mean < plain.p95 <= 1650
    lifted = load(
        rpc, write_land(tmp_path / "sea.tif", lift_m=40.0), HeightReference(offset_m=-40.0)
    )
    assert lifted[1].terrain_m.mean == pytest.approx(plain.mean + 40, abs=0.1)
