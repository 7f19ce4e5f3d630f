import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import PansharpeningMethod, Units
from landslip.core.errors import InputError, OutputExistsError
from landslip.io.raster import SceneOptions
from landslip.preprocessing.pansharpening.fusion import fit_fusion
from landslip.preprocessing.pansharpening.image_pair import ImagePair, RasterPair
from landslip.preprocessing.pansharpening.pansharpen import (
    PansharpenOptions,
    fit_rasters,
    pansharpen,
    to_stored,
)

from .conftest import KnownScene

METHODS = list(PansharpeningMethod)
NAMES = ("blue", "green", "red", "nir")
COARSE = Affine(8, 0, 500_000, 0, -8, 4_000_000)
FINE = Affine(2, 0, 500_000, 0, -2, 4_000_000)


def stored(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    return np.rint(values).astype(np.uint16)


@pytest.fixture
def files(write_raster: Any, known_scene: KnownScene) -> tuple[Path, Path]:
    ms = write_raster("ms.tif", stored(known_scene.ms), names=NAMES, transform=COARSE, nodata=0)
    pan = write_raster("pan.tif", stored(known_scene.pan), transform=FINE, nodata=0)
    return ms, pan


def read(path: Path) -> NDArray[Any]:
    with rasterio.open(path) as file:
        values: NDArray[Any] = file.read()
    return values


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("window_px", [64, 1024])
def test_windows_give_what_the_whole_gives(
    files: tuple[Path, Path],
    tmp_path: Path,
    known_scene: KnownScene,
    monkeypatch: pytest.MonkeyPatch,
    method: PansharpeningMethod,
    window_px: int,
) -> None:
    monkeypatch.setattr("landslip.io.raster.output.WINDOW_PX", window_px)
    options = PansharpenOptions(method=method)
    summary = pansharpen(*files, tmp_path / "out.tif", options)
    ms, pan = (stored(image).astype(np.float32) for image in (known_scene.ms, known_scene.pan))
    pair = ImagePair.aligned(ms, pan, 4)
    fusion = fit_fusion(summary.fusion.settings, pair.samples(summary.fusion.settings.sigma_px))
    expected = np.clip(np.rint(pair.fuse(fusion)), 1, 65535)
    found = read(tmp_path / "out.tif").astype(float)
    edge = 24  # outside PAN nothing is valid, while the arrays are mirrored
    inner = np.s_[:, edge:-edge, edge:-edge]
    assert np.abs(found - expected)[inner].max() <= 1
    assert np.mean(found[inner] == expected[inner]) > 0.99
    assert summary.fusion.intensity.weights == pytest.approx(fusion.intensity.weights, abs=1e-4)
    assert summary.valid_px == 384 * 320


def test_the_result_is_a_cog_that_keeps_what_the_bands_are(
    write_raster: Any, tmp_path: Path, known_scene: KnownScene
) -> None:
    ms = write_raster(
        "ms.tif",
        stored(known_scene.ms * 10),
        names=NAMES,
        scales=(1e-4,) * 4,
        offsets=(-0.1,) * 4,
        units=("reflectance",) * 4,
        transform=COARSE,
        nodata=65535,
    )
    pan = write_raster("pan.tif", known_scene.pan / 1e3, transform=FINE)
    pansharpen(ms, pan, tmp_path / "out.tif", PansharpenOptions())
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.descriptions == NAMES
        assert file.scales == (1e-4,) * 4
        assert file.offsets == (-0.1,) * 4
        assert file.units == ("reflectance",) * 4
        assert file.dtypes == ("uint16",) * 4
        assert file.nodata == 65535
        assert file.transform == FINE
        assert file.crs == rasterio.CRS.from_epsg(32650)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        found = file.read()
    error = np.abs(found / 10.0 - known_scene.fine).mean() / known_scene.fine.mean()
    assert error < 0.1


def test_differing_extents_and_a_ratio_that_is_no_integer(
    write_raster: Any, tmp_path: Path
) -> None:
    """Bands that are planes of the map coordinates, and PAN too: nothing may move."""

    def plane(transform: Affine, shape: tuple[int, int]) -> NDArray[np.float32]:
        cols, rows = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
        x, y = transform @ (cols, rows)
        wave = 3 * np.sin(x / 40) * np.sin(y / 55)
        return np.asarray(200 + (x - 500_000) / 8 + (4_000_000 - y) / 16 + wave, np.float32)

    fine = Affine(2.3, 0, 500_101.7, 0, -2.3, 3_999_950.2)
    ms = plane(COARSE, (120, 100))
    bands = np.stack([ms, 2 * ms]).astype(np.float32)
    left = write_raster("ms.tif", bands, names=("red", "nir"), transform=COARSE)
    pan = write_raster("pan.tif", plane(fine, (500, 260)), transform=fine)
    for method in METHODS:
        options = PansharpenOptions(method=method, overwrite=True)
        summary = pansharpen(left, pan, tmp_path / "out.tif", options)
        with rasterio.open(tmp_path / "out.tif") as file:
            found, transform = file.read(), file.transform
        assert transform.c == pytest.approx(500_101.7)
        assert transform.f == pytest.approx(3_999_950.2)
        assert found.shape == (2, *summary.shape)
        assert summary.shape == (396, 260)  # to the lower edge of the bands
        truth = plane(transform, summary.shape)
        inner = np.s_[30:-70, 30:-30]
        assert np.abs(found[0] - truth)[inner].max() < 0.25
        assert np.abs(found[1] - 2 * truth)[inner].max() < 0.5


def test_nodata_of_either_image_is_nodata(
    write_raster: Any, tmp_path: Path, known_scene: KnownScene
) -> None:
    ms, pan = stored(known_scene.ms), stored(known_scene.pan)
    ms[:, 10:20, 30:40] = 0
    ms[3, 2:4, 2:4] = 0  # water
    pan[300:, :50] = 7
    left = write_raster("ms.tif", ms, names=NAMES, transform=COARSE, nodata=0)
    right = write_raster("pan.tif", pan, transform=FINE)
    options = PansharpenOptions(method=PansharpeningMethod.GLP, pan=SceneOptions(nodata=7))
    summary = pansharpen(left, right, tmp_path / "out.tif", options)
    expected = np.ones((384, 320), np.bool_)
    expected[40:80, 120:160] = expected[300:, :50] = False
    found = read(tmp_path / "out.tif")
    assert np.array_equal((found != 0).all(axis=0), expected)
    assert np.array_equal((found != 0).any(axis=0), expected)
    assert summary.valid_px == expected.sum()
    whole = known_scene.fine.astype(float)
    near = np.zeros_like(expected)
    near[36:84, 116:164] = near[290:, :60] = True
    beside = np.abs(found - whole).mean(axis=0)[near & expected]
    assert beside.mean() < 0.15 * whole.mean()


def test_pan_gives_its_nodata_where_the_bands_have_none(
    write_raster: Any, tmp_path: Path, known_scene: KnownScene
) -> None:
    pan = stored(known_scene.pan)
    pan[:9] = 0
    left = write_raster("ms.tif", stored(known_scene.ms), transform=COARSE)
    right = write_raster("pan.tif", pan, transform=FINE, nodata=0)
    pansharpen(left, right, tmp_path / "out.tif", PansharpenOptions())
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.nodata == 0
        assert file.descriptions == ("band_1", "band_2", "band_3", "band_4")
        assert np.all(file.read()[:, :9] == 0)
        assert np.all(file.read()[:, 9:] > 0)


def test_nan_in_floating_point_images(
    write_raster: Any, tmp_path: Path, known_scene: KnownScene
) -> None:
    ms, pan = known_scene.ms.copy(), known_scene.pan.copy()
    ms[:, :5], pan[:, 300:] = np.nan, np.inf
    left = write_raster("ms.tif", ms, names=NAMES, transform=COARSE, nodata=np.nan)
    right = write_raster("pan.tif", pan, transform=FINE)
    pansharpen(left, right, tmp_path / "out.tif", PansharpenOptions())
    found = read(tmp_path / "out.tif")
    assert found.dtype == np.float32
    assert np.isnan(found[:, :20]).all()
    assert np.isnan(found[:, :, 300:]).all()
    assert np.isfinite(found[:, 20:, :300]).all()


def test_images_without_coordinates(
    write_raster: Any, tmp_path: Path, known_scene: KnownScene
) -> None:
    frame: dict[str, Any] = {"crs": None, "transform": Affine.identity()}
    ms = write_raster("ms.tif", stored(known_scene.ms), names=NAMES, **frame)
    pan = write_raster("pan.tif", stored(known_scene.pan), **frame)
    pansharpen(ms, pan, tmp_path / "out.tif", PansharpenOptions())
    error = np.abs(read(tmp_path / "out.tif") - known_scene.fine)
    assert error.mean() < 0.1 * known_scene.fine.mean()


def test_stated_bands_and_the_report(
    write_raster: Any, tmp_path: Path, known_scene: KnownScene
) -> None:
    ms = write_raster("ms.tif", stored(known_scene.ms), transform=COARSE)
    pan = write_raster("pan.tif", stored(known_scene.pan), transform=FINE)
    options = PansharpenOptions(
        method=PansharpeningMethod.GSA,
        ms=SceneOptions(bands=Bands(NAMES)),
        report=tmp_path / "quality.json",
    )
    pansharpen(ms, pan, tmp_path / "out.tif", options)
    told = json.loads((tmp_path / "quality.json").read_text())
    assert told["ms"] == "ms.tif"
    assert told["bands"] == list(NAMES)
    assert (told["width"], told["height"]) == (320, 384)
    assert told["fusion"]["method"] == "gsa"
    assert told["fusion"]["ratio"] == pytest.approx(4)
    assert told["fusion"]["r2"] > 0.99
    assert 0 < told["quality"]["reduced_scale"]["ergas"] < 5
    assert 0.8 < told["quality"]["reduced_scale"]["q2n"] < 1
    full = told["quality"]["full_scale"]
    assert full["qnr"] == pytest.approx((1 - full["d_lambda"]) * (1 - full["d_s"]))
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.descriptions == NAMES


def test_large_images_are_scored_on_several_places(
    write_raster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    pan = generator.uniform(100, 900, (260, 520)).astype(np.float32)
    ms = np.stack([pan.reshape(130, 2, 260, 2).mean(axis=(1, 3))] * 2)
    left = write_raster("ms.tif", ms, transform=Affine(4, 0, 0, 0, -4, 0))
    right = write_raster("pan.tif", pan, transform=Affine(2, 0, 0, 0, -2, 0))
    monkeypatch.setattr("landslip.preprocessing.pansharpening.quality._WINDOW_PX", 64)
    report = tmp_path / "quality.json"
    pansharpen(left, right, tmp_path / "out.tif", PansharpenOptions(report=report))
    pixels = json.loads(report.read_text())["quality"]["reduced_scale"]["pixels"]
    assert 0.8 * 4 * 64 * 64 < pixels <= 4 * 64 * 64


def test_images_too_small_for_scores_are_fused_all_the_same(
    write_raster: Any, tmp_path: Path, known_scene: KnownScene
) -> None:
    ms, pan = stored(known_scene.ms)[:, :20, :20], stored(known_scene.pan)[:80, :80]
    left = write_raster("ms.tif", ms, transform=COARSE)
    right = write_raster("pan.tif", pan, transform=FINE)
    report = tmp_path / "quality.json"
    pansharpen(left, right, tmp_path / "out.tif", PansharpenOptions(report=report))
    assert json.loads(report.read_text())["quality"] == {"reduced_scale": None, "full_scale": None}


def test_progress_ends_at_all(files: tuple[Path, Path], tmp_path: Path) -> None:
    calls: list[tuple[float, float]] = []
    pansharpen(
        *files,
        tmp_path / "out.tif",
        PansharpenOptions(),
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls[-1] == (384 * 320, 384 * 320)


def test_existing_output_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    out, report = tmp_path / "out.tif", tmp_path / "report.json"
    out.write_text("mine")
    with pytest.raises(OutputExistsError, match=r"out\.tif: already exists"):
        pansharpen(*files, out, PansharpenOptions())
    out.unlink()
    report.write_text("mine")
    with pytest.raises(OutputExistsError, match=r"report\.json: already exists"):
        pansharpen(*files, out, PansharpenOptions(report=report))
    assert not out.exists()
    pansharpen(*files, out, PansharpenOptions(report=report, overwrite=True))
    assert json.loads(report.read_text())["bands"] == list(NAMES)


def test_a_failure_leaves_nothing(
    write_raster: Any, tmp_path: Path, known_scene: KnownScene
) -> None:
    ms = write_raster("ms.tif", stored(known_scene.ms), transform=COARSE)
    pan = write_raster("pan.tif", np.full((384, 320), 5, np.uint16), transform=FINE)
    with pytest.raises(InputError, match=r"ms\.tif, .*pan\.tif: fusion needs a panchromatic band"):
        pansharpen(ms, pan, tmp_path / "made" / "out.tif", PansharpenOptions())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ms.tif", "pan.tif"]


def test_a_pan_of_several_bands_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    ms, pan = files
    with pytest.raises(InputError, match=r"ms\.tif: a panchromatic image has one band .* has 4"):
        pansharpen(pan, ms, tmp_path / "out.tif", PansharpenOptions())


def test_pairs_that_do_not_fit_are_named(
    files: tuple[Path, Path], write_raster: Any, tmp_path: Path
) -> None:
    pan = write_raster("far.tif", np.ones((40, 40), np.uint16))
    with pytest.raises(InputError, match=r"ms\.tif, .*far\.tif: .* do not overlap"):
        pansharpen(files[0], write_far(pan), tmp_path / "out.tif", PansharpenOptions())


def write_far(path: Path) -> Path:
    with rasterio.open(path, "r+") as file:
        file.transform = Affine(2, 0, 900_000, 0, -2, 4_000_000)
    return path


def test_a_fit_takes_samples_from_all_over(files: tuple[Path, Path]) -> None:
    with RasterPair(*files, SceneOptions(), SceneOptions()) as pair:
        fusion = fit_rasters(pair, PansharpenOptions())
    # all but a border in which PAN does not fill the filter
    assert 0.85 * 96 * 80 < fusion.samples < 96 * 80


@pytest.mark.parametrize(
    ("dtype", "nodata", "given", "expected"),
    [
        ("uint8", 0.0, [-3, 0.2, 1.5, 400, 7], [1, 1, 2, 255, 0]),
        ("uint8", 255.0, [-3, 0.2, 254.7, 400, 7], [0, 0, 254, 254, 255]),
        ("int16", -9999.0, [-9999, -9998.7, 0, 1e6, 7], [-9998, -9998, 0, 32767, -9999]),
        ("uint16", None, [-3, 0.2, 1.5, 1e6, 7], [0, 0, 2, 65535, 0]),
        ("uint32", None, [0, 1, 2, 1e12, 7], [0, 1, 2, 2**32 - 1, 0]),
        ("float32", None, [-3.5, 0, 1, 2, 7], [-3.5, 0, 1, 2, 0]),
    ],
)
def test_values_become_numbers_that_are_not_nodata(
    dtype: str, nodata: float | None, given: list[float], expected: list[float]
) -> None:
    valid = np.array([[True, True, True, True, False]])
    radiometry = Radiometry(units=Units.DN, dtype=dtype)
    found = to_stored(np.array([[given]], np.float32), valid, radiometry, nodata)
    assert found.dtype == np.dtype(dtype)
    assert found[0, 0].tolist() == expected


def test_floating_point_nodata_is_avoided() -> None:
    radiometry = Radiometry(units=Units.DN, dtype="float32")
    values = np.array([[[0, -9999, 5]]], np.float32)
    valid = np.array([[True, True, False]])
    found = to_stored(values, valid, radiometry, -9999.0)[0, 0]
    assert found[0] == 0
    assert found[1] == pytest.approx(-9999)
    assert found[1] != -9999
    assert found[2] == -9999
    assert np.isnan(to_stored(values, valid, radiometry, float("nan"))[0, 0, 2])


def test_scale_and_offset_are_taken_off() -> None:
    radiometry = Radiometry(units=Units.REFLECTANCE, dtype="uint16", scale=1e-4, offset=-0.1)
    values = np.array([[[0.0, 0.25]]], np.float32)
    found = to_stored(values, np.ones((1, 2), np.bool_), radiometry, None)
    assert found[0, 0].tolist() == [1000, 3500]
