import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.env import get_gdal_config
from tests.web import Fault, FolderServer, Request

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.io.raster import Scene, SceneOptions
from landslip.io.raster.opening import open_raster
from landslip.io.raster.remote import RetryPolicy, fetch, remote_reading

WriteRaster = Callable[..., Path]
NAMES = ("red", "nir")
QUICK = RetryPolicy(tries=4, requests=0, delay_s=0.01)
CORNER = Window(-3, 100, 150, 90)
HEADER_BYTES = 65536


@pytest.fixture
def scene(write_raster: WriteRaster) -> Path:
    """Write a cloud-optimised scene, with most blocks behind what is read of it at once."""
    noise = np.random.default_rng(5).integers(1, 60_000, (2, 300, 280), dtype=np.uint16)
    plain = write_raster("plain.tif", noise, names=NAMES, nodata=0)
    path = plain.with_name("scene.tif")
    rasterio.shutil.copy(plain, path, driver="COG", BLOCKSIZE=128, OVERVIEWS="NONE")
    return path


def in_blocks(request: Request) -> bool:
    return request.method == "GET" and request.first_byte >= HEADER_BYTES


class Fails:
    """A fault at the first requests that it concerns."""

    def __init__(self, fault: Fault, times: int, concerns: Callable[[Request], bool]) -> None:
        self.fault, self.left, self.concerns = fault, times, concerns

    def __call__(self, request: Request) -> Fault:
        if self.left == 0 or not self.concerns(request):
            return None
        self.left -= 1
        return self.fault


def pixels(place: Path | str, window: Window = CORNER) -> tuple[NDArray[Any], NDArray[Any]]:
    with Scene(place, retry=QUICK) as opened:
        return opened.read(window)


def assert_same(place: str, local: Path) -> None:
    for found, expected in zip(pixels(place), pixels(local), strict=True):
        np.testing.assert_array_equal(found, expected)


# what is read


@pytest.mark.parametrize("prefix", ["", "/vsicurl/"])
def test_the_pixels_are_those_of_the_file(prefix: str, scene: Path, server: FolderServer) -> None:
    assert_same(f"{prefix}{server.url('scene.tif')}?signature=1", scene)
    with Scene(scene) as local, Scene(server.url("scene.tif")) as remote:
        assert (remote.bands, remote.grid, remote.nodata) == (local.bands, local.grid, 0)
        assert (remote.path.name, remote.path.stem) == ("scene.tif", "scene")


def test_a_window_takes_only_its_blocks(scene: Path, server: FolderServer) -> None:
    pixels(server.url("scene.tif"), Window(200, 200, 10, 10))
    in_blocks_only = [request for request in server.requests if in_blocks(request)]
    assert len(in_blocks_only) == 1
    assert {request.path for request in server.requests} == {"/scene.tif"}


@pytest.mark.parametrize("fault", [503, "reset", "short"])
def test_a_scene_in_an_object_store(
    fault: Fault, scene: Path, server: FolderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_S3_ENDPOINT", server.host)
    monkeypatch.setenv("AWS_HTTPS", "NO")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTING", "FALSE")
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    (scene.parent / "bucket").mkdir()
    kept = scene.rename(scene.parent / "bucket" / "scene.tif")
    server.fault = Fails(fault, 2, in_blocks)
    assert_same("s3://bucket/scene.tif", kept)
    with pytest.raises(InputError, match=r"^s3://bucket/other.tif: not found \(HTTP 404\)"):
        Scene("s3://bucket/other.tif", retry=QUICK)


def test_a_user_in_the_address(scene: Path, server: FolderServer) -> None:
    server.needs_user = "me:pass word"
    address = server.url("scene.tif").replace("http://", "http://me:pass%20word@")
    assert_same(address, scene)


# failures that pass


@pytest.mark.parametrize("fault", [503, 429, 500, "reset", "short"])
@pytest.mark.parametrize(
    "concerns",
    [
        pytest.param(lambda request: request.method == "HEAD", id="head"),
        pytest.param(
            lambda request: request.method == "GET" and not in_blocks(request), id="header"
        ),
        pytest.param(in_blocks, id="blocks"),
    ],
)
def test_a_failure_that_passes_leaves_no_trace(
    fault: Fault, concerns: Callable[[Request], bool], scene: Path, server: FolderServer
) -> None:
    fails = Fails(fault, 2, concerns)
    server.fault = fails
    assert_same(server.url("scene.tif"), scene)
    assert fails.left == 0 or fault in {"reset", "short"}


def test_gdal_itself_repeats_requests(scene: Path, server: FolderServer) -> None:
    server.fault = Fails(503, 3, in_blocks)
    retry = RetryPolicy(tries=1, requests=3, delay_s=0.01)
    with Scene(server.url("scene.tif"), retry=retry) as remote:
        values, _ = remote.read(CORNER)
    np.testing.assert_array_equal(values, pixels(scene)[0])


def test_the_scene_is_read_on_after_a_failure_for_good(scene: Path, server: FolderServer) -> None:
    with Scene(server.url("scene.tif"), retry=QUICK) as remote:
        server.fault = Fails(503, 1000, lambda request: True)
        with pytest.raises(InputError, match=r"scene.tif: the server refuses with HTTP 503"):
            remote.read(CORNER)
        server.fault = lambda _: None
        values, valid = remote.read(CORNER)
    np.testing.assert_array_equal(values, pixels(scene)[0])
    np.testing.assert_array_equal(valid, pixels(scene)[1])


def test_a_file_that_comes_later_is_found(scene: Path, server: FolderServer) -> None:
    away = scene.rename(scene.with_name("away.tif"))
    with pytest.raises(InputError, match="not found"):
        pixels(server.url("scene.tif"))
    away.rename(scene)
    assert_same(server.url("scene.tif"), scene)


@pytest.mark.parametrize("through", ["address", "vrt"])
def test_readers_at_once_do_not_disturb_one_another(
    through: str, scene: Path, vrt: Path, server: FolderServer
) -> None:
    """Where handles share what GDAL keeps, some blocks come as zeros, without an error."""
    place, names = (server.url("scene.tif"), NAMES) if through == "address" else (vrt, ("nir",))
    draws = np.random.default_rng(3)
    retry = RetryPolicy(tries=12, requests=0, delay_s=0.0, stalled_s=3)
    bands = Bands(names)
    with Scene(scene) as local:
        expected, _ = local.read(local.grid.window, bands)

    def read(_: int) -> list[NDArray[Any]]:
        with Scene(place, SceneOptions(bands=bands), retry=retry) as remote:
            return [remote.read(Window(0, row, 280, 60))[0] for row in range(0, 300, 60)]

    server.fault = lambda _: 503 if draws.random() < 0.25 else None
    with ThreadPoolExecutor(3) as pool:
        for rows in pool.map(read, range(24)):
            np.testing.assert_array_equal(np.concatenate(rows, axis=1), expected)


# failures that stay


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (404, r"not found \(HTTP 404\); check the address"),
        (401, r"access denied \(HTTP 401\); check the credentials"),
        (403, r"access denied \(HTTP 403\); check the credentials, or whether the address's"),
        (503, r"the server refuses with HTTP 503; try later"),
        (400, r"the server refuses with HTTP 400; check the address"),
    ],
)
@pytest.mark.parametrize("where", ["opening", "header"])
def test_what_a_server_refuses_is_told(
    where: str, status: int, told: str, scene: Path, server: FolderServer
) -> None:
    server.fault = lambda request: status if where == "opening" or request.method == "GET" else None
    with pytest.raises(
        InputError, match=rf"^http://{server.host}/scene.tif\?...: .*{told}"
    ) as error:
        pixels(server.url("scene.tif?key=secret").replace("http://", "http://me:secret@"))
    assert "secret" not in str(error.value)
    assert len(server.requests) < 40


def test_permission_that_ends_is_told_at_once_with_the_window(
    scene: Path, server: FolderServer
) -> None:
    with Scene(server.url("scene.tif"), retry=RetryPolicy(requests=0, delay_s=60)) as remote:
        server.fault = lambda _: 403
        with pytest.raises(InputError, match=r"HTTP 403.*expired \(read at column -?\d+, row 100"):
            remote.read(CORNER)


@pytest.mark.parametrize("host", ["127.0.0.1:9", "no-such-host.invalid"])
def test_a_host_that_is_not_reached(host: str) -> None:
    with pytest.raises(InputError, match=rf"^http://{host}/x.tif: cannot reach the server"):
        pixels(f"http://me:secret@{host}/x.tif")


def test_an_unknown_host_is_told_at_once() -> None:
    patient = RetryPolicy(requests=0, delay_s=60)
    for opens in (Scene, fetch):
        started = time.monotonic()
        with pytest.raises(InputError, match="cannot reach the server"):
            opens("http://no-such-host.invalid/a.tif", retry=patient)
        assert time.monotonic() - started < 30


def test_a_server_that_stays_silent_is_given_up(scene: Path, server: FolderServer) -> None:
    over = threading.Event()

    def silent(request: Request) -> Fault:
        if in_blocks(request):
            over.wait(20)
            return 503
        return None

    server.fault = silent
    retry = RetryPolicy(tries=1, requests=0, stalled_s=1)
    started = time.monotonic()
    with Scene(server.url("scene.tif"), retry=retry) as remote, pytest.raises(InputError):
        remote.read(Window(250, 250, 10, 10))
    over.set()
    assert time.monotonic() - started < 15


def test_what_is_no_raster(tmp_path: Path, server: FolderServer) -> None:
    (tmp_path / "page.tif").write_text("<html>sign in</html>")
    address = f"http://{server.host}/page.tif"
    with pytest.raises(InputError, match=rf"^{address}: not a raster that can be read"):
        pixels(address)


def test_a_truncated_file(scene: Path, server: FolderServer) -> None:
    content = scene.read_bytes()
    scene.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(InputError, match=r"scene.tif: .*cannot be read at .*damaged or truncated"):
        pixels(server.url("scene.tif"), Window(0, 250, 280, 50))


def test_bands_without_names_are_told_without_credentials(
    write_raster: WriteRaster, server: FolderServer
) -> None:
    write_raster("scene.tif", np.ones((2, 4, 5), dtype=np.uint8))
    with pytest.raises(InputError, match=r"scene.tif\?...: every band needs a name") as error:
        Scene(server.url("scene.tif?key=secret"), retry=QUICK)
    assert "secret" not in str(error.value)


# rasters of this machine whose pixels lie on a server


@pytest.fixture
def vrt(scene: Path, server: FolderServer, tmp_path: Path) -> Path:
    path = tmp_path / "remote.vrt"
    path.write_text(
        '<VRTDataset rasterXSize="280" rasterYSize="300">'
        '<VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f"<SourceFilename>/vsicurl/{server.url('scene.tif')}?key=secret</SourceFilename>"
        "<SourceBand>2</SourceBand>"
        '<SourceProperties RasterXSize="280" RasterYSize="300" DataType="UInt16"/>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return path


def test_a_vrt_is_read_with_retry(vrt: Path, scene: Path, server: FolderServer) -> None:
    with Scene(vrt, SceneOptions(bands=Bands(("nir",))), retry=QUICK) as remote:
        server.fault = Fails(503, 3, lambda request: True)
        values, _ = remote.read(CORNER)
    np.testing.assert_array_equal(values[0], pixels(scene)[0][1])


def test_a_vrt_of_a_missing_file_is_no_empty_scene(vrt: Path, scene: Path) -> None:
    scene.unlink()
    with (
        Scene(vrt, SceneOptions(bands=Bands(("nir",))), retry=QUICK) as remote,
        pytest.raises(InputError, match=r"/scene.tif\?...: not found") as error,
    ):
        remote.read(CORNER)
    assert "secret" not in str(error.value)


# what GDAL is told


def test_the_environment_goes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "7")
    with remote_reading(RetryPolicy(requests=5)):
        told = [get_gdal_config("GDAL_HTTP_MAX_RETRY"), get_gdal_config("GDAL_HTTP_RETRY_DELAY")]
    assert told == [5, 7]
    assert get_gdal_config("GDAL_HTTP_MAX_RETRY") is None


def test_local_files_keep_the_files_beside_them(write_raster: WriteRaster) -> None:
    path = write_raster("scene.tif", np.ones((3, 4), dtype=np.uint8), names=("red",))
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "r+") as file:
        file.write_mask(np.eye(3, 4, dtype=np.uint8) * 255)
    assert path.with_name("scene.tif.msk").exists()
    with open_raster(path) as file:
        np.testing.assert_array_equal(file.read_masks(1) > 0, np.eye(3, 4) > 0)


@pytest.mark.parametrize(
    "wrong", [{"tries": 0}, {"requests": -1}, {"delay_s": -1.0}, {"stalled_s": float("inf")}]
)
def test_patience_has_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="tried at least once, with waits of 0 s or more"):
        RetryPolicy(**wrong)


def test_waits_double() -> None:
    assert RetryPolicy(tries=4, delay_s=0.5).waits == (0.5, 1.0, 2.0)
