import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from landslip.core.errors import InputError
from landslip.inventory.statistics.adjusted_area import adjusted_from_sample, adjusted_from_tiles
from landslip.inventory.statistics.validation_sample import ValidationSample
from landslip.metrics.area import adjusted_fraction_from_tiles
from landslip.metrics.bootstrap import DEFAULT_RESAMPLING, Resampling


def sample_of(counts: list[list[int]]) -> ValidationSample:
    """Return points with these counts: rows by map, columns by reference, landslide first."""
    (tp, fp), (fn, tn) = counts
    mapped = np.repeat([True, True, False, False], [tp, fp, fn, tn])
    reference = np.repeat([True, False, True, False], [tp, fp, fn, tn])
    return ValidationSample(mapped=mapped, reference=reference)


def test_two_classes_worked_by_hand() -> None:
    # 10 of 100 km² mapped; 40 of 50 points inside are landslide, and 2 of 100 outside
    found = adjusted_from_sample(sample_of([[40, 10], [2, 98]]), 100e6, 10e6)
    assert found.samples == 150
    assert found.mapped_m2 == 10e6
    share = 0.1 * 0.8 + 0.9 * 0.02
    error = np.sqrt(0.1**2 * 0.8 * 0.2 / 49 + 0.9**2 * 0.02 * 0.98 / 99)
    assert found.adjusted_m2.value == pytest.approx(share * 100e6)
    assert found.adjusted_m2.low == pytest.approx((share - 1.959964 * error) * 100e6)
    assert found.adjusted_m2.high == pytest.approx((share + 1.959964 * error) * 100e6)
    assert found.users_accuracy.value == pytest.approx(0.8)
    half = 1.959964 * np.sqrt(0.8 * 0.2 / 49)
    assert found.users_accuracy.low == pytest.approx(0.8 - half)
    assert found.producers_accuracy.value == pytest.approx(0.08 / share)
    assert found.overall_accuracy.value == pytest.approx(0.08 + 0.9 * 0.98)
    assert found.by_rates_m2 is not None  # of points that the map stratified, the same
    assert found.by_rates_m2.value == pytest.approx(found.adjusted_m2.value)
    assert found.by_rates_m2.low == pytest.approx(found.adjusted_m2.low)
    assert found.specificity is not None
    assert found.specificity.value == pytest.approx(0.9 * 0.98 / (0.1 * 0.2 + 0.9 * 0.98))
    assert found.producers_accuracy.high is not None
    assert found.producers_accuracy.high <= 1


def test_the_published_deforestation_taken_as_landslides() -> None:
    # Olofsson et al. 2014, table 8: 3 of the 565 points in the other three classes are deforested;
    # as one stratum they give another area than as three, which tests/scores/test_area.py has
    found = adjusted_from_sample(sample_of([[66, 9], [3, 562]]), 900_000e4, 18_000e4)
    assert found.users_accuracy.value == pytest.approx(0.88)
    assert found.users_accuracy.low == pytest.approx(0.88 - 0.07, abs=0.005)  # as published
    wanted = (18_000 * 66 / 75 + 882_000 * 3 / 565) * 1e4
    assert found.adjusted_m2.value == pytest.approx(wanted)


def test_intervals_stay_on_the_ground() -> None:
    found = adjusted_from_sample(sample_of([[3, 0], [1, 3]]), 1e6, 1e4)
    assert found.adjusted_m2.low == 0
    assert found.users_accuracy.high == 1


def test_where_nothing_is_mapped_what_was_missed_is_estimated() -> None:
    found = adjusted_from_sample(sample_of([[0, 0], [5, 95]]), 1e6, 0.0)
    assert found.adjusted_m2.value == pytest.approx(5e4)
    assert found.users_accuracy.value is None
    assert found.producers_accuracy.value == 0


@pytest.mark.parametrize(
    ("counts", "mapped_m2", "landslide_m2", "message"),
    [
        ([[1, 0], [5, 5]], 1e6, 1e5, "at least 2 points in mapped landslides; it has 1 of 11"),
        ([[5, 5], [0, 1]], 1e6, 1e5, "at least 2 points outside them; it has 1 of 11"),
        ([[5, 5], [5, 5]], 1e5, 1e6, "at least that of the landslides in it; got 100000 m²"),
        ([[5, 5], [5, 5]], 0.0, 0.0, "the mapped area is over 0"),
    ],
)
def test_samples_that_tell_too_little_are_refused(
    counts: list[list[int]], mapped_m2: float, landslide_m2: float, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        adjusted_from_sample(sample_of(counts), mapped_m2, landslide_m2)


def test_nine_of_ten_samples_hold_the_truth_at_their_level() -> None:
    generator, inside, runs = np.random.default_rng(0), 0, 600
    truth = 0.05 * 0.7 + 0.95 * 0.05
    for _ in range(runs):
        tp, missed = generator.binomial(100, 0.7), generator.binomial(300, 0.05)
        sample = sample_of([[tp, 100 - tp], [missed, 300 - missed]])
        found = adjusted_from_sample(sample, 1.0, 0.05, level=0.9)
        assert found.adjusted_m2.low is not None
        assert found.adjusted_m2.high is not None
        inside += found.adjusted_m2.low <= truth <= found.adjusted_m2.high
    assert 0.86 <= inside / runs <= 0.94


def evaluation(path: Path, tiles: int, resolution_m: float | None = None) -> Path:
    generator = np.random.default_rng(1)
    landslide = generator.binomial(400, generator.beta(1, 4, tiles))
    tp = generator.binomial(landslide, generator.beta(8, 3, tiles))
    fp = generator.binomial(400 - landslide, generator.beta(1, 20, tiles))
    counts = np.stack([tp, fp, landslide - tp, 400 - landslide - fp], axis=1)
    text = {"tile_counts": counts.tolist(), "resolution_m": resolution_m, "f1": 0.5}
    path.write_text(json.dumps(text), encoding="utf-8")
    return path


def test_the_errors_on_tiles_adjust_the_area(tmp_path: Path) -> None:
    file = evaluation(tmp_path / "a.json", 60)
    counts = np.array(json.loads(file.read_text())["tile_counts"])
    found = adjusted_from_tiles(file, 1e6, 2e5)
    assert found is not None
    tp, fp, fn, tn = counts.sum(axis=0)
    share = 0.2 * tp / (tp + fp) + 0.8 * fn / (fn + tn)
    assert found.adjusted_m2.value == pytest.approx(share * 1e6)
    assert found.users_accuracy.value == pytest.approx(tp / (tp + fp))
    assert found.producers_accuracy.value == pytest.approx(0.2 * tp / (tp + fp) / share)
    assert found.overall_accuracy.value == pytest.approx(
        0.2 * tp / (tp + fp) + 0.8 * tn / (fn + tn)
    )
    assert found.by_rates_m2 is not None
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    assert found.by_rates_m2.value == pytest.approx(
        (0.2 + specificity - 1) / (sensitivity + specificity - 1) * 1e6
    )
    assert found.sensitivity is not None
    assert found.sensitivity.value == pytest.approx(sensitivity)
    assert found.samples == 60
    assert "tiles" in found.method
    for one in (found.users_accuracy, found.producers_accuracy, found.overall_accuracy):
        assert one.low is not None
        assert one.high is not None
        assert one.value is not None
        assert one.low < one.value < one.high
    assert adjusted_from_tiles(file, 1e6, 2e5) == found
    assert adjusted_from_tiles(file, 1e6, 2e5, Resampling(draws=0)) is not None


def test_much_ground_has_a_narrower_interval_than_little(tmp_path: Path) -> None:
    file = evaluation(tmp_path / "a.json", 60, resolution_m=2.0)  # tiles of 1,600 m²
    widths = []
    for tiles in (10, 10_000):
        found = adjusted_from_tiles(file, tiles * 1_600.0, tiles * 160.0)
        assert found is not None
        assert found.adjusted_m2.low is not None
        assert found.adjusted_m2.high is not None
        widths.append((found.adjusted_m2.high - found.adjusted_m2.low) / tiles)
    expected = np.sqrt((1 / 60 + 1 / 10) / (1 / 60 + 1 / 10_000))
    assert widths[0] / widths[1] == pytest.approx(expected, rel=0.25)


def test_groups_of_tiles_count_as_one(tmp_path: Path) -> None:
    file = evaluation(tmp_path / "a.json", 30, resolution_m=None)
    content = json.loads(file.read_text())
    single = adjusted_from_tiles(file, 1e6, 2e5)
    assert single is not None
    copies = content | {
        "tile_counts": 4 * content["tile_counts"],
        "groups": 4 * [str(at) for at in range(30)],
    }
    file.write_text(json.dumps(copies))
    assert adjusted_from_tiles(file, 1e6, 2e5) == single.model_copy(update={"samples": 120})
    file.write_text(json.dumps(copies | {"groups": ["a"]}))
    with pytest.raises(InputError, match="1 groups of 120 tiles"):
        adjusted_from_tiles(file, 1e6, 2e5)


def test_intervals_over_few_tiles_are_wider_than_normal_ones(tmp_path: Path) -> None:
    file = evaluation(tmp_path / "a.json", 10, resolution_m=None)
    found = adjusted_from_tiles(file, 1e6, 2e5)
    counts = np.array(json.loads(file.read_text())["tile_counts"])
    error = adjusted_fraction_from_tiles(0.2, counts, 10, DEFAULT_RESAMPLING)
    assert found is not None
    assert error is not None
    assert found.adjusted_m2.low is not None
    assert found.adjusted_m2.high is not None
    sizes = counts @ [2, 1, 1, 0]
    number = sizes.sum() ** 2 / (sizes**2).sum()
    quantile = t.ppf(0.975, number - 1) * np.sqrt(number / (number - 1))
    half = (found.adjusted_m2.high - found.adjusted_m2.low) / 2e6
    assert half == pytest.approx(quantile * error.standard_error)
    assert half > 1.2 * 1.96 * error.standard_error


def test_one_tile_tells_nothing(tmp_path: Path) -> None:
    assert adjusted_from_tiles(evaluation(tmp_path / "a.json", 1), 1e6, 1e5) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not the counts of an evaluation"),
        ("[]", "not the counts of an evaluation"),
        ('{"f1": 0.5}', "make it with `landslip evaluate MODEL TILES --json`"),
        ('{"tile_counts": [[1, 2, 3]]}', "not the counts of an evaluation"),
        ('{"tile_counts": [["a", 2, 3, 4]]}', "not the counts of an evaluation"),
        ('{"tile_counts": [[1, 2, 3, -4]]}', "counts of pixels are 0 or more"),
    ],
)
def test_files_without_counts_are_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        adjusted_from_tiles(file, 1e6, 1e5)
    with pytest.raises(InputError, match="no such file"):
        adjusted_from_tiles(tmp_path / "none.json", 1e6, 1e5)
