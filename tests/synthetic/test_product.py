import hashlib
import tarfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.warp import reproject
from scipy import ndimage
from tests.synthetic.conftest import hills, make_grid, plain_reflectance

from landslip.core.errors import InputError, OutputExistsError
from landslip.preprocessing.product.product import open_product
from landslip.preprocessing.radiometry.sun import sun_position
from landslip.synthetic.camera import Attitude
from landslip.synthetic.ground_model import DemFormat, GroundModel, write_dem
from landslip.synthetic.overpass import ImageTarget, Overpass
from landslip.synthetic.product import ProductRequest, write_product
from landslip.synthetic.sensor import SensorModel

NOON = datetime(2013, 8, 12, 3, 50)
QUIET = SensorModel(read_noise_dn=0, shot_noise_dn=0, haze_variation=0)
SPOTS = np.array([[200.5, 210.5], [320.0, 330.5], [410.25, 250.0], [250.0, 400.0], [390.5, 420.5]])
SPOT_SIGMA_PX = 5.0


def spotted(spots: NDArray[np.float64] = SPOTS) -> GroundModel:
    """A plain ground over hills with bright round spots at known places."""
    shape = (640, 640)
    row, col = np.indices(shape) + 0.5
    bright = sum(
        np.exp(-((col - x) ** 2 + (row - y) ** 2) / 2 / SPOT_SIGMA_PX**2) for x, y in spots
    )
    reflectance = plain_reflectance(shape) + np.float32(0.1) * np.float32(bright)
    return GroundModel(
        reflectance=reflectance.astype(np.float32), height_m=hills(shape), grid=make_grid(shape)
    )


def request_of(ground: GroundModel, target: ImageTarget, **overpass: object) -> ProductRequest:
    look = Overpass(utc=NOON, attitude=Attitude(roll_deg=20.0))
    return ProductRequest(
        ground=ground,
        overpass=replace(look, **overpass),  # type: ignore[arg-type]
        target=target,
        sensor=QUIET,
        archive=False,
        product_id=6547030,
    )


def image(folder: Path, kind: str) -> NDArray[np.float64]:
    with rasterio.open(folder / f"{folder.name}-{kind}.tiff") as file:
        stored: NDArray[np.float64] = file.read().astype(np.float64)
    return stored


def heaviest_place(values: NDArray[np.float64], at: NDArray[np.float64], reach: int) -> list[float]:
    """Return the centre of mass (col, row) of what stands over its surroundings near a place."""
    left, top = (int(value) - reach for value in at)
    patch = values[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
    over = patch - np.median(patch)
    over[over < 0.1 * over.max()] = 0
    row, col = ndimage.center_of_mass(over)
    return [left + col + 0.5, top + row + 0.5]


@pytest.mark.parametrize(("at", "kind", "reach"), [(0, "MSS1", 5), (1, "PAN1", 20)])
def test_a_ground_point_is_seen_where_the_camera_has_it(
    tmp_path: Path, target: ImageTarget, at: int, kind: str, reach: int
) -> None:
    """The ground is a slope of 22 degrees, so that a round spot is seen as an ellipse."""
    row, col = np.indices((640, 640), dtype=np.float32)
    ground = replace(spotted(), height_m=1500 + 0.7 * (col - 320) - 0.4 * (row - 320))
    request = request_of(ground, target, shift_px=(0.7, -0.4), bias_m=(25.0, 10.0))
    stored = image(write_product(request, tmp_path), kind)[0]
    height = ground.heights_at(*(SPOTS.T[:, np.newaxis].astype(np.float32))).ravel()
    camera = request.overpass.camera_models(target)[at].actual
    expected = camera.project(ground.lonlat(SPOTS), height.astype(np.float64))
    found = [heaviest_place(stored, place, reach) for place in expected]
    assert np.abs(np.array(found) - expected).max() < 0.03


@pytest.mark.parametrize(("kind", "epsg"), [("PAN1", 32648), ("MSS1", 32648), ("PAN1", 4326)])
def test_gdal_puts_the_ground_where_it_is(
    tmp_path: Path, target: ImageTarget, kind: str, epsg: int
) -> None:
    """An oracle of its own: GDAL's RPC transformer with the written RPB, and the written DEM."""
    ground = spotted()
    folder = write_product(request_of(ground, target), tmp_path)
    dem = tmp_path / "dem.tif"
    write_dem(dem, ground, DemFormat(epsg=epsg, spacing_m=2.0))
    mapped = orthorectified(folder, kind, ground, dem)
    found = np.array([heaviest_place(mapped, place, 16) for place in SPOTS])
    assert np.abs(found - SPOTS).max() < 0.1


def test_bias_moves_what_gdal_maps_by_metres(tmp_path: Path, target: ImageTarget) -> None:
    """The metadata place the ground 30 m east and 12 m south of where it is."""
    ground = spotted()
    folder = write_product(request_of(ground, target, bias_m=(30.0, -12.0)), tmp_path)
    dem = tmp_path / "dem.tif"
    write_dem(dem, ground, DemFormat(epsg=32648, spacing_m=2.0))
    mapped = orthorectified(folder, "PAN1", ground, dem)
    # heights are those of the place 30 m beside, so that parallax comes on top
    found = np.array([heaviest_place(mapped, place, 22) for place in np.add(SPOTS, (15, 6))])
    assert (found - SPOTS).mean(axis=0) == pytest.approx([15.0, 6.0], abs=1.5)


def orthorectified(folder: Path, kind: str, ground: GroundModel, dem: Path) -> NDArray[np.float64]:
    """Return the first band of an image on the ground's grid, by GDAL."""
    with rasterio.open(folder / f"{folder.name}-{kind}.tiff") as file:
        stored, rpcs = file.read(1).astype(np.float64), file.rpcs
    mapped: NDArray[np.float64] = np.zeros(ground.grid.shape)
    reproject(
        stored,
        mapped,
        rpcs=rpcs,
        src_crs="EPSG:4326",
        src_nodata=0,
        dst_crs=ground.grid.crs,
        dst_transform=ground.grid.transform,
        resampling=Resampling.cubic,
        tolerance=0.0,
        RPC_DEM=str(dem),
    )
    return mapped


def test_the_xml_has_the_tags_of_real_products(
    tmp_path: Path, ground: GroundModel, target: ImageTarget
) -> None:
    folder = write_product(request_of(ground, target), tmp_path)
    assert folder.name == "GF1_PMS1_E103.5_N31.3_20130812_L1A0006547030"
    roots = {
        kind: ElementTree.parse(folder / f"{folder.name}-{kind}.xml").getroot()  # noqa: S314
        for kind in ("MSS1", "PAN1")
    }
    tags = {kind: {one.tag: one.text for one in root} for kind, root in roots.items()}
    assert roots["MSS1"].tag == "ProductMetaData"
    assert tags["MSS1"]["CenterTime"] == "2013-08-12 11:50:00", "Beijing time"
    assert tags["MSS1"]["ReceiveTime"] == "2013-08-12 03:50:00", "UTC"
    assert (tags["MSS1"]["Bands"], tags["PAN1"]["Bands"]) == ("1,2,3,4", "5")
    assert (tags["MSS1"]["WidthInPixels"], tags["PAN1"]["HeightInPixels"]) == ("96", "384")
    sun = sun_position(NOON, target.lon_deg, target.lat_deg)
    assert float(tags["PAN1"]["SolarZenith"] or 0) == pytest.approx(sun.zenith_deg, abs=1e-3)
    assert "AbsCeof" not in tags["MSS1"]


def test_the_xml_can_be_that_of_other_times(
    tmp_path: Path, ground: GroundModel, target: ImageTarget
) -> None:
    request = request_of(ground, target, camera=2, utc=datetime(2015, 8, 5, 4, 0))
    folder = write_product(
        replace(request, zenith_as_elevation=True, states_coefficients=True), tmp_path
    )
    text = (folder / f"{folder.name}-MSS2.xml").read_text()
    sun = sun_position(datetime(2015, 8, 5, 4, 0), target.lon_deg, target.lat_deg)
    assert f"<SolarZenith>{90 - sun.zenith_deg:.6g}</SolarZenith>" in text
    assert "<AbsCeof>0.2242,0.1887,0.1882,0.1963</AbsCeof>" in text


def test_counts_are_those_of_the_reflectance(tmp_path: Path, target: ImageTarget) -> None:
    """A ground of one colour, haze over it: red 0.05 + 0.016 in 2013's counts."""
    shape = (640, 640)
    ground = GroundModel(
        reflectance=plain_reflectance(shape), height_m=hills(shape), grid=make_grid(shape)
    )
    stored = image(write_product(request_of(ground, target), tmp_path), "MSS1")
    sun = sun_position(NOON, target.lon_deg, target.lat_deg)
    radiance = 0.066 * 1542.90 * np.cos(np.radians(sun.zenith_deg)) / np.pi / sun.distance_au**2
    assert np.unique(stored[2]) == round((radiance - 4.8924) / 0.1748)


def test_beyond_the_ground_there_is_fill(
    tmp_path: Path, ground: GroundModel, target: ImageTarget
) -> None:
    wide = replace(target, mss_shape=(200, 200))
    stored = image(write_product(request_of(ground, wide), tmp_path / "a"), "MSS1")
    assert (stored[:, 0, 0] == 0).all()
    assert (stored[:, 100, 100] > 0).all()
    mirrored = request_of(replace(ground, mirrored=True), wide)
    assert (image(write_product(mirrored, tmp_path / "b"), "MSS1") > 0).all()


def test_archives_hold_all_and_are_the_same_each_time(
    tmp_path: Path, ground: GroundModel, target: ImageTarget
) -> None:
    request = replace(request_of(ground, target), archive=True, sensor=SensorModel(), seed=3)
    paths = [write_product(request, tmp_path / name) for name in "ab"]
    sums = {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    assert len(sums) == 1
    other = write_product(replace(request, seed=4), tmp_path / "c")
    assert hashlib.sha256(other.read_bytes()).hexdigest() not in sums
    with tarfile.open(paths[0]) as tar:
        names = sorted(tar.getnames())
    base = request.name
    assert names == sorted(
        f"{base}-{kind}1{end}"
        for kind in ("MSS", "PAN")
        for end in (".tiff", ".xml", ".rpb", ".jpg", "_thumb.jpg")
    )
    assert [path.name for path in (tmp_path / "a").iterdir()] == [f"{base}.tar.gz"]


def test_existing_output_is_refused(
    tmp_path: Path, ground: GroundModel, target: ImageTarget
) -> None:
    request = replace(request_of(ground, target), archive=True)
    write_product(request, tmp_path)
    with pytest.raises(OutputExistsError, match="already exists"):
        write_product(request, tmp_path)
    write_product(replace(request, overwrite=True), tmp_path)


def test_a_failure_leaves_nothing_behind(
    tmp_path: Path, ground: GroundModel, target: ImageTarget
) -> None:
    shaky = Attitude(wobble_urad=50.0, wobble_period_s=0.02)
    request = replace(request_of(ground, target, attitude=shaky), archive=True)
    with pytest.raises(InputError, match="RPC must follow its camera"):
        write_product(request, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_overpass_states_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="camera must be 1 or 2; got 3"):
        Overpass(utc=NOON, camera=3)


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "folder"])
def test_what_reads_products_reads_it(
    tmp_path: Path, ground: GroundModel, target: ImageTarget, archive: bool
) -> None:
    request = replace(request_of(ground, target), archive=archive, states_coefficients=True)
    with open_product(write_product(request, tmp_path)) as product:
        assert product.name == request.name
        assert product.camera.name == "GF1 PMS1"
        assert product.abs_gains["nir"] == 0.1883
        told = request.overpass.camera_models(target)[1].stated
        points = np.array([[3.0, 5.0], [380.0, 300.0]])
        seen = product.pan.rpc.project(told.locate(points, 1450.0), np.full(2, 1450.0))
    np.testing.assert_allclose(seen, points, atol=1e-3)
