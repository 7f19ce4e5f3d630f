"""Every state, by landslides whose history is known, through files and the API."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
from shapely import Polygon, affinity, box
from shapely.geometry.base import BaseGeometry

import landslip
from landslip.core.errors import InputError

UTM = "EPSG:32648"
EAST, NORTH = 400_000, 3_400_000
ALL = (-100, -100, 1000, 1000)
WITHOUT_F = ((-100, -100, 450, 1000), (690, -100, 1000, 1000))
A, B, D, E, F = (
    box(0, 0, 50, 50),
    box(100, 0, 140, 40),
    box(300, 0, 350, 50),
    box(352, 0, 372, 30),
    box(500, 0, 550, 50),
)
UPPER, LOWER = box(200, 60, 230, 95), box(200, 0, 230, 55)
DATES: dict[str, dict[str, Polygon]] = {
    "2013-08-12": {"A": A, "B": B, "C": box(200, 0, 230, 95), "D": D, "E": E, "F": F},
    "2014-10-02": {
        "A": box(0, 0, 50, 80),
        "C": LOWER,
        "C2": UPPER,
        "D": box(300, 0, 372, 50),
        "G": box(700, 0, 740, 40),
    },
    "2015-08-05": {"A": box(0, 0, 50, 40), "B": B, "C": LOWER, "C2": UPPER, "D": D, "E": E},
    "2016-01-01": {"A": box(0, 0, 50, 60)},
}
SEARCHED = {
    "2013-08-12": (ALL,),
    "2014-10-02": WITHOUT_F,
    "2015-08-05": (ALL,),
    "2016-01-01": ((-100, -100, 150, 1000),),
    "2017-01-01": (ALL,),
}
EXPECTED = {
    "A": "new, enlarged, shrinking, reactivated, recovered",
    "B": "new, recovered, reactivated, recovered, recovered",
    "C": "new, split, persisting, not observed, recovered",
    "C2": "split, persisting, not observed, recovered",
    "D": "new, merged, split, not observed, recovered",
    "E": "new, merged, split, not observed, recovered",
    "F": "new, not observed, recovered, not observed, recovered",
    "G": "new, recovered, not observed, recovered",
}


def write(path: Path, polygons: Mapping[str, BaseGeometry], crs: str = UTM, **columns: Any) -> Path:
    placed = [affinity.translate(one, EAST, NORTH) for one in polygons.values()]
    names = pd.Series([*polygons], dtype=object)
    frame = geopandas.GeoDataFrame({"slide": names, **columns}, geometry=placed, crs=UTM)
    frame.to_crs(crs).to_file(path)
    return path


@pytest.fixture
def footprints(tmp_path: Path) -> Path:
    parts = [(day, box(*part)) for day, boxes in SEARCHED.items() for part in boxes]
    file = tmp_path / "footprints.gpkg"
    shapes = {str(number): shape for number, (_, shape) in enumerate(parts)}
    return write(file, shapes, date=[day for day, _ in parts])


@pytest.fixture
def inventories(tmp_path: Path) -> list[Path]:
    return [write(tmp_path / f"mapped_{day}.gpkg", slides) for day, slides in DATES.items()]


def by_slide(tracks: landslip.Tracks) -> "pd.Series[str]":
    """Return the id of the history that each landslide was first mapped in."""
    rows = tracks.landslides[tracks.landslides["track_observed"]]
    first: pd.Series[str] = rows.sort_values("date").groupby("slide")["track_id"].first()
    return first


def test_each_landslide_has_the_history_that_was_drawn(
    inventories: list[Path], footprints: Path, tmp_path: Path
) -> None:
    found = landslip.track(inventories, footprints=footprints, out=tmp_path / "out")
    tracks = found.tracks.set_index("track_id")
    of = by_slide(found)
    assert {slide: tracks["states"][of[slide]] for slide in EXPECTED} == EXPECTED
    assert len(tracks) == len(EXPECTED)
    assert of["A"] == "20130812-30.72891N-103.95574E"
    rows = found.landslides.set_index(["track_id", "track_date"])
    assert rows.groupby(level="track_date").size().to_dict() == {
        "2013-08-12": 6, "2014-10-02": 8, "2015-08-05": 8, "2016-01-01": 8, "2017-01-01": 8,
    }  # fmt: skip
    # split, merged, and the id that comes back
    assert tracks["parent_id"].dropna().to_dict() == {of["C2"]: of["C"]}
    assert tracks["merged_into"].isna().all()
    assert rows.loc[(of["E"], "2014-10-02"), "track_into"] == of["D"]
    assert not rows.loc[(of["E"], "2014-10-02"), "track_observed"]
    assert rows.loc[(of["E"], "2014-10-02"), "track_area_m2"] == 0
    # brackets
    day = date(2014, 10, 2), date(2015, 8, 5)
    assert rows.loc[(of["F"], "2015-08-05"), ["track_after", "track_by"]].tolist() == [
        date(2013, 8, 12), day[1],
    ]  # fmt: skip
    assert rows.loc[(of["B"], "2015-08-05"), ["track_after", "track_by"]].tolist() == [*day]
    assert tracks["last_seen_without"].dropna().to_dict() == {of["G"]: date(2013, 8, 12)}
    assert tracks["gone_by"][of["B"]] == date(2016, 1, 1)
    assert tracks["gone_by"][of["F"]] == day[1]
    # 1.6 times the area is log(1.6) / log(1.2) steps
    assert rows.loc[(of["A"], "2014-10-02"), "track_confidence"] == pytest.approx(
        1 - 0.5 ** (np.log(1.6) / np.log(1.2))
    )
    flows = {
        (str(flow.date), flow.from_state, flow.to_state): (flow.landslides, round(flow.area_m2))
        for flow in found.record.flows
    }
    assert flows["2014-10-02", "new", "merged"] == (2, 3600 + 600)
    assert flows["2015-08-05", "merged", "split"] == (2, 2500 + 600)
    assert flows["2014-10-02", None, "split"] == (1, 30 * 35)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*found.record.files}
    assert tracks["areas_m2"][of["A"]] == "2500.0, 4000.0, 2000.0, 3000.0, 0.0"


def test_neither_order_nor_coordinate_system_nor_a_later_date_changes_an_id(
    inventories: list[Path], footprints: Path, tmp_path: Path
) -> None:
    first = landslip.track(inventories[:2], footprints=footprints, out=tmp_path / "first")
    again = landslip.track(inventories[::-1], footprints=footprints, out=tmp_path / "again")
    known = by_slide(first)
    assert by_slide(again)[known.index].tolist() == known.tolist()
    for number, day in enumerate(DATES):
        if number % 2:
            inventories[number] = write(tmp_path / f"{day}.geojson", DATES[day], "EPSG:4326")
    mixed = landslip.track(inventories, footprints=footprints, out=tmp_path / "mixed")
    assert mixed.tracks["states"].tolist() == again.tracks["states"].tolist()
    assert by_slide(mixed)[known.index].tolist() == known.tolist()
    assert mixed.landslides.crs == UTM


def test_without_footprints_an_absence_says_nothing(
    inventories: list[Path], tmp_path: Path
) -> None:
    found = landslip.track(inventories, out=tmp_path / "out")
    assert "recovered" not in set(found.landslides["state"])
    assert found.tracks["last_seen_without"].isna().all()
    tracks, of = found.tracks.set_index("track_id"), by_slide(found)
    assert tracks["states"][of["B"]] == "new, not observed, persisting, not observed"
    (note,) = found.record.notes
    assert note.startswith("what was searched is not known for 2013-08-12, 2014-10-02,")


def test_an_empty_layer_is_a_date(footprints: Path, tmp_path: Path) -> None:
    files = [
        write(tmp_path / "one_2013-08-12.gpkg", {"A": A}),
        write(tmp_path / "none_2015-08-05.gpkg", {}),
    ]
    found = landslip.track(files, footprints=footprints, out=tmp_path / "out")
    assert found.tracks["states"].tolist() == ["new, recovered, recovered, recovered, recovered"]
    nothing = landslip.track(files[1], out=tmp_path / "nothing")
    assert len(nothing.tracks) == len(nothing.landslides) == 0
    assert any("histories are empty" in note for note in nothing.record.warnings)


def test_an_earlier_date_keeps_ids_by_the_previous_run(
    inventories: list[Path], tmp_path: Path
) -> None:
    later = landslip.track(inventories[1:], out=tmp_path / "later")
    alone = landslip.track(inventories, out=tmp_path / "alone")
    kept = landslip.track(inventories, out=tmp_path / "kept", previous=tmp_path / "later")
    assert by_slide(alone)["A"].startswith("20130812")
    shared = [slide for slide in by_slide(later).index if slide != "E"]
    assert by_slide(kept)[shared].tolist() == by_slide(later)[shared].tolist()
    assert kept.tracks["track_id"].is_unique
    with pytest.raises(InputError, match="previous is what `landslip track` wrote before"):
        landslip.track(inventories, out=tmp_path / "no", previous=inventories[0])


def test_outlines_that_are_displaced_are_linked_and_stay_where_they_were(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 4000, (40, 2))
    slides = {str(n): box(x, y, x + 12, y + 16) for n, (x, y) in enumerate(places.tolist())}
    moved = {name: affinity.translate(one, 9, -7) for name, one in slides.items()}
    files = [write(tmp_path / "2013.gpkg", slides), write(tmp_path / "2014.gpkg", moved)]
    found = landslip.track(files, registration_error=15, out=tmp_path / "out")
    assert set(found.tracks["states"]) == {"new, persisting"}
    shift = found.record.dates[1].displacement
    assert (shift.x_m, shift.y_m) == pytest.approx((9, -7), abs=1e-6)
    rows = found.landslides[found.landslides["track_date"] == "2014"].set_index("slide")
    corner = rows.geometry["0"].bounds[:2]
    assert corner == pytest.approx((EAST + places[0, 0] + 9, NORTH + places[0, 1] - 7))
    without = landslip.track(files, registration_error=0, out=tmp_path / "without")
    assert len(without.tracks) > 60


def test_columns_of_the_user_stay_and_their_names_give_way(tmp_path: Path) -> None:
    names: dict[str, Any] = {"state": ["x"], "area_m2": [1.5], "id": [7], "track_id": ["mine"]}
    files = [
        write(tmp_path / "a.gpkg", {"A": A}, date=["2013"], **names),
        write(tmp_path / "b.gpkg", {"A": A}, seen=pd.Series(["2014-10"])),
    ]
    found = landslip.track(files[0], dates=None, out=tmp_path / "one").landslides
    assert found["state"].tolist() == ["new"]
    assert found[["input_state", "area_m2", "id", "input_track_id"]].iloc[0].tolist() == [
        "x", 1.5, 7, "mine",
    ]  # fmt: skip
    assert found["date"].tolist() == [date(2013, 1, 1)]
    assert found["track_date"].tolist() == ["2013"]
    other = landslip.track(files[1], date_column="seen", out=tmp_path / "other").landslides
    assert other["date"].tolist() == [date(2014, 10, 1)]
    both = landslip.track(files, dates="2013,2014-10-02", out=tmp_path / "both").landslides
    assert both["track_date"].tolist() == ["2013", "2014-10-02"]
    assert both["id"].tolist()[0] == 7


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "a.gpkg: its date is not known; name a column with dates by date_column"),
        ({"dates": "2013,2014"}, "one date for each inventory, in their order; got 2 for 1"),
        ({"dates": "soon"}, "days, months or years like 2013-08-12, 2013-08 or 2013; got 'soon'"),
        ({"date_column": "when"}, r"a.gpkg: there is no column when \(date_column\)"),
        ({"dates": "2013", "date_column": "slide"}, "both state the dates; give one"),
        ({"dates": "2013", "min_overlap": 0.0}, "min_overlap is over 0 and at most 1; got 0"),
        ({"dates": "2013", "registration_error": -1.0}, "registration_error is 0 to 1000 metres"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    options: dict[str, Any], text: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.gpkg", {"A": A})
    with pytest.raises(InputError, match=text):
        landslip.track(file, out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_column_of_dates_that_cannot_be_read_is_named_with_its_first_value(
    tmp_path: Path,
) -> None:
    file = write(tmp_path / "a.gpkg", {"A": A}, Date=["12.08.2015"])
    with pytest.raises(InputError, match=r"a.gpkg: its column Date holds dates.*'12.08.2015'"):
        landslip.track(file, out=tmp_path / "out")


def test_layers_with_a_year_in_their_names_are_dates(tmp_path: Path) -> None:
    file = tmp_path / "all.gpkg"
    for year, shape in (("2009", A), ("2011", B)):
        frame = geopandas.GeoDataFrame(geometry=[affinity.translate(shape, EAST, NORTH)], crs=UTM)
        frame.to_file(file, layer=f"y{year}")
    found = landslip.track(file, out=tmp_path / "out")
    assert [one.stated for one in found.record.dates] == ["2009", "2011"]
    assert sorted(found.tracks["states"]) == ["new", "new, not observed"]


def test_a_landslide_that_was_merged_for_long_takes_its_id_back(tmp_path: Path) -> None:
    joined = {"D": box(300, 0, 372, 50)}
    dates = [{"D": D, "E": E}, joined, joined, {"D": D, "E": E}]
    files = [write(tmp_path / f"{2013 + n}.gpkg", slides) for n, slides in enumerate(dates)]
    found = landslip.track(files, out=tmp_path / "out")
    assert sorted(found.tracks["states"]) == [
        "new, merged, persisting, split",
        "new, merged, split",
    ]
    assert found.tracks["dates"].tolist()[0] == "2013, 2014, 2016"
    assert {flow.from_state for flow in found.record.flows if flow.date.year == 2016} == {
        "persisting", None,
    }  # fmt: skip


def test_areas_are_compared_on_ground_that_both_dates_saw(tmp_path: Path) -> None:
    """A cloud over 40 % of a landslide: cut off there, or drawn on beneath it."""
    file = tmp_path / "footprints.gpkg"
    beside = box(-100, -100, 1000, 30)
    write(file, {"1": box(*ALL), "2": beside}, date=["2013", "2014"])
    for name, later in (("cut", box(0, 0, 50, 30)), ("whole", A)):
        files = [write(tmp_path / f"{name}_2013.gpkg", {"A": A})]
        files.append(write(tmp_path / f"{name}_2014.gpkg", {"A": later}))
        found = landslip.track(files, footprints=file, out=tmp_path / name)
        assert found.tracks["states"].tolist() == ["new, persisting"]
        assert found.landslides["track_change"].iloc[1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("cloud", "states"),
    [
        # the strip between the parts, and much of the ground above, was not seen
        ((40, -100, 60, 1000), ["new, persisting, persisting"]),
        # only a corner of the strip was not seen
        ((40, 40, 60, 1000), ["new, split, merged", "split, merged"]),
    ],
)
def test_a_landslide_is_split_only_where_the_ground_between_was_searched(
    cloud: tuple[int, int, int, int], states: list[str], tmp_path: Path
) -> None:
    whole = {"A": box(0, 0, 100, 50)}
    parts = {"left": box(0, 0, 40, 50), "right": box(60, 0, 100, 50)}
    files = [
        write(tmp_path / f"{year}.gpkg", slides)
        for year, slides in (("2013", whole), ("2014", parts), ("2015", whole))
    ]
    seen = {"2013": box(*ALL), "2014": box(*ALL).difference(box(*cloud)), "2015": box(*ALL)}
    searched = write(tmp_path / "searched.gpkg", seen, date=[*seen])
    found = landslip.track(files, footprints=searched)
    assert sorted(found.tracks["states"]) == states
    if len(states) == 1:
        rows = found.landslides.set_index("track_date")
        assert rows.loc["2014", "track_area_m2"] == pytest.approx(2 * 40 * 50)
        assert rows.loc["2014", "track_overlap"] == pytest.approx(1)
        assert rows.geometry["2014"].geom_type == "MultiPolygon"
        assert found.record.dates[1].polygons == 2
        assert "1 polygons are parts of another one's landslide" in found.record.notes[-1]
    else:
        assert len(found.record.notes) == 0
