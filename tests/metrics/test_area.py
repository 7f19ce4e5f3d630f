import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.metrics.area import (
    adjusted_fraction_from_tiles,
    fraction_by_error_rates,
    fraction_by_map_classes,
)
from landslip.metrics.bootstrap import DEFAULT_RESAMPLING, Resampling


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
    users, omission = tp / (tp + fp), fn / (fn + tn)
    assert found.fraction == pytest.approx(0.3 * users + 0.7 * omission)
    of_pixels = 0.09 * users * (1 - users) / (tp + fp) + 0.49 * omission * (1 - omission) / (
        fn + tn
    )
    assert found.standard_error > 3 * np.sqrt(of_pixels)  # pixels of a tile are alike


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


def test_the_share_by_error_rates_is_that_of_rogan_and_gladen() -> None:
    table = tiles(np.random.default_rng(1), 30)
    tp, fp, fn, tn = table.sum(axis=0)
    found = adjusted_fraction_from_tiles(
        0.3, table, 20, DEFAULT_RESAMPLING, fraction_by_error_rates
    )
    assert found is not None
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    assert found.fraction == pytest.approx(
        (0.3 + specificity - 1) / (sensitivity + specificity - 1)
    )


def test_landslides_twice_as_rare_are_estimated_by_error_rates_only() -> None:
    generator = np.random.default_rng(6)
    inside, bias = np.zeros((2, 200), dtype=bool), np.zeros((2, 200))
    for run in range(200):
        known, rare = tiles(generator, 40), tiles(generator, 60)
        rare[:, [0, 2]] //= 2  # half of the landslide, found as often as before
        background = 400 - rare[:, [0, 2]].sum(axis=1)
        rare[:, 1] = generator.binomial(background, generator.beta(1, 20, 60))
        rare[:, 3] = background - rare[:, 1]
        tp, fp, fn, _ = rare.sum(axis=0)
        for at, estimator in enumerate((fraction_by_map_classes, fraction_by_error_rates)):
            found = adjusted_fraction_from_tiles(
                (tp + fp) / rare.sum(), known, 60, Resampling(seed=run, draws=200), estimator
            )
            assert found is not None
            gap = found.fraction - (tp + fn) / rare.sum()
            bias[at, run], inside[at, run] = gap, abs(gap) <= 1.96 * found.standard_error
    assert bias[0].mean() > 0.015  # missed landslides taken for as common as on the known tiles
    assert abs(bias[1].mean()) < 0.004
    assert inside[1].mean() >= 0.9


@pytest.mark.parametrize(
    "counts", [[[0, 1, 0, 9]] * 3, [[5, 5, 5, 5]] * 3], ids=["one class", "no better than chance"]
)
def test_error_rates_that_say_nothing_give_no_share(counts: list[list[int]]) -> None:
    found = adjusted_fraction_from_tiles(
        0.2, counts, 3, DEFAULT_RESAMPLING, fraction_by_error_rates
    )
    assert found is None
