import numpy as np
import pytest

from landslip.inventory.statistics.volume import ALL_LOG10, EACH_LOG10, RELATIONS, volumes_of


def test_totals_are_those_of_the_published_relations() -> None:
    found = {one.relation: one for one in volumes_of(np.array([1e4, 1e4, 1e2]), 500, 0, 0.95)}
    guzzetti = found["Guzzetti et al. 2009, landslides of the slide type"]
    assert guzzetti.total_m3.value == pytest.approx(2 * 0.074 * 10**5.8 + 0.074 * 10**2.9)
    larsen = found["Larsen et al. 2010, all landslides"]
    assert larsen.total_m3.value == pytest.approx(2 * 10 ** (4 * 1.332 - 0.836) + 10**1.828)


def test_a_single_landslide_has_the_scatter_of_one() -> None:
    found = volumes_of(np.array([1e4]), 20_000, 0, 0.95)[0].total_m3
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    both = 1.96 * np.hypot(ALL_LOG10, EACH_LOG10)
    assert np.log10(found.high / found.value) == pytest.approx(both, rel=0.03)
    assert np.log10(found.value / found.low) == pytest.approx(both, rel=0.03)


def test_many_landslides_keep_the_error_they_share() -> None:
    found = volumes_of(np.full(10_000, 500.0), 20_000, 0, 0.95)[0].total_m3
    assert found.value is not None
    assert found.high is not None
    assert np.log10(found.high / found.value) == pytest.approx(1.96 * ALL_LOG10, rel=0.03)


def test_published_errors_of_the_parameters_widen_the_interval_as_drawing_them_does() -> None:
    areas = np.random.default_rng(1).lognormal(8, 1.5, 2_000)
    number, relation = next(
        (at, one) for at, one in enumerate(RELATIONS) if one.name.endswith("bedrock")
    )
    found = volumes_of(areas, 4_000, 0, 0.95)[number].total_m3
    generator = np.random.default_rng(2)
    totals = []
    for _ in range(4_000):
        gamma = relation.gamma + relation.gamma_error * generator.normal()
        shift = relation.log10_alpha_error * generator.normal() + ALL_LOG10 * generator.normal()
        each = relation.alpha * areas**gamma
        scatter = EACH_LOG10 * np.sqrt(np.sum(each**2)) / each.sum() * generator.normal()
        totals.append(np.log10(each.sum()) + shift + scatter)
    assert found.low is not None
    assert found.high is not None
    spread = np.quantile(totals, [0.025, 0.975])
    np.testing.assert_allclose(np.log10([found.low, found.high]), spread, atol=0.05)


def test_without_draws_there_is_no_interval_and_without_areas_nothing() -> None:
    assert volumes_of(np.zeros(0), 100, 0, 0.95) == ()
    assert volumes_of(np.array([100.0]), 0, 0, 0.95)[0].total_m3.low is None
