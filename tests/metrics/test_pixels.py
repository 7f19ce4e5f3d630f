import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    f1_score,
    jaccard_score,
    precision_score,
    recall_score,
)

from landslip.metrics.pixels import BINS, SCORES, PixelCounts, ThresholdCurve, count_pixels
from landslip.metrics.pixels import sum_counts as summed
from landslip.metrics.spread import QUANTILES

FLAGS = hnp.arrays(np.bool_, (6, 7))


@given(found=FLAGS, landslide=FLAGS, counted=FLAGS)
def test_counts_are_scikit_learns(
    found: NDArray[np.bool_], landslide: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> None:
    assume(counted.any())
    counts = count_pixels(found, landslide, counted)
    matrix = confusion_matrix(landslide[counted], found[counted], labels=[False, True])
    assert [[counts.tn, counts.fp], [counts.fn, counts.tp]] == matrix.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_scikit_learns(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth, found = generator.random((2, 1000)) < [[0.2], [0.3]]
    counts = count_pixels(found, truth, np.ones(1000, dtype=bool))
    assert counts.precision == pytest.approx(precision_score(truth, found))
    assert counts.recall == pytest.approx(recall_score(truth, found))
    assert counts.f1 == pytest.approx(f1_score(truth, found))
    assert counts.iou == pytest.approx(jaccard_score(truth, found))


@pytest.mark.parametrize(
    ("counts", "scores"),
    [
        pytest.param(PixelCounts(tn=9), (None, None, None, None), id="no landslide, none found"),
        pytest.param(PixelCounts(fn=3, tn=9), (None, 0, 0, 0), id="none found"),
        pytest.param(PixelCounts(fp=3, tn=9), (0, None, 0, 0), id="no landslide, some found"),
        pytest.param(PixelCounts(), (None, None, None, None), id="nothing counted"),
        pytest.param(PixelCounts(tp=2, fp=2, fn=4, tn=1), (0.5, 1 / 3, 0.4, 0.25), id="by hand"),
    ],
)
def test_ratios_of_empty_denominators_are_none(
    counts: PixelCounts, scores: tuple[float | None, ...]
) -> None:
    found = counts.as_dict()
    assert [found[name] for name in SCORES] == [
        None if score is None else pytest.approx(score) for score in scores
    ]
    assert (found["tp"], found["tn"]) == (counts.tp, counts.tn)


def test_tiles_free_of_landslides_count() -> None:
    with_landslide = PixelCounts(tp=8, fp=0, fn=2, tn=90)
    free = PixelCounts(fp=10, tn=90)
    pooled = summed([with_landslide, free])
    assert pooled == PixelCounts(tp=8, fp=10, fn=2, tn=180)
    assert pooled.precision == pytest.approx(8 / 18)
    assert pooled.f1 == pytest.approx(16 / 28)


def test_the_best_threshold_is_that_of_brute_force() -> None:
    generator = np.random.default_rng(4)
    truth = generator.random(400) < 0.3
    probability = np.clip(generator.normal(0.35 + 0.25 * truth, 0.15), 0, 1).astype(np.float32)
    curve = ThresholdCurve()
    for part in (slice(0, 150), slice(150, 400)):
        curve.add(probability[part], truth[part], np.ones_like(truth[part]))
    found = probability >= (np.arange(BINS) / BINS).astype(np.float32)[:, None]
    f1 = 2 * (found & truth).sum(axis=1) / (found.sum(axis=1) + truth.sum())
    around = {step: min(f1[step - 2 : step + 3]) for step in range(2, 998, 4)}
    best = curve.best_threshold()
    assert around[round(best * BINS)] == max(around.values())
    assert curve.counts(best).f1 == pytest.approx(f1_score(truth, probability >= best))


@pytest.mark.parametrize("cap", [0.9813, 0.98386, 0.97287, 0.5001, 0.0173])
def test_the_threshold_keeps_off_a_value_that_many_pixels_share(cap: float) -> None:
    """A network whose logits end at one value has most landslides there, and others close to it."""
    generator = np.random.default_rng(0)
    below = cap * (1 - generator.exponential(0.02, 3000)).clip(0, 1)
    probability = np.concatenate([np.full(1000, cap), below]).astype(np.float32)
    truth = np.arange(4000) < 1000
    curve = ThresholdCurve()
    curve.add(probability, truth, np.ones(4000, dtype=bool))
    best = curve.best_threshold()
    assert best < cap - 0.002
    # in levels of 1/250, as a map is, and in bf16, no pixel changes sides
    levels = np.rint(probability * np.float32(250)) >= np.ceil(best * 250 - 1e-6)
    np.testing.assert_array_equal(levels, probability >= best)
    assert levels[truth].all()


def test_a_network_that_is_sure_of_nothing_has_a_threshold() -> None:
    probability = np.repeat([0.0005, 0.0031], [60, 40]).astype(np.float32)
    curve = ThresholdCurve()
    curve.add(probability, probability > 0.001, np.ones(100, dtype=bool))
    assert curve.counts(curve.best_threshold()).f1 == 1.0


def test_the_spread_is_that_of_the_pixels() -> None:
    generator = np.random.default_rng(1)
    steps = generator.integers(0, 64_000, 900)
    steps[:300] = 62_967  # 0.98386
    truth = np.arange(900) < 600
    curve = ThresholdCurve()
    for part in (slice(0, 200), slice(200, 900)):
        probability = ((steps[part] + 0.5) / 64_000).astype(np.float32)
        curve.add(probability, truth[part], np.ones(len(probability), dtype=bool))
    spread = curve.spread()
    landslides = np.sort(steps[truth])
    assert spread.landslide_pixels == 600
    assert spread.highest == pytest.approx(steps.max() / 64_000)
    assert spread.highest_landslide == pytest.approx(landslides[-1] / 64_000)
    assert spread.commonest == pytest.approx(0.98386, abs=2e-5)
    assert spread.commonest_share == pytest.approx(0.5, abs=0.003)
    assert spread.distinct == len(np.unique(landslides))
    expected = np.quantile(landslides / 64_000, QUANTILES, method="inverted_cdf")
    assert spread.quantiles == pytest.approx(tuple(expected))
    assert spread.warning is not None
    assert spread.warning.text().startswith("50 % of the 600 landslide pixels have the same")
    assert "0.984 (the highest of all pixels is " in spread.warning.text()


def test_without_landslides_there_is_no_spread() -> None:
    curve = ThresholdCurve()
    assert (curve.spread().highest, curve.spread().landslide_pixels) == (None, 0)
    curve.add(np.array([0.25], dtype=np.float32), np.array([False]), np.array([True]))
    spread = curve.spread()
    assert (spread.highest, spread.commonest, spread.quantiles) == (0.25, None, None)
    assert spread.warning is None


@pytest.mark.parametrize("step", [1, 3])
def test_counts_at_a_threshold_are_those_of_the_comparison(step: int) -> None:
    on_steps = (np.arange(0, BINS + 1) / BINS).astype(np.float32)
    probability = np.concatenate(
        [on_steps, np.nextafter(on_steps, np.float32(0)), np.nextafter(on_steps, np.float32(1))]
    )
    truth = np.arange(len(probability)) % 3 == 0
    curve = ThresholdCurve()
    curve.add(probability, truth, np.ones_like(truth))
    for cut in range(step, BINS, 7 * step):
        threshold = cut / BINS
        expected = count_pixels(probability >= threshold, truth, np.ones_like(truth))
        assert curve.counts(threshold) == expected


@given(
    probability=hnp.arrays(np.float32, 30, elements=st.floats(0, 1, width=32)),
    truth=hnp.arrays(np.bool_, 30),
    counted=hnp.arrays(np.bool_, 30),
)
def test_uncounted_pixels_change_nothing(
    probability: NDArray[np.float32], truth: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> None:
    whole, part = ThresholdCurve(), ThresholdCurve()
    whole.add(probability, truth, counted)
    part.add(probability[counted], truth[counted], np.ones(counted.sum(), dtype=bool))
    for threshold in (0.0, 0.25, 0.5, 1.0):
        assert whole.counts(threshold) == part.counts(threshold)
    assert whole.best_threshold() == part.best_threshold()


def test_the_middle_of_equal_thresholds_is_taken() -> None:
    curve = ThresholdCurve()
    probability = np.array([0.2, 0.8], dtype=np.float32)
    curve.add(probability, np.array([False, True]), np.array([True, True]))
    assert curve.best_threshold() in (0.498, 0.502)  # thresholds are 0.004 apart


def test_without_landslides_the_threshold_is_a_half() -> None:
    curve = ThresholdCurve()
    assert curve.best_threshold() == 0.5
    curve.add(np.array([0.9], dtype=np.float32), np.array([False]), np.array([True]))
    assert curve.best_threshold() == 0.5


def test_the_threshold_is_never_0() -> None:
    curve = ThresholdCurve()
    curve.add(np.zeros(4, dtype=np.float32), np.ones(4, dtype=bool), np.ones(4, dtype=bool))
    assert curve.best_threshold() > 0


def test_average_precision_is_scikit_learns_whatever_the_threshold() -> None:
    generator = np.random.default_rng(5)
    truth = generator.random((40, 50)) < 0.2
    probability = (generator.integers(0, 200, truth.shape) / 256 + 0.1 * truth).astype(np.float32)
    counted = generator.random(truth.shape) < 0.9
    curve = ThresholdCurve()
    curve.add(probability[:15], truth[:15], counted[:15])
    curve.add(probability[15:], truth[15:], counted[15:])
    expected = average_precision_score(truth[counted], probability[counted])
    assert curve.average_precision() == pytest.approx(expected, abs=2e-4)  # 64,000 thresholds
    assert ThresholdCurve().average_precision() is None
