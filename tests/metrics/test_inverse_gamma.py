import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import invgamma, kstest

from landslip.metrics.inverse_gamma import MALAMUD_2004


def test_the_standard_distribution_has_the_published_mean_and_rollover() -> None:
    assert MALAMUD_2004.mean_m2 == pytest.approx(3_070, rel=0.001)
    assert MALAMUD_2004.rollover_m2 == pytest.approx(400, rel=0.01)


def test_the_density_is_that_of_scipy_and_of_the_paper() -> None:
    areas = np.array([1.0, 50.0, 400.0, 3e3, 1e6])
    law = invgamma(a=MALAMUD_2004.rho, loc=MALAMUD_2004.s_m2, scale=MALAMUD_2004.a_m2)
    np.testing.assert_allclose(MALAMUD_2004.density(areas), law.pdf(areas) / law.sf(0), rtol=1e-10)
    np.testing.assert_allclose(MALAMUD_2004.fraction_over(areas), law.sf(areas), rtol=1e-10)
    given = law.pdf(areas[2:]) / law.sf(300.0)
    np.testing.assert_allclose(MALAMUD_2004.density(areas[2:], 300.0), given, rtol=1e-10)
    assert MALAMUD_2004.density(np.array([299.0]), 300.0)[0] == 0


def test_the_rollover_is_where_the_density_is_greatest() -> None:
    areas = np.linspace(1, 2_000, 20_000)
    top = areas[np.argmax(MALAMUD_2004.density(areas))]
    assert top == pytest.approx(MALAMUD_2004.rollover_m2, abs=0.2)


@pytest.mark.parametrize("least_m2", [0.0, 250.0, 5_000.0])
def test_draws_follow_the_density_from_the_least_area_on(least_m2: float) -> None:
    areas = np.sort(MALAMUD_2004.sample(4_000, np.random.default_rng(3), least_m2))
    assert areas[0] >= least_m2

    def smaller(at: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1 - MALAMUD_2004.fraction_over(at) / MALAMUD_2004.fraction_over(np.array(least_m2))

    assert kstest(areas, smaller).pvalue > 0.01
    assert quad(lambda a: MALAMUD_2004.density(np.array([a]), least_m2)[0], least_m2, 1e5,
                points=[least_m2 + 500], limit=200)[0] == pytest.approx(1, abs=0.03)  # fmt: skip
