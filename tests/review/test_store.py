"""What changes leave behind: verdicts, outlines, ids, versions, undo and redo."""

import threading
from pathlib import Path

import numpy as np
import pytest
import shapely
from tests.review.factories import (
    LEFT,
    TOP,
    change,
    halves,
    new_review,
    outline,
    rows_of,
    write_squares,
)

from landslip.core.errors import InputError, OutputExistsError
from landslip.review.changes import (
    BulkRequest,
    ChangeRequest,
    ConflictError,
    NothingToUndoError,
    UnknownPolygonError,
)
from landslip.review.query import ColumnRange, FeatureQuery
from landslip.review.start import start_review
from landslip.review.store import ReviewStore
from landslip.review.words import Action


@pytest.fixture
def store(tmp_path: Path) -> ReviewStore:
    return new_review(tmp_path)


def row(store: ReviewStore, id_: int) -> dict[str, object]:
    return rows_of(store.table(), [id_])[0]


def test_a_judgement_is_kept_with_who_when_and_why(store: ReviewStore) -> None:
    done = change(store, "accept", 2, type="fall", note="fresh scar", reason="bare soil")
    assert (done.revision, done.polygons, done.removed) == (1, (2,), ())
    found = row(store, 2)
    assert (found["verdict"], found["version"], found["author"]) == ("accepted", 1, "ann")
    assert (found["type"], found["note"], found["provenance"]) == ("fall", "fresh scar", "model")
    assert found["changed"] == done.changes[0].time
    assert done.changes[0].reason == "bare soil"
    assert row(store, 3)["author"] is None
    assert store.summary().counts == {"unreviewed": 8, "accepted": 1, "rejected": 0}


def test_what_was_written_is_there_when_it_is_opened_again(store: ReviewStore) -> None:
    change(store, "reject", 1)
    change(store, "draw", geometries=(shapely.box(LEFT, TOP - 90, LEFT + 9, TOP - 80),))
    again = ReviewStore.open(store.folder)
    assert again.summary() == store.summary()
    assert rows_of(again.table(), range(1, 20)) == rows_of(store.table(), range(1, 20))


def test_an_edit_of_an_older_version_is_refused_and_says_what_is_newer(store: ReviewStore) -> None:
    change(store, "accept", 1, author="bob")
    stale = ChangeRequest(action=Action.REJECT, author="ann", polygons=((2, 0), (1, 0)))
    with pytest.raises(
        ConflictError, match=r"polygon 1 changed since it was seen.*by bob"
    ) as error:
        store.change(stale)
    (conflict,) = error.value.conflicts
    assert (conflict.id, conflict.version, conflict.verdict) == (1, 1, "accepted")
    assert (conflict.author, conflict.time[:2]) == ("bob", "20")
    assert row(store, 2)["version"] == 0  # nothing of it was done


def test_an_edit_of_a_removed_polygon_is_a_conflict(store: ReviewStore) -> None:
    change(store, "merge", 1, 2, author="bob")
    gone = next(iter(store.overlay().removed))
    with pytest.raises(ConflictError) as error:
        change(store, "accept", gone)
    assert error.value.conflicts[0].verdict == "removed"


def test_an_unknown_polygon_is_said(store: ReviewStore) -> None:
    with pytest.raises(UnknownPolygonError, match="no polygon 77"):
        store.change(ChangeRequest(action=Action.ACCEPT, author="a", polygons=((77, 0),)))


def test_a_redrawn_outline_is_accepted_edited_and_measured_again(store: ReviewStore) -> None:
    before = outline(store, 4)
    change(store, "redraw", 4, geometries=(shapely.box(LEFT, TOP - 130, LEFT + 10, TOP - 110),))
    now, original = outline(store, 4), store.outlines(4)[1]
    assert shapely.area(now) == pytest.approx(200)
    assert original is not None
    assert before.equals(original)
    found = row(store, 4)
    assert (found["verdict"], found["provenance"]) == ("accepted", "edited")
    assert found["area_m2"] == pytest.approx(200)
    assert (found["confidence"], found["elongation"]) == (None, None)
    assert found["place"] == "valley 0"  # what people knew of it stays
    assert store.overlay().replaced == (4,)


def test_the_largest_piece_keeps_the_id_and_the_others_get_new_ones(store: ReviewStore) -> None:
    west, east = halves(outline(store, 5), 0.4)
    done = change(store, "split", 5, geometries=(west, east))
    assert done.polygons == (5, 10)
    assert outline(store, 5).equals(east)
    assert store.outlines(10)[1] is None
    assert outline(store, 10).equals(west)
    table = store.table()
    assert table.source_ids(int(table.indexes([10])[0])) == [5]
    assert row(store, 10)["provenance"] == "split"
    assert row(store, 10)["verdict"] == "unreviewed"


def test_ids_are_never_given_twice(store: ReviewStore) -> None:
    west, east = halves(outline(store, 5))
    change(store, "split", 5, geometries=(west, east))
    assert store.undo("ann").removed == (10,)
    done = change(store, "split", 5, geometries=(west, east))
    assert done.polygons == (5, 11)


def test_merged_polygons_become_one_with_the_largest_ones_id(store: ReviewStore) -> None:
    sizes = {one: shapely.area(outline(store, one)) for one in (1, 2, 3)}
    largest = max(sizes, key=lambda one: sizes[one])
    change(store, "reject", 1)
    done = change(store, "merge", 1, 2, 3)
    assert done.polygons == (largest,)
    assert sorted((*done.removed, largest)) == [1, 2, 3]
    assert shapely.area(outline(store, largest)) == pytest.approx(sum(sizes.values()))
    found = row(store, largest)
    assert (found["provenance"], found["verdict"]) == ("merged", "unreviewed")  # they differed
    assert store.summary().removed == 2


def test_verdicts_of_parts_that_agree_are_that_of_the_whole(store: ReviewStore) -> None:
    change(store, "accept", 1, 2)
    (kept,) = change(store, "merge", 1, 2).polygons
    assert row(store, kept)["verdict"] == "accepted"


def test_undo_and_redo_restore_everything_and_count_versions_on(store: ReviewStore) -> None:
    change(store, "accept", 1, type="fall", author="bob")
    change(store, "redraw", 1, geometries=(shapely.box(LEFT, TOP - 30, LEFT + 30, TOP),))
    edited = row(store, 1)
    store.undo("ann")
    restored = row(store, 1)
    assert (restored["provenance"], restored["type"], restored["author"]) == (
        "model",
        "fall",
        "bob",
    )
    assert restored["version"] == 3
    assert restored["confidence"] is not None
    store.redo("ann")
    assert row(store, 1) == edited | {"version": 4}
    assert [one.active for one in store.changes_since(0).changes] == [True] * 4
    assert [one.of for one in store.changes_since(0).changes] == [None, None, 2, 2]


def test_undo_takes_back_only_ones_own_newest_change(store: ReviewStore) -> None:
    change(store, "accept", 1)
    change(store, "accept", 2, author="bob")
    change(store, "reject", 3)
    assert store.undo("ann").changes[0].polygon_ids == (3,)
    assert store.undo("ann").changes[0].polygon_ids == (1,)
    with pytest.raises(NothingToUndoError, match="ann has no change to take back"):
        store.undo("ann")
    assert store.redo("ann").changes[0].polygon_ids == (1,)
    change(store, "accept", 5)
    with pytest.raises(NothingToUndoError, match="no change to do again"):
        store.redo("ann")  # a new change ends it


def test_undo_is_refused_where_somebody_else_changed_the_polygon_since(store: ReviewStore) -> None:
    change(store, "accept", 1, 2)
    change(store, "annotate", 2, author="bob", note="doubtful")
    with pytest.raises(ConflictError) as error:
        store.undo("ann")
    assert [(one.id, one.author) for one in error.value.conflicts] == [(2, "bob")]
    assert row(store, 1)["verdict"] == "accepted"
    store.undo("bob")  # now nothing is in the way
    store.undo("ann")
    assert row(store, 1)["verdict"] == "unreviewed"


def test_a_rule_is_one_change_that_is_undone_as_a_whole(store: ReviewStore) -> None:
    rule = FeatureQuery(ranges=(ColumnRange.parse("confidence::0.6"),))
    confidence = store.table().column("confidence")
    low = (np.flatnonzero(confidence <= 0.6) + 1).tolist()
    request = BulkRequest(action=Action.REJECT, author="ann", rule=rule, expected=len(low))
    done = store.bulk(request)
    assert sorted(done.polygons) == low
    assert done.changes[0].bulk is not None
    assert store.summary().counts["rejected"] == len(low)
    assert sorted(store.undo("ann").polygons) == low
    assert store.summary().counts["rejected"] == 0
    with pytest.raises(ConflictError, match=f"selects {len(low)} polygons and 99 were expected"):
        store.bulk(BulkRequest(action=Action.REJECT, author="ann", rule=rule, expected=99))
    none = BulkRequest(action=Action.REJECT, author="ann", rule=FeatureQuery(text="nowhere"))
    with pytest.raises(InputError, match="selects no polygon"):
        store.bulk(none)
    with pytest.raises(InputError, match="action by a rule must be one of"):
        BulkRequest(action=Action.MERGE, author="ann", rule=rule)


def test_another_open_review_sees_what_one_wrote(store: ReviewStore) -> None:
    other = ReviewStore.open(store.folder)
    change(store, "accept", 1)
    assert other.summary().counts["accepted"] == 1
    change(
        other, "draw", author="bob", geometries=(shapely.box(LEFT, TOP - 90, LEFT + 9, TOP - 80),)
    )
    assert store.summary().drawn == 1
    assert store.changes_since(1).polygons == (10,)
    assert [one.seq for one in store.history(10)] == [2]


def test_threads_lose_nothing(store: ReviewStore) -> None:
    def judge(author: str) -> None:
        for id_ in range(1, 10):
            while True:
                try:
                    change(store, "annotate", id_, author=author, note=f"{author} {id_}")
                    break
                except ConflictError:
                    continue

    threads = [threading.Thread(target=judge, args=(name,)) for name in ("ann", "bob", "cy")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.refresh() == 27
    assert store.table().version.tolist() == [3] * 9


def test_a_review_is_of_one_content(store: ReviewStore, tmp_path: Path) -> None:
    file = tmp_path / "squares.gpkg"
    with pytest.raises(OutputExistsError, match="there is a review in it already"):
        start_review(file, store.folder)
    write_squares(file, 9)  # other bytes, maybe, and the same polygons
    assert ReviewStore.open(store.folder).summary().counts["unreviewed"] == 9
    write_squares(file, 8)
    with pytest.raises(InputError, match="whose polygons were changed since"):
        ReviewStore.open(store.folder)
    file.unlink()
    with pytest.raises(InputError, match="which does not exist"):
        ReviewStore.open(store.folder)


def test_both_may_be_moved_together(store: ReviewStore, tmp_path: Path) -> None:
    change(store, "accept", 1)
    here = tmp_path / "elsewhere"
    here.mkdir()
    (tmp_path / "squares.gpkg").rename(here / "squares.gpkg")
    store.folder.rename(here / "review")
    assert ReviewStore.open(here / "review").summary().counts["accepted"] == 1


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"action": "explode"}, "action must be one of accept, reject.*got explode"),
        ({"action": "undo"}, "action must be one of"),
        ({"author": "  "}, "author must be a name"),
        ({"author": "a" * 101}, "author may have 100 characters; got 101"),
        ({"author": "a\nb"}, "author must be one line"),
        ({"note": "a\x00b"}, "note has the character"),
        ({"polygons": ((1, 0), (1, 0))}, "name each one once"),
        ({"polygons": ()}, "accept takes 1 to 10000 polygons; got 0"),
        ({"geometries": (shapely.box(0, 0, 1, 1),)}, "accept takes 0 geometries; got 1"),
        ({"action": "merge"}, "merge takes 2 to 1000 polygons; got 1"),
        ({"action": "split"}, "split takes 2 to 1000 geometries; got 0"),
        ({"action": "draw"}, "draw takes 0 polygons; got 1"),
        ({"action": "annotate"}, "annotate takes a type or a note"),
        ({"seconds": float("nan")}, "seconds must be from 0"),
        ({"seconds": -1.0}, "seconds must be from 0"),
    ],
)
def test_requests_that_make_no_sense(request_: dict[str, object], said: str) -> None:
    known: dict[str, object] = {"action": "accept", "author": "ann", "polygons": ((1, 0),)}
    with pytest.raises(InputError, match=said):
        ChangeRequest(**(known | request_))  # type: ignore[arg-type]


def test_words_are_taken_away_by_empty_ones(store: ReviewStore) -> None:
    change(store, "annotate", 1, type="flow", note="x")
    change(store, "accept", 1)
    assert row(store, 1)["type"] == "flow"
    change(store, "annotate", 1, type="")
    assert (row(store, 1)["type"], row(store, 1)["note"]) == (None, "x")
