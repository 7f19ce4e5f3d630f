import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from landslip.extraction.blend import RowBlender, axis_weights, ramp
from landslip.extraction.plan import Plan, plan_windows
from landslip.window import Window


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    tile = 4 * draw(st.integers(1, 8))
    overlap = 2 * draw(st.integers(0, tile // 4))
    shape = draw(st.tuples(st.integers(1, 90), st.integers(1, 90)))
    return plan_windows(shape, tile=tile, overlap=overlap, multiple=4)


def cut(scene: NDArray[np.float32], window: Window, fill: float) -> NDArray[np.float32]:
    """Return a window of a scene, filled where it reaches past the scene."""
    part = np.full(window.shape, fill, dtype=np.float32)
    inside = window.clipped(scene.shape)
    assert inside is not None
    whole = Window(0, 0, scene.shape[1], scene.shape[0])
    part[inside.slices_in(window)] = scene[inside.slices_in(whole)]
    return part


def stitched(scene: NDArray[np.float32], plan: Plan, fill: float = 0.7) -> NDArray[np.float32]:
    """Split a scene into a plan's windows and blend them."""
    blender, rows = RowBlender(plan), []
    for row_off in plan.row_offs:
        for window in plan.row_windows(row_off):
            blender.add(cut(scene, window, fill), window)
        rows.append(blender.finish_row())
    return np.concatenate(rows)


@given(plan=plans(), seed=st.integers(0, 99))
def test_split_then_stitch_is_identity(plan: Plan, seed: int) -> None:
    scene = np.random.default_rng(seed).random(plan.shape, dtype=np.float32)
    found = stitched(scene, plan)
    assert found.shape == scene.shape
    np.testing.assert_allclose(found, scene, atol=2e-6)


@given(plan=plans(), value=st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_a_constant_stays_one(plan: Plan, value: float) -> None:
    scene = np.full(plan.shape, value, dtype=np.float32)
    found = stitched(scene, plan, fill=0.0)
    np.testing.assert_allclose(found, value, atol=1e-6)
    assert found.max() <= 1.0


def test_windows_that_disagree_are_mixed_by_distance() -> None:
    # along columns, windows of 8 that overlap by 4 begin at -2, 2, 6; only the second says 1
    plan = plan_windows((1, 12), tile=8, overlap=4, multiple=4)
    assert plan.col_offs == (-2, 2, 6)
    blender = RowBlender(plan)
    for window, value in zip(plan.row_windows(-2), (0.0, 1.0, 0.0), strict=True):
        blender.add(np.full((8, 8), value, dtype=np.float32), window)
    expected = [0, 0, 0.125, 0.375, 0.625, 0.875, 0.875, 0.625, 0.375, 0.125, 0, 0]
    np.testing.assert_allclose(blender.finish_row(), [expected], atol=1e-6)


@pytest.mark.parametrize("overlap", [0, 2, 6, 8])
def test_weights_of_overlapping_windows_add_up_to_1(overlap: int) -> None:
    weight = ramp(16, overlap)
    assert (weight > 0).all()
    assert weight.max() <= 1
    np.testing.assert_allclose(weight, weight[::-1])
    step = 16 - overlap
    summed = axis_weights(step * 4 + overlap, tuple(range(0, step * 4, step)), weight)
    np.testing.assert_allclose(summed[overlap : len(summed) - overlap], 1, rtol=1e-6)
