"""Labels by hand: what was looked at and judged, and nothing of what nobody saw."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely import box

from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.review.ground import (
    MARGIN_PX,
    RIM_PX,
    Outlines,
    ReviewedScene,
    combined_label,
)

GRID = Grid(
    crs=CRS.from_epsg(32648), transform=Affine(1, 0, 500_000, 0, -1, 4_000_000), shape=(24, 32)
)


def outlines(*boxes: tuple[int, int, int, int]) -> Outlines:
    """Return rectangles from first column and row to those after the last."""
    found = np.empty(len(boxes), dtype=object)
    found[:] = [
        box(500_000 + left, 4_000_000 - bottom, 500_000 + right, 4_000_000 - top)
        for left, top, right, bottom in boxes
    ]
    return found


def label(**decided: Any) -> NDArray[np.uint8]:
    return ReviewedScene(scene=Path("scene.tif"), **decided).label(GRID, GRID.window)


def test_nothing_is_labelled_where_nobody_looked() -> None:
    assert (label(unjudged=outlines((2, 2, 6, 6))) == 255).all()


def test_a_cell_that_was_looked_at_is_background_but_for_what_nobody_judged() -> None:
    found = label(looked_at=outlines((0, 0, 16, 24)), unjudged=outlines((5, 5, 9, 9)))
    assert (found[:, 16:] == 255).all()
    assert (found[5:9, 5:9] == 255).all()
    # a margin of two pixels around it, measured between pixel centres
    assert found[7, 4 - MARGIN_PX] == 0
    assert (found[7, 5 - MARGIN_PX : 5] == 255).all()
    assert (found[7, 9 : 9 + MARGIN_PX] == 255).all()
    assert found[7, 9 + MARGIN_PX] == 0
    assert (found[:, :16] == 0).sum() == 16 * 24 - (found[:, :16] == 255).sum()


def test_judged_polygons_are_labelled_with_a_rim_where_nobody_looked() -> None:
    found = label(landslides=outlines((4, 4, 8, 8)), rejected=outlines((20, 10, 24, 14)))
    assert (found[4:8, 4:8] == 1).all()
    assert (found[10:14, 20:24] == 0).all()
    assert (found[5, 8 : 8 + RIM_PX] == 0).all()
    assert found[5, 8 + RIM_PX] == 255
    assert (found[12, 24 : 24 + RIM_PX] == 0).all()
    assert found[12, 24 + RIM_PX] == 255
    assert (found == 1).sum() == 16
    labelled = shapely.union_all(
        [one.buffer(RIM_PX + 1) for one in (*outlines((4, 4, 8, 8)), *outlines((20, 10, 24, 14)))]
    )
    assert (found != 255).sum() < labelled.area


def test_the_rim_of_a_judged_polygon_says_nothing_of_an_unjudged_one_beside_it() -> None:
    found = label(landslides=outlines((4, 4, 8, 8)), unjudged=outlines((9, 4, 13, 8)))
    assert (found[4:8, 8:13] == 255).all()
    assert (found[4:8, 4:8] == 1).all()


def test_a_landslide_drawn_in_what_was_rejected_is_one() -> None:
    found = label(landslides=outlines((6, 6, 8, 8)), rejected=outlines((4, 4, 12, 12)))
    assert (found[6:8, 6:8] == 1).all()
    assert (found[4:6, 4:12] == 0).all()


@pytest.mark.parametrize(
    "window", [Window(3, 2, 9, 7), Window(-2, -3, 12, 12), Window(26, 18, 8, 8)]
)
def test_a_window_has_the_labels_of_the_whole(window: Window) -> None:
    scene = ReviewedScene(
        scene=Path("scene.tif"),
        landslides=outlines((4, 4, 8, 8)),
        rejected=outlines((24, 15, 28, 20)),
        unjudged=outlines((10, 5, 13, 9)),
        looked_at=outlines((0, 0, 16, 12)),
    )
    whole = scene.label(GRID, GRID.window.padded(8))
    assert (scene.label(GRID, window) == whole[window.slices_in(GRID.window.padded(8))]).all()


@given(seed=st.integers(0, 2**32 - 1))
def test_never_background_where_nobody_looked_or_judged(seed: int) -> None:
    generator = np.random.default_rng(seed)

    def some(number: int) -> Outlines:
        left, top = generator.integers(0, 28, number), generator.integers(0, 20, number)
        width, height = generator.integers(1, 8, number), generator.integers(1, 8, number)
        return outlines(*zip(left, top, left + width, top + height, strict=True))

    landslides, rejected, unjudged, cells = some(2), some(2), some(3), some(2)
    scene = ReviewedScene(
        scene=Path("s.tif"),
        landslides=landslides,
        rejected=rejected,
        unjudged=unjudged,
        looked_at=cells,
    )
    found = scene.label(GRID, GRID.window)
    row, col = np.indices(GRID.shape)
    points = shapely.points(500_000.5 + col, 3_999_999.5 - row)
    judged = shapely.union_all([*landslides, *rejected])
    seen = shapely.union_all([*cells, judged.buffer(RIM_PX + 1)])
    assert (found[~shapely.covers(seen, points)] == 255).all()
    of_model = shapely.covers(shapely.union_all(unjudged), points)
    assert set(np.unique(found[of_model])) <= {1, 255}
    assert (found[shapely.covers(shapely.union_all(landslides), points)] == 1).all()


def test_reviews_of_one_scene_do_not_label_what_they_disagree_on() -> None:
    one = np.array([[1, 0, 255, 1, 0, 255]], dtype=np.uint8)
    other = np.array([[1, 0, 255, 0, 255, 1]], dtype=np.uint8)
    third = np.array([[255, 0, 255, 1, 255, 1]], dtype=np.uint8)
    assert combined_label([one, other, third]).tolist() == [[1, 0, 255, 255, 0, 1]]


def test_tiles_are_those_that_labels_reach() -> None:
    scene = ReviewedScene(
        scene=Path("s.tif"), landslides=outlines((1, 1, 5, 5)), looked_at=outlines((16, 8, 24, 16))
    )
    reached = scene.reached(GRID, 8)
    found = {(one.row_off, one.col_off) for one in reached}
    for row in range(0, 24, 8):
        for col in range(0, 32, 8):
            labelled = (scene.label(GRID, Window(col, row, 8, 8)) != 255).any()
            assert (row, col) in found or not labelled
    assert (16, 0) not in found
    assert ReviewedScene(scene=Path("s.tif")).reached(GRID, 8) == []
