import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import invgamma

from landslip.inventory.statistics.inverse_gamma import (
    count_areas,
    fit_inverse_gamma,
    fit_inverse_gamma_many,
    usable_areas,
)
from landslip.metrics.inverse_gamma import MALAMUD_2004, InverseGamma


def test_areas_that_are_none_are_left_out() -> None:
    areas = usable_areas([3.0, np.nan, 0.0, -1.0, np.inf, 2.0])
    np.testing.assert_array_equal(areas, [2.0, 3.0])


def test_equal_areas_are_counted_and_drawn_together() -> None:
    areas = count_areas(np.array([25.0, 25.0, 50.0, 75.0, 75.0, 75.0]))
    np.testing.assert_array_equal(areas.areas_m2, [25, 50, 75])
    np.testing.assert_array_equal(areas.counts, [2, 1, 3])
    drawn = areas.resampled(4_000, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.sum(axis=1), 6)
    np.testing.assert_allclose(drawn.mean(axis=0), [2, 1, 3], atol=0.1)


def test_the_smallest_areas_stay_as_they_are_where_others_are_thinned() -> None:
    areas = np.geomspace(100, 1e5, 20_000)
    together = count_areas(areas)
    np.testing.assert_array_equal(together.areas_m2[:1_000], areas[:1_000])
    assert together.areas_m2[-1] == count_areas(areas[-20_000:]).areas_m2[-1]
    assert (np.diff(together.areas_m2) > 0).all()
    assert np.log(together.areas_m2) @ together.counts == pytest.approx(
        np.log(areas).sum(), rel=1e-7
    )


def drawn(
    landslides: int, seed: int, least_m2: float = 0.0, source: InverseGamma = MALAMUD_2004
) -> NDArray[np.float64]:
    return np.sort(source.sample(landslides, np.random.default_rng(seed), least_m2))


def brute(areas: NDArray[np.float64], least_m2: float) -> float:
    """Return the greatest log-likelihood that a simplex search finds from many starts."""

    def loss(at: NDArray[np.float64]) -> float:
        rho, a, gap = np.exp(np.clip(at, -30, 30))
        law = invgamma(a=rho, loc=areas[0] - gap, scale=a)
        value = -(law.logpdf(areas).sum() - len(areas) * law.logsf(least_m2))
        return float(value) if np.isfinite(value) else 1e12

    starts = [(np.log(rho), np.log(1e3), gap) for rho in (0.7, 2.0) for gap in (4.0, 7.0)]
    options = {"maxiter": 2_000, "maxfev": 2_000, "xatol": 1e-7, "fatol": 1e-9}
    found = [minimize(loss, at, method="Nelder-Mead", options=options).fun for at in starts]
    return -float(min(found))


@pytest.mark.parametrize(
    ("seed", "least_m2", "source"),
    [
        (0, 0.0, MALAMUD_2004),
        (1, 200.0, MALAMUD_2004),
        (2, 1_000.0, MALAMUD_2004),
        (3, 100.0, InverseGamma(rho=0.8, a_m2=300.0, s_m2=50.0)),
    ],
)
def test_no_search_finds_a_greater_likelihood(
    seed: int, least_m2: float, source: InverseGamma
) -> None:
    areas = drawn(150, seed, least_m2, source)
    found = fit_inverse_gamma(count_areas(areas), least_m2)
    assert found.log_likelihood == pytest.approx(brute(areas, least_m2), abs=1e-3)
    density = found.distribution.density(areas, least_m2)
    assert np.log(density).sum() == pytest.approx(found.log_likelihood, abs=1e-6)


@pytest.mark.parametrize("least_m2", [0.0, 300.0])
def test_many_landslides_give_back_what_they_were_drawn_from(least_m2: float) -> None:
    found = fit_inverse_gamma(count_areas(drawn(100_000, 4, least_m2)), least_m2).distribution
    assert found.rho == pytest.approx(MALAMUD_2004.rho, rel=0.02)
    assert found.a_m2 == pytest.approx(MALAMUD_2004.a_m2, rel=0.05)
    assert found.s_m2 == pytest.approx(MALAMUD_2004.s_m2, abs=25)
    assert found.rollover_m2 == pytest.approx(MALAMUD_2004.rollover_m2, rel=0.04)


def test_a_cut_that_is_not_told_biases_what_is_found() -> None:
    areas = count_areas(drawn(20_000, 5, 500.0))
    told, untold = (fit_inverse_gamma(areas, least).distribution for least in (500.0, 0.0))
    assert abs(told.rho - MALAMUD_2004.rho) < 0.1
    assert abs(untold.rho - MALAMUD_2004.rho) > 0.2


def test_counts_of_equal_areas_weigh_as_much_as_the_areas_themselves() -> None:
    areas = np.round(drawn(800, 6, 100.0) / 25) * 25 + 25
    single = count_areas(areas)
    assert len(single.areas_m2) < 400
    twice = count_areas(np.repeat(areas, 2))
    one, two = (fit_inverse_gamma(each, 100.0) for each in (single, twice))
    assert two.distribution.rho == pytest.approx(one.distribution.rho, rel=1e-4)
    assert two.log_likelihood == pytest.approx(2 * one.log_likelihood, rel=1e-9)


def test_nearly_equal_areas_may_be_counted_together() -> None:
    areas = drawn(20_000, 7)
    together = count_areas(areas)
    assert len(together.areas_m2) < 6_000
    assert together.landslides == 20_000
    assert together.areas_m2 @ together.counts == pytest.approx(areas.sum(), rel=1e-12)
    values, times = np.unique(areas, return_counts=True)
    single = type(together)(areas_m2=values, counts=times.astype(np.float64))
    one, other = (fit_inverse_gamma(each).distribution for each in (single, together))
    assert other.rho == pytest.approx(one.rho, rel=1e-5)
    assert other.s_m2 == pytest.approx(one.s_m2, rel=1e-3)


@pytest.mark.parametrize("least_m2", [0.0, 150.0])
def test_many_sets_are_fitted_as_each_alone(least_m2: float) -> None:
    areas = count_areas(drawn(400, 8, least_m2))
    counts = areas.resampled(6, np.random.default_rng(0))
    np.testing.assert_array_equal(counts.sum(axis=1), 400)
    for row, times in zip(fit_inverse_gamma_many(areas, counts, least_m2), counts, strict=True):
        alone = count_areas(np.repeat(areas.areas_m2, times.astype(int)))
        single = fit_inverse_gamma(alone, least_m2).distribution
        np.testing.assert_allclose(row[0], single.rho, rtol=0.01)
        assert row[1] / (row[0] + 1) + row[2] == pytest.approx(single.rollover_m2, rel=0.02)


def test_many_sets_without_a_rollover_are_fitted_as_each_alone() -> None:
    areas = count_areas(drawn(300, 11, 300.0, InverseGamma(rho=1.2, a_m2=1.0, s_m2=-200.0)))
    counts = areas.resampled(12, np.random.default_rng(0))
    at_floor = 0
    for row, times in zip(fit_inverse_gamma_many(areas, counts, 300.0), counts, strict=True):
        single = fit_inverse_gamma(count_areas(np.repeat(areas.areas_m2, times.astype(int))), 300.0)
        at_floor += "rollover" in single.at_edge
        assert row[1] == pytest.approx(single.distribution.a_m2, rel=0.01, abs=5)
        assert row[2] == pytest.approx(single.distribution.s_m2, rel=0.02, abs=5)
    assert at_floor >= 4


def test_a_tail_alone_bounds_no_rollover() -> None:
    shares = (np.arange(500) + 0.5) / 500
    found = fit_inverse_gamma(count_areas(usable_areas(900 + 100 * shares ** (-1 / 1.4))), 1e3)
    assert "rollover" in found.at_edge
    assert found.distribution.rho == pytest.approx(1.4, abs=0.1)
    assert found.distribution.s_m2 == pytest.approx(900, abs=10)


def test_an_exponential_tail_bounds_no_shape() -> None:
    areas = usable_areas(1e3 + np.random.default_rng(10).exponential(500, 2_000))
    assert "shape" in fit_inverse_gamma(count_areas(areas), 1e3).at_edge


@pytest.mark.parametrize(
    "areas",
    [
        pytest.param(np.r_[np.full(200, 100.0), 125.0, 150.0], id="nearly all equal"),
        pytest.param(np.r_[1e-9, np.geomspace(100, 1e4, 100)], id="a sliver"),
        pytest.param(np.r_[np.geomspace(100, 200, 100), 1e12], id="one over everything"),
        pytest.param(np.geomspace(1e-6, 1e12, 300), id="eighteen decades"),
    ],
)
def test_odd_areas_give_finite_parameters(areas: NDArray[np.float64]) -> None:
    areas = usable_areas(areas)
    for least_m2 in (0.0, float(areas[0])):
        found = fit_inverse_gamma(count_areas(areas), least_m2)
        values = (found.distribution.rho, found.distribution.a_m2, found.distribution.s_m2)
        assert np.isfinite(values).all()
        assert np.isfinite(found.log_likelihood)
        many = fit_inverse_gamma_many(
            count_areas(areas), count_areas(areas).resampled(5, np.random.default_rng(0))
        )
        assert np.isfinite(many).all()
