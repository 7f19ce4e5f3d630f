"""Label rasters of every kind, each written from one truth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from rasterio.crs import CRS
from rasterio.enums import ColorInterp

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.label_masks import LabelCodes, MaskRule, MaskSurvey, decide_rule
from landslip.io.raster import Mask

TRUTH = np.zeros((20, 30), dtype=np.uint8)
TRUTH[3:9, 4:20] = 1  # 96 of 600 pixels are landslide: 16 %
UNLABELLED = np.zeros(TRUTH.shape, dtype=bool)
UNLABELLED[:, 25:] = True
CRS_UTM, TRANSFORM = CRS.from_epsg(32648), Affine(2, 0, 500_000, 0, -2, 3_400_000)
Label = NDArray[np.uint8]


def write_tiff(
    path: Path, bands: NDArray[Any], *, colours: tuple[ColorInterp, ...] = (), **profile: Any
) -> None:
    bands = bands if bands.ndim == 3 else bands[np.newaxis]
    shape = dict(zip(("count", "height", "width"), bands.shape, strict=True))
    known = {"driver": "GTiff", "dtype": bands.dtype, "crs": CRS_UTM, "transform": TRANSFORM}
    with rasterio.open(path, "w", **(known | shape | profile)) as file:
        if colours:
            file.colorinterp = colours
        file.write(bands)


def survey_of(*paths: Path) -> MaskSurvey:
    survey = MaskSurvey()
    for path in paths:
        with Mask(path) as mask:
            survey.add(mask)
    return survey


def label_of(path: Path, stated: LabelCodes | None = None) -> tuple[Label, MaskRule]:
    rule = decide_rule(survey_of(path), stated)
    with Mask(path) as mask:
        return rule.label(mask), rule


def coded(landslide: float, background: float, dtype: str) -> NDArray[Any]:
    return np.where(TRUTH == 1, landslide, background).astype(dtype)


def white_on_transparent(mode: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        bands = np.full((*TRUTH.shape, len(mode)), 255, dtype=np.uint8)
        bands[..., -1] = np.where(TRUTH == 1, 255, 0)
        Image.fromarray(bands, mode).save(path)

    return write


def white_on_transparent_black(path: Path) -> None:
    bands = np.repeat(TRUTH[..., None] * np.uint8(255), 4, axis=2)
    Image.fromarray(bands, "RGBA").save(path)


def palette(colours: list[int]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        image = Image.fromarray(np.where(TRUTH == 1, 0, 1).astype(np.uint8), "P")
        image.putpalette(colours)
        image.save(path)

    return write


def internal_mask(path: Path) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write_tiff(path, np.ones(TRUTH.shape, dtype=np.uint8))
        with rasterio.open(path, "r+") as file:
            file.write_mask(TRUTH.astype(bool))


def nodata(value: float, dtype: str) -> Callable[[Path], None]:
    return lambda path: write_tiff(path, coded(1, value, dtype), nodata=value)


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        pytest.param(".png", white_on_transparent("LA"), id="white on transparent, LA"),
        pytest.param(".png", white_on_transparent("RGBA"), id="white on transparent, RGBA"),
        pytest.param(".png", white_on_transparent_black, id="white on transparent black"),
        pytest.param(".png", palette([255, 255, 255, 0, 0, 0]), id="palette, white first"),
        pytest.param(".tif", nodata(0, "uint8"), id="nodata 0"),
        pytest.param(".tif", nodata(255, "uint8"), id="nodata 255"),
        pytest.param(".tif", nodata(15, "uint8"), id="nodata 15"),
        pytest.param(".tif", nodata(-9999, "int16"), id="nodata -9999"),
        pytest.param(".tif", nodata(-9999, "float32"), id="nodata -9999, float"),
        pytest.param(".tif", nodata(np.nan, "float32"), id="nodata NaN"),
        pytest.param(
            ".tif", lambda path: write_tiff(path, coded(1, np.nan, "float32")), id="NaN undeclared"
        ),
        pytest.param(".tif", internal_mask, id="internal mask"),
        pytest.param(
            ".tif",
            lambda path: write_tiff(
                path,
                np.stack([np.ones_like(TRUTH), TRUTH * 255]),
                colours=(ColorInterp.gray, ColorInterp.alpha),
            ),
            id="grey and alpha",
        ),
        pytest.param(".tif", lambda path: write_tiff(path, TRUTH), id="0 and 1"),
        pytest.param(".tif", lambda path: write_tiff(path, TRUTH * 255), id="0 and 255"),
    ],
)
def test_what_masks_of_landslides_alone_leave_out_is_background(
    tmp_path: Path, suffix: str, write: Callable[[Path], None]
) -> None:
    path = tmp_path / f"mask{suffix}"
    write(path)
    label, rule = label_of(path)
    np.testing.assert_array_equal(label, TRUTH)
    says_so = any("84.00% that are nodata" in note for note in rule.notes)
    survey = survey_of(path)
    assert says_so == (0.0 not in survey.valid and not survey.zero_is_nodata)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(
            lambda path: write_tiff(path, np.where(UNLABELLED, 255, TRUTH), nodata=255), id="nodata"
        ),
        pytest.param(
            lambda path: write_tiff(
                path,
                np.stack([TRUTH * 255, np.where(UNLABELLED, 0, 255).astype(np.uint8)]),
                colours=(ColorInterp.gray, ColorInterp.alpha),
            ),
            id="alpha",
        ),
    ],
)
def test_what_is_missing_beside_labelled_background_is_not_labelled(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    write(tmp_path / "mask.tif")
    label, rule = label_of(tmp_path / "mask.tif")
    np.testing.assert_array_equal(label, np.where(UNLABELLED, 255, TRUTH))
    assert rule.notes == ()


def test_one_mask_with_background_decides_for_all(tmp_path: Path) -> None:
    full, part = tmp_path / "full.tif", tmp_path / "part.tif"
    write_tiff(full, TRUTH, nodata=255)
    write_tiff(part, np.where(TRUTH == 1, 1, 255).astype(np.uint8), nodata=255)
    rule = decide_rule(survey_of(full, part))
    with Mask(part) as mask:
        np.testing.assert_array_equal(rule.label(mask), np.where(TRUTH == 1, 1, 255))


def test_smoothed_transparent_edges_are_cut_in_the_middle(tmp_path: Path) -> None:
    opacity = np.array([[0, 30, 127, 128, 200, 255]], dtype=np.uint8)
    Image.fromarray(np.dstack([np.full_like(opacity, 255), opacity]), "LA").save(tmp_path / "m.png")
    label, _ = label_of(tmp_path / "m.png")
    assert label.tolist() == [[0, 0, 0, 1, 1, 1]]


@pytest.mark.parametrize(
    ("codes", "shown"),
    [
        pytest.param([0, 7], "here is 7, and in all there are 0, 7", id="another number"),
        pytest.param([0, 1, 2], "here is 2, and in all there are 0, 1, 2", id="several classes"),
        pytest.param([0, 1, 255], "here is 255, and in all there are 0, 1, 255", id="both"),
        pytest.param(list(range(20)), r"here is 2, .* 0, 1, 2, 3, 4, 5, 6, 7, \.\.\.", id="many"),
    ],
)
def test_ambiguous_numbers_are_refused(tmp_path: Path, codes: list[int], shown: str) -> None:
    write_tiff(tmp_path / "mask.tif", np.array([codes], dtype=np.uint8))
    with pytest.raises(
        InputError,
        match=f"mask.tif: .*{shown}. State which numbers are landslides with landslide_value",
    ):
        label_of(tmp_path / "mask.tif")


def test_masks_of_two_conventions_are_refused_together(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", TRUTH)
    write_tiff(tmp_path / "b.tif", TRUTH * 255)
    with pytest.raises(InputError, match=r"b.tif: .* here is 255, and in all there are 0, 1, 255"):
        decide_rule(survey_of(tmp_path / "a.tif", tmp_path / "b.tif"))


@pytest.mark.parametrize(
    ("landslide", "background", "expected"),
    [
        pytest.param("1,2", "0", [0, 1, 1, 255, 255], id="both stated"),
        pytest.param("1,2", None, [0, 1, 1, 0, 255], id="landslides stated"),
        pytest.param("3", "1, 2", [255, 0, 0, 1, 255], id="0 is unlabelled"),
        pytest.param("1", "0,missing", [0, 1, 255, 255, 0], id="missing is background"),
        pytest.param("9", "0", [0, 255, 255, 255, 1], id="nodata is landslide"),
    ],
)
def test_stated_numbers(
    tmp_path: Path, landslide: str, background: str | None, expected: list[int]
) -> None:
    write_tiff(tmp_path / "mask.tif", np.array([[0, 1, 2, 3, 9]], dtype=np.uint8), nodata=9)
    label, _ = label_of(tmp_path / "mask.tif", LabelCodes.parse(landslide, background))
    assert label.tolist() == [expected]


@pytest.mark.parametrize(
    ("landslide", "background", "message"),
    [
        ("1", "1", "no number in common; got 1 in both"),
        ("one", None, "landslide_value takes numbers, separated by commas"),
        ("1,1", None, "each once; got '1,1'"),
        (None, "x", "background_value takes numbers, or missing"),
        ("nan", None, "landslide_value takes numbers"),
    ],
)
def test_what_is_stated_makes_sense(
    landslide: str | None, background: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        LabelCodes.parse(landslide, background)


def test_a_stated_number_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    write_tiff(tmp_path / "mask.tif", TRUTH)
    with pytest.raises(InputError, match="landslide_value is 3, and the label rasters hold 0, 1"):
        label_of(tmp_path / "mask.tif", LabelCodes.parse("3", None))


def test_a_raster_of_many_numbers_is_no_mask(tmp_path: Path) -> None:
    write_tiff(tmp_path / "mask.tif", np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30))
    with pytest.raises(InputError, match="more than 256; it is no mask"):
        survey_of(tmp_path / "mask.tif")


def test_on_another_grid_ground_outside_of_the_mask_is_not_labelled(tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    write_tiff(path, coded(1, 255, "uint8"), nodata=255)
    shifted = Affine(2, 0, 500_000 - 10, 0, -2, 3_400_000 + 10)  # by 5 pixels up and left
    grid = Grid(crs=CRS_UTM, transform=shifted, shape=(40, 50))
    rule = decide_rule(survey_of(path))
    expected = np.full(grid.shape, 255, dtype=np.uint8)
    expected[5:25, 5:35] = TRUTH
    with Mask(path, grid) as mask:
        np.testing.assert_array_equal(rule.label(mask), expected)
        part = rule.label(mask, Window(3, 2, 20, 10))
        np.testing.assert_array_equal(part, expected[2:12, 3:23])


def test_masks_saved_as_jpeg_are_split_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "mask.jpg"
    Image.fromarray(TRUTH * np.uint8(255)).save(path, quality=95)
    label, _ = label_of(path)
    np.testing.assert_array_equal(label, TRUTH)
