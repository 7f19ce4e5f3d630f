import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.inventory.statistics.inverse_gamma import STANDARD
from landslip.inventory.statistics.result import AdjustedArea, Estimate, Statistics
from landslip.inventory.statistics.summary import StatisticsRequest, statistics_of


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
    areas = STANDARD.drawn(200, np.random.default_rng(0), 100.0)
    adjusted = AdjustedArea(
        method="by hand",
        samples=10,
        mapped_m2=1.0,
        adjusted_m2=Estimate(value=1.0),
        users_accuracy=Estimate(value=None),
        producers_accuracy=Estimate(value=0.5, low=0.4, high=0.6),
        overall_accuracy=Estimate(value=0.9),
        level=0.95,
    )
    request = request_of(areas, least_m2=100.0, seed=3, level=0.9, adjusted=adjusted)
    found, again = statistics_of(request), statistics_of(request)
    assert found.model_dump_json() == again.model_dump_json()
    assert Statistics.model_validate_json(found.model_dump_json()) == found
    assert (found.draws, found.seed, found.interval_level) == (40, 3, 0.9)
    assert found.adjusted == adjusted
    assert found.area_frequency is not None
    assert found.area_frequency.inverse_gamma is not None
    assert found.area_frequency.inverse_gamma.rho.high is not None
    assert "NaN" not in found.model_dump_json()


def test_the_order_of_the_landslides_does_not_matter() -> None:
    areas = STANDARD.drawn(100, np.random.default_rng(1))
    one, other = (statistics_of(request_of(each)) for each in (areas, areas[::-1].copy()))
    assert one.area_frequency == other.area_frequency
    assert one.volumes == other.volumes


def test_a_single_landslide_over_everything() -> None:
    found = statistics_of(request_of(np.array([4e12]), mapped_m2=4e12))
    assert found.area_share == 1
    assert found.area_frequency is not None
    assert found.area_frequency.inverse_gamma is None
    assert len(found.volumes) > 0
