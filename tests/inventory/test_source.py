from pathlib import Path

import pytest
from tests.inventory.made_map import MadeMap, change_json, make_map

from landslip.core.errors import InputError
from landslip.inventory.request import Cleaned, InventoryRequest, Known
from landslip.inventory.run import make_inventory
from landslip.inventory.source import date_in, open_extraction


@pytest.fixture
def made(tmp_path: Path) -> MadeMap:
    return make_map(tmp_path)


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
    with pytest.raises(InputError, match=r"no summary\.json in it"):
        open_extraction(tmp_path)


def test_a_summary_of_another_version_is_refused(made: MadeMap) -> None:
    change_json(made.extraction / "summary.json", lambda found: found.pop("scene_place"))
    with pytest.raises(InputError, match=r"summary\.json: not the summary"):
        open_extraction(made.extraction)


def test_a_raster_of_another_size_is_refused(made: MadeMap) -> None:
    change_json(made.extraction / "summary.json", lambda found: found.update(width=999))
    with pytest.raises(InputError, match=r"160 x 160 pixels and summary\.json says 999 x 160"):
        open_extraction(made.extraction)


@pytest.mark.parametrize("day", ["2013-8-12", "12.08.2013", "2013-02-30", "20130812"])
def test_dates_are_checked(day: str) -> None:
    with pytest.raises(InputError, match="YYYY-MM-DD"):
        Known(date=day)


def test_two_tellings_of_errors_are_refused() -> None:
    with pytest.raises(InputError, match="--sample and --errors"):
        Known(sample=Path("a"), errors=Path("b"))


def test_a_threshold_under_the_other_is_refused(made: MadeMap, tmp_path: Path) -> None:
    request = InventoryRequest(
        source=made.extraction, out=tmp_path / "out", cleaned=Cleaned(low=0.8, high=0.5)
    )
    with pytest.raises(InputError, match="--high"):
        make_inventory(request)
