import numpy as np
import pytest

from landslip.inventory.statistics.areas import counted, usable_areas


def test_areas_that_are_none_are_left_out() -> None:
    areas = usable_areas([3.0, np.nan, 0.0, -1.0, np.inf, 2.0])
    np.testing.assert_array_equal(areas, [2.0, 3.0])


def test_equal_areas_are_counted_and_drawn_together() -> None:
    areas = counted(np.array([25.0, 25.0, 50.0, 75.0, 75.0, 75.0]))
    np.testing.assert_array_equal(areas.areas_m2, [25, 50, 75])
    np.testing.assert_array_equal(areas.counts, [2, 1, 3])
    drawn = areas.resampled(4_000, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.sum(axis=1), 6)
    np.testing.assert_allclose(drawn.mean(axis=0), [2, 1, 3], atol=0.1)


def test_the_smallest_areas_stay_as_they_are_where_others_are_thinned() -> None:
    areas = np.geomspace(100, 1e5, 20_000)
    together = counted(areas)
    np.testing.assert_array_equal(together.areas_m2[:1_000], areas[:1_000])
    assert together.areas_m2[-1] == counted(areas[-20_000:]).areas_m2[-1]
    assert (np.diff(together.areas_m2) > 0).all()
    assert np.log(together.areas_m2) @ together.counts == pytest.approx(
        np.log(areas).sum(), rel=1e-7
    )
