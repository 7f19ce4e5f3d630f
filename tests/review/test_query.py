"""Filters and orders of the table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.review.factories import change, new_review, rows_of, squares

from landslip.core.errors import InputError
from landslip.review.features import FeatureTable, SourceTable
from landslip.review.query import ColumnRange, FeatureQuery, select
from landslip.review.store import ReviewStore


@pytest.fixture
def store(tmp_path: Path) -> ReviewStore:
    return new_review(tmp_path)


def ids(store: ReviewStore, **query: Any) -> list[int]:
    table = store.table()
    found: list[int] = table.ids[select(table, FeatureQuery(**query))].tolist()
    return found


def test_filters_all_hold(store: ReviewStore) -> None:
    change(store, "accept", 1, 2, 3, type="fall")
    change(store, "reject", 4, note="Road cut")
    assert ids(store, verdict="accepted") == [1, 2, 3]
    assert ids(store, verdict="accepted", text="VALLEY 1") == [2]
    assert ids(store, text="road") == [4]
    assert ids(store, text="7") == [7]
    assert ids(store, text="ann", verdict="rejected") == [4]
    assert ids(store, provenance="drawn") == []
    confidence = squares()["confidence"].to_numpy()
    expected = (np.flatnonzero((confidence >= 0.5) & (confidence <= 0.8)) + 1).tolist()
    assert ids(store, ranges=(ColumnRange.parse("confidence:0.5:0.8"),)) == expected


def test_order_puts_what_is_empty_last(store: ReviewStore) -> None:
    by_confidence = (np.argsort(-squares()["confidence"].to_numpy()) + 1).tolist()
    assert ids(store, sort="-confidence") == by_confidence
    change(store, "accept", 5, type="slide")
    change(store, "accept", 8, type="fall")
    assert ids(store, sort="type")[:2] == [8, 5]
    assert ids(store, sort="-type")[:2] == [5, 8]
    assert ids(store, sort="-id")[0] == 9


def test_a_box_in_degrees(store: ReviewStore) -> None:
    west, south, east, north = store.table().bounds[4]
    assert ids(store, bbox=(west, south, east, north)) == [5]
    assert ids(store, bbox=(-180, -90, 180, 90)) == list(range(1, 10))
    assert ids(store, bbox=(0, 0, 1, 1)) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"verdict": "maybe"}, "verdict must be one of unreviewed, accepted, rejected"),
        ({"provenance": "x"}, "provenance must be one of model"),
        (
            {"sort": "weight"},
            "sort names no column of the table: 'weight'; its columns are id, verdict",
        ),
        ({"sort": "__class__"}, "sort names no column"),
        ({"ranges": (ColumnRange(column="place", low=0, high=1),)}, "range needs a column of num"),
        ({"bbox": (0, 5, 1, 4)}, "bbox must be"),
        ({"bbox": (0, 0, np.nan, 4)}, "bbox must be"),
        ({"text": "x" * 300}, "text may have 200 characters"),
    ],
)
def test_queries_that_make_no_sense(store: ReviewStore, query: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ids(store, **query)


@pytest.mark.parametrize("text", ["area", "area:1", ":1:2", "area:x:2", "area:inf:2", "area:nan:"])
def test_ranges_that_make_no_sense(text: str) -> None:
    with pytest.raises(InputError, match="range must be column:low:high"):
        ColumnRange.parse(text)


def test_a_table_without_review_has_all_unreviewed() -> None:
    table = FeatureTable(SourceTable.of(squares(4)))
    rows = rows_of(table, [3, 99, 1])
    assert [row["id"] for row in rows] == [3, 1]
    assert rows[0]["verdict"] == "unreviewed"
    assert rows[0]["place"] == "valley 2"
    assert rows[0]["area_m2"] == pytest.approx(squares(4).geometry.area[2])


def test_columns_of_the_users_own_do_not_hide_those_of_the_review() -> None:
    frame = squares(3).assign(type=["a", "b", "c"], verdict=1.5)
    row = rows_of(FeatureTable(SourceTable.of(frame)), [2])[0]
    assert (row["type"], row["input_type"]) == (None, "b")
    assert (row["verdict"], row["input_verdict"]) == ("unreviewed", 1.5)
