"""What is missing in a raster is missing in what each command makes of it, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from scipy import ndimage
from tests.preprocessing.orthorectification.conftest import (
    RANGE_M,
    SHAPE,
    make_camera,
    rasterio_rpc,
    write_land,
)

import landslip
from landslip.core.errors import InputError
from landslip.io.raster import Scene
from landslip.synthetic.camera import fit_rpc

WriteRaster = Callable[..., Path]
NAMES = ("blue", "green", "red", "nir")
MARKS = ("nodata", "alpha first", "alpha last", "mask", "mask file", "NaN")
BY_MARK = pytest.mark.parametrize("mark", MARKS)


def texture(shape: tuple[int, int], seed: int = 0) -> NDArray[np.float32]:
    """Return four bands of which some pixels are 0, as dark water is."""
    generator = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(generator.normal(size=(4, *shape)), (0, 1.5, 1.5))
    values: NDArray[np.float32] = np.rint(400 + 500 * smooth).astype(np.float32)
    values[3, :20, 60:90] = 0
    return values


def gap_of(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the upper left quarter."""
    gap = np.zeros(shape, np.bool_)
    gap[: shape[0] // 2, : shape[1] // 2] = True
    return gap


def write_marked(
    write: WriteRaster, name: str, values: NDArray[Any], mark: str, **profile: Any
) -> Path:
    """Write bands whose quarter is missing, as a mark says; masks have numbers under them."""
    gap = gap_of(values.shape[1:])
    values = values.astype("float32" if mark == "NaN" else "uint16")
    if mark in ("nodata", "NaN"):
        values[:, gap] = 0 if mark == "nodata" else np.nan
    at = {"alpha first": 0, "alpha last": len(values)}.get(mark)
    names = list(NAMES[: len(values)])
    if at is not None:
        values = np.insert(values, at, np.where(gap, 0, 65535), axis=0)
        names.insert(at, "")
    path = write(
        name, values, names=tuple(names), nodata=0 if mark == "nodata" else None, **profile
    )
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=mark == "mask"),
        rasterio.open(path, "r+") as file,
    ):
        if mark.startswith("mask"):
            file.write_mask(np.where(gap, np.uint8(0), np.uint8(255)))
        if at is not None:
            kinds = [ColorInterp.undefined] * len(values)
            kinds[at] = ColorInterp.alpha
            file.colorinterp = kinds
    return path


def read_again(path: Path) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read what a command wrote, as the next one does; rasterio and it agree on what is valid."""
    with Scene(path) as scene, rasterio.open(path) as file:
        assert scene.bands.names == NAMES
        assert ColorInterp.alpha not in file.colorinterp
        stored, valid = scene.read(scene.grid.window)
        np.testing.assert_array_equal(file.read_masks(1) != 0, valid)
    return stored, valid


@BY_MARK
def test_orthorectify(write_raster: WriteRaster, tmp_path: Path, mark: str) -> None:
    rpc = rasterio_rpc(fit_rpc(make_camera(), RANGE_M))
    sensor = {"crs": None, "transform": None, "rpcs": rpc}
    if mark == "mask":
        sensor |= {"scales": (0.5,) * 4, "offsets": (3.0,) * 4}
    image = write_marked(write_raster, "image.tif", texture(SHAPE), mark, **sensor)
    full = write_raster("full.tif", texture(SHAPE).astype("uint16"), names=NAMES, **sensor)
    dem = write_land(tmp_path / "dem.tif")
    reports = [
        landslip.orthorectify(
            one, dem=dem, dem_heights="ellipsoid", out=tmp_path / f"{one.stem}_map.tif"
        )
        for one in (image, full)
    ]
    _, valid = read_again(tmp_path / "image_map.tif")
    _, whole = read_again(tmp_path / "full_map.tif")
    assert valid.mean() == pytest.approx(reports[0].valid_share)
    assert whole.mean() == pytest.approx(reports[1].valid_share)
    # a quarter of the image, stretched by the terrain, and the kernel's reach along its edge
    assert valid.sum() / whole.sum() == pytest.approx(0.75, abs=0.04)
    if "scales" in sensor:
        with rasterio.open(tmp_path / "image_map.tif") as file:
            assert (file.scales, file.offsets) == ((0.5,) * 4, (3.0,) * 4)


@BY_MARK
def test_pansharpen(write_raster: WriteRaster, tmp_path: Path, mark: str) -> None:
    fine = texture((256, 320))
    coarse = fine.reshape(4, 64, 4, 80, 4).mean(axis=(2, 4)).round()
    transform = Affine(4, 0, 500_000, 0, -4, 4_000_000)
    ms = write_marked(write_raster, "ms.tif", coarse, mark, transform=transform)
    pan = write_raster("pan.tif", fine.mean(axis=0).astype("uint16"))
    made = landslip.pansharpen(ms, pan, out=tmp_path / "out.tif")
    _, valid = read_again(tmp_path / "out.tif")
    np.testing.assert_array_equal(valid, ~gap_of((256, 320)))
    assert made.valid_px == valid.sum()


@pytest.mark.parametrize("mark", ["alpha last", "mask"])
def test_pansharpen_by_a_marked_pan(write_raster: WriteRaster, tmp_path: Path, mark: str) -> None:
    fine = texture((256, 320))
    coarse = fine.reshape(4, 64, 4, 80, 4).mean(axis=(2, 4)).round().astype("uint16")
    transform = Affine(4, 0, 500_000, 0, -4, 4_000_000)
    ms = write_raster("ms.tif", coarse, names=NAMES, transform=transform)
    pan = write_marked(write_raster, "pan.tif", fine.mean(axis=0, keepdims=True), mark)
    landslip.pansharpen(ms, pan, out=tmp_path / "out.tif")
    _, valid = read_again(tmp_path / "out.tif")
    np.testing.assert_array_equal(valid, ~gap_of((256, 320)))


@BY_MARK
def test_register(write_raster: WriteRaster, tmp_path: Path, mark: str) -> None:
    values = texture((200, 240))
    moving = write_marked(write_raster, "moving.tif", values, mark)
    reference = write_raster("reference.tif", values.astype("uint16"), names=NAMES)
    landslip.register(moving, reference, out=tmp_path / "out.tif", model="shift")
    stored, valid = read_again(tmp_path / "out.tif")
    expected = ~gap_of((200, 240))
    # a shift of a millionth of a pixel moves the lattice by a row or column without data
    assert valid.sum() == pytest.approx(expected.sum(), rel=0.01)
    assert np.median(stored[:, valid]) == pytest.approx(np.median(values[:, expected]), abs=2)


def test_an_image_without_a_valid_pixel_is_refused(
    write_raster: WriteRaster, tmp_path: Path
) -> None:
    values = np.concatenate([texture(SHAPE), np.zeros((1, *SHAPE))]).astype("uint16")
    rpc = rasterio_rpc(fit_rpc(make_camera(), RANGE_M))
    image = write_raster(
        "image.tif", values, names=(*NAMES, "alpha"), crs=None, transform=None, rpcs=rpc
    )
    dem, out = write_land(tmp_path / "dem.tif"), tmp_path / "map.tif"
    with pytest.raises(InputError, match=r"image\.tif: no pixel of the map has data"):
        landslip.orthorectify(image, dem=dem, dem_heights="ellipsoid", out=out)
    assert not list(tmp_path.glob("*map*"))


def test_commands_report_a_nodata_value_that_cannot_occur(
    write_raster: WriteRaster, tmp_path: Path
) -> None:
    fine = texture((256, 256)).astype("uint16")
    coarse = fine.reshape(4, 64, 4, 64, 4).mean(axis=(2, 4)).round().astype("uint16")
    transform = Affine(4, 0, 500_000, 0, -4, 4_000_000)
    ms = write_raster("ms.tif", coarse, names=NAMES, transform=transform)
    pan = write_raster("pan.tif", fine.mean(axis=0).astype("uint16"))
    note = "the stated nodata value -9999 cannot occur in uint16 and marks nothing"
    made = landslip.pansharpen(ms, pan, out=tmp_path / "a.tif", nodata=-9999)
    assert made.warnings == (note,)
    assert landslip.pansharpen(ms, pan, out=tmp_path / "b.tif").warnings == ()
    scene = write_raster("scene.tif", fine, names=NAMES)
    for stated, expected in ((-9999, [note]), (65535, [])):
        done = landslip.register(
            scene, scene, out=tmp_path / f"{stated}.tif", model="shift", nodata=stated
        )
        assert [text for text in done.warnings if "cannot occur" in text] == expected
