import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
from affine import Affine
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from tests.conftest import write_raster_file
from tests.server.served import UTM, client_of

PIXEL_M = 2.0
GRID = {"crs": UTM, "transform": Affine(PIXEL_M, 0, 400_000, 0, -PIXEL_M, 3_460_000)}
NAMES = ("blue", "green", "red", "nir")
HALF_WORLD_M = math.pi * 6_378_137


def terrain(side: int = 700, seed: int = 0) -> NDArray[np.float64]:
    """Smooth ground from 0 to 1, with detail of some 20 px."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((side // 20, side // 20)).astype(np.float32)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(smooth, 0.02, 1), dtype=np.float64)


def write_cog(path: Path, values: NDArray[Any], **options: Any) -> Path:
    write_raster_file(path, values, **{**GRID, "tiled": True, "blockxsize": 256, "blockysize": 256})
    with rasterio.open(path, "r+") as file:
        for name, value in options.items():
            setattr(file, name, value)
        file.build_overviews([2, 4], Resampling.average)
    return path


def tile_over(one: dict[str, Any], zoom: int, share: float = 0.5) -> tuple[int, int, int]:
    west, south, east, north = one["bounds"]
    x = ((west + (east - west) * share) + 180) / 360
    sine = math.sin(math.radians(south + (north - south) * share))
    y = 0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)
    return zoom, int(x * 2**zoom), int(y * 2**zoom)


def raster_of(client: TestClient, name: str) -> dict[str, Any]:
    found = client.get("/api/workspace").json()
    assert found["problems"] == []
    return next(one for one in found["rasters"] if one["name"] == name)


def tile(
    client: TestClient, one: dict[str, Any], at: tuple[int, int, int], **query: str
) -> NDArray[np.uint8]:
    """Red, green, blue and alpha of a tile as PNG."""
    zoom, x, y = at
    response = client.get(f"/api/rasters/{one['id']}/tiles/{zoom}/{x}/{y}", params=query)
    assert response.status_code in (200, 204), response.text
    if response.status_code == 204:
        return np.zeros((256, 256, 4), np.uint8)
    assert response.headers["content-type"] == "image/png"
    picture = cv2.imdecode(np.frombuffer(response.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    if picture.shape[2] == 3:
        picture = np.dstack([picture, np.full(picture.shape[:2], 255, picture.dtype)])
    return np.asarray(picture[..., [2, 1, 0, 3]], dtype=np.uint8)


def warped(
    path: Path, at: tuple[int, int, int], resampling: Resampling = Resampling.bilinear
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The same tile by GDAL: (bands, 256, 256), and where all bands have data."""
    zoom, x, y = at
    pixel = 2 * HALF_WORLD_M / 2**zoom / 256
    transform = Affine(
        pixel, 0, x * 256 * pixel - HALF_WORLD_M, 0, -pixel, HALF_WORLD_M - y * 256 * pixel
    )
    with (
        rasterio.open(path) as file,
        WarpedVRT(
            file, crs="EPSG:3857", transform=transform, width=256, height=256,
            resampling=resampling,
        ) as view,
    ):  # fmt: skip
        return view.read(), view.dataset_mask() > 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    ground = terrain()
    scene = np.stack([ground * factor for factor in (1000, 1500, 2000, 4000)]).astype(np.uint16)
    scene[:, :, :150] = 0  # no data
    scene[0, 300:400, 300:400] = 0  # dark in one band
    write_cog(
        folder / "scene_20240812.tif", scene, nodata=0, descriptions=NAMES, scales=(1e-4,) * 4
    )
    write_cog(folder / "unnamed.tif", (ground * 2000 - 500).astype(np.float32), nodata=-9999)
    levels = (ground * 250).astype(np.uint8)
    levels[:100] = 255
    write_cog(
        folder / "probability.tif", levels, nodata=255, scales=(0.004,),
        descriptions=("probability of landslide",),
    )  # fmt: skip
    mask = (ground > 0.6).astype(np.uint8)
    mask[:100] = 255
    write_cog(folder / "mask.tif", mask, nodata=255, descriptions=("landslide",))
    return folder


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with client_of(folder) as client:
        yield client


@pytest.mark.parametrize("zoom", [16, 17, 18])
def test_scene_tiles_are_gdals_warp_stretched(client: TestClient, folder: Path, zoom: int) -> None:
    one = raster_of(client, "scene_20240812.tif")
    at = tile_over(one, zoom)
    shown = tile(client, one, at, bands="3,2,4", limits="0:0.2,0.01:0.1,0:0.6")
    values, _ = warped(folder / one["name"], at)
    for channel, (band, low, high) in enumerate(((2, 0, 2000), (1, 100, 1000), (3, 0, 6000))):
        expected = np.clip((values[band].astype(float) - low) / (high - low), 0, 1) * 255
        both = (shown[..., 3] > 0) & (values[3] > 0)
        difference = np.abs(shown[..., channel][both] - expected[both])
        assert both.mean() > 0.6
        assert np.percentile(difference, 99) <= 2
        assert difference.mean() < 0.6


def test_gamma_brightens_and_limits_are_in_reflectance(client: TestClient) -> None:
    one = raster_of(client, "scene_20240812.tif")
    at = tile_over(one, 17)
    plain = tile(client, one, at, bands="3", limits="0:0.2")
    bright = tile(client, one, at, bands="3", limits="0:0.2", gamma="2")
    seen = plain[..., 3] > 0
    expected = 255 * np.sqrt(plain[..., 0][seen] / 255)
    assert np.abs(bright[..., 0][seen] - expected).max() < 9  # of 8 bits, steep at 0
    assert (plain[..., 0] == plain[..., 1]).all()
    red = next(band for band in one["bands"] if band["name"] == "red")
    assert 0.002 < red["low"] < red["high"] < 0.21


def test_no_data_is_transparent_and_one_dark_band_is_not(client: TestClient, folder: Path) -> None:
    one = raster_of(client, "scene_20240812.tif")
    at = tile_over(one, 14)
    shown = tile(client, one, at, bands="3,2,1")
    values, _ = warped(folder / one["name"], at)
    data = values[1] > 0
    assert 0.1 < data.mean() < 0.99
    assert ((shown[..., 3] > 0) != data).mean() < 0.01
    dark = (values[0] <= 1) & data  # GDAL keeps 0 for what is missing
    assert (shown[..., 3][dark] == 255).mean() > 0.98


def test_probability_is_in_red_and_no_data_is_zero(client: TestClient, folder: Path) -> None:
    one = raster_of(client, "probability.tif")
    assert one["kind"] == "probability"
    at = tile_over(one, 17)
    shown = tile(client, one, at)
    values, valid = warped(folder / "probability.tif", at)
    inside = (values[0] < 250) & valid & (shown[..., 0] > 0)
    assert np.abs(shown[..., 0][inside] - values[0][inside].astype(float)).max() <= 1
    assert inside.mean() > 0.9
    assert (shown[..., 3] == 255).all()
    assert (shown[..., 1:3] == 0).all()
    edge = tile(client, one, tile_over(one, 16, share=0.97))
    assert (edge[..., 0][edge[..., 0] > 250]).size == 0
    response = client.get(
        "/api/rasters/{}/tiles/{}/{}/{}".format(one["id"], *at),
        headers={"Accept": "image/webp,*/*"},
    )
    assert response.headers["content-type"] == "image/png"  # numbers stay what they are


def test_classes_are_not_mixed(client: TestClient, folder: Path) -> None:
    one = raster_of(client, "mask.tif")
    assert one["kind"] == "mask"
    at = tile_over(one, 17)
    shown = tile(client, one, at)
    values, _ = warped(folder / "mask.tif", at, Resampling.nearest)
    assert {*shown[..., 3].ravel().tolist()} == {0, 255}
    assert ((shown[..., 3] > 0) != (values[0] == 1)).mean() < 0.005
    colours = np.unique(shown[shown[..., 3] > 0][:, :3], axis=0)
    assert colours.tolist() == [[0xE3, 0x1A, 0x1C]]


def test_numbers_below_zero_and_nodata_of_floats(client: TestClient, folder: Path) -> None:
    one = raster_of(client, "unnamed.tif")
    assert [band["name"] for band in one["bands"]] == ["band 1"]
    assert one["bands"][0]["minimum"] < -400
    at = tile_over(one, 17)
    shown = tile(client, one, at, bands="1", limits="-500:1500")
    values, valid = warped(folder / "unnamed.tif", at)
    both = valid & (shown[..., 3] > 0)
    expected = (values[0][both] + 500) / 2000 * 255
    assert np.abs(shown[..., 0][both] - expected).mean() < 0.6


def test_pictures_are_what_the_client_takes_and_are_kept(client: TestClient) -> None:
    one = raster_of(client, "scene_20240812.tif")
    path = "/api/rasters/{}/tiles/{}/{}/{}".format(one["id"], *tile_over(one, 18))
    kinds = {
        accept: client.get(path, headers={"Accept": accept}).headers["content-type"]
        for accept in ("image/png", "image/webp", "image/webp,*/*", "*/*")
    }
    assert kinds == {
        "image/png": "image/png",
        "image/webp": "image/webp",
        "image/webp,*/*": "image/jpeg",
        "*/*": "image/png",
    }
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert "max-age" in first.headers["cache-control"]
    other = client.get(path, params={"gamma": "1.5"})
    assert other.headers["etag"] != first.headers["etag"]
    large = client.get(path, params={"size": "512"})
    picture = cv2.imdecode(np.frombuffer(large.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape[:2] == (512, 512)


def test_a_scene_that_changes_has_other_tiles(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    write_cog(path, np.full((1, 300, 300), 50, np.uint8))
    with client_of(tmp_path) as client:
        one = raster_of(client, "scene.tif")
        at = tile_over(one, 17)
        assert {*tile(client, one, at, bands="1", limits="0:255")[..., 0].ravel()} <= {0, 50}
        path.unlink()
        write_cog(path, np.full((1, 301, 300), 90, np.uint8))
        client.app.state.server.folder.catalogue(now=True)  # type: ignore[attr-defined]
        shown = tile(client, one, at, bands="1", limits="0:255")
        assert 90 in shown[..., 0]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"bands": "1,2"}, "one or three"),
        ({"bands": "0"}, "indexes of this raster, 1 to 4"),
        ({"bands": "5,1,1"}, "indexes of this raster"),
        ({"bands": "/vsicurl/http://127.0.0.1/x"}, "indexes of this raster"),
        ({"bands": "1", "limits": "nan:1"}, "finite"),
        ({"bands": "1", "limits": "0:1,0:1"}, "low:high of each band"),
        ({"bands": "1", "limits": "0"}, "finite"),
        ({"bands": "1", "limits": "0:1e300"}, "finite"),
        ({"gamma": "0"}, "0.1"),
        ({"gamma": "inf"}, "finite"),
        ({"size": "8192"}, "512"),
        ({"size": "300"}, "multiple"),
    ],
)  # fmt: skip
def test_queries_are_bounded(client: TestClient, query: dict[str, str], why: str) -> None:
    one = raster_of(client, "scene_20240812.tif")
    path = "/api/rasters/{}/tiles/{}/{}/{}".format(one["id"], *tile_over(one, 17))
    response = client.get(path, params=query)
    assert response.status_code == 422
    assert why in response.json()["detail"]


def test_limits_that_are_equal_or_reversed_still_draw(client: TestClient) -> None:
    one = raster_of(client, "scene_20240812.tif")
    at = tile_over(one, 17)
    plain = tile(client, one, at, bands="3", limits="0:0.2")
    reversed_ = tile(client, one, at, bands="3", limits="0.2:0")
    seen = plain[..., 3] > 0
    total = plain[..., 0][seen].astype(int) + reversed_[..., 0][seen]
    assert np.abs(total - 255).max() <= 1
    assert tile(client, one, at, bands="3", limits="0.1:0.1").shape == (256, 256, 4)


def test_tiles_beside_a_raster_are_empty(client: TestClient) -> None:
    one = raster_of(client, "scene_20240812.tif")
    assert client.get(f"/api/rasters/{one['id']}/tiles/5/0/0").status_code == 204
    assert client.get(f"/api/rasters/{one['id']}/tiles/0/0/0").status_code in (200, 204)


@pytest.mark.parametrize(
    "crs",
    ["EPSG:4326", "EPSG:3857", "EPSG:32648", pytest.param("EPSG:4490", marks=pytest.mark.slow)],
)
def test_scenes_of_other_coordinate_systems(tmp_path: Path, crs: str) -> None:
    values = (terrain(400) * 250).astype(np.uint8)
    degrees = crs in ("EPSG:4326", "EPSG:4490")
    pixel, left, top = (2e-5, 103.0, 31.0) if degrees else (2.0, 400_000, 3_460_000)
    path = write_raster_file(
        tmp_path / "scene.tif", values, crs=crs, transform=Affine(pixel, 0, left, 0, -pixel, top)
    )
    with client_of(tmp_path) as client:
        one = raster_of(client, "scene.tif")
        at = tile_over(one, 17)
        shown = tile(client, one, at, bands="1", limits="0:255")
        expected, valid = warped(path, at)
        both = valid & (shown[..., 3] > 0)
        assert both.mean() > 0.5
        assert np.abs(shown[..., 0][both] - expected[0][both].astype(float)).mean() < 1.5
