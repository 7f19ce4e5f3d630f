from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from tests.inventory.factories import SyntheticExtraction, change_json, make_extraction

from landslip.core.errors import InputError
from landslip.core.messages import message
from landslip.inventory.attributes import date_in
from landslip.inventory.detections import open_extraction, valid_outline
from landslip.inventory.request import AuxiliaryData, CleaningOptions, InventoryRequest
from landslip.inventory.run import make_inventory


@pytest.fixture
def made(tmp_path: Path) -> SyntheticExtraction:
    return make_extraction(tmp_path)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("GF1_PMS1_E103.5_N31.3_20130812_L1A0000123456.tif", "2013-08-12"),
        ("scene-2024-11-10.tif", "2024-11-10"),
        ("scene_2024_11_10.tif", "2024-11-10"),
        ("20240230.tif", None),
        ("20240101_to_20240201.tif", None),
        ("L1A0000120130812999.tif", None),
        ("scene.tif", None),
    ],
)
def test_the_day_in_a_name(name: str, day: str | None) -> None:
    assert date_in(name) == day


def test_a_folder_without_a_map_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no summary\.json"):
        open_extraction(tmp_path)


def test_a_summary_of_another_version_is_refused(made: SyntheticExtraction) -> None:
    change_json(made.extraction / "summary.json", lambda found: found.pop("scene_place"))
    with pytest.raises(InputError, match=r"summary\.json: not the summary"):
        open_extraction(made.extraction)


def test_a_raster_of_another_size_is_refused(made: SyntheticExtraction) -> None:
    change_json(made.extraction / "summary.json", lambda found: found.update(width=999))
    with pytest.raises(InputError, match=r"160 x 160 pixels and summary\.json states 999 x 160"):
        open_extraction(made.extraction)


@pytest.mark.parametrize("day", ["2013-8-12", "12.08.2013", "2013-02-30", "20130812"])
def test_dates_are_checked(day: str) -> None:
    with pytest.raises(InputError, match="YYYY-MM-DD"):
        AuxiliaryData(date=day)


def test_sample_and_errors_together_are_refused() -> None:
    with pytest.raises(InputError, match="sample and errors"):
        AuxiliaryData(sample=Path("a"), errors=Path("b"))


def test_a_threshold_under_the_other_is_refused(made: SyntheticExtraction, tmp_path: Path) -> None:
    request = InventoryRequest(
        source=made.extraction, out=tmp_path / "out", cleaning=CleaningOptions(high=0.1)
    )
    with pytest.raises(InputError, match="high must be"):
        make_inventory(request)


@pytest.mark.parametrize(("peak", "high"), [(0.7, (0.6013 + 0.7) / 2), (1.0, (0.6013 + 1) / 2)])
def test_the_upper_threshold_is_that_of_the_models_right_landslides(
    peak: float, high: float, made: SyntheticExtraction, tmp_path: Path
) -> None:
    objects = {"label_objects": 3, "label_px": [9, 9, 9], "right_objects": 3}
    objects["right_maxima"] = [0.65, peak, 1.0]
    change_json(made.extraction / "model.json", lambda found: found.update(objects=objects))
    record = make_inventory(InventoryRequest(source=made.extraction, out=tmp_path / "out", draws=0))
    assert record.cleaning is not None
    assert record.cleaning.high == record.cleaning.expected_high == pytest.approx(high)
    assert (record.cleaning.highest, record.warnings) == (1.0, ())


def test_warnings_of_the_map_are_handed_on_but_not_those_of_its_polygons(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    of_map = message("warning.single_pixels", percent=70.0, regions=90)
    of_polygons = message(
        "warning.small_left_out",
        removed=3,
        regions=3,
        percent=100.0,
        area=message("area.pixels", px=4),
    )
    said = [note.model_dump() for note in (of_map, of_polygons)]
    change_json(made.extraction / "summary.json", lambda found: found.update(messages=said))
    record = make_inventory(InventoryRequest(source=made.extraction, out=tmp_path / "out", draws=0))
    assert record.warnings == (of_map.text(),)


SIDE, LEFT, TOP = 4.0, 400_000.0, 3_400_000.0


def write(path: Path, valid: NDArray[np.bool_]) -> Path:
    height, width = valid.shape
    transform = Affine(SIDE, 0, LEFT, 0, -SIDE, TOP)
    profile = {"height": height, "width": width, "count": 1, "dtype": "uint8", "nodata": 255}
    with rasterio.open(path, "w", crs="EPSG:32648", transform=transform, **profile) as file:
        file.write(np.where(valid, 7, 255).astype(np.uint8), 1)
    return path


def test_a_small_raster_is_outlined_pixel_by_pixel(tmp_path: Path) -> None:
    valid = np.zeros((30, 40), dtype=bool)
    valid[5:25, 10:30] = True
    valid[8:10, 12:20] = False
    found = valid_outline(write(tmp_path / "a.tif", valid))
    assert shapely.area(found) == pytest.approx(valid.sum() * SIDE**2)
    left, right = LEFT + 10 * SIDE, LEFT + 30 * SIDE
    assert shapely.bounds(found).tolist() == [left, TOP - 25 * SIDE, right, TOP - 5 * SIDE]


def test_a_large_raster_is_outlined_as_nearly_as_its_cells(tmp_path: Path) -> None:
    rows, cols = np.indices((1300, 900))
    valid = rows > cols  # a slanting edge, as orthorectified scenes have
    found = valid_outline(write(tmp_path / "a.tif", valid))
    assert shapely.area(found) == pytest.approx(valid.sum() * SIDE**2, rel=0.01)
    assert shapely.contains_xy(found, LEFT + 40 * SIDE, TOP - 1200 * SIDE)
    assert not shapely.contains_xy(found, LEFT + 880 * SIDE, TOP - 20 * SIDE)


def test_without_valid_pixels_the_outline_is_empty(tmp_path: Path) -> None:
    assert shapely.is_empty(valid_outline(write(tmp_path / "a.tif", np.zeros((8, 8), dtype=bool))))
