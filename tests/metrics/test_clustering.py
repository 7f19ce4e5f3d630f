import numpy as np
import pytest

from landslip.metrics.clustering import clustering, landslide_clustering
from landslip.metrics.pixels import PixelCounts


def test_by_hand() -> None:
    """Means 1, 3 and 8; squares between 26 and within 4 / 3; mean size (4 + 4 + 4) / 6 = 2."""
    found = clustering([0, 2, 2, 4, 7.5, 8.5], ["a", "a", "b", "b", "c", "c"])
    assert found is not None
    between = 2 * ((1 - 4) ** 2 + (3 - 4) ** 2 + (8 - 4) ** 2) / 2
    within = (2 + 2 + 0.5) / 3
    assert found.intraclass_correlation == pytest.approx((between - within) / (between + within))
    assert found.design_effect == pytest.approx(1 + found.intraclass_correlation)


def test_a_planted_correlation_is_found_in_unequal_groups() -> None:
    generator = np.random.default_rng(0)
    members = np.repeat(np.arange(2000), generator.integers(1, 9, 2000))
    values = np.sqrt(0.5) * generator.standard_normal(2000)[members]
    values += np.sqrt(0.5) * generator.standard_normal(len(members))
    found = clustering(values, [str(at) for at in members])
    assert found is not None
    assert found.intraclass_correlation == pytest.approx(0.5, abs=0.03)
    sizes = np.bincount(members)
    expected = 1 + 0.5 * ((sizes**2).sum() / sizes.sum() - 1)
    assert found.design_effect == pytest.approx(expected, rel=0.05)


def test_of_tiles_the_landslide_fraction_counts() -> None:
    tiles = [
        PixelCounts(tp=1, fp=2, fn=2, tn=5),
        PixelCounts(tp=0, fp=0, fn=1, tn=1),
        PixelCounts(tp=0, fp=0, fn=0, tn=0),  # no valid pixel
        PixelCounts(tp=0, fp=5, fn=0, tn=5),
    ]
    found = landslide_clustering(tiles, ["a", "a", "a", "b"])
    assert found == clustering([0.3, 0.5, 0], ["a", "a", "b"])


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([1, 2, 3], ["a", "a", "a"], id="one group"),
        pytest.param([1, 2, 3], ["a", "b", "c"], id="single tiles"),
        pytest.param([1, 1, 1], ["a", "a", "b"], id="equal values"),
    ],
)
def test_unknown_is_none(values: list[float], groups: list[str]) -> None:
    assert clustering(values, groups) is None


def test_tiles_that_differ_within_groups_have_no_design_effect_below_1() -> None:
    found = clustering([0, 1, 0, 1], ["a", "a", "b", "b"])
    assert found is not None
    assert (found.intraclass_correlation, found.design_effect) == (-1, 1)
