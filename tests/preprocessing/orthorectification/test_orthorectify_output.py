"""What is written: types, nodata, layout; and that nothing is written half."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from tests.preprocessing.orthorectification.conftest import SHAPE, places, read, write_image

from landslip.core.errors import InputError, OutputExistsError
from landslip.core.rpc import RPC
from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference
from landslip.preprocessing.orthorectification.orthorectify import (
    OrthoReport,
    OrthoRequest,
    orthorectify,
)

ImageAndDem = tuple[Path, Path]


def run(image: Path, dem: Path, out: Path, **more: Any) -> OrthoReport:
    request = OrthoRequest(
        image=image,
        dem=DemRequest(path=dem, heights=HeightReference()),
        out=out,
        **({"resolution_m": 4.0} | more),
    )
    return orthorectify(request)


def noise(dtype: str, low: float, high: float, bands: int = 2) -> NDArray[Any]:
    """Return pixels that are one of two extremes, which cubic convolution overshoots."""
    generator = np.random.default_rng(0)
    return generator.choice([low, high], (bands, *SHAPE)).astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "extremes", "nodata", "kept"),
    [
        pytest.param("uint8", (1, 255), None, 0, id="bytes; 0 where nothing is declared"),
        pytest.param("uint8", (0, 254), 255, 255, id="bytes and 255"),
        pytest.param("uint16", (1, 1023), 0, 0, id="counts of 10 bits"),
        pytest.param("uint16", (0, 65534), 65535, 65535, id="the whole range"),
        pytest.param("int16", (-32767, 32767), -32768, -32768, id="signed"),
        pytest.param("float32", (-1.5, 2.5), None, np.nan, id="floats; NaN where none is declared"),
        pytest.param("float32", (-1.5, 2.5), -9999.0, -9999.0, id="floats and a number"),
    ],
)
def test_type_and_nodata_are_preserved(  # noqa: PLR0917 - fixtures and cases
    tmp_path: Path,
    image_and_dem: ImageAndDem,
    rpc: RPC,
    dtype: str,
    extremes: tuple[float, float],
    nodata: float | None,
    kept: float,
) -> None:
    values, (low, high) = noise(dtype, *extremes), extremes
    image = write_image(tmp_path / "image.tif", values, rpc, nodata=nodata, names=("red", "nir"))
    report = run(image, image_and_dem[1], tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as file:
        stored = file.read()
        assert file.dtypes == (dtype, dtype)
        assert file.nodata == pytest.approx(kept, nan_ok=True)
        assert file.descriptions == ("red", "nir")
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        masks = file.read_masks() != 0
    held = np.isfinite(read_places(image_and_dem, tmp_path))
    np.testing.assert_array_equal(masks[0], masks[1], err_msg="no valid pixel became nodata")
    np.testing.assert_array_equal(masks[0], held)
    assert report.valid_share == pytest.approx(held.mean())
    inside = stored[:, held].astype(np.float64)
    assert np.quantile(inside, 0.02) < low + 0.2 * (high - low)
    assert np.quantile(inside, 0.98) > high - 0.2 * (high - low)


def read_places(image_and_dem: ImageAndDem, folder: Path) -> NDArray[Any]:
    """Return the first band of the map of places on the same grid."""
    run(*image_and_dem, folder / "places.tif")
    values: NDArray[Any] = read(folder / "places.tif")[0]
    return values


def test_missing_pixels_stay_missing_and_all_others_do_not(
    tmp_path: Path, image_and_dem: ImageAndDem, rpc: RPC
) -> None:
    """A pixel counts as missing where all bands are 0: one band of 0 is a measurement."""
    values = np.full((2, *SHAPE), 500, np.uint16)
    values[:, 100:140, 120:170] = 0
    values[0, 200:240, 120:170] = 0
    image = write_image(tmp_path / "image.tif", values, rpc, nodata=0)
    run(image, image_and_dem[1], tmp_path / "out.tif")
    stored, (col, row) = read(tmp_path / "out.tif"), self_coordinates(image_and_dem, tmp_path)
    with np.errstate(invalid="ignore"):
        hole = (col > 120) & (col < 170) & (row > 100) & (row < 140)
        dark = (col > 123) & (col < 167) & (row > 203) & (row < 237)
        away = (col > 3) & (col < 117)
    assert (stored[:, hole] == 0).all()
    assert set(np.unique(stored[0, dark])) == {1}
    assert (stored[1, dark] == 500).all()
    assert (stored[:, away] == 500).all()
    assert set(np.unique(stored[:, ~hole])) <= {0, *range(1, 700)}


def self_coordinates(image_and_dem: ImageAndDem, folder: Path) -> NDArray[Any]:
    run(*image_and_dem, folder / "places.tif")
    return read(folder / "places.tif")


def test_a_stated_nodata_overrides_the_file(
    tmp_path: Path, image_and_dem: ImageAndDem, rpc: RPC
) -> None:
    values = np.full((1, *SHAPE), 500, np.uint16)
    values[:, :, :160] = 7
    image = write_image(tmp_path / "image.tif", values, rpc)
    run(image, image_and_dem[1], tmp_path / "out.tif", nodata=7)
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.nodata == 7
        assert file.descriptions == ("band_1",)
        assert set(np.unique(file.read())) == {7, 500}
        assert 0.2 < (file.read() == 500).mean() < 0.6


@pytest.mark.parametrize("nodata", [-9999, 0.5, 70_000])
def test_a_nodata_that_the_type_does_not_hold_is_refused(
    tmp_path: Path, image_and_dem: ImageAndDem, rpc: RPC, nodata: float
) -> None:
    image = write_image(tmp_path / "image.tif", np.ones((1, *SHAPE), np.uint16), rpc)
    message = rf"image.tif: nodata is a number that uint16 holds; got {nodata}.*with nodata"
    with pytest.raises(InputError, match=message):
        run(image, image_and_dem[1], tmp_path / "out.tif", nodata=float(nodata))


def test_constants_are_preserved(tmp_path: Path, image_and_dem: ImageAndDem, rpc: RPC) -> None:
    values = np.full((1, *SHAPE), 1234, np.uint16)
    image = write_image(tmp_path / "image.tif", values, rpc, nodata=0)
    run(image, image_and_dem[1], tmp_path / "out.tif", resolution_m=1.3)
    assert set(np.unique(read(tmp_path / "out.tif"))) == {0, 1234}


def test_windows_join_without_a_seam(tmp_path: Path, image_and_dem: ImageAndDem) -> None:
    """Where the camera is interpolated anew, neighbours differ as everywhere else."""
    report = run(*image_and_dem, tmp_path / "out.tif", resolution_m=0.4)
    assert min(report.grid.shape) > 1024
    with rasterio.open(tmp_path / "out.tif") as file:
        assert file.overviews(1) == [2, 4, 8]
        across = np.diff(file.read(1, window=((900, 1400), (960, 1090))), axis=1)
        down = np.diff(file.read(2, window=((960, 1090), (900, 1400))), axis=0)
    for steps in (across, down.T):
        at_seam, elsewhere = steps[:, 63], steps[:, [20, 40, 100]]
        assert np.nanmax(np.abs(at_seam)) <= np.nanmax(np.abs(elsewhere)) + 0.03


def test_the_report_is_json(tmp_path: Path, image_and_dem: ImageAndDem) -> None:
    told = run(*image_and_dem, tmp_path / "out.tif").as_dict()
    assert told["crs"] == "EPSG:32648"
    assert told["interpolation_error_px"] < told["interpolation_tolerance_px"] == 0.05
    assert told["dem"]["heights"] == "ellipsoid"
    assert told["refinement"] is None


def test_progress_reaches_the_end(tmp_path: Path, image_and_dem: ImageAndDem) -> None:
    seen: list[tuple[float, float]] = []
    request = OrthoRequest(
        image=image_and_dem[0],
        dem=DemRequest(path=image_and_dem[1], heights=HeightReference()),
        out=tmp_path / "out.tif",
        resolution_m=0.5,
    )
    orthorectify(request, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 1
    assert seen[-1][0] == seen[-1][1]
    assert sorted(seen) == seen


# nothing is written half


def test_a_truncated_image_leaves_nothing(
    tmp_path: Path, image_and_dem: ImageAndDem, rpc: RPC
) -> None:
    image = write_image(tmp_path / "image.tif", places(SHAPE), rpc, nodata=np.nan)
    image.write_bytes(image.read_bytes()[: image.stat().st_size * 7 // 10])
    with pytest.raises(InputError, match=r"image.tif: .*(damaged or truncated|not a raster)"):
        run(image, image_and_dem[1], tmp_path / "out.tif", resolution_m=0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["image.tif"]


def test_what_fails_leaves_the_earlier_map(
    tmp_path: Path, image_and_dem: ImageAndDem, rpc: RPC
) -> None:
    image = write_image(tmp_path / "image.tif", places(SHAPE), rpc, nodata=np.nan)
    image.write_bytes(image.read_bytes()[: image.stat().st_size * 7 // 10])
    (tmp_path / "out.tif").write_text("earlier")
    with pytest.raises(InputError):
        run(image, image_and_dem[1], tmp_path / "out.tif", resolution_m=0.5, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.tif", "out.tif"]
    assert (tmp_path / "out.tif").read_text() == "earlier"


def test_existing_output_is_refused(tmp_path: Path, image_and_dem: ImageAndDem) -> None:
    out = tmp_path / "out.tif"
    out.write_text("mine")
    with pytest.raises(OutputExistsError, match=r"out.tif: already exists.*overwrite=True"):
        run(tmp_path / "not there.tif", image_and_dem[1], out)
    assert out.read_text() == "mine"
    run(*image_and_dem, out, overwrite=True)
    assert read(out).shape[0] == 2


def test_a_folder_in_the_way(tmp_path: Path, image_and_dem: ImageAndDem) -> None:
    (tmp_path / "out.tif").mkdir()
    with pytest.raises(OutputExistsError, match="must be a file and is a folder"):
        run(*image_and_dem, tmp_path / "out.tif", overwrite=True)
