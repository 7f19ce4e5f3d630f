"""The page as a whole: what it says, what it does without, and that it asks nobody for anything."""

import re
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
from tests.reporting.inventory.factories import MALICIOUS, InventoryContents, write_inventory

from landslip.core.choices import Language
from landslip.core.errors import InputError, OutputExistsError
from landslip.core.messages import message
from landslip.core.messages import plain as plain_message
from landslip.inventory.flags import DEFAULT_RULES
from landslip.inventory.record import LAYERS, SceneRecord, read_record
from landslip.inventory.statistics.result import InventoryStatistics
from landslip.reporting.inventory.page import ReportRequest, write_report

T = "\u202f"
FEW = InventoryContents(landslides=4)  # where texts alone are asked for
VOID = {"meta", "link", "br", "img", "hr", "input"}
LACKING = {
    "no landslide": InventoryContents(landslides=0),
    "one landslide": InventoryContents(landslides=1),
    "no elevation model": InventoryContents(landslides=4, dem=False),
    "no scene": InventoryContents(landslides=4, scene=False),
    "neither": InventoryContents(landslides=4, scene=False, dem=False, date=None),
    "no coordinate system": InventoryContents(landslides=4, crs=None, dem=False),
    "degrees": InventoryContents(landslides=4, crs="EPSG:4326"),
    "polygons": InventoryContents(landslides=4, model=False, scene=False),
    "no statistics": InventoryContents(landslides=4, statistics=False),
    "nothing known": InventoryContents(
        landslides=0, model=False, scene=False, dem=False, statistics=False, crs=None, notes=()
    ),
}


class Reader(HTMLParser):
    """Reads a page: its words, its attributes, and whether its elements are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(page.replace("<wbr>", ""))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not (self.open and self.open[-1] == "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page_of(folder: Path, wanted: InventoryContents) -> str:
    inventory = write_inventory(folder / "inventory", wanted)
    return write_report(ReportRequest(folder=inventory)).read_text("utf-8")


def plain(text: str) -> str:
    """Return text with blanks that are all alike."""
    return " ".join(text.split())


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inventory(tmp_path_factory.mktemp("made") / "inventory")


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inventory(tmp_path_factory.mktemp("made") / "inventory", FEW)


@pytest.fixture(scope="module")
def page(inventory: Path) -> str:
    return write_report(ReportRequest(folder=inventory)).read_text("utf-8")


def test_the_page_says_what_the_inventory_found(page: str) -> None:
    text = Reader(page).text
    for figure in (
        "Landslides 40",
        "error-adjusted 1.50 km² (1.31–1.69 km², 95 %)",
        "1.60 2.31 by the large landslides",
        "GF1_PMS1_20130812",
        "2013-08-12",
        "Inverse gamma: ρ 1.43 1.21–1.66",
        "Inverse gamma: rollover 2 012 m² 1 700–2 500 m²",
        "Power law: exponent 2.41 2.13–2.77",
        "User's accuracy 88.0 % 79.0–97.0 %",
        "8 × 10⁶ 2 × 10⁶ – 3 × 10⁷",
        "weights 0123456789ab",
        "at least 0.42 belong to a landslide where at least one of them reaches 0.71",
        "after calibration 0.00810",
        "10.1016/j.epsl.2009.01.005",
        "Stratified sample, 50 points a class.",
        "by sensitivity and specificity 1.38 km² 1.12–1.64 km²",
        "Specificity 99.0 % 98.0–100 %",
        "Background, probability 0.1 to 0.3 90 000 0.360 km² 50 50 3",
        "10.1093/oxfordjournals.aje.a112510",
    ):
        assert plain(figure) in text, figure
    assert '<th scope="row" ' in page


@pytest.mark.parametrize("language", Language)
def test_readers_see_neither_options_nor_the_folders_of_the_machine(
    language: Language, tmp_path: Path
) -> None:
    folder = write_inventory(tmp_path / "inventory", FEW)
    file = folder / "inventory.json"
    record = read_record(folder)
    scene = tmp_path / "scene.tif"
    notes = (
        *(message(key) for key in ("adjusted.none", "dem.none", "formats.no_date")),
        message("scene.unreadable", error=f"{scene}: not a raster"),
        message("file.below_min_area", count=2, min_area_m2=100.0),
        message("polygons.below_high", count=2, total=5),
        plain_message(f"{scene}: the scene has no bands"),
    )
    source = record.source.model_copy(update={"place": str(tmp_path / "MAP")})
    record = record.model_copy(update={"messages": notes, "source": source})
    file.write_text(record.model_dump_json(), encoding="utf-8")
    write_report(ReportRequest(folder=folder, language=language))
    text = Reader((folder / "report.html").read_text(encoding="utf-8")).text
    assert str(tmp_path) not in text
    assert "--" not in text
    assert not re.search(r"\b[a-z]+_[a-z_]+\b", text.replace("GF1_PMS1", ""))
    assert "||" not in text


def written(folder: Path, language: Language = Language.ENGLISH, **changes: Any) -> str:
    """Write the page of a record with changes; return its text."""
    record = read_record(folder).model_copy(update=changes)
    (folder / "inventory.json").write_text(record.model_dump_json(), encoding="utf-8")
    path = write_report(ReportRequest(folder=folder, language=language))
    return Reader(path.read_text(encoding="utf-8")).text


def test_a_page_on_a_file_of_dated_outlines_says_nothing_of_its_scene(tmp_path: Path) -> None:
    wanted = replace(FEW, scene=False, model=False, date=None)
    folder = write_inventory(tmp_path / "inventory", wanted)
    text = written(folder, cleaning=None, scene=SceneRecord(), dates=("2000", "2014"))
    assert "Dates of the landslides 2000 – 2014" in text
    assert "The dates are those of the outlines' file" in text
    assert "The outlines come from a file: what was searched" in text
    for wrong in ("Date of the scene", "A single scene shows", "only what the scene shows"):
        assert wrong not in text


def test_only_rules_of_flags_that_were_checked_are_told(tmp_path: Path) -> None:
    folder = write_inventory(tmp_path / "inventory", FEW)
    text = written(folder, flag_rules=asdict(DEFAULT_RULES))
    assert "Rules: roads reach 8 m to either side of their line, and cover" in text
    assert "clouds are as bright" not in text
    assert "river flats have" not in text
    flags = {"flag_cloud": np.array([False] * FEW.landslides)}
    folder = write_inventory(tmp_path / "both", replace(FEW, columns=flags))
    text = written(folder, flag_rules=asdict(DEFAULT_RULES))
    assert "as long downslope as wide; clouds are as bright" in text


def test_chinese_sentences_have_no_spaces_between_words(tmp_path: Path) -> None:
    folder = write_inventory(tmp_path / "inventory", FEW)
    below = message("polygons.below_high", count=2, total=5)
    text = written(folder, Language.CHINESE, messages=(below,))
    assert "2 个未有像元达到上阈值" in text


def test_of_one_magnitude_no_second_is_told(page: str, tmp_path: Path) -> None:
    folder = write_inventory(tmp_path / "inventory", FEW)
    file = folder / "statistics.json"
    statistics = InventoryStatistics.model_validate_json(file.read_text(encoding="utf-8"))
    assert "The second value is derived" in Reader(page).text
    assert statistics.magnitude is not None
    alone = statistics.magnitude.model_copy(update={"from_large": None})
    changed = statistics.model_copy(update={"magnitude": alone})
    file.write_text(changed.model_dump_json(), encoding="utf-8")
    assert "The second value" not in written(folder)


def test_the_sentences_on_outlines_count_regions_once(page: str) -> None:
    text = Reader(page).text
    assert "others" in text
    regions = re.search(r"Of (\d+) connected regions, (\d+) did not reach", text)
    assert regions
    assert int(regions[2]) <= int(regions[1])
    assert "The model model" not in text


def test_the_page_fetches_nothing_and_runs_nothing(page: str) -> None:
    reader = Reader(page)
    assert reader.open == []
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    assert not [one for one in reader.attributes if one[0] == "script" or one[1].startswith("on")]
    for _, name, value in reader.attributes:
        if name in {"src", "href", "xlink:href"}:
            assert value.startswith(("data:image/", "#")), value[:80]
    assert not re.search(r"@import|url\((?!#)", page)


def test_the_contents_lead_to_sections_that_are_there(page: str) -> None:
    reader = Reader(page)
    ids = [value for _, name, value in reader.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    aims = {value[1:] for tag, name, value in reader.attributes if tag == "a" and name == "href"}
    assert len(aims) == 11
    assert aims <= set(ids)


def test_warnings_stand_before_the_first_section(page: str) -> None:
    for note in ("2 landslides touch the edge of the scene.", "the rollover is near"):
        assert 0 < page.index(note) < page.index('id="location"')


def test_the_same_inventory_gives_the_same_bytes(
    inventory: Path, tmp_path: Path, page: str
) -> None:
    again = write_report(ReportRequest(folder=inventory, out=tmp_path / "again.html"))
    assert again.read_text("utf-8") == page


@pytest.mark.parametrize("name", LACKING)
def test_what_is_not_known_leaves_a_whole_page(name: str, tmp_path: Path) -> None:
    folder = write_inventory(tmp_path / "inventory", LACKING[name])
    for language, code in ((Language.ENGLISH, "en"), (Language.CHINESE, "zh-Hans")):
        page = write_report(ReportRequest(folder=folder, language=language)).read_text("utf-8")
        reader = Reader(page)
        assert reader.open == []
        assert not re.search(r"\b(nan|None|inf|NaT)\b|<NA>", reader.text)
        assert f'<html lang="{code}">' in page


def test_an_empty_inventory_shows_its_scene_and_says_that_there_is_nothing(tmp_path: Path) -> None:
    page = page_of(tmp_path, LACKING["no landslide"])
    text = Reader(page).text
    assert "This inventory has no landslides." in text
    assert "There are too few landslides for a magnitude." in text
    assert "data:image/jpeg" in page
    assert 'id="location-footprint"' in page


def test_without_an_adjusted_area_the_page_says_why(tmp_path: Path) -> None:
    text = Reader(page_of(tmp_path, replace(FEW, adjusted=False))).text
    assert "There is no error-adjusted area" in text
    assert "as mapped; not adjusted for errors" in text


def test_confidence_is_read_as_calibrated_only_where_it_is(page: str, tmp_path: Path) -> None:
    raw = Reader(page_of(tmp_path, replace(FEW, calibrated=False))).text
    calibrated = Reader(page).text
    assert "probabilities are not calibrated" in raw
    assert "Reliability" not in raw
    assert "probabilities are calibrated (temperature)" in calibrated


def test_text_of_files_is_text_on_the_page(tmp_path: Path) -> None:
    page = page_of(tmp_path, replace(FEW, name=MALICIOUS, notes=(MALICIOUS,)))
    assert "<script" not in page
    assert plain(MALICIOUS) in Reader(page).text
    style = page[page.index("<style>") : page.index("</style>")]
    assert "'x'" not in style


def test_chinese_pages_are_chinese_and_say_which_words_are_not(few: Path) -> None:
    request = ReportRequest(folder=few, language=Language.CHINESE)
    text = Reader(write_report(request).read_text("utf-8")).text
    for words in (
        "滑坡编目报告",
        "误差校正面积",
        "反伽马分布",
        "生产者精度",
        "2 landslides touch the edge of the scene. （英文原文）",
        "平均坡度",
    ):
        assert words in text
    assert "Landslides by size class" not in text


@pytest.mark.slow
def test_many_landslides_make_a_small_page(tmp_path: Path) -> None:
    page = page_of(tmp_path, InventoryContents(landslides=6000))
    assert len(page) < 3e6
    assert 'id="location-footprint"' in page
    assert 'id="location-landslides"' not in page
    assert "data:image/png" in page


def test_flags_are_counted_and_shown(tmp_path: Path) -> None:
    flags = np.zeros(40, dtype=bool)
    flags[[0, 7, 30]] = True
    page = page_of(tmp_path, InventoryContents(columns={"flag_road": flags}))
    text = Reader(page).text
    assert plain("Road? 40 3 7.50 %") in text
    assert page.count('<p class="raised">') == 2


def test_an_inventory_of_an_earlier_version_has_a_page(tmp_path: Path) -> None:
    folder = write_inventory(tmp_path / "inventory", InventoryContents(landslides=4))
    file = folder / "inventory.gpkg"
    layers = {name: geopandas.read_file(file, layer=name) for name in LAYERS}
    file.unlink()
    earlier = {"highest_points": "crowns", "lowest_points": "toes"}
    later = ["dem_coarse", "slope_deg", "flag_road"]
    layers["landslides"] = layers["landslides"].drop(columns=later)
    for name, layer in layers.items():
        layer.to_file(file, layer=earlier.get(name, name))
    write_report(ReportRequest(folder=folder))
    text = Reader((folder / "report.html").read_text(encoding="utf-8")).text
    assert "Landslides 4" in text
    assert "Road?" not in text


def test_a_scene_elsewhere_is_said_to_be(tmp_path: Path) -> None:
    other = write_inventory(tmp_path / "inventory", replace(FEW, crs="EPSG:4326"))
    far = write_inventory(tmp_path / "far" / "inventory", replace(FEW, crs=None, dem=False))
    scene = far.parent / "scene.tif"
    written = write_report(ReportRequest(folder=other, scene=scene))
    assert "does not cover the landslides" in Reader(written.read_text("utf-8")).text


def test_a_stated_scene_that_is_none_is_refused(inventory: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        write_report(ReportRequest(folder=inventory, scene=tmp_path / "none.tif"))


def test_a_page_of_its_own_place_is_not_replaced(few: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    out.write_text("mine")
    with pytest.raises(OutputExistsError, match="already exists"):
        write_report(ReportRequest(folder=few, out=out))
    assert out.read_text() == "mine"
    write_report(ReportRequest(folder=few, out=out, overwrite=True))
    assert out.read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("inventory.json", "not an inventory, there is no inventory.json"),
        ("inventory.gpkg", "there is no inventory.gpkg in it"),
    ],
)
def test_a_folder_that_lacks_a_file_is_refused(file: str, sentence: str, tmp_path: Path) -> None:
    folder = write_inventory(tmp_path / "inventory", InventoryContents(landslides=2))
    (folder / file).unlink()
    with pytest.raises(InputError, match=sentence):
        write_report(ReportRequest(folder=folder))


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("inventory.gpkg", "cannot be read"),
        ("statistics.json", "not the statistics of an inventory"),
    ],
)
def test_a_broken_file_is_refused(file: str, sentence: str, tmp_path: Path) -> None:
    folder = write_inventory(tmp_path / "inventory", InventoryContents(landslides=2))
    (folder / file).write_text("{}")
    with pytest.raises(InputError, match=sentence):
        write_report(ReportRequest(folder=folder))
