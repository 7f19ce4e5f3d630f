import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from landslip.core.window import Window
from landslip.inference.blending import RowBlender, blend, blend_weights
from landslip.inference.plan import WindowPlan

Steps = NDArray[np.uint8]


@st.composite
def plans(draw: st.DrawFn) -> WindowPlan:
    """Draw windows that cover a small scene, as planning makes them."""
    multiple = 4
    overlap = multiple * draw(st.integers(0, 4))
    window, corner = [], []
    shape = draw(st.tuples(st.integers(1, 90), st.integers(1, 90)))
    for length in shape:
        first = draw(st.integers(1 - multiple, 0))
        least = max(2 * overlap, multiple)
        side = least + multiple * draw(st.integers(0, 6))
        window.append(min(side, -(-(length - first) // multiple) * multiple))
        corner.append(first)
    return WindowPlan(
        shape=shape,
        window=(window[0], window[1]),
        overlap=overlap,
        corner=(corner[0], corner[1]),
    )


def cut(scene: Steps, window: Window, fill: int) -> Steps:
    """Return a window of a scene, filled where it reaches past the scene."""
    part = np.full(window.shape, fill, dtype=np.uint8)
    inside = window.clipped(scene.shape)
    assert inside is not None
    whole = Window(0, 0, scene.shape[1], scene.shape[0])
    part[inside.slices_in(window)] = scene[inside.slices_in(whole)]
    return part


def stitched(scene: Steps, plan: WindowPlan, fill: int = 173) -> Steps:
    """Split a scene into a plan's windows and blend them."""
    blender, rows = RowBlender(plan), []
    for row in range(plan.count[0]):
        for col in range(plan.count[1]):
            blender.add(cut(scene, plan.window_at(row, col), fill), col)
        rows.append(blender.finish_row().copy())
    return np.concatenate(rows)


@given(plan=plans(), seed=st.integers(0, 99))
def test_split_then_stitch_is_identity(plan: WindowPlan, seed: int) -> None:
    generator = np.random.default_rng(seed)
    scene = generator.integers(0, 251, plan.shape, dtype=np.uint8)
    scene[generator.random(plan.shape) < 0.2] = 255
    np.testing.assert_array_equal(stitched(scene, plan), scene)


@given(plan=plans(), seed=st.integers(0, 99))
def test_what_windows_disagree_on_lies_between_them(plan: WindowPlan, seed: int) -> None:
    generator = np.random.default_rng(seed)
    levels = generator.integers(0, 251, plan.count)
    lowest, highest = np.full(plan.shape, 250), np.zeros(plan.shape)
    blender, rows = RowBlender(plan), []
    for row, col in plan:
        window = plan.window_at(row, col)
        blender.add(np.full(plan.window, levels[row, col], dtype=np.uint8), col)
        here = (
            slice(max(window.row_off, 0), window.row_end),
            slice(max(window.col_off, 0), window.col_end),
        )
        lowest[here] = np.minimum(lowest[here], levels[row, col])
        highest[here] = np.maximum(highest[here], levels[row, col])
        if col == plan.count[1] - 1:
            rows.append(blender.finish_row().copy())
    found = np.concatenate(rows)
    assert ((lowest <= found) & (found <= highest)).all()


def test_windows_that_disagree_are_mixed_by_distance() -> None:
    # windows of 16 columns that overlap by 8 begin at 0, 8, 16; only the second says 240
    plan = WindowPlan(shape=(3, 32), window=(4, 16), overlap=8, corner=(0, 0))
    assert list(plan.col_offs) == [0, 8, 16]
    blender = RowBlender(plan)
    for col, level in enumerate((0, 240, 0)):
        blender.add(np.full((4, 16), level, dtype=np.uint8), col)
    # over the middle four of eight pixels the share rises: 1/8, 3/8, 5/8, 7/8
    rising = [0, 0, 30, 90, 150, 210, 240, 240]
    expected = [*[0] * 8, *rising, *rising[::-1], *[0] * 8]
    np.testing.assert_array_equal(blender.finish_row(), [expected] * 3)


def test_rows_are_mixed_as_columns_are() -> None:
    plan = WindowPlan(shape=(24, 3), window=(16, 4), overlap=8, corner=(0, 0))
    blender = RowBlender(plan)
    blender.add(np.zeros((16, 4), dtype=np.uint8), 0)
    first = blender.finish_row().copy()
    blender.add(np.full((16, 4), 240, dtype=np.uint8), 0)
    second = blender.finish_row()
    expected = [*[0] * 8, 0, 0, 30, 90, 150, 210, 240, 240, *[240] * 8]
    np.testing.assert_array_equal(np.concatenate([first, second])[:, 1], expected)


def test_halves_are_rounded_up_and_nodata_stays() -> None:
    earlier = np.array([[0, 1, 250, 255]], dtype=np.uint8)
    later = np.array([[1, 2, 249, 255]], dtype=np.uint8)
    half = np.full(4, 8, dtype=np.uint32)
    np.testing.assert_array_equal(blend(earlier, later, half, 8), [[1, 2, 250, 255]])


@pytest.mark.parametrize("overlap", [1, 2, 4, 8, 48, 64, 512])
def test_shares_rise_from_none_to_all_alike_from_both_sides(overlap: int) -> None:
    shares = blend_weights(overlap).astype(int)
    assert len(shares) == overlap
    np.testing.assert_array_equal(shares + shares[::-1], 2 * overlap)
    assert all(later >= earlier for earlier, later in itertools.pairwise(shares))
    outermost = overlap // 4
    assert (shares[:outermost] == 0).all()
    inside = shares[outermost : overlap - outermost]
    assert ((inside > 0) & (inside < 2 * overlap)).all()


def test_no_overlap_has_no_shares() -> None:
    assert blend_weights(0).shape == (0,)


def test_wide_scenes_are_mixed_in_parts_of_all_their_width() -> None:
    width = 70_000
    plan = WindowPlan(shape=(12, width), window=(8, width), overlap=4, corner=(0, 0))
    blender = RowBlender(plan)
    for level in (0, 240):
        blender.add(np.full((8, width), level, dtype=np.uint8), 0)
        rows = blender.finish_row().copy()
    np.testing.assert_array_equal(rows, np.repeat([0, 60, 180, *[240] * 5], width).reshape(8, -1))
