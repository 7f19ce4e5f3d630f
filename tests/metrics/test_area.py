import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.metrics.area import adjusted_fraction_from_tiles, adjusted_fractions
from landslip.metrics.bootstrap import DEFAULT_RESAMPLING, Resampling

# Olofsson et al. 2014, tables 8 and 9: deforestation, forest gain, stable forest, stable non-forest
SAMPLE = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
MAPPED_HA = np.array([18_000, 13_500, 288_000, 580_500])


def test_the_published_example_comes_out() -> None:
    found = adjusted_fractions(SAMPLE, MAPPED_HA / MAPPED_HA.sum())
    area_ha = found.fractions * MAPPED_HA.sum()
    half_width_ha = 1.96 * found.standard_errors * MAPPED_HA.sum()
    np.testing.assert_array_equal(area_ha.round(), [21_158, 11_686, 285_770, 581_386])
    np.testing.assert_array_equal(half_width_ha.round(), [6_158, 3_756, 15_510, 16_282])
    np.testing.assert_array_equal(found.users.round(2), [0.88, 0.73, 0.93, 0.96])
    np.testing.assert_array_equal(found.producers.round(2), [0.75, 0.85, 0.93, 0.96])
    assert round(found.overall, 2) == 0.95
    deforested_px, pixel_ha = found.fractions[0] * 10_000_000, 0.09
    assert round(deforested_px) == 235_086
    assert round(deforested_px * pixel_ha) == 21_158


def test_the_intervals_of_the_published_accuracies_come_out() -> None:
    found = adjusted_fractions(SAMPLE, MAPPED_HA / MAPPED_HA.sum())
    np.testing.assert_array_equal((1.96 * found.users_errors).round(2), [0.07, 0.10, 0.04, 0.02])
    assert round(1.96 * found.overall_error, 2) == 0.02


@pytest.mark.parametrize("of", range(4))
def test_errors_of_producers_accuracies_are_those_of_equation_7(of: int) -> None:
    found = adjusted_fractions(SAMPLE, MAPPED_HA / MAPPED_HA.sum())
    users, producers = SAMPLE[of][of] / sum(SAMPLE[of]), found.producers[of]
    reference = sum(area / sum(row) * row[of] for area, row in zip(MAPPED_HA, SAMPLE, strict=True))
    variance = (MAPPED_HA[of] * (1 - producers)) ** 2 * users * (1 - users) / (sum(SAMPLE[of]) - 1)
    for at, (area, row) in enumerate(zip(MAPPED_HA, SAMPLE, strict=True)):
        share = row[of] / sum(row)
        if at != of:
            variance += (producers * area) ** 2 * share * (1 - share) / (sum(row) - 1)
    assert found.producers_errors[of] == pytest.approx(np.sqrt(variance) / reference)


def test_the_standard_error_is_that_of_simulated_samples() -> None:
    generator = np.random.default_rng(0)
    truth = np.array([[0.7, 0.3], [0.1, 0.9]])
    weights = np.array([0.2, 0.8])
    runs = [
        adjusted_fractions([generator.multinomial(80, row) for row in truth], weights)
        for _ in range(800)
    ]
    shares = np.array([run.fractions[0] for run in runs])
    errors = np.array([run.standard_errors[0] for run in runs])
    assert shares.mean() == pytest.approx(0.2 * 0.7 + 0.8 * 0.1, abs=0.005)
    assert errors.mean() == pytest.approx(shares.std(), rel=0.07)
    for name in ("users", "producers"):
        values = np.array([getattr(run, name)[0] for run in runs])
        told = np.array([getattr(run, f"{name}_errors")[0] for run in runs])
        assert told.mean() == pytest.approx(values.std(), rel=0.08)
    overall = np.array([run.overall for run in runs])
    told = np.array([run.overall_error for run in runs])
    assert told.mean() == pytest.approx(overall.std(), rel=0.07)


def test_a_class_without_samples_is_undefined_where_it_is_mapped() -> None:
    sample = [[0, 0], [1, 3]]
    assert np.isnan(adjusted_fractions(sample, [0.5, 0.5]).fractions).all()
    found = adjusted_fractions(sample, [0, 1])
    np.testing.assert_allclose(found.fractions, [0.25, 0.75])
    np.testing.assert_allclose(found.standard_errors, [0.25, 0.25])


@pytest.mark.parametrize(
    ("sample", "shares", "message"),
    [
        ([[1, 2, 3]], [1], r"got \(1, 3\) and \(1,\)"),
        ([[1, 2], [3, 4]], [0.5, 0.4], "sum to 1; got 0.9"),
    ],
)
def test_misfits_are_refused(sample: list[list[int]], shares: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        adjusted_fractions(sample, shares)


def tiles(generator: np.random.Generator, count: int, px: int = 400) -> NDArray[np.int64]:
    """Return tp, fp, fn, tn of tiles whose landslide share and errors differ from tile to tile."""
    landslide = generator.binomial(px, generator.beta(1, 4, count))
    tp = generator.binomial(landslide, generator.beta(8, 3, count))
    fp = generator.binomial(px - landslide, generator.beta(1, 20, count))
    return np.stack([tp, fp, landslide - tp, px - landslide - fp], axis=1)


def test_the_share_is_that_of_equation_9() -> None:
    table = tiles(np.random.default_rng(1), 30)
    tp, fp, fn, tn = table.sum(axis=0)
    found = adjusted_fraction_from_tiles(0.3, table, 20, DEFAULT_RESAMPLING)
    assert found is not None
    expected = adjusted_fractions([[tp, fp], [fn, tn]], [0.3, 0.7])
    assert found.fraction == pytest.approx(expected.fractions[0])
    assert found.standard_error > 3 * expected.standard_errors[0]  # pixels of a tile are alike


def test_with_the_tiles_own_reference_the_reference_comes_out() -> None:
    table = tiles(np.random.default_rng(2), 25)
    tp, fp, fn, _ = table.sum(axis=0)
    pixels = table.sum()
    found = adjusted_fraction_from_tiles((tp + fp) / pixels, table, 25, DEFAULT_RESAMPLING)
    assert found is not None
    assert found.fraction == pytest.approx((tp + fn) / pixels)


def test_the_reference_lies_within_two_standard_errors_as_often_as_it_should() -> None:
    generator = np.random.default_rng(3)
    inside, runs = 0, 300
    for run in range(runs):
        known, mapped = tiles(generator, 40), tiles(generator, 60)
        tp, fp, fn, _ = mapped.sum(axis=0)
        found = adjusted_fraction_from_tiles(
            (tp + fp) / mapped.sum(), known, 60, Resampling(seed=run, draws=300)
        )
        assert found is not None
        gap = found.fraction - (tp + fn) / mapped.sum()
        inside += abs(gap) <= 1.96 * found.standard_error
    assert 0.89 <= inside / runs <= 0.99


def test_more_tiles_tell_more() -> None:
    table = tiles(np.random.default_rng(4), 20)
    few = adjusted_fraction_from_tiles(0.2, table, 20, DEFAULT_RESAMPLING)
    many = adjusted_fraction_from_tiles(0.2, np.tile(table, (9, 1)), 180, DEFAULT_RESAMPLING)
    assert few is not None
    assert many is not None
    assert many.fraction == pytest.approx(few.fraction)
    assert many.standard_error == pytest.approx(few.standard_error / 3, rel=0.1)


def test_chance_in_the_mapped_tiles_is_counted_as_well() -> None:
    table = tiles(np.random.default_rng(5), 20)
    few, many = (
        adjusted_fraction_from_tiles(0.2, table, mapped, DEFAULT_RESAMPLING)
        for mapped in (20, 2000)
    )
    assert few is not None
    assert many is not None
    expected = np.sqrt((1 / 20 + 1 / 20) / (1 / 20 + 1 / 2000))
    assert few.standard_error / many.standard_error == pytest.approx(expected, rel=0.07)


@pytest.mark.parametrize(
    ("mapped_share", "table", "mapped_tiles"),
    [
        pytest.param(0.1, [], 5, id="no tile"),
        pytest.param(0.1, [[5, 1, 1, 9]], 5, id="one tile"),
        pytest.param(0.1, [[5, 1, 1, 9]] * 2, 1, id="one mapped tile"),
        pytest.param(0.1, [[0, 0, 1, 9]] * 5, 5, id="mapped and never found on known tiles"),
    ],
)
def test_what_cannot_be_estimated_is_none(
    mapped_share: float, table: list[list[int]], mapped_tiles: int
) -> None:
    assert (
        adjusted_fraction_from_tiles(mapped_share, table, mapped_tiles, DEFAULT_RESAMPLING) is None
    )


def test_where_nothing_is_mapped_the_missed_share_is_left() -> None:
    found = adjusted_fraction_from_tiles(0.0, [[0, 0, 1, 9], [0, 0, 3, 7]], 5, DEFAULT_RESAMPLING)
    assert found is not None
    assert found.fraction == pytest.approx(0.2)
