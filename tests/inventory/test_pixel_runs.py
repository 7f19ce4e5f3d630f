import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon, box

import landslip.inventory.pixel_runs
from landslip.core.window import Window
from landslip.inventory.pixel_runs import PixelRuns, joined, pixel_runs

SHAPE = (30, 40)
FRAME = Window(0, 0, SHAPE[1], SHAPE[0])


def runs_of(*polygons: shapely.Geometry) -> PixelRuns:
    return pixel_runs(np.array(polygons, dtype=object))


def mask(runs: PixelRuns) -> NDArray[np.bool_]:
    _, row, col = runs.clipped(FRAME).pixels()
    covered = np.zeros(SHAPE, dtype=np.int64)
    np.add.at(covered, (row, col), 1)
    assert covered.max(initial=0) <= 1
    return covered.astype(np.bool_)


def by_centres(polygon: shapely.Geometry) -> NDArray[np.bool_]:
    col, row = np.meshgrid(np.arange(SHAPE[1]) + 0.5, np.arange(SHAPE[0]) + 0.5)
    return np.asarray(shapely.contains_xy(polygon, col, row))


def blob(generator: np.random.Generator) -> shapely.Geometry:
    angle = np.sort(generator.uniform(0, 2 * np.pi, generator.integers(3, 40)))
    radius = generator.uniform(1, 25) * generator.uniform(0.3, 1, len(angle))
    x, y = generator.uniform(-5, 45, 2)
    ring = np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)])
    return shapely.make_valid(Polygon(ring), method="structure", keep_collapsed=False)


@given(seed=st.integers(0, 10_000))
def test_pixels_are_those_with_their_centre_inside(seed: int) -> None:
    generator = np.random.default_rng(seed)
    polygon = shapely.difference(blob(generator), blob(generator))  # with holes, and in parts
    np.testing.assert_array_equal(mask(runs_of(polygon)), by_centres(polygon))


def test_runs_are_sorted_and_say_whose_they_are() -> None:
    two = MultiPolygon([box(5, 0, 7, 2), box(1, 1, 3, 2)])
    found = runs_of(two, Polygon(), box(-2, -1, 1, 1))
    expected = [(0, 0, 5, 7), (0, 1, 1, 3), (0, 1, 5, 7), (2, -1, -2, 1), (2, 0, -2, 1)]
    rows = zip(found.polygon, found.row, found.start, found.stop, strict=True)
    assert [tuple(map(int, row)) for row in rows] == expected


@given(seed=st.integers(0, 10_000))
def test_polygons_that_share_an_edge_share_no_pixel_and_leave_none(seed: int) -> None:
    generator = np.random.default_rng(seed)
    # corners on centres and edges of pixels, where rules of rounding show
    middle = generator.integers(0, 41, (6, 2)) / 2 + [0, 5]
    line = np.vstack([[middle[0, 0], 0], middle, [middle[-1, 0], 30]])
    line[:, 1] = np.sort(line[:, 1])
    left = Polygon(np.vstack([[0, 0], line, [0, 30]]))
    right = Polygon(np.vstack([[40, 0], line, [40, 30]]))
    ours, theirs = mask(runs_of(left)), mask(runs_of(right))
    np.testing.assert_array_equal(ours ^ theirs, np.ones(SHAPE, dtype=bool))


def test_polygons_that_overlap_keep_their_pixels_each() -> None:
    found = runs_of(box(0, 0, 4, 4), box(2, 2, 6, 6))
    lengths = found.stop - found.start
    assert np.bincount(found.polygon, weights=lengths).tolist() == [16, 16]


def test_clipped_runs_end_at_the_window() -> None:
    found = runs_of(box(-5, -5, 100, 3)).clipped(Window(2, 1, 10, 20))
    assert found.row.tolist() == [1, 2]
    assert found.start.tolist() == [2, 2]
    assert found.stop.tolist() == [12, 12]
    assert len(runs_of(box(0, 0, 1, 1)).clipped(Window(1, 0, 1, 1))) == 0


def test_nothing_has_no_runs() -> None:
    assert len(runs_of()) == 0
    assert len(runs_of(Polygon())) == 0
    assert len(runs_of(box(0.6, 0.6, 1.4, 1.4))) == 0  # between the centres
    assert len(joined([])) == 0


def test_portions_give_what_one_go_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(5)
    polygons = np.array([blob(generator) for _ in range(50)], dtype=object)
    whole = pixel_runs(polygons)
    monkeypatch.setattr(landslip.inventory.pixel_runs, "_MAX_CROSSINGS", 20)
    monkeypatch.setattr(landslip.inventory.pixel_runs, "_MAX_POINTS", 100)
    parts = pixel_runs(polygons)
    for name in ("polygon", "row", "start", "stop"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
