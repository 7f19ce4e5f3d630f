from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landslip.core.bands import Bands
from landslip.io.visualization import (
    ERROR_LEGEND,
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    TRUE_POSITIVE,
    draw_outlines,
    error_map,
    label_image,
    rgb_composite,
    save_panels,
    save_sheet,
)

ALL = np.ones((10, 101), dtype=bool)


def slope(height: int = 10) -> np.ndarray:
    """Return a band that grows from 0 to 100 from left to right."""
    return np.tile(np.arange(101, dtype=np.uint16), (height, 1))


@pytest.mark.parametrize(
    ("names", "channels"),
    [
        pytest.param("nir,blue,green,red", (3, 2, 1), id="natural colours by name"),
        pytest.param("nir,swir,pan", (0, 1, 2), id="else the first three"),
        pytest.param("nir,pan", (0, 0, 0), id="else the first in grey"),
    ],
)
def test_channels(names: str, channels: tuple[int, int, int]) -> None:
    bands = Bands.parse(names)
    stored = np.stack([np.roll(slope(), 25 * at, axis=1) for at in range(len(bands))])
    picture = rgb_composite(stored, ALL, bands)
    assert picture.shape == (10, 101, 3)
    assert picture.dtype == np.uint8
    for channel, band in enumerate(channels):
        darkest, brightest = picture[0, :, channel].argmin(), picture[0, :, channel].argmax()
        assert stored[band, 0, darkest] <= 1
        assert stored[band, 0, brightest] >= 99


def test_a_band_is_stretched_between_its_1_and_99_percent_points() -> None:
    grey = rgb_composite(slope()[np.newaxis], ALL, Bands(("nir",)))[0, :, 0]
    assert grey[[0, 1, 99, 100]].tolist() == [0, 0, 255, 255]
    assert grey[50] == pytest.approx(127, abs=1)
    assert (np.diff(grey[1:100].astype(int)) >= 2).all()


@pytest.mark.parametrize("fill", [np.nan, np.inf, -1e30], ids=["NaN", "infinite", "far"])
def test_nodata_is_grey_and_does_not_stretch(fill: float) -> None:
    stored = slope().astype(np.float32)
    clean = rgb_composite(stored[np.newaxis, 3:], ALL[3:], Bands(("nir",)))
    stored[:3] = fill
    valid = ALL.copy()
    valid[:3] = False
    picture = rgb_composite(stored[np.newaxis], valid, Bands(("nir",)))
    assert np.unique(picture[:3]).tolist() == [96]
    np.testing.assert_array_equal(picture[3:], clean)


def test_a_scene_without_valid_pixels_is_grey() -> None:
    picture = rgb_composite(slope()[np.newaxis], ~ALL, Bands(("nir",)))
    assert np.unique(picture).tolist() == [96]


def test_a_flat_band_is_drawn() -> None:
    picture = rgb_composite(np.full((1, 10, 101), 7, np.uint8), ALL, Bands(("nir",)))
    assert np.unique(picture).tolist() == [0]


def test_outlines_are_the_edge_pixels_of_landslides() -> None:
    landslide = np.zeros((9, 9), dtype=bool)
    landslide[2:7, 3:8] = True
    picture = np.full((9, 9, 3), 50, dtype=np.uint8)
    drawn = draw_outlines(picture, landslide, (255, 0, 10))
    edge = landslide.copy()
    edge[3:6, 4:7] = False
    assert (drawn[edge] == (255, 0, 10)).all()
    assert (drawn[~edge] == 50).all()
    assert (picture == 50).all()


def test_no_outline_along_the_pictures_border() -> None:
    drawn = draw_outlines(
        np.zeros((5, 5, 3), np.uint8), np.ones((5, 5), dtype=bool), (255, 255, 255)
    )
    assert not drawn.any()


def test_a_label_is_white_on_black() -> None:
    drawn = label_image(np.array([[True, False]]))
    assert drawn.dtype == np.uint8
    assert drawn.tolist() == [[[255] * 3, [0] * 3]]


def test_errors_shine_through_in_their_colours() -> None:
    found, landslide = (
        np.array([[True, True, False, False]]),
        np.array([[True, False, True, False]]),
    )
    drawn = error_map(np.full((1, 4, 3), 100, np.uint8), found, landslide)
    halves = [
        [(100 + part) // 2 for part in colour]
        for colour in (TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE)
    ]
    assert drawn.tolist() == [[*halves, [100] * 3]]


def test_panels_stand_side_by_side_under_captions(tmp_path: Path) -> None:
    red, blue = (np.full((40, 50, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    save_panels([("scene", red), ("found", blue)], tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    caption_px, gap_px = 28, 8
    assert sheet.shape == (40 + caption_px, 50 + gap_px + 50, 3)
    np.testing.assert_array_equal(sheet[caption_px:, :50], red)
    np.testing.assert_array_equal(sheet[caption_px:, 50 + gap_px :], blue)
    assert (sheet[caption_px:, 50 : 50 + gap_px] == 255).all()
    assert (sheet[:caption_px, :50].min(), sheet[:caption_px, 58:].min()) < (128, 128)


def test_a_sheet_has_names_of_rows_and_a_legend(tmp_path: Path) -> None:
    grey = np.full((40, 150, 3), 128, np.uint8)
    rows = [("a_tile", [grey, grey]), ("another", [grey, grey])]
    save_sheet(rows, tmp_path / "sheet.png", ("image", "result"), ERROR_LEGEND)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    caption_px, name_px, gap_px = 28, 18, 8
    tops = [caption_px + name_px, caption_px + 2 * name_px + 40 + gap_px]
    assert sheet.shape[1] == 2 * 150 + gap_px
    for top in tops:
        np.testing.assert_array_equal(sheet[top : top + 40, :150], grey)
        np.testing.assert_array_equal(sheet[top : top + 40, 158:], grey)
        assert sheet[top - name_px : top].min() < 128  # its name
    legend = sheet[tops[1] + 40 :].reshape(-1, 3)
    for _, colour in ERROR_LEGEND:
        assert (legend == colour).all(axis=1).sum() >= 100
