import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, precision_recall_curve

from landslip.metrics.bootstrap import Resampling, bootstrap_weights, percentile_interval
from landslip.metrics.curves import (
    BINS,
    LIKELY,
    ProbabilityBins,
    average_precision,
    average_precision_interval,
    bin_pixels,
    calibration_error,
    no_pixels,
    precision_recall,
    ranking_bins,
    reliability,
    stored_bins,
    sum_by_group,
)
from landslip.metrics.pixels import ThresholdCurve, count_pixels

Pixels = tuple[NDArray[np.float64], NDArray[np.bool_]]


def pixels(seed: int, count: int = 4000) -> Pixels:
    """Return probabilities in steps of 1 / 65536, and truths that they tell something of."""
    generator = np.random.default_rng(seed)
    truth = generator.random(count) < 0.2
    logit = generator.normal(-1.5 + 3 * truth, 1.5)
    return np.floor(65536 / (1 + np.exp(-logit))) / 65536, truth


def binned(made: Pixels) -> ProbabilityBins:
    return bin_pixels(*made, np.ones_like(made[1]))


def on_edges(made: Pixels) -> Pixels:
    """Return the same with probabilities rounded down to the bins' edges."""
    return np.floor(made[0] * BINS) / BINS, made[1]


@pytest.mark.parametrize("seed", range(3))
def test_the_curve_is_scikit_learns_at_the_edges(seed: int) -> None:
    made = pixels(seed)
    curve = precision_recall(binned(made))
    assert curve is not None
    probability, truth = on_edges(made)
    precision, recall, threshold = precision_recall_curve(truth, probability)
    np.testing.assert_allclose(curve.threshold[::-1], threshold, atol=1e-12)
    np.testing.assert_allclose(curve.precision[::-1], precision[:-1], atol=1e-12)
    np.testing.assert_allclose(curve.recall[::-1], recall[:-1], atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_scikit_learns(seed: int) -> None:
    made = pixels(seed)
    probability, truth = made
    found = average_precision(binned(made))
    assert found == pytest.approx(average_precision_score(truth, on_edges(made)[0]), abs=1e-12)
    assert found == pytest.approx(average_precision_score(truth, probability), abs=0.005)


def test_points_of_the_curve_are_those_of_the_comparison() -> None:
    probability, truth = pixels(3)
    curve = precision_recall(binned((probability, truth)))
    assert curve is not None
    for at in range(0, len(curve.threshold), 7):
        counts = count_pixels(probability >= curve.threshold[at], truth, np.ones_like(truth))
        assert curve.precision[at] == counts.precision
        assert curve.recall[at] == counts.recall


def test_bins_hold_their_lower_edge_and_the_last_one_1() -> None:
    probability = np.array([0.0, 0.25, 0.4999, 0.5, 0.75, 1.0], dtype=np.float32)
    truth = np.array([0, 0, 1, 1, 1, 0], dtype=bool)
    bins = bin_pixels(probability, truth, np.ones(6, dtype=bool), bins=4)
    assert bins.landslide.tolist() == [0, 1, 1, 1]
    assert bins.other.tolist() == [1, 1, 0, 1]
    assert bins.mean_probability == pytest.approx([0, 0.37495, 0.5, 0.875])


def test_pixels_not_counted_change_nothing() -> None:
    probability, truth = pixels(4)
    counted = np.random.default_rng(0).random(len(truth)) < 0.5
    part = bin_pixels(probability, truth, counted)
    same = binned((probability[counted], truth[counted]))
    np.testing.assert_array_equal(part.landslide, same.landslide)
    np.testing.assert_array_equal(part.other, same.other)
    assert part.pixels.sum() == counted.sum()


def test_tiles_add_up_and_come_back_from_storage() -> None:
    first, second = pixels(5), pixels(6)
    summed = binned(first) + binned(second) + no_pixels()
    whole = binned((np.concatenate([first[0], second[0]]), np.concatenate([first[1], second[1]])))
    stored = stored_bins(
        whole.landslide.tolist(), whole.other.tolist(), whole.mean_probability.tolist()
    )
    for bins in (summed, stored):
        np.testing.assert_array_equal(bins.landslide, whole.landslide)
        np.testing.assert_array_equal(bins.other, whole.other)
        np.testing.assert_allclose(bins.probability_sum, whole.probability_sum)


def test_the_interval_of_average_precision_is_that_of_scikit_learn_on_resampled_groups() -> None:
    how = Resampling(seed=3, draws=40)
    tiles = [[pixels(100 * seed + at, 200) for at in range(14)] for seed in range(2)]
    groups = [f"{at % 12:02d}" for at in range(14)]
    units = [list(sum_by_group([binned(tile) for tile in made], groups).values()) for made in tiles]
    weights = bootstrap_weights(12, how.draws, np.random.default_rng(how.seed))
    drawn = [
        np.mean(
            [
                average_precision_score(
                    np.concatenate([truth for _, truth in made]),
                    np.concatenate([on_edges(tile)[0] for tile in made]),
                    sample_weight=np.repeat([sample[int(group)] for group in groups], 200),
                )
                for made in tiles
            ]
        )
        for sample in weights
    ]
    of_bins = np.mean([average_precision(sum(one, no_pixels())) for one in units])
    found = average_precision_interval(units, float(of_bins), how)
    landslides = np.mean([[one.landslide.sum() for one in seed] for seed in units], axis=0)
    effective = landslides.sum() ** 2 / (landslides**2).sum()
    assert (found.low, found.high) == pytest.approx(
        percentile_interval(np.array(drawn), 0.95, effective), abs=1e-9
    )
    moved = average_precision_interval(units, float(of_bins) + 0.01, how)
    assert (moved.low, moved.high) == pytest.approx(
        ((found.low or 0) + 0.01, (found.high or 0) + 0.01)
    )
    assert average_precision_interval([units[0][:1]], 0.5).low is None


@pytest.mark.parametrize("groups", [10, 20])
def test_reliability_is_scikit_learns(groups: int) -> None:
    probability, truth = pixels(7)
    found = reliability(binned((probability, truth)), groups)
    share, mean = calibration_curve(truth, probability, n_bins=groups)
    np.testing.assert_allclose(found.landslide_share, share)
    np.testing.assert_allclose(found.mean_probability, mean)
    assert found.pixels.sum() == len(truth)


def test_calibration_error_by_hand() -> None:
    # 8 pixels at 0.25 of which 4 are landslide, 2 at 0.75 of which 2 are
    probability = np.array([0.25] * 8 + [0.75] * 2)
    truth = np.array([True] * 4 + [False] * 4 + [True] * 2)
    assert calibration_error(binned((probability, truth))) == pytest.approx(
        (8 * 0.25 + 2 * 0.25) / 10
    )


def test_errors_of_both_signs_within_a_group_cancel_and_between_groups_do_not() -> None:
    probability = np.array([0.26, 0.29, 0.71, 0.74])
    truth = np.array([True, False, False, True])
    bins = binned((probability, truth))
    assert calibration_error(bins, 1) == pytest.approx(0, abs=1e-12)
    assert calibration_error(bins, 2) == pytest.approx((0.45 + 0.45) / 4)
    assert calibration_error(bins, 200) == pytest.approx((0.74 + 0.29 + 0.71 + 0.26) / 4)


def test_a_calibrated_model_has_next_to_no_error() -> None:
    generator = np.random.default_rng(8)
    probability = generator.random(200_000)
    truth = generator.random(200_000) < probability
    assert (calibration_error(binned((probability, truth))) or 1) < 0.01
    assert calibration_error(binned((probability**2, truth))) == pytest.approx(1 / 6, abs=0.01)


def test_undefined_is_none() -> None:
    assert precision_recall(no_pixels()) is None
    assert calibration_error(no_pixels()) is None
    assert len(reliability(no_pixels()).pixels) == 0
    others = binned((np.array([0.2, 0.9]), np.array([False, False])))
    assert average_precision(others) is None
    assert calibration_error(others) == pytest.approx(0.55)


def test_groups_that_do_not_divide_the_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="200 bins cannot be merged into 7 equal groups"):
        calibration_error(binned(pixels(0)), 7)


def test_background_does_not_hide_the_error_of_likely_pixels() -> None:
    landslide, other, mean = np.zeros((3, BINS))
    other[0], mean[0] = 9000, 0.002  # sure background, right
    landslide[170], other[170], mean[170] = 100, 300, 0.852  # promised 0.852, right in a quarter
    landslide[30], other[30], mean[30] = 0, 100, 0.151
    bins = stored_bins(landslide, other, mean)
    likely = (400 * (0.852 - 0.25) + 100 * 0.151) / 500
    assert calibration_error(bins, at_least=LIKELY) == pytest.approx(likely)
    assert calibration_error(bins) == pytest.approx((500 * likely + 9000 * 0.002) / 9500)
    assert calibration_error(bins, at_least=0.9) is None
    with pytest.raises(ValueError, match=r"lower edge of one of 20 groups; got 0\.12"):
        calibration_error(bins, at_least=0.12)


def test_bins_that_rank_tell_the_order_of_probabilities_near_one() -> None:
    generator = np.random.default_rng(0)
    truth = generator.random(20_000) < 0.2
    logit = generator.normal(-2 + 7 * truth, 3.0)
    probability = (1 / (1 + np.exp(-logit))).astype(np.float32)
    everywhere = np.ones_like(truth)
    curve = ThresholdCurve()
    curve.add(probability, truth, everywhere)
    landslide, other = ranking_bins(curve.histograms)
    assert (landslide.sum(), other.sum()) == (truth.sum(), (~truth).sum())
    exact = average_precision_score(truth, probability)
    ranked = average_precision(stored_bins(landslide, other, np.zeros(len(other))))
    assert ranked == pytest.approx(exact, abs=2e-3)
    coarse = average_precision(bin_pixels(probability, truth, everywhere))
    assert coarse is not None
    assert coarse < exact - 0.01
