"""Outlines that people draw: hostile ones are refused with a place and a reason."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from tests.review.factories import LEFT, TOP, change, halves, new_review, outline

from landslip.core.errors import InputError
from landslip.review.store import ReviewStore

X, Y = LEFT + 10, TOP - 80


@pytest.fixture
def store(tmp_path: Path) -> ReviewStore:
    return new_review(tmp_path)


def ring(*points: tuple[float, float]) -> shapely.Polygon:
    return shapely.Polygon([(X + x, Y + y) for x, y in points])


def circle(count: int) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.column_stack([X + 20 * np.cos(angles), Y + 20 * np.sin(angles)])


def not_a_number() -> shapely.Geometry:
    outline = ring((0, 0), (9, 0), (9, 9))
    points = shapely.get_coordinates(outline)
    points[1, 1] = np.nan
    return shapely.set_coordinates(outline, points)


@pytest.mark.parametrize(
    ("outline", "said"),
    [
        (ring((0, 0), (10, 10), (10, 0), (0, 10)), r"crosses itself at x 400015, y 3459925"),
        (shapely.Point(X, Y), "must be a polygon or multipolygon; got Point"),
        (shapely.LineString([(X, Y), (X, Y + 1)]), "must be a polygon or multipolygon; got Line"),
        (shapely.GeometryCollection([ring((0, 0), (1, 0), (1, 1))]), "got GeometryCollection"),
        (shapely.Polygon(), "must enclose an area; got an empty one"),
        (ring((0, 0), (5, 5), (10, 10)), "is not valid|must enclose an area|too few|crosses"),
        (ring((0, 0), (np.inf, 0), (1, 1)), "coordinate that is not finite"),
        (not_a_number(), "coordinate that is not finite"),
        (shapely.box(0, 0, 1, 1), "within the mapped scene and a margin"),
        (shapely.box(X, Y, X + 1e6, Y + 1), "within the mapped scene and a margin"),
        (
            shapely.Polygon(
                shapely.box(X, Y, X + 9, Y + 9).exterior.coords,
                [shapely.box(X + 20, Y, X + 22, Y + 2).exterior.coords],
            ),
            "has a hole outside of it at x",
        ),
        (
            shapely.MultiPolygon([shapely.box(X, Y, X + 9, Y + 9)] * 2),
            "has a part twice|crosses itself|parts? .*within|not valid",
        ),
        (
            shapely.Polygon(circle(100_000)),
            "may have 100,000 vertices and has 100,001",
        ),
    ],
)
def test_outlines_that_cannot_be_kept(
    store: ReviewStore, outline: shapely.Geometry, said: str
) -> None:
    for action, ids in (("draw", ()), ("redraw", (1,))):
        with pytest.raises(InputError, match=said):
            change(store, action, *ids, geometries=(outline,))
    assert store.refresh() == 0


def test_heights_are_left_out_and_rings_oriented(store: ReviewStore) -> None:
    clockwise = shapely.Polygon([(X, Y, 5), (X, Y + 9, 5), (X + 9, Y + 9, 5), (X + 9, Y, 5)])
    change(store, "draw", geometries=(clockwise,))
    kept, original = outline(store, 10), store.outlines(10)[1]
    assert not kept.has_z
    assert kept.exterior.is_ccw
    assert original is None


def test_several_parts_and_holes_are_kept(store: ReviewStore) -> None:
    parts = shapely.MultiPolygon(
        [
            shapely.Polygon(circle(40), [circle(30) * 0.5 + np.array([X, Y]) * 0.5]),
            shapely.box(X + 30, Y, X + 40, Y + 9),
        ]
    )
    change(store, "draw", geometries=(parts,))
    assert outline(ReviewStore.open(store.folder, store.source), 10).equals(parts)


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (lambda west, east: (west, west), "leave a part of the polygon out"),
        (lambda west, east: (west, east.buffer(-1)), "leave a part of the polygon out"),
        (lambda west, east: (west.buffer(0.9), east), "reach beyond|overlap"),
        (lambda west, east: (west, west.union(east)), "overlap each other"),
        (
            lambda west, east: (west, east, shapely.box(X, Y, X + 9, Y + 9)),
            "reach beyond the polygon",
        ),
        (lambda west, east: (west, shapely.Point(X, Y)), "piece 2 must be a polygon"),
    ],
)
def test_pieces_cover_the_polygon_and_do_not_overlap(
    store: ReviewStore, pieces: object, said: str
) -> None:
    west, east = halves(outline(store, 5))
    with pytest.raises(InputError, match=said):
        change(store, "split", 5, geometries=pieces(west, east))  # type: ignore[operator]


def test_pieces_may_be_off_by_rounding(store: ReviewStore) -> None:
    west, east = halves(outline(store, 5))
    shaken = shapely.transform(west, lambda points: np.add(points, (1e-6, -1e-6)))
    assert change(store, "split", 5, geometries=(shaken, east)).polygons == (5, 10)


def test_a_merge_may_have_an_outline_of_its_own(store: ReviewStore) -> None:
    parts = [outline(store, one) for one in (1, 2)]
    hull = shapely.union_all(parts).convex_hull
    (kept,) = change(store, "merge", 1, 2, geometries=(hull,)).polygons
    assert outline(store, kept).equals(hull)
