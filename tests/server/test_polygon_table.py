from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from landslip.core.errors import InputError
from landslip.review.query import ColumnRange, FeatureQuery, select
from landslip.server.charts import charts_of
from landslip.server.polygon_table import PolygonTable, TableReview, areas_m2


def table(count: int = 8) -> PolygonTable:
    x = np.arange(count) * 0.01 + 103.0
    outlines = np.array([shapely.box(west, 31.0, west + 0.001, 31.001) for west in x.tolist()])
    columns = pd.DataFrame(
        {
            "area_m2": [float(10 ** (n % 4)) for n in range(count)],
            "confidence": [None if n == 3 else n / 10 for n in range(count)],
            "scene": ["GF1 北川" if n % 2 else "PL" for n in range(count)],
            "flag": pd.array([True, None] * (count // 2), dtype="boolean"),
            "pixels": pd.array([n if n % 3 else None for n in range(count)], dtype="Int64"),
        },
        index=pd.Index(np.arange(1, count + 1), name="id"),
    )
    return PolygonTable.of(columns, outlines)


def ids(of: PolygonTable, *, ranges: tuple[str, ...] = (), **query: Any) -> list[int]:
    wanted = FeatureQuery(ranges=tuple(map(ColumnRange.parse, ranges)), **query)
    found: list[int] = of.ids[select(of, wanted)].tolist()
    return found


def test_order_is_stable_and_what_is_missing_comes_last_both_ways() -> None:
    assert ids(table(), sort="area_m2") == [1, 5, 2, 6, 3, 7, 4, 8]
    assert ids(table(), sort="-area_m2") == [4, 8, 3, 7, 2, 6, 1, 5]
    assert ids(table(), sort="confidence")[-1] == 4
    assert ids(table(), sort="-confidence")[-1] == 4
    assert ids(table(), sort="-id") == [8, 7, 6, 5, 4, 3, 2, 1]
    assert ids(table(), sort="scene") == [2, 4, 6, 8, 1, 3, 5, 7]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"ranges": ("area_m2:100:",)}, [3, 4, 7, 8]),
        ({"ranges": ("area_m2::10", "confidence:0.1:0.5")}, [2, 5, 6]),
        ({"ranges": ("id:2:3",)}, [2, 3]),
        ({"ranges": ("confidence::",)}, [1, 2, 3, 5, 6, 7, 8]),
        ({"ranges": ("flag:1:",)}, [1, 3, 5, 7]),
        ({"text": "北川"}, [2, 4, 6, 8]),
        ({"text": " pl "}, [1, 3, 5, 7]),
        ({"text": "#7"}, [7]),
        ({"text": "nothing"}, []),
        ({"bbox": (103.0105, 30, 103.0205, 32)}, [2, 3]),
        ({"bbox": (103.069, 30, 103.0005, 32)}, [1, 8]),
        ({"verdict": "accepted"}, []),
        ({"verdict": "unreviewed", "provenance": "model", "text": "gf1"}, [2, 4, 6, 8]),
    ],
)
def test_queries(query: dict[str, Any], expected: list[int]) -> None:
    assert ids(table(), **query) == expected


def test_records_are_json() -> None:
    (one, fourth) = table().records([0, 3])
    assert one["id"] == 1
    assert one["bounds"] == [103.0, 31.0, 103.001, 31.001]
    assert one["centroid"] == [103.0005, 31.0005]
    assert (one["flag"], fourth["flag"]) == (True, None)
    assert (one["pixels"], fourth["pixels"]) == (None, None)
    assert fourth["confidence"] is None
    assert one["verdict"] == "unreviewed"


def test_a_review_changes_rows_adds_and_removes_them() -> None:
    drawn, redrawn = shapely.box(104, 31, 104.002, 31.002), shapely.box(103, 31, 103.002, 31.001)
    review = TableReview(
        revision=9,
        rows=pd.DataFrame(
            {
                "verdict": ["accepted", "rejected", "accepted"],
                "provenance": ["model", "edited", "drawn"],
                "version": [1, 2, 1],
                "author": ["Ann", "Bo", "Ann"],
            },
            index=[2, 1, 100],
        ),
        geometries={1: redrawn, 100: drawn},
        removed=frozenset({8}),
    )
    first = table()
    reviewed = first.reviewed(review)
    assert reviewed.revision == 9
    assert [int(one) for one in reviewed.rows.index] == [1, 2, 3, 4, 5, 6, 7, 100]
    assert ids(reviewed, verdict="accepted") == [2, 100]
    assert ids(reviewed, provenance="edited") == [1]
    rows = {row["id"]: row for row in reviewed.records(range(len(reviewed)))}
    assert (rows[100]["version"], rows[100]["scene"]) == (1, None)
    assert (rows[3]["version"], rows[3]["verdict"]) == (0, "unreviewed")
    assert rows[1]["area_m2"] == pytest.approx(areas_m2(np.array([redrawn]))[0])
    assert rows[100]["bounds"] == [104, 31, 104.002, 31.002]
    assert reviewed.original_of(1) == first.geometry[0]
    assert reviewed.original_of(100) is None
    assert len(first) == 8  # as it was
    assert ids(first, verdict="accepted") == []


def test_what_an_inventory_states_of_its_review_holds_until_a_new_one_begins() -> None:
    first = table()
    recorded = pd.DataFrame(
        {
            "verdict": ["accepted"] * 7 + ["unreviewed"],
            "provenance": ["model"] * 6 + ["drawn"] * 2,
            "type": ["debris flow"] + [None] * 7,
            "author": ["Ann"] * 7 + [None],
        },
        index=first.rows.index,
        dtype=object,
    )
    corrected = PolygonTable.of(first.rows[[*first.names]], first.geometry, recorded)
    assert ids(corrected, verdict="accepted") == [1, 2, 3, 4, 5, 6, 7]
    assert ids(corrected, provenance="drawn") == [7, 8]
    row = corrected.records([0])[0]
    assert (row["type"], row["author"], row["version"]) == ("debris flow", "Ann", 0)
    review = TableReview(
        revision=1,
        rows=pd.DataFrame(
            {
                "verdict": ["rejected", "accepted"],
                "provenance": ["model", "model"],
                "type": [None, None],
                "author": ["Bo", "Bo"],
            },
            index=[1, 7],
        ),
    )
    again = corrected.reviewed(review)
    assert ids(again, verdict="unreviewed") == [2, 3, 4, 5, 6, 8]
    rows = {row["id"]: row for row in again.records(range(8))}
    assert (rows[1]["verdict"], rows[1]["type"], rows[1]["author"]) == (
        "rejected",
        "debris flow",
        "Bo",
    )
    assert (rows[7]["verdict"], rows[7]["provenance"]) == ("accepted", "drawn")
    assert rows[2]["author"] is None


def test_charts_leave_rejected_polygons_out_of_the_sizes() -> None:
    review = TableReview(revision=1, rows=pd.DataFrame({"verdict": ["rejected"]}, index=[4]))
    charts = charts_of(table().reviewed(review))
    assert sum(charts.sizes.counts) == 7
    assert charts.sizes.edges_m2[0] <= 1
    assert charts.sizes.edges_m2[-1] >= 1000
    assert charts.area_m2 == {"unreviewed": 1222.0, "accepted": 0.0, "rejected": 1000.0}
    assert sum(charts.confidence.counts["unreviewed"]) == 7
    assert charts.states == ()


def test_areas_by_state_and_date() -> None:
    one = table(4)
    rows = one.rows.assign(state=["new", "new", "gone", "new"], date=["a", "a", "a", "b"])
    charts = charts_of(PolygonTable(rows=rows, geometry=one.geometry))
    assert [(each.date, each.area_m2) for each in charts.states] == [
        ("a", {"gone": 100.0, "new": 11.0}),
        ("b", {"new": 1000.0}),
    ]


def test_areas_are_those_on_the_ellipsoid() -> None:
    square = shapely.box(103, 31, 103.01, 31.01)
    assert areas_m2(np.array([square]))[0] == pytest.approx(1.0583e6, rel=2e-3)


@pytest.mark.parametrize("sort", ["", None])
def test_without_an_order_rows_are_as_in_the_file(sort: str | None) -> None:
    assert ids(table(), sort=sort) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_unknown_columns_are_named_with_those_that_are_there() -> None:
    with pytest.raises(InputError, match="its columns are id, verdict"):
        ids(table(), sort="nothing")
