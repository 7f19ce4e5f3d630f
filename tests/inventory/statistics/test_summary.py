import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson

from landslip.inventory.statistics.result import AdjustedLandslideArea, InventoryStatistics
from landslip.inventory.statistics.summary import (
    LANDSLIDE_ERROR_LOG10,
    LARGE_FROM_M2,
    RELATION_ERROR_LOG10,
    RELATIONS,
    StatisticsRequest,
    magnitude_of,
    statistics_of,
    volumes_of,
)
from landslip.metrics.bootstrap import IntervalEstimate, Resampling
from landslip.metrics.inverse_gamma import MALAMUD_2004


def request_of(areas_m2: NDArray[np.float64], **more: object) -> StatisticsRequest:
    settings: dict[str, object] = {"draws": 40, **more}
    return StatisticsRequest(areas_m2=areas_m2, **settings)  # type: ignore[arg-type]


def test_sums_and_sizes_are_those_of_the_areas() -> None:
    areas = np.r_[np.full(89, 100.0), np.full(11, 1_000.0)]
    found = statistics_of(request_of(areas, surface_m2=areas * 1.2, mapped_m2=4e6))
    assert found.landslides == 100
    assert found.area_m2 == pytest.approx(19_900)
    assert found.surface_m2 == pytest.approx(23_880)
    assert found.landslides_per_km2 == pytest.approx(25)
    assert found.area_share == pytest.approx(19_900 / 4e6)
    assert found.sizes is not None
    assert (found.sizes.smallest_m2, found.sizes.median_m2) == (100, 100)
    assert found.sizes.mean_m2 == pytest.approx(199)
    assert found.sizes.p90_m2 == 1_000
    assert found.magnitude is not None
    assert found.magnitude.from_count == pytest.approx(2)


def test_an_empty_inventory_has_empty_parts() -> None:
    found = statistics_of(request_of(np.zeros(0), surface_m2=np.zeros(0), mapped_m2=1e6))
    assert found.landslides == 0
    assert found.area_m2 == 0
    assert found.landslides_per_km2 == 0
    assert found.sizes is None
    assert found.area_frequency is None
    assert found.magnitude is None
    assert found.volumes == ()
    assert found.notes == ()


def test_what_is_not_known_is_none_and_told() -> None:
    found = statistics_of(request_of(np.full(40, np.nan), mapped_m2=None))
    assert found.landslides == 40
    assert (found.area_m2, found.area_share, found.landslides_per_km2) == (None, None, None)
    assert found.sizes is None
    assert found.volumes == ()
    assert "the area of 40 of 40 landslides is unknown" in found.notes[0]
    assert found.magnitude is not None
    assert found.magnitude.from_count == pytest.approx(np.log10(40))


def test_a_surface_that_is_known_in_part_has_no_total() -> None:
    areas = np.full(3, 100.0)
    found = statistics_of(request_of(areas, surface_m2=np.array([110.0, np.nan, 120.0])))
    assert found.surface_m2 is None
    assert "unknown for 1 of 3 landslides" in found.notes[0]


def test_statistics_survive_their_file_and_come_out_the_same_again() -> None:
    areas = MALAMUD_2004.sample(200, np.random.default_rng(0), 100.0)
    adjusted = AdjustedLandslideArea(
        method="by hand",
        samples=10,
        mapped_m2=1.0,
        adjusted_m2=IntervalEstimate(value=1.0),
        users_accuracy=IntervalEstimate(value=None),
        producers_accuracy=IntervalEstimate(value=0.5, low=0.4, high=0.6),
        overall_accuracy=IntervalEstimate(value=0.9),
        level=0.95,
    )
    request = request_of(areas, least_m2=100.0, seed=3, level=0.9, adjusted=adjusted)
    found, again = statistics_of(request), statistics_of(request)
    assert found.model_dump_json() == again.model_dump_json()
    assert InventoryStatistics.model_validate_json(found.model_dump_json()) == found
    assert (found.draws, found.seed, found.interval_level) == (40, 3, 0.9)
    assert found.adjusted == adjusted
    assert found.area_frequency is not None
    assert found.area_frequency.inverse_gamma is not None
    assert found.area_frequency.inverse_gamma.rho.high is not None
    assert "NaN" not in found.model_dump_json()


def test_the_order_of_the_landslides_does_not_matter() -> None:
    areas = MALAMUD_2004.sample(100, np.random.default_rng(1))
    one, other = (statistics_of(request_of(each)) for each in (areas, areas[::-1].copy()))
    assert one.area_frequency == other.area_frequency
    assert one.volumes == other.volumes


def test_a_single_landslide_over_everything() -> None:
    found = statistics_of(request_of(np.array([4e12]), mapped_m2=4e12))
    assert found.area_share == 1
    assert found.area_frequency is not None
    assert found.area_frequency.inverse_gamma is None
    assert len(found.volumes) > 0


def test_the_number_mapped_gives_its_logarithm() -> None:
    found = magnitude_of(1_000, np.full(1_000, 50.0), 0.95)
    assert found is not None
    assert found.from_count == pytest.approx(3)
    assert found.from_large is None
    assert found.large_from_m2 is None


def test_the_number_is_found_again_from_the_large_ones_alone() -> None:
    areas = MALAMUD_2004.sample(50_000, np.random.default_rng(0))
    large = areas[areas >= LARGE_FROM_M2]
    found = magnitude_of(len(large), large, 0.95)
    assert found is not None
    assert found.from_large is not None
    assert found.from_large.value == pytest.approx(np.log10(50_000), abs=0.02)
    assert found.from_large.low is not None
    assert found.from_large.high is not None
    assert found.from_large.low < np.log10(50_000) < found.from_large.high


def test_the_interval_is_the_poisson_one() -> None:
    found = magnitude_of(9, np.full(9, 2 * LARGE_FROM_M2), 0.95)
    assert found is not None
    assert found.from_large is not None
    share = MALAMUD_2004.fraction_over(np.array(LARGE_FROM_M2))
    low, high = (10**end * share for end in (found.from_large.low, found.from_large.high) if end)
    assert poisson(low).sf(8) == pytest.approx(0.025)
    assert poisson(high).cdf(9) == pytest.approx(0.025)


def test_no_landslide_has_no_magnitude() -> None:
    assert magnitude_of(0, np.zeros(0), 0.95) is None


def test_totals_are_those_of_the_published_relations() -> None:
    found = {
        one.relation: one for one in volumes_of(np.array([1e4, 1e4, 1e2]), Resampling(draws=500))
    }
    guzzetti = found["Guzzetti et al. 2009, landslides of the slide type"]
    assert guzzetti.total_m3.value == pytest.approx(2 * 0.074 * 10**5.8 + 0.074 * 10**2.9)
    larsen = found["Larsen et al. 2010, all landslides"]
    assert larsen.total_m3.value == pytest.approx(2 * 10 ** (4 * 1.332 - 0.836) + 10**1.828)
    parker = found["Parker et al. 2011, Wenchuan earthquake"]
    assert parker.total_m3.value == pytest.approx(0.106 * (2 * 10**5.552 + 10**2.776))
    wide, narrow = (
        float(np.log10(one.total_m3.high) - np.log10(one.total_m3.low))
        for one in (parker, larsen)
        if one.total_m3.low is not None and one.total_m3.high is not None
    )
    assert wide > 1.3 * narrow  # by the errors of its parameters


def test_a_single_landslide_has_the_scatter_of_one() -> None:
    found = volumes_of(np.array([1e4]), Resampling(draws=20_000))[0].total_m3
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    both = 1.96 * np.hypot(RELATION_ERROR_LOG10, LANDSLIDE_ERROR_LOG10)
    assert np.log10(found.high / found.value) == pytest.approx(both, rel=0.03)
    assert np.log10(found.value / found.low) == pytest.approx(both, rel=0.03)


def test_many_landslides_keep_the_error_they_share() -> None:
    found = volumes_of(np.full(10_000, 500.0), Resampling(draws=20_000))[0].total_m3
    assert found.value is not None
    assert found.high is not None
    assert np.log10(found.high / found.value) == pytest.approx(
        1.96 * RELATION_ERROR_LOG10, rel=0.03
    )


def test_published_errors_of_the_parameters_widen_the_interval_as_drawing_them_does() -> None:
    areas = np.random.default_rng(1).lognormal(8, 1.5, 2_000)
    number, relation = next(
        (at, one) for at, one in enumerate(RELATIONS) if one.name.endswith("bedrock")
    )
    found = volumes_of(areas, Resampling(draws=4_000))[number].total_m3
    generator = np.random.default_rng(2)
    totals = []
    for _ in range(4_000):
        gamma = relation.gamma + relation.gamma_error * generator.normal()
        shift = (
            relation.log10_alpha_error * generator.normal()
            + RELATION_ERROR_LOG10 * generator.normal()
        )
        each = relation.alpha * areas**gamma
        scatter = LANDSLIDE_ERROR_LOG10 * np.sqrt(np.sum(each**2)) / each.sum() * generator.normal()
        totals.append(np.log10(each.sum()) + shift + scatter)
    assert found.low is not None
    assert found.high is not None
    spread = np.quantile(totals, [0.025, 0.975])
    np.testing.assert_allclose(np.log10([found.low, found.high]), spread, atol=0.05)


def test_without_draws_there_is_no_interval_and_without_areas_nothing() -> None:
    assert volumes_of(np.zeros(0), Resampling(draws=100)) == ()
    assert volumes_of(np.array([100.0]), Resampling(draws=0))[0].total_m3.low is None
