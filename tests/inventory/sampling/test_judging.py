import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pyproj
import pytest
from tests.inventory.factories import (
    LEFT,
    PIXEL_M,
    SIDE_PX,
    TOP,
    UTM,
    SyntheticExtraction,
    make_extraction,
)

import landslip
from landslip.core.choices import ReferenceClass
from landslip.core.errors import InputError, LandslipError
from landslip.inventory.sampling.estimate import estimate_from_sample, read_sampled_map
from landslip.inventory.sampling.geopackage import is_sample, read_sample
from landslip.inventory.sampling.judging import (
    JudgedMeanwhileError,
    Judgement,
    PointToJudge,
    judge_point,
    points_to_judge,
)

NOON = datetime(2026, 5, 1, 12, 30, 0, 250_000, tzinfo=UTC)
TO_UTM = pyproj.Transformer.from_crs(4326, UTM, always_xy=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SyntheticExtraction:
    return make_extraction(tmp_path_factory.mktemp("map"))


@pytest.fixture(scope="module")
def inventory(made: SyntheticExtraction, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("inventory") / "inventory"
    landslip.make_inventory(made.extraction, out=out, draws=0, smooth=False, split=False)
    return out


@pytest.fixture(scope="module")
def fresh(inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "sample.gpkg"
    landslip.sample(inventory, out=out, size=60, min_per_stratum=10, seed=3)
    return out


@pytest.fixture
def drawn(fresh: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(fresh, tmp_path / "sample #1.gpkg"))


def found(reference: str | None, **known: str) -> Judgement:
    return Judgement(
        reference=None if reference is None else ReferenceClass(reference), time=NOON, **known
    )


def columns(path: Path) -> list[str]:
    return [*pyogrio.read_dataframe(path, layer="points").columns]


def test_points_come_in_random_order_with_their_pixel_and_nothing_of_the_map(drawn: Path) -> None:
    points = points_to_judge(drawn)
    assert [one.id for one in points] == list(range(1, 61))
    assert {one.name for one in fields(PointToJudge)} == {"id", "place", "pixel", "judgement"}
    design = pyogrio.read_dataframe(drawn, layer="sample_design").set_index("id")
    for one in points[:20]:
        x, y = TO_UTM.transform(*one.pixel.T)
        row, col = design.loc[one.id, ["row", "col"]]
        assert min(x) == pytest.approx(LEFT + PIXEL_M * col, abs=1e-3)
        assert max(x) == pytest.approx(LEFT + PIXEL_M * (col + 1), abs=1e-3)
        assert max(y) == pytest.approx(TOP - PIXEL_M * row, abs=1e-3)
        assert TO_UTM.transform(*one.place) == pytest.approx((np.mean(x), np.mean(y)), abs=1e-3)


def test_a_judgement_is_in_the_file_with_who_and_when(drawn: Path) -> None:
    before = geopandas.read_file(drawn, layer="points")
    judge_point(drawn, 7, found("landslide", comment="bare scar", author="安 Ann"))
    judge_point(drawn, 8, found("unclear"))
    after = geopandas.read_file(drawn, layer="points")
    assert [*after.columns] == [
        *before.columns.drop("geometry"),
        "judged_by",
        "judged_at",
        "geometry",
    ]
    row = after.set_index("id").loc[7]
    assert (row["reference"], row["comment"], row["judged_by"]) == (
        "landslide",
        "bare scar",
        "安 Ann",
    )
    assert row["judged_at"] == NOON
    assert after["reference"].notna().sum() == 2
    assert after.geometry.geom_equals(before.geometry).all()
    kept = points_to_judge(drawn)[6].judgement
    assert kept == found("landslide", comment="bare scar", author="安 Ann")
    assert is_sample(drawn)
    with sqlite3.connect(drawn) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert file.execute("SELECT count(*) FROM rtree_points_geom").fetchone() == (60,)


def test_a_judgement_taken_back_leaves_none(drawn: Path) -> None:
    judge_point(drawn, 7, found("landslide", comment="bare scar", author="Ann"))
    judge_point(drawn, 7, found(None, author="Ann"))
    row = geopandas.read_file(drawn, layer="points").set_index("id").loc[7]
    assert row[["reference", "comment", "judged_by", "judged_at"]].isna().all()


def test_a_judgement_that_fails_leaves_the_file_as_it_was(drawn: Path) -> None:
    with sqlite3.connect(drawn) as file:
        file.execute(
            "CREATE TRIGGER full AFTER UPDATE OF last_change ON gpkg_contents "
            "BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    before = columns(drawn)
    with pytest.raises(InputError, match=r"sample #1\.gpkg: not a sample .*no room"):
        judge_point(drawn, 7, found("landslide"))
    assert columns(drawn) == before
    assert geopandas.read_file(drawn, layer="points")["reference"].isna().all()


def test_a_judgement_made_meanwhile_is_shown_and_kept(drawn: Path) -> None:
    seen = points_to_judge(drawn)[6].judgement
    judge_point(drawn, 7, found("background", author="Ann"), seen=seen)
    with pytest.raises(JudgedMeanwhileError, match="point 7 was judged by Ann meanwhile") as caught:
        judge_point(drawn, 7, found("landslide", author="Bo"), seen=seen)
    assert caught.value.judgement is not None
    assert caught.value.judgement.reference is ReferenceClass.BACKGROUND
    assert points_to_judge(drawn)[6].judgement.author == "Ann"


def test_a_sample_is_read_while_somebody_judges(drawn: Path) -> None:
    def judge() -> None:
        for point in range(1, 13):
            judge_point(drawn, point, found("background", comment="x" * 2000))

    with ThreadPoolExecutor(1) as person:
        judging = person.submit(judge)
        while not judging.done():
            assert len(points_to_judge(drawn)) == 60
        judging.result()


@pytest.mark.slow
def test_several_people_lose_no_judgement(drawn: Path) -> None:
    def person(number: int) -> None:
        for point in range(1 + number, 61, 4):
            judge_point(drawn, point, found("background", author=f"person {number}"))

    with ThreadPoolExecutor(4) as people:
        [*people.map(person, range(4))]
    assert [one.judgement.author for one in points_to_judge(drawn)] == [
        f"person {number % 4}" for number in range(60)
    ]


def test_what_cannot_be_judged_is_refused(
    drawn: Path, made: SyntheticExtraction, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="the sample has no point 61"):
        judge_point(drawn, 61, found("landslide"))
    with pytest.raises(InputError, match="not a sample that `landslip sample` drew"):
        judge_point(made.extraction / "landslides.gpkg", 1, found("landslide"))
    (tmp_path / "text.gpkg").write_text("no database, and long enough to be read as one" * 20)
    with pytest.raises(InputError, match=r"text\.gpkg: not a sample that can be judged"):
        judge_point(tmp_path / "text.gpkg", 1, found("landslide"))
    with pytest.raises(InputError, match="no such file"):
        judge_point(tmp_path / "none.gpkg", 1, found("landslide"))
    assert not (tmp_path / "none.gpkg").exists()
    with pytest.raises(InputError, match="author has at most 100 printable characters"):
        found("landslide", author="two\nlines")


def test_another_writer_is_waited_for_and_then_named(
    drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landslip.inventory.sampling.judging._WAIT_S", 0.05)
    with sqlite3.connect(drawn, isolation_level=None) as file:
        file.execute("BEGIN IMMEDIATE")
        with pytest.raises(LandslipError, match="another program is writing to it"):
            judge_point(drawn, 7, found("landslide"))
        file.execute("ROLLBACK")
    file.close()
    judge_point(drawn, 7, found("landslide"))


def test_the_estimate_is_that_of_the_inventory(
    inventory: Path, drawn: Path, tmp_path: Path
) -> None:
    sample = landslip.Sample.open(drawn)
    for one in points_to_judge(drawn):
        (x, *_), _ = TO_UTM.transform(*one.pixel.T)
        is_true = (x - LEFT) / PIXEL_M > SIDE_PX / 2
        sample.judge(one.id, "landslide" if is_true else "background", author="Ann")
    estimate = sample.estimate(inventory)
    made = landslip.make_inventory(inventory, out=tmp_path / "again", sample=drawn, draws=0)
    assert made.statistics is not None
    assert made.statistics.adjusted is not None
    assert estimate.adjusted == made.statistics.adjusted
    assert (estimate.judged, estimate.points) == (60, 60)
    # without the map, the area is the same
    unknown = sample.estimate()
    assert unknown.adjusted is not None
    assert unknown.adjusted.adjusted_m2 == estimate.adjusted.adjusted_m2
    assert unknown.mapped_m2 == pytest.approx(estimate.mapped_m2, rel=0.2)
    assert unknown.notes[0].key == "adjusted.map_unknown"


def test_the_estimate_of_an_extraction_needs_no_polygons(
    made: SyntheticExtraction, tmp_path: Path
) -> None:
    sample = landslip.sample(made.extraction, out=tmp_path / "s.gpkg", size=60, min_per_stratum=10)
    mapped = pyogrio.read_dataframe(sample.path, layer="sample_design").set_index("id")["mapped"]
    with sqlite3.connect(sample.path) as file:
        for name in ("IsEmpty", "MinX", "MaxX", "MinY", "MaxY"):
            file.create_function(f"ST_{name}", 1, lambda _: 0)
        for number, is_mapped in mapped.items():
            word = "yes" if is_mapped else "no"  # as somebody writes who does not use a form
            file.execute("UPDATE points SET reference = ? WHERE id = ?", (word, number))
    estimate = sample.estimate(made.extraction)
    assert estimate.mapped_m2 == pytest.approx(3464 * PIXEL_M**2)
    assert estimate.adjusted is not None
    assert estimate.adjusted.overall_accuracy.value == 1
    assert "adjusted.map_unknown" not in {note.key for note in estimate.notes}


@pytest.mark.slow
def test_the_estimate_moves_on_by_tens_until_all_are_judged(inventory: Path, drawn: Path) -> None:
    sampled = read_sampled_map(read_sample(drawn), inventory)

    def estimated(step: int) -> float | None:
        adjusted = estimate_from_sample(drawn, read_sample(drawn), sampled, step=step).adjusted
        return None if adjusted is None else adjusted.adjusted_m2.value

    kept: dict[int, tuple[float | None, float | None]] = {}
    for number in range(1, 61):
        point = 61 - number  # not in their order
        reference = ReferenceClass.LANDSLIDE if point % 3 else ReferenceClass.BACKGROUND
        time = datetime.fromtimestamp(NOON.timestamp() + number, UTC)
        judge_point(drawn, point, Judgement(reference=reference, time=time))
        if number in {9, 40, 41, 49, 50, 60}:
            kept[number] = estimated(10), estimated(1)
    by_tens, each = ({number: pair[at] for number, pair in kept.items()} for at in (0, 1))
    assert by_tens[9] is None
    assert by_tens[40] == by_tens[41] == by_tens[49] == each[40]
    assert each[40] != each[41] != each[49]
    assert (by_tens[50], by_tens[60]) == (each[50], each[60])
