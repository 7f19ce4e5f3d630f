import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from tests.web import FolderServer

from landslip.core.bands import Bands
from landslip.core.choices import Units
from landslip.core.errors import InputError, MissingDependencyError
from landslip.io.raster import Scene
from landslip.io.raster.remote import RetryPolicy
from landslip.io.stac import read_item, write_stac_vrt

WriteRaster = Callable[..., Path]
QUICK = RetryPolicy(tries=8, requests=0, delay_s=0.0)
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
RED_NIR = Bands(("red", "nir"))


def write_item(folder: Path, assets: dict[str, Any], **more: Any) -> Path:
    path = folder / "item.json"
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": "scene/1",
        "geometry": None,
        "properties": {"datetime": "2024-01-01T00:00:00Z"},
        "links": [],
        "assets": assets,
    }
    path.write_text(json.dumps(item | more))
    return path


def asset(href: str, common: str, **band: Any) -> dict[str, Any]:
    """Describe a single-band asset in the words of STAC 1.0."""
    described = [{"name": f"{common}-1", "common_name": common}]
    return {"href": href, "type": COG, "eo:bands": described, "raster:bands": [band]}


@pytest.fixture
def bands(write_raster: WriteRaster) -> dict[str, np.ndarray[Any, Any]]:
    """Write a file a band."""
    draws = np.random.default_rng(2)
    pixels = {name: draws.integers(1, 9000, (40, 50), dtype=np.uint16) for name in RED_NIR}
    for name, values in pixels.items():
        values[0, :5] = 0
        write_raster(f"{name}.tif", values)
    return pixels


SCALED = {"scale": 0.0001, "offset": -0.1, "nodata": 0}
SINGLE = {"r": asset("./red.tif", "red", **SCALED), "n": asset("nir.tif", "nir", **SCALED)}
IN_1_1 = {
    "r": {
        "href": "./red.tif",
        "type": COG,
        "bands": [{"name": "B04", "eo:common_name": "red", "raster:scale": 0.0001}],
        "raster:offset": -0.1,
        "nodata": 0,
    },
    "nir": {
        "href": "nir.tif",
        "type": COG,
        "raster:scale": 1e-4,
        "raster:offset": -0.1,
        "nodata": 0,
    },
}


def assert_scene(item: Path | str, bands: dict[str, np.ndarray[Any, Any]], folder: Path) -> None:
    path, options = write_stac_vrt(read_item(item, QUICK), RED_NIR, folder, QUICK)
    with Scene(path, options, retry=QUICK) as scene:
        values, valid = scene.read(scene.grid.window)
        radiometry = scene.radiometry
        assert scene.grid.transform == Affine(1, 0, 500_000, 0, -1, 4_000_000)
        assert scene.grid.crs is not None
        assert scene.grid.crs.to_epsg() == 32650
    assert path.name == "scene_1.vrt"
    np.testing.assert_array_equal(values, np.stack([bands["red"], bands["nir"]]))
    np.testing.assert_array_equal(valid, bands["red"] > 0)
    assert (radiometry.units, radiometry.scale, radiometry.offset, radiometry.dtype) == (
        Units.REFLECTANCE,
        0.0001,
        -0.1,
        "uint16",
    )


@pytest.mark.parametrize(
    ("version", "assets"),
    [pytest.param("1.0.0", SINGLE, id="1.0"), pytest.param("1.1.0", IN_1_1, id="1.1")],
)
def test_one_asset_a_band(
    version: str, assets: dict[str, Any], bands: dict[str, Any], tmp_path: Path
) -> None:
    item = write_item(tmp_path, assets, stac_version=version)
    assert_scene(item, bands, tmp_path)


def test_an_item_and_its_assets_on_a_server_that_fails(
    bands: dict[str, Any], tmp_path: Path, server: FolderServer
) -> None:
    write_item(tmp_path, SINGLE)
    (tmp_path / "work").mkdir()
    draws = np.random.default_rng(4)
    server.fault = lambda _: 503 if draws.random() < 0.2 else None
    assert_scene(server.url("item.json?signature=1"), bands, tmp_path / "work")


def test_one_asset_with_all_bands(write_raster: WriteRaster, tmp_path: Path) -> None:
    pixels = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    write_raster("all.tif", pixels)
    described = [{"name": name} for name in ("Nir", "green", "R")]
    item = write_item(tmp_path, {"all": {"href": "all.tif", "type": COG, "eo:bands": described}})
    path, options = write_stac_vrt(read_item(item), RED_NIR, tmp_path)
    with Scene(path, options) as scene:
        np.testing.assert_array_equal(scene.read(scene.grid.window)[0], pixels[[2, 0]])
        assert scene.radiometry.units is Units.DN


@pytest.mark.parametrize(
    ("masks", "expected"),
    [
        ({"red": 1, "nir": 3}, [True, False, True, False, True]),
        ({"red": None, "nir": 3}, [True, True, True, False, True]),
    ],
    ids=["both", "one"],
)
def test_masks_of_all_assets_count(
    write_raster: WriteRaster,
    tmp_path: Path,
    masks: dict[str, int | None],
    expected: list[bool],
) -> None:
    for name, masked in masks.items():
        path = write_raster(f"{name}.tif", np.full((2, 5), 7, dtype=np.uint8))
        if masked is None:
            continue
        mask = np.full((2, 5), 255, dtype=np.uint8)
        mask[:, masked] = 0
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
            file.write_mask(mask)
    item = write_item(tmp_path, {n: asset(f"{n}.tif", n) for n in RED_NIR})
    path, options = write_stac_vrt(read_item(item), RED_NIR, tmp_path)
    with Scene(path, options) as scene:
        assert scene.read(scene.grid.window)[1].tolist() == [expected] * 2


@pytest.mark.parametrize("is_described", [True, False])
def test_alpha_of_an_asset_counts(
    write_raster: WriteRaster, tmp_path: Path, is_described: bool
) -> None:
    """Alpha is the first band, and among the described ones or not."""
    pixels = np.arange(1, 31, dtype=np.uint16).reshape(3, 2, 5)
    path = write_raster("all.tif", np.insert(pixels, 0, [[65535, 0, 7, 65535, 0]] * 2, axis=0))
    with rasterio.open(path, "r+") as file:
        file.colorinterp = [ColorInterp.alpha, *[ColorInterp.undefined] * 3]
    described = [{"name": name} for name in ("Nir", "green", "R")]
    described = [{"name": "alpha"}, *described] if is_described else described
    item = write_item(tmp_path, {"all": {"href": "all.tif", "type": COG, "eo:bands": described}})
    vrt, options = write_stac_vrt(read_item(item), RED_NIR, tmp_path)
    with Scene(vrt, options) as scene:
        stored, valid = scene.read(scene.grid.window)
    np.testing.assert_array_equal(stored, pixels[[2, 0]])
    assert valid.tolist() == [[True, False, True, True, False]] * 2


def test_an_offset_that_the_pixels_have_already(bands: dict[str, Any], tmp_path: Path) -> None:
    properties = {"datetime": "2024-01-01T00:00:00Z", "earthsearch:boa_offset_applied": True}
    item = write_item(tmp_path, SINGLE, properties=properties)
    path, options = write_stac_vrt(read_item(item), RED_NIR, tmp_path)
    with Scene(path, options) as scene:
        assert (scene.radiometry.scale, scene.radiometry.offset) == (0.0001, 0.0)


# which assets


def test_measured_values_and_quick_files_go_first(bands: dict[str, Any], tmp_path: Path) -> None:
    picture = {
        "href": "picture.tif",
        "type": COG,
        "roles": ["visual"],
        "eo:bands": [{"name": "red"}, {"name": "nir"}],
    }
    slow = {key: value | {"type": "image/jp2", "href": "slow.jp2"} for key, value in SINGLE.items()}
    assets = {"visual": picture, "thumbnail": SINGLE["r"] | {"roles": ["thumbnail"]}}
    assets |= {f"{key}-jp2": value for key, value in slow.items()} | SINGLE
    assert_scene(write_item(tmp_path, assets), bands, tmp_path)


def test_assets_of_equal_standing_are_not_guessed_between(
    bands: dict[str, Any], tmp_path: Path
) -> None:
    item = write_item(tmp_path, {"one": SINGLE["r"], "two": SINGLE["r"], "n": SINGLE["n"]})
    with pytest.raises(InputError, match=r"offer band red equally \(one band 1, two band 1\)"):
        write_stac_vrt(read_item(item), RED_NIR, tmp_path)


def test_missing_bands_are_told_with_what_there_is(tmp_path: Path) -> None:
    item = write_item(tmp_path, SINGLE)
    with pytest.raises(
        InputError,
        match=r"item.json: bands red,blue are needed and blue is in none of the item's assets: "
        r"r \(red\); n \(nir\)$",
    ):
        write_stac_vrt(read_item(item), Bands(("red", "blue")), tmp_path)


def test_an_item_without_rasters(tmp_path: Path) -> None:
    item = write_item(tmp_path, {"meta": {"href": "m.xml", "type": "application/xml"}})
    with pytest.raises(InputError, match=r"assets: none that is a raster$"):
        write_stac_vrt(read_item(item), RED_NIR, tmp_path)


# assets that do not go together


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        ({"transform": Affine(2, 0, 500_000, 0, -2, 4_000_000)}, "50 x 40 px of 2 from"),
        ({"transform": Affine(1, 0, 500_001, 0, -1, 4_000_000)}, r"1 from \(500001, 4000000\)"),
        ({"crs": "EPSG:32651"}, "in EPSG:32651"),
    ],
)
def test_bands_on_several_grids_are_refused(
    profile: dict[str, Any],
    told: str,
    bands: dict[str, Any],
    write_raster: WriteRaster,
    tmp_path: Path,
) -> None:
    write_raster("nir.tif", bands["nir"], **profile)
    with pytest.raises(InputError, match=rf"nir.tif: bands of one scene have one grid.*{told}"):
        write_stac_vrt(read_item(write_item(tmp_path, SINGLE)), RED_NIR, tmp_path)


def test_other_bands_than_described_are_refused(write_raster: WriteRaster, tmp_path: Path) -> None:
    for name in RED_NIR:
        write_raster(f"{name}.tif", np.ones((2, 4, 5), dtype=np.uint8))
    with pytest.raises(InputError, match=r"red.tif: 1 bands are described and the raster has 2"):
        write_stac_vrt(read_item(write_item(tmp_path, SINGLE)), RED_NIR, tmp_path)


def test_radiance_is_refused(bands: dict[str, Any], tmp_path: Path) -> None:
    radiance = asset("red.tif", "red", scale=0.1, unit="W m-2 sr-1 um-1")
    item = write_item(tmp_path, SINGLE | {"r": radiance})
    with pytest.raises(InputError, match=r"asset r holds red in 'W m-2 sr-1 um-1'; reflectance"):
        write_stac_vrt(read_item(item), RED_NIR, tmp_path)


# what is no item


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON that can be read"),
        ("[]", "a STAC item is a JSON object; got list"),
        ('{"type": "FeatureCollection"}', "one STAC item .* is needed; got 'FeatureCollection'"),
        ('{"type": "Feature"}', "not a STAC item that can be read"),
    ],
)
def test_what_is_no_item(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "item.json"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"item.json: {told}"):
        read_item(path)


def test_bands_in_wrong_words(tmp_path: Path) -> None:
    item = write_item(tmp_path, {"r": asset("red.tif", "red", scale="much")})
    with pytest.raises(InputError, match=r"not a STAC item.*scale: Input should be a valid number"):
        read_item(item)


def test_an_item_that_is_not_there(tmp_path: Path, server: FolderServer) -> None:
    with pytest.raises(InputError, match=r"x.json: no such file"):
        read_item(tmp_path / "x.json")
    with pytest.raises(InputError, match=r"x.json: not found \(HTTP 404\)"):
        read_item(server.url("x.json"), QUICK)
    with pytest.raises(InputError, match=r"s3://b/x.json: a STAC item is a file or an http"):
        read_item("s3://b/x.json")


def test_without_pystac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pystac", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'landslip\[cloud\]'"):
        read_item(write_item(tmp_path, SINGLE))
