import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.web import FolderServer

from landslip.core.errors import InputError
from landslip.io.raster.fingerprint import scene_fingerprint
from landslip.io.raster.remote import RetryPolicy

WriteRaster = Callable[..., Path]
QUICK = RetryPolicy(tries=3, requests=0, delay_s=0.01)


@pytest.fixture
def scene(write_raster: WriteRaster) -> Path:
    noise = np.random.default_rng(1).integers(0, 99, (1, 300, 280), dtype=np.uint16)
    tiles = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}
    return write_raster("scene.tif", noise, **tiles)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def flip_last_byte(path: Path, at: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_file_is_known_by_its_content_and_not_its_name(scene: Path) -> None:
    assert scene_fingerprint(scene) == {"sha256": sha256(scene)}
    before = scene_fingerprint(scene)
    assert scene_fingerprint(scene.rename(scene.with_name("other.tif"))) == before


def test_files_beside_a_scene_count(scene: Path) -> None:
    beside = scene.with_name("scene.tif.aux.xml")
    beside.write_text("<PAMDataset/>")
    assert scene_fingerprint(scene) == {"0 sha256": sha256(scene), "1 sha256": sha256(beside)}


def test_an_address_is_known_by_what_the_server_says(scene: Path, server: FolderServer) -> None:
    signed = scene_fingerprint(server.url("scene.tif?signature=1"), QUICK)
    tag = f'"{scene.stat().st_mtime_ns}-{scene.stat().st_size}"'
    assert signed == {"etag": tag, "bytes": scene.stat().st_size}
    assert scene_fingerprint(server.url("scene.tif?signature=2"), QUICK) == signed
    scene.write_bytes(scene.read_bytes() + b"more")
    assert scene_fingerprint(server.url("scene.tif"), QUICK) != signed


def test_a_failure_that_passes_does_not_count(scene: Path, server: FolderServer) -> None:
    before = scene_fingerprint(server.url("scene.tif"), QUICK)
    draws = np.random.default_rng(4)
    server.fault = lambda _: 503 if draws.random() < 0.25 else None
    retry = RetryPolicy(tries=8, requests=0, delay_s=0.0)
    assert scene_fingerprint(server.url("scene.tif"), retry) == before
    server.dumb = True
    assert "middle_sha256" in scene_fingerprint(server.url("scene.tif"), retry)


def test_where_a_server_says_nothing_the_pixels_do(
    scene: Path, server: FolderServer, write_raster: WriteRaster
) -> None:
    server.dumb = True
    before = scene_fingerprint(server.url("scene.tif"), QUICK)
    assert set(before) == {"layout_sha256", "middle_sha256"}
    assert scene_fingerprint(server.url("scene.tif"), QUICK) == before
    pixels = np.random.default_rng(1).integers(0, 99, (1, 300, 280), dtype=np.uint16)
    pixels[0, 150, 140] += 1
    write_raster("scene.tif", pixels, tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    assert (
        scene_fingerprint(server.url("scene.tif"), QUICK)["middle_sha256"]
        != before["middle_sha256"]
    )


def test_a_vrt_is_known_with_its_sources_and_without_signatures(
    scene: Path, server: FolderServer
) -> None:
    def vrt(signature: str) -> Path:
        path = scene.with_name("stack.vrt")
        path.write_text(
            '<VRTDataset rasterXSize="280" rasterYSize="300">'
            '<VRTRasterBand dataType="UInt16" band="1"><SimpleSource><SourceFilename>'
            f"/vsicurl/{server.url('scene.tif')}?signature={signature}</SourceFilename>"
            '<SourceBand>1</SourceBand><SourceProperties RasterXSize="280" RasterYSize="300" '
            'DataType="UInt16"/></SimpleSource></VRTRasterBand></VRTDataset>'
        )
        return path

    before = scene_fingerprint(vrt("1"), QUICK)
    assert set(before) == {"0 sha256", "1 etag", "1 bytes"}
    assert scene_fingerprint(vrt("2"), QUICK) == before
    flip_last_byte(scene)
    assert scene_fingerprint(vrt("1"), QUICK) != before


def test_what_is_not_there(tmp_path: Path, server: FolderServer) -> None:
    with pytest.raises(InputError, match="no such file"):
        scene_fingerprint(tmp_path / "x.tif")
    with pytest.raises(InputError, match="not found"):
        scene_fingerprint(server.url("x.tif"), QUICK)
