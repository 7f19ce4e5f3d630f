import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import box
from tests.inventory.comparison.made import Polygons, array, blobs

from landslip.inventory.comparison.pixels import count_pixels, resolution_for
from landslip.metrics.pixels import Counts


def burnt(polygons: Polygons, resolution: float, extent: float) -> NDArray[np.bool_]:
    centres = np.arange(-extent, 2 * extent, resolution) + resolution / 2
    x, y = np.meshgrid(centres, centres)
    return np.asarray(shapely.contains_xy(shapely.union_all(polygons), x, y))


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), resolution=st.sampled_from([0.5, 1.0, 2.0]))
def test_counts_are_those_of_rasters(seed: int, resolution: float) -> None:
    generator = np.random.default_rng(seed)
    ours, theirs = blobs(generator, 12, extent=60), blobs(generator, 9, extent=60)
    area = box(-30.1, -30.1, 100.1, 100.1)
    one, other = burnt(ours, resolution, 60), burnt(theirs, resolution, 60)
    searched = burnt(array(area), resolution, 60)
    expected = Counts(
        tp=int((one & other).sum()),
        fp=int((one & ~other).sum()),
        fn=int((~one & other).sum()),
        tn=int((searched & ~one & ~other).sum()),
    )
    assert count_pixels(ours, theirs, area, resolution) == expected
    without = count_pixels(ours, theirs, None, resolution)
    assert (without.tp, without.fp, without.fn, without.tn) == (
        expected.tp,
        expected.fp,
        expected.fn,
        0,
    )


def test_rows_do_not_run_into_each_other() -> None:
    # one ends where the next row of the other begins
    counts = count_pixels(array(box(0, 1, 10, 2)), array(box(0, 0, 10, 1)), None, 1.0)
    assert (counts.tp, counts.fp, counts.fn) == (0, 10, 10)


def test_far_from_the_origin_and_of_metres_small_enough() -> None:
    ours = array(box(500_000.2, 4_000_000.2, 500_010.2, 4_000_010.2))
    counts = count_pixels(ours, ours, None, 0.1)
    assert (counts.tp, counts.fp, counts.fn) == (10_000, 0, 0)


def test_a_side_may_be_empty() -> None:
    ours = array(box(0, 0, 3, 2))
    assert count_pixels(ours, array(), None, 1.0) == Counts(fp=6)
    assert count_pixels(array(), ours, None, 1.0) == Counts(fn=6)
    assert count_pixels(array(), array(), box(0, 0, 2, 2), 1.0) == Counts(tn=4)


@pytest.mark.parametrize(
    ("areas", "expected"),
    [([400.0], 2.0), ([399.0], 1.0), ([1e4, 2e4, 1e9], 10.0), ([0.04], 0.02), ([2499.0], 2.0)],
)
def test_the_resolution_goes_by_the_median_landslide(areas: list[float], expected: float) -> None:
    assert math.isclose(resolution_for(np.array(areas)), expected)
