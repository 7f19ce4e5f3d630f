"""The inventory of a review: what people left, and who said what of it."""

from pathlib import Path

import pytest
import shapely
from tests.inventory.factories import LEFT, TOP, make_extraction, make_layers, make_record
from tests.review.factories import change, halves, outline

import landslip
from landslip.core.choices import Language
from landslip.core.errors import InputError, LandslipWarning
from landslip.inventory.record import RECORD, ReviewOutcome
from landslip.inventory.run import write_layers
from landslip.reporting.inventory.tables import review_table
from landslip.reporting.inventory.texts import read_texts
from landslip.review.start import start_review
from landslip.review.store import ReviewStore


@pytest.fixture(scope="module")
def extraction(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_extraction(tmp_path_factory.mktemp("extracted")).extraction


def reviewed(extraction: Path, folder: Path) -> ReviewStore:
    """Accept one of three landslides, reject the smallest, draw two, undo one of them."""
    store = start_review(extraction, folder / "review", author="ann")
    change(store, "accept", 1, type="slide", note="fresh", reason="scar")
    change(store, "reject", 3, author="bob", reason="road")
    box = shapely.box(LEFT + 10, TOP - 90, LEFT + 30, TOP - 70)
    change(store, "draw", geometries=(box,))
    change(store, "draw", geometries=(box,))
    store.undo("ann")
    cell = store.coverage().cells[0]
    store.cover("cy", [(cell.column, cell.row)])
    return store


def test_the_review_of_an_extraction_is_a_whole_inventory(extraction: Path, tmp_path: Path) -> None:
    store = reviewed(extraction, tmp_path)
    made = landslip.make_inventory(store.folder, out=tmp_path / "corrected", draws=0)
    frame = made.landslides.set_index("id")
    assert sorted(frame.index) == [1, 2, 4]
    assert frame["verdict"].to_dict() == {1: "accepted", 2: "unreviewed", 4: "accepted"}
    assert frame["provenance"].to_dict() == {1: "model", 2: "model", 4: "drawn"}
    assert frame["correction"].to_dict() == {1: "unchanged", 2: "unchanged", 4: "new"}
    assert (frame["type"][1], frame["note"][1], frame["reason"][1]) == ("slide", "fresh", "scar")
    assert frame["reviewer"][1] == "ann"
    assert frame["confidence"].notna().to_dict() == {1: True, 2: True, 4: False}
    assert frame["ndvi_mean"].notna().all()  # the scene is read again
    assert set(frame["date"]) == {"2024-08-12"}
    assert frame["model"].notna().to_dict() == {1: True, 2: True, 4: False}
    outcome = made.record.review
    assert outcome is not None
    assert (outcome.accepted, outcome.rejected, outcome.drawn) == (2, 1, 1)
    assert (outcome.unreviewed, outcome.unreviewed_kept) == (1, True)
    assert outcome.reviewers == ("ann", "bob", "cy")
    assert any("1 of 4 polygons have not been reviewed" in one for one in made.record.warnings)
    assert made.record.model is not None
    assert made.record.mapped_m2 == pytest.approx(320**2, rel=0.01)
    assert {"inventory.gpkg", "inventory.kmz", "item.json"} <= {*made.record.files}


def test_what_nobody_reviewed_can_be_left_out(extraction: Path, tmp_path: Path) -> None:
    store = reviewed(extraction, tmp_path)
    made = landslip.open_review(store.folder).save_inventory(
        tmp_path / "dropped", unreviewed="drop"
    )
    assert sorted(made.landslides["id"]) == [1, 4]
    assert any("have not been reviewed and are left out" in one for one in made.record.warnings)
    with pytest.raises(InputError, match="unreviewed is one of keep, drop"):
        landslip.make_inventory(store.folder, out=tmp_path / "x", unreviewed="maybe")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            Language.ENGLISH,
            ("Reviewed by ann, bob; begun on 2026-11-30.", "Not reviewed, and left"),
        ),
        (Language.CHINESE, ("审核者：ann，bob；始于 2026-11-30。", "未审核，已略去")),
    ],
)
def test_a_table_of_the_report_says_what_people_did(
    language: Language, said: tuple[str, str]
) -> None:
    outcome = ReviewOutcome(
        place="review",
        created="2026-11-30T10:00:00.000Z",
        revision=9,
        reviewers=("ann", "bob"),
        accepted=1234,
        rejected=5,
        edited=6,
        drawn=7,
        unreviewed=8,
        unreviewed_kept=False,
        cells=90,
        cells_looked_at=80,
    )
    table = review_table(outcome, read_texts(language))
    values = [row.cells[1].text for row in table.rows]
    assert [value.replace("\u2009", " ") for value in values[1:5]] == ["5", "6", "7", "8"]
    assert "80" in values[5]
    assert "90" in values[5]
    assert table.notes[0] == said[0]
    assert table.rows[4].cells[0].text.startswith(said[1])


@pytest.mark.slow
def test_the_report_says_what_people_did(extraction: Path, tmp_path: Path) -> None:
    store = reviewed(extraction, tmp_path)
    made = landslip.make_inventory(store.folder, out=tmp_path / "corrected", draws=0)
    page = made.report().read_text("utf-8")
    assert "Judgements of the review" in page
    assert "Reviewed by ann, bob, cy; begun on" in page
    chinese = made.report(tmp_path / "zh.html", lang="zh").read_text("utf-8")
    assert "审核者：ann，bob，cy" in chinese


@pytest.mark.slow
def test_the_review_of_an_inventory_keeps_its_columns_and_can_be_reviewed_again(
    tmp_path: Path,
) -> None:
    layers = make_layers(6)
    folder = tmp_path / "inventory"
    folder.mkdir()
    record = make_record(layers)
    files = write_layers(layers, record, None, folder)
    record = record.model_copy(update={"files": (*files, RECORD)})
    (folder / RECORD).write_text(record.model_dump_json())
    store = start_review(folder, tmp_path / "review")
    polygon = outline(store, 1)
    left, bottom, right, top = polygon.bounds
    pieces = [polygon.intersection(one) for one in halves(shapely.box(left, bottom, right, top))]
    change(store, "split", 1, geometries=tuple(pieces))
    change(store, "reject", 2)
    change(store, "redraw", 3, geometries=(outline(store, 3).buffer(3),))
    made = landslip.make_inventory(store.folder, out=tmp_path / "corrected", draws=0)
    frame = made.landslides.set_index("id")
    assert sorted(frame.index) == [1, 3, 4, 5, 6, 7]
    assert frame["provenance"].to_dict() == {
        1: "split",
        3: "edited",
        4: "model",
        5: "model",
        6: "model",
        7: "split",
    }
    assert frame["sources"][7] == "[1]"
    assert made.record.correction is not None
    assert made.record.correction.last_id == 7
    # and another round
    again = start_review(made.folder, tmp_path / "again", author="dee")
    change(again, "accept", 4, author="dee")
    box = shapely.box(left, bottom, left + 9, bottom + 9)
    assert change(again, "draw", author="dee", geometries=(box,)).polygons == (8,)
    last = landslip.make_inventory(again.folder, out=tmp_path / "last", draws=0)
    frame = last.landslides.set_index("id")
    assert (frame["reviewer"][4], frame["verdict"][4]) == ("dee", "accepted")
    assert frame["correction"][7] == "new"  # as it was before


def test_a_review_is_a_source_of_its_own(extraction: Path, tmp_path: Path) -> None:
    store = reviewed(extraction, tmp_path)
    with pytest.raises(InputError, match="an inventory is made of one alone"):
        landslip.make_inventory([store.folder, extraction], out=tmp_path / "x")
    with pytest.raises(InputError, match="a review knows its inventory; leave out original"):
        landslip.make_inventory(store.folder, original=extraction, out=tmp_path / "x")
    with pytest.warns(LandslipWarning, match="unreviewed has no effect without a review"):
        landslip.make_inventory(extraction, out=tmp_path / "y", unreviewed="drop", draws=0)
