from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.metrics.stratified import StratifiedSample, fraction_by_rates, landslide_estimates

# Stehman 2014, table 2: ten pixels of each of four strata, with map and reference class
STRATA = np.repeat(np.arange(4), 10)
MAP = np.array(list("AAAAAAABBBABBBBBBBBBBBCCCCCCBBDDDDDDDDDD"))
REFERENCE = np.array(list("AAAAACBABCABBBBBAABBCCCCCDDBBADDDDDDDCCB"))
SIZES = np.array([40_000.0, 30_000, 20_000, 10_000])
# pages 4932 to 4936; a stratum of thousands has no finite population correction to speak of
PAPER = StratifiedSample(strata=STRATA, weights=SIZES / SIZES.sum(), sizes=SIZES)


@pytest.mark.parametrize(("name", "value", "error"), [("A", 0.35, 0.082), ("C", 0.20, 0.064)])
def test_areas_are_those_of_the_published_example(name: str, value: float, error: float) -> None:
    found = PAPER.mean(name == REFERENCE)
    assert round(found.value, 2) == value
    assert round(found.standard_error, 3) == error


def test_overall_accuracy_is_that_of_the_published_example() -> None:
    found = PAPER.mean(MAP == REFERENCE)
    assert round(found.value, 2) == 0.63
    assert round(found.standard_error, 3) == 0.085


def test_class_accuracies_are_those_of_the_published_example() -> None:
    found = landslide_estimates(PAPER, MAP == "B", REFERENCE == "B", 0.47)
    assert round(found.users.value, 3) == 0.574
    assert round(found.users.standard_error, 3) == 0.125
    assert round(found.producers.value, 3) == 0.794
    assert round(found.producers.standard_error, 3) == 0.117
    assert found.users.standard_error == pytest.approx(0.1248023, rel=1e-3)  # R package mapac
    assert found.producers.standard_error == pytest.approx(0.1165671, rel=1e-3)


# Olofsson et al. 2014, tables 8 and 9: deforestation, forest gain, stable forest, stable non-forest
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
MAPPED_HA = np.array([18_000, 13_500, 288_000, 580_500])


def sample_of(counts: NDArray[np.int64], areas: NDArray[Any]) -> StratifiedSample:
    """Return a sample whose strata are the map classes, the rows of a confusion matrix."""
    return StratifiedSample(
        strata=np.repeat(np.arange(len(areas)), counts.sum(axis=1)),
        weights=areas / areas.sum(),
        sizes=np.full(len(areas), np.inf),
    )


def classes_of(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return map and reference class of the pixels of a confusion matrix, row by row."""
    rows, columns = (index.ravel() for index in np.indices(counts.shape))
    return np.repeat(rows, counts.ravel()), np.repeat(columns, counts.ravel())


def test_areas_and_accuracies_are_those_that_olofsson_published() -> None:
    sample, (mapped, reference) = sample_of(COUNTS, MAPPED_HA), classes_of(COUNTS)
    found = [landslide_estimates(sample, mapped == one, reference == one, 0.5) for one in range(4)]
    area_ha = np.array([one.fraction.value for one in found]) * MAPPED_HA.sum()
    half_ha = np.array([1.96 * one.fraction.standard_error for one in found]) * MAPPED_HA.sum()
    np.testing.assert_array_equal(area_ha.round(), [21_158, 11_686, 285_770, 581_386])
    np.testing.assert_array_equal(half_ha.round(), [6_158, 3_756, 15_510, 16_282])
    assert [round(one.users.value, 2) for one in found] == [0.88, 0.73, 0.93, 0.96]
    halves = [round(1.96 * one.users.standard_error, 2) for one in found]
    assert halves == [0.07, 0.10, 0.04, 0.02]
    assert [round(one.producers.value, 2) for one in found] == [0.75, 0.85, 0.93, 0.96]
    overall = sample.mean(mapped == reference)
    assert (round(overall.value, 2), round(1.96 * overall.standard_error, 2)) == (0.95, 0.02)
    deforested_px, pixel_ha = found[0].fraction.value * 10_000_000, 0.09
    assert round(deforested_px) == 235_086
    assert round(deforested_px * pixel_ha) == 21_158


@pytest.mark.parametrize("of", range(4))
def test_errors_of_producers_accuracies_are_those_of_olofssons_equation_7(of: int) -> None:
    mapped, classes = classes_of(COUNTS)
    found = landslide_estimates(sample_of(COUNTS, MAPPED_HA), mapped == of, classes == of, 0.5)
    users, producers = COUNTS[of, of] / COUNTS[of].sum(), found.producers.value
    reference = (MAPPED_HA * COUNTS[:, of] / COUNTS.sum(axis=1)).sum()
    variance = (MAPPED_HA[of] * (1 - producers)) ** 2 * users * (1 - users)
    variance /= COUNTS[of].sum() - 1
    for at, (area, row) in enumerate(zip(MAPPED_HA, COUNTS, strict=True)):
        share = row[of] / row.sum()
        if at != of:
            variance += (producers * area) ** 2 * share * (1 - share) / (row.sum() - 1)
    assert found.producers.standard_error == pytest.approx(np.sqrt(variance) / reference)


def test_by_a_sample_that_the_map_stratified_both_estimators_agree() -> None:
    counts = np.array([[66, 9], [3, 562]])
    mapped, reference = (classes == 0 for classes in classes_of(counts))
    found = landslide_estimates(sample_of(counts, np.array([2, 98])), mapped, reference, 0.02)
    assert found.fraction.value == pytest.approx(0.02 * 66 / 75 + 0.98 * 3 / 565)
    assert found.by_rates.value == pytest.approx(found.fraction.value)
    assert found.by_rates.standard_error == pytest.approx(found.fraction.standard_error)


def test_a_class_without_samples_is_undefined_where_it_is_mapped() -> None:
    counts = np.array([[0, 0], [1, 3]])
    mapped, reference = (classes == 0 for classes in classes_of(counts))
    unknown = landslide_estimates(sample_of(counts, np.array([5, 5])), mapped, reference, 0.5)
    assert np.isnan(unknown.fraction.value)
    found = landslide_estimates(sample_of(counts, np.array([0, 1])), mapped, reference, 0.0)
    assert (found.fraction.value, found.fraction.standard_error) == (0.25, 0.25)
    assert np.isnan(found.users.value)
    assert np.isnan(found.by_rates.value)  # a map without landslides finds nothing


def test_a_stratum_that_was_drawn_whole_has_no_error() -> None:
    sample = StratifiedSample(
        strata=np.array([0, 0, 1, 1]), weights=np.array([0.5, 0.5]), sizes=np.array([2.0, 2.0])
    )
    found = sample.mean([1, 0, 1, 1])
    assert (found.value, found.standard_error) == (0.75, 0.0)


def test_units_of_unequal_area_count_by_their_area() -> None:
    # a stratum of two pixels of 1 and 3 m², of which the larger is landslide
    sample = StratifiedSample(
        strata=np.array([0, 0]), weights=np.array([1.0]), sizes=np.array([2.0])
    )
    reference = np.array([False, True])
    found = landslide_estimates(sample, reference, reference, 0.75, np.array([0.5, 1.5]))
    assert found.fraction.value == pytest.approx(0.75)
    assert found.users.value == found.overall.value == 1


def test_standard_errors_are_those_of_simulated_samples_in_which_strata_cut_classes() -> None:
    generator = np.random.default_rng(2)
    sizes = np.array([600, 300, 4100])
    at = np.repeat(np.arange(3), sizes)
    mapped = generator.random(5000) < np.array([1.0, 0.5, 0.0])[at]
    reference = generator.random(5000) < np.where(mapped, 0.8, 0.06)
    members = [np.flatnonzero(at == stratum) for stratum in range(3)]
    runs = []
    for _ in range(500):
        picked = np.concatenate(
            [
                generator.choice(m, n, replace=False)
                for m, n in zip(members, (80, 80, 200), strict=True)
            ]
        )
        sample = StratifiedSample(
            strata=at[picked], weights=sizes / 5000, sizes=sizes.astype(np.float64)
        )
        runs.append(landslide_estimates(sample, mapped[picked], reference[picked], mapped.mean()))
    truth = {
        "fraction": reference.mean(),
        "by_rates": reference.mean(),
        "users": reference[mapped].mean(),
        "producers": mapped[reference].mean(),
        "specificity": 1 - mapped[~reference].mean(),
        "overall": (mapped == reference).mean(),
    }
    for name, expected in truth.items():
        values = np.array([getattr(run, name).value for run in runs])
        errors = np.array([getattr(run, name).standard_error for run in runs])
        assert values.mean() == pytest.approx(expected, abs=4 * values.std() / np.sqrt(500)), name
        assert errors.mean() == pytest.approx(values.std(), rel=0.1), name
        inside = np.abs(values - expected) <= 1.96 * errors
        assert 0.92 <= inside.mean() <= 0.98, name


@pytest.mark.parametrize(
    ("mapped", "sensitivity", "specificity", "expected"),
    [
        (0.26, 0.8, 0.9, 0.16 / 0.7),
        (0.05, 0.8, 0.9, 0.0),  # fewer than the false positives alone would give
        (0.95, 0.8, 0.9, 1.0),
        (0.3, 0.4, 0.6, np.nan),
    ],
)
def test_the_fraction_by_error_rates(
    mapped: float, sensitivity: float, specificity: float, expected: float
) -> None:
    found = fraction_by_rates(mapped, sensitivity, specificity)
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("weights", "sizes", "text"),
    [
        ([0.5, 0.4], [9.0, 9.0], "sum to 1; got 0.9"),
        ([0.5, 0.5], [9.0], r"got \(2,\) and \(1,\)"),
        ([0.5, 0.5], [1.0, 9.0], "no more units"),
    ],
)
def test_samples_that_cannot_be(weights: list[float], sizes: list[float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        StratifiedSample(
            strata=np.array([0, 0, 1]), weights=np.array(weights), sizes=np.array(sizes)
        )


def test_a_stratum_of_one_unit_that_was_drawn_has_no_error() -> None:
    sample = StratifiedSample(
        strata=np.array([0, 1, 1]), weights=np.array([0.1, 0.9]), sizes=np.array([1.0, 9])
    )
    found = sample.mean([1, 0, 1])
    assert found.value == pytest.approx(0.1 + 0.9 / 2)
    # 0.9^2 (1 - 2 / 9) (1 / 2) / 2
    assert found.standard_error == pytest.approx(np.sqrt(0.1575))
