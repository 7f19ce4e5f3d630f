"""The page of histories: its numbers are those of the layers, and what it does without them."""

import re
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import geopandas
import numpy as np
import pytest
from shapely import Polygon
from tests.multitemporal.factories import (
    LEFT,
    PIXEL_M,
    TOP,
    UTM,
    with_ndvi,
    write_series,
    write_states,
)
from tests.reporting.inventory.factories import InventoryContents, write_inventory

import landslip
from landslip.core.errors import InputError
from landslip.multitemporal.series.folder import Validity
from landslip.reporting.numbers import THIN, whole

SHAPE = (100, 120)
DAYS = (date(2007, 8, 1), date(2008, 8, 1), date(2012, 8, 1), date(2015, 8, 1))
GROWS, HEALS, HIDDEN = np.s_[10:30, 10:30], np.s_[10:30, 60:80], np.s_[60:80, 10:30]
LATE, FIRST, SECOND = np.s_[60:75, 60:75], np.s_[60:80, 85:94], np.s_[60:80, 96:105]
GROWN, BOTH = np.s_[10:30, 10:45], np.s_[60:80, 85:105]
CLOUD = np.s_[50:, :40]
HOSTILE, LONG = "<script>alert(1)</script>", "k" * 300
MAPPED = {
    DAYS[0]: [],
    DAYS[1]: [GROWS, HEALS, HIDDEN, FIRST, SECOND],
    DAYS[2]: [GROWN, HEALS, BOTH],
    DAYS[3]: [GROWN, LATE, BOTH],
}


class Made(NamedTuple):
    tracks: landslip.Tracks
    recovery: landslip.Recovery
    page: str


def outline(part: tuple[slice, slice]) -> Polygon:
    rows, cols = part
    left, right = (LEFT + PIXEL_M * at for at in (cols.start, cols.stop))
    top, bottom = (TOP - PIXEL_M * at for at in (rows.start, rows.stop))
    return Polygon([(left, bottom), (right, bottom), (right, top), (left, top)])


def write_landslides(path: Path, parts: list[tuple[slice, slice]], **columns: Any) -> Path:
    shapes = [outline(part) for part in parts]
    geopandas.GeoDataFrame(columns, geometry=shapes, crs=UTM.to_wkt()).to_file(path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    validity = {day: np.full(SHAPE, Validity.VALID, dtype=np.uint8) for day in DAYS}
    validity[DAYS[3]][CLOUD] = Validity.CLOUD
    bare = {DAYS[0]: 0.75, DAYS[1]: 0.15, DAYS[2]: 0.4, DAYS[3]: 0.7}
    scenes, files = {}, []
    for day, parts in MAPPED.items():
        ndvi = np.full(SHAPE, 0.75)
        for part in (GROWS, HEALS, HIDDEN, BOTH):
            ndvi[part] = bare[day]
        scenes[day] = with_ndvi(ndvi)
        columns = {"note": [HOSTILE] * len(parts), LONG: [LONG] * len(parts)}
        files.append(write_landslides(folder / f"mapped_{day}.gpkg", parts, **columns))
    series = write_series(folder / "SERIES", scenes, validity=validity)
    ground = {day: np.zeros(SHAPE, dtype=np.uint8) for day in DAYS}
    states = write_states(folder / "STATES", series, ground)
    tracks = landslip.track(files, series=series, out=folder / "TRACKS", registration_error=0)
    recovery = landslip.recovery(tracks, series=series, out=folder / "RECOVERY", draws=20)
    page = tracks.report(recovery=recovery, states=states)
    assert page == folder / "TRACKS" / "report.html"
    return Made(tracks, recovery, page.read_text("utf-8"))


def table(page: str, caption: str) -> list[list[str]]:
    """Return the texts of a table's cells, by its caption, with its headings."""
    found = next(
        part for part in re.findall(r"<table>(.*?)</table>", page, re.DOTALL) if caption in part
    )
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in row] for row in cells]


def known_areas(rows: geopandas.GeoDataFrame) -> list[float]:
    """Return the area (n,) of each row of the layer, measured on outlines alone."""
    last: dict[str, float] = {}
    areas = []
    for _, row in rows.iterrows():
        if row["track_observed"]:
            last[row["track_id"]] = row.geometry.area
        area = last[row["track_id"]]
        areas.append(0.0 if row["state"] == "merged" and not row["track_observed"] else area)
    return areas


def test_its_tables_are_those_of_the_layer(made: Made) -> None:
    rows = geopandas.read_file(made.tracks.folder / "tracks.gpkg", layer="landslides")
    rows = rows.sort_values("date").assign(area=known_areas)
    assert {*rows["state"]} == {
        "new", "enlarged", "persisting", "merged", "recovered", "not observed",
    }  # fmt: skip
    for caption, column, how, scale in (
        ("Landslides in each state on each date", "state", "size", 1),
        ("Area in each state on each date", "area", "sum", 1e-6),
    ):
        heading, *body = table(made.page, caption)
        groups = getattr(rows.groupby(["track_date", "state"])[column], how)()
        shown = {
            (line[0], state): float(cell)
            for line in body
            for state, cell in zip(heading[1:], line[1:], strict=True)
        }
        assert [line[0] for line in body] == [str(day) for day in DAYS]
        for place, value in shown.items():
            assert value == pytest.approx(groups.get(place, 0) * scale, abs=0.6e-4), place
    for one in made.tracks.record.dates:  # what the charts are drawn from
        of_date = rows[rows["track_date"] == one.stated]
        assert one.areas_m2 == pytest.approx(of_date.groupby("state")["area"].sum().to_dict())


def test_the_last_date_is_said_in_sentences(made: Made) -> None:
    said = re.sub(r"<[^>]+>", "", made.page)
    pixel_m2 = PIXEL_M**2
    searched = (SHAPE[0] * SHAPE[1] - 50 * 40) * pixel_m2
    there = (20 * 35 + 15 * 15 + 20 * 20) * pixel_m2
    assert "6 landslides are followed over 4 dates, from 2007-08-01 to 2015-08-01." in said
    assert f"At the last date, 2015-08-01, {whole(searched)}{THIN}m² were searched." in said
    assert f"3 landslides, {whole(there)}{THIN}m²" in said
    assert f"{100 * there / searched:.1f}{THIN}% of what was searched" in said
    assert f"New since 2012-08-01: 1 landslide, 900{THIN}m²." in said
    assert f"Recovered: 1 landslide, 1{THIN}600{THIN}m² by the last outlines; 1 of them" in said
    assert "What happened, by the date" in said


def test_a_year_is_not_shown_as_a_day(tmp_path: Path) -> None:
    files = [write_landslides(tmp_path / f"{year}.gpkg", [GROWS]) for year in (2013, 2014)]
    write_landslides(files[1], [GROWN])
    page = landslip.track(files, out=tmp_path / "TRACKS").report().read_text("utf-8")
    enlarged = next(
        line for line in table(page, "What happened, by the date") if line[0] == "enlarged"
    )
    assert enlarged[3] == "2013"
    assert "2013-01-01" not in page


def test_histories_that_matter_have_their_ids_and_brackets(made: Made) -> None:
    _, *body = table(made.page, "The largest, the reactivated and the growing")
    rows = {line[1].partition(" ")[0].partition("\n")[0]: line for line in body if len(line) > 1}
    tracks = geopandas.read_file(made.tracks.folder / "tracks.gpkg", layer="tracks")
    largest = tracks.sort_values("area_largest_m2", ascending=False).iloc[0]
    first = rows[next(name for name in rows if name.startswith(largest["track_id"]))]
    assert first[0] == "1"
    assert first[2] == "after 2007-08-01, by 2008-08-01"
    assert first[3] == "2008-08-01 new; 2012-08-01 enlarged"
    assert first[4] == f"1{THIN}600 → 2{THIN}800 → 2{THIN}800"
    assert {row["track_id"] for _, row in tracks.iterrows()} == {
        name for name in tracks["track_id"] if any(key.startswith(name) for key in rows)
    }
    events = table(made.page, "What happened, by the date")
    merged = next(line for line in events if line[0] == "merged")
    assert merged[1:5] == ["2", f"{20 * 20 * PIXEL_M**2 / 1e6:.4f}", "2008-08-01", "0"]


def test_recovery_is_that_of_the_tables(made: Made) -> None:
    landslides = geopandas.read_file(made.recovery.folder / "recovery.gpkg", layer="landslides")
    counts = landslides["class"].value_counts()
    body = table(made.page, "Landslides by recovery")[1:]
    assert {line[0]: int(line[1]) for line in body if int(line[1])} == counts.to_dict()
    listed = table(made.page, "Recovery of the landslides that are listed above")[1:]
    shown = {line[1]: line for line in listed}
    for _, one in landslides[landslides["rate"].notna()].iterrows():
        assert shown[one["id"]][3].startswith(f"{100 * one['rate']:.0f}")
        assert f"{one['half_life_years']:.2g}"[:3] in shown[one["id"]][5]
    assert len(landslides[landslides["rate"].notna()]) >= 2
    assert '<figure class="chart wide">' in made.page
    assert "Ground in each state on each date" in made.page


def test_it_is_whole_in_itself_and_escapes_what_users_wrote(made: Made) -> None:
    assert "<script" not in made.page
    assert unescape(re.sub(r"<wbr>", "", made.page)).count(HOSTILE) >= 1
    assert LONG not in made.page  # it may wrap, and values are cut
    assert not re.findall(r'(?:src|href|srcset)="(?!data:|#)[^"]*"', made.page)
    pictures = re.findall(r"<img [^>]*>", made.page)
    assert len(pictures) == 2
    assert all(' alt="The dates one after the other' in picture for picture in pictures)
    drawings = re.findall(r"<svg.*?</svg>", made.page, re.DOTALL)
    assert len(drawings) == 6
    assert all("<title>" in drawing and 'role="img"' in drawing for drawing in drawings)


def test_it_is_chinese_where_that_is_asked_for(made: Made, tmp_path: Path) -> None:
    page = made.tracks.report(tmp_path / "zh.html", lang="zh", recovery=made.recovery)
    text = page.read_text("utf-8")
    assert '<html lang="zh-Hans">' in text
    assert "共跟踪 6 个滑坡，4 个日期" in text
    assert "已恢复" in text
    words = re.sub(r"<[^>]+>", "", text[text.index("<main") : text.index('id="files"')])
    assert not re.search(r"landslide|date|area|observed(?! 未观测)", words)


def test_what_does_not_fit_is_one_sentence(made: Made, tmp_path: Path) -> None:
    tracks, folder = made.tracks, made.tracks.folder
    other = write_landslides(tmp_path / "other.gpkg", [GROWS], date=["2008-08-01"])
    away = landslip.recovery(other, series=folder.parent / "SERIES", out=tmp_path / "AWAY", draws=0)
    inventory = write_inventory(tmp_path / "inventory", InventoryContents(landslides=1))
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    for source, words, sentence in (
        (tracks, {"recovery": away}, "recovery is of other landslides, none is in"),
        (tracks, {"recovery": folder}, "recovery is a folder that landslip recovery wrote"),
        (tracks, {"states": folder}, "states is a folder that landslip states wrote"),
        (tracks, {"scene": folder}, "scene is for the page of an inventory"),
        (inventory, {"recovery": away}, "recovery is for the page of histories"),
        (nothing, {}, "neither an inventory nor histories of landslides, there is no inv"),
    ):
        with pytest.raises(InputError, match=sentence):
            landslip.report(source, out=tmp_path / "page.html", **words)
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("parts", "said", "unsaid"),
    [
        (
            {"2013": [GROWS, HEALS]},
            "2 landslides, all of one date, 2013: nothing can be said of change.",
            "Landslides from state to state",
        ),
        (
            {"2013": [], "2014": []},
            "There are no landslides on any date.",
            "Area of landslides by state",
        ),
        (
            {"2013": [GROWS, HEALS], "2014": []},
            "What was searched at the last date, 2014, is not known: a landslide without",
            "Recovered: 2 landslides",
        ),
    ],
    ids=["one date", "empty", "none observed"],
)
def test_it_says_what_there_is_not(
    parts: dict[str, list[tuple[slice, slice]]], said: str, unsaid: str, tmp_path: Path
) -> None:
    files = [write_landslides(tmp_path / f"{year}.gpkg", slides) for year, slides in parts.items()]
    page = landslip.track(files, out=tmp_path / "TRACKS").report().read_text("utf-8")
    assert said in re.sub(r"<[^>]+>", "", page)
    assert unsaid not in page


def test_missing_and_broken_tables_are_one_sentence(tmp_path: Path) -> None:
    file = write_landslides(tmp_path / "2013.gpkg", [GROWS])
    tracks = landslip.track(file, out=tmp_path / "TRACKS")
    table_file = tracks.folder / "tracks.parquet"
    table_file.write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"tracks.parquet: cannot be read .*; track the landsli"):
        tracks.report()
    table_file.unlink()
    with pytest.raises(InputError, match=r"TRACKS: there is no tracks.parquet in it; track the"):
        tracks.report()
    assert not (tracks.folder / "report.html").exists()
