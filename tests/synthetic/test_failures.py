import itertools

import numpy as np
import pytest
import shapely
from scipy.stats import kstest
from tests.synthetic.conftest import rounded_otherwise

from landslip.metrics.inverse_gamma import MALAMUD_2004
from landslip.synthetic.failures import FailureSettings, draw_failures
from landslip.synthetic.histories import LandslideHistory
from landslip.synthetic.study_areas import RECOVERY_TRIGGERS
from landslip.synthetic.terrain import SyntheticTerrain, make_terrain

SHAPE = (512, 512)
FRAME = shapely.box(8, 8, SHAPE[1] - 8, SHAPE[0] - 8)
SETTINGS = FailureSettings(per_km2=170.0)
PIXEL_M2 = 4.0


@pytest.fixture(scope="module")
def terrain() -> SyntheticTerrain:
    return make_terrain(SHAPE, 2.0, np.random.default_rng(3))


@pytest.fixture(scope="module")
def drawn(terrain: SyntheticTerrain) -> list[LandslideHistory]:
    return draw_failures(terrain, FRAME, np.random.default_rng(1), SETTINGS, RECOVERY_TRIGGERS)


def test_areas_follow_the_law_from_a_few_pixels_on(drawn: list[LandslideHistory]) -> None:
    areas = np.array([one.failures[0].outline.area for one in drawn]) * PIXEL_M2
    least, most = MALAMUD_2004.fraction_over(np.array([16.0, 60_000.0]))
    assert areas.min() >= 16
    assert areas.max() <= 60_000 * 1.001
    assert kstest(
        areas, lambda at: (least - MALAMUD_2004.fraction_over(at)) / (least - most)
    ).pvalue > 0.01  # fmt: skip
    assert (areas < MALAMUD_2004.rollover_m2).mean() > 0.1
    assert len(drawn) > 0.9 * 170 * 1.048


def test_slopes_that_are_rounded_otherwise_change_few_landslides(
    terrain: SyntheticTerrain, drawn: list[LandslideHistory]
) -> None:
    generator = np.random.default_rng(1)
    others = draw_failures(
        rounded_otherwise(terrain), FRAME, generator, SETTINGS, RECOVERY_TRIGGERS
    )
    histories = {one.failures[0].outline.centroid: one for one in others}
    near = shapely.STRtree(list(histories))
    same = 0
    for one in drawn:
        nearest = list(histories.values())[near.nearest(one.failures[0].outline.centroid)]
        same += len(one.failures) == len(nearest.failures) and one.failures[0].outline.equals_exact(
            nearest.failures[0].outline, 0.01
        )
    assert same > 0.9 * len(drawn)


def test_some_touch_and_none_hides_another(drawn: list[LandslideHistory]) -> None:
    outlines = np.array([one.failures[0].outline for one in drawn], dtype=object)
    assert all(one.geom_type == "Polygon" and one.is_valid for one in outlines)
    assert FRAME.contains(outlines).all()
    one, other = shapely.STRtree(outlines).query(outlines, "dwithin", distance=1.0)
    one, other = one[one < other], other[one < other]
    assert len(one) > 0.15 * len(drawn)
    overlaps = shapely.area(shapely.intersection(outlines[one], outlines[other]))
    assert (overlaps > 1).any()
    smaller = np.minimum(shapely.area(outlines[one]), shapely.area(outlines[other]))
    assert (overlaps <= 0.4 * smaller * 1.001).all()


def test_some_fail_again_within_their_scar_and_some_beyond(drawn: list[LandslideHistory]) -> None:
    days = [trigger.day for trigger in RECOVERY_TRIGGERS]
    events = [
        one.event_between(before, day) for one in drawn for before, day in itertools.pairwise(days)
    ]
    assert events.count("enlarged") > 5
    assert events.count("reactivated") > 5
    first = [one.failures[0].day for one in drawn]
    shares = [first.count(trigger.day) / len(first) for trigger in RECOVERY_TRIGGERS]
    expected = [trigger.fraction for trigger in RECOVERY_TRIGGERS]
    np.testing.assert_allclose(shares, expected, atol=0.1)
