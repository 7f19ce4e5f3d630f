"""Charts against what they must show."""

import math
import re

import numpy as np
import pytest
from defusedxml import ElementTree
from scipy import integrate, stats
from tests.reporting.inventory.made_record import made_card, made_statistics

from landslip.core.choices import Language
from landslip.inventory.statistics.result import AreaFrequency, InverseGammaFit
from landslip.metrics.resampling import IntervalEstimate
from landslip.reporting.inventory import charts
from landslip.reporting.inventory.reliability import reliability_chart
from landslip.reporting.inventory.texts import read_texts

TEXTS = read_texts(Language.ENGLISH)
SVG = "{http://www.w3.org/2000/svg}"


def gamma(least_m2: float, s_m2: float = -132.0) -> InverseGammaFit:
    return InverseGammaFit(
        rho=IntervalEstimate(value=1.4),
        a_m2=IntervalEstimate(value=1280.0),
        s_m2=IntervalEstimate(value=s_m2),
        rollover_m2=IntervalEstimate(value=1280 / 2.4 + s_m2, low=350.0, high=450.0),
        least_m2=least_m2,
        landslides=100,
        log_likelihood=0.0,
        ks_distance=0.1,
    )


def test_the_inverse_gamma_is_that_of_scipy_over_areas_from_zero_on() -> None:
    areas = np.array([50.0, 400.0, 1e4, 1e6])
    distribution = stats.invgamma(1.4, loc=-132.0, scale=1280.0)
    expected = distribution.pdf(areas) / distribution.sf(0)
    found = charts.inverse_gamma_density(areas, gamma(0.0))
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("least_m2", "s_m2"), [(0.0, 10.0), (100.0, -132.0), (2000.0, -50.0)])
def test_a_fit_that_is_cut_off_still_holds_all_landslides(least_m2: float, s_m2: float) -> None:
    fit = gamma(least_m2, s_m2)
    low = max(least_m2, s_m2 + 1e-6)
    total, _ = integrate.quad(
        lambda u: float(
            charts.inverse_gamma_density(np.array([math.exp(u)]), fit)[0] * math.exp(u)
        ),
        math.log(low),
        math.log(1e12),
        limit=400,
    )
    assert total == pytest.approx(1.0, abs=1e-4)


def test_no_density_is_drawn_where_the_distribution_has_none() -> None:
    assert np.isnan(charts.inverse_gamma_density(np.array([5.0]), gamma(0.0, s_m2=10.0))).all()


def test_the_power_law_holds_its_share_of_the_landslides() -> None:
    total, _ = integrate.quad(
        lambda area: float(charts.power_law_density(np.array([area]), 2.4, 1e4, 0.3)[0]),
        1e4,
        np.inf,
    )
    assert total == pytest.approx(0.3, rel=1e-6)


def test_bars_count_every_value_once_the_edges_and_beyond() -> None:
    values = np.array([0.0, 4.9, 5.0, 60.0, 71.0])
    bars = charts.counted(values, 5.0, 60.0, "x")
    assert bars.counts.sum() == 5
    assert bars.counts[0] == 2
    assert bars.counts[1] == 1
    assert bars.counts[-1] == 2


def test_bars_are_as_high_as_their_counts() -> None:
    bars = charts.counted(np.array([1.0, 1.0, 1.0, 1.0, 7.0]), 5.0, 10.0, "x")
    tree = ElementTree.fromstring(charts.bar_chart(bars, "slopes", TEXTS))
    heights = [float(rect.attrib["height"]) for rect in tree.iter(f"{SVG}rect")]
    assert heights[0] == pytest.approx(4 * heights[1], abs=0.05)


def test_a_sector_of_the_rose_points_where_the_slopes_face() -> None:
    aspects = np.array([90.0, 90.0, 90.0, 90.0, 359.0])
    tree = ElementTree.fromstring(charts.rose_chart(aspects, "rose", TEXTS))
    north, east = [path.attrib["d"] for path in tree.iter(f"{SVG}path")]
    numbers = [[float(x) for x in re.findall(r"[\d.]+", d)] for d in (north, east)]
    middle = numbers[0][:2]
    north_tip = np.array(numbers[0][2:4]) - middle
    east_tip = np.array(numbers[1][2:4]) - middle
    assert north_tip[1] < 0
    assert abs(north_tip[0]) < abs(north_tip[1])
    assert east_tip[0] > 0
    assert abs(east_tip[1]) < abs(east_tip[0])
    # the area, not the radius, is the number
    assert np.hypot(*east_tip) == pytest.approx(2 * np.hypot(*north_tip), rel=0.01)


def test_the_frequency_chart_has_a_dot_a_class_and_both_fits() -> None:
    found = made_statistics(np.geomspace(300, 3e5, 200)).area_frequency
    assert found is not None
    assert found.histogram is not None
    svg = charts.area_frequency_chart(found, TEXTS)
    assert svg is not None
    classes = [
        element.attrib["class"]
        for element in ElementTree.fromstring(svg).iter()
        if "class" in element.attrib
    ]
    filled = sum(count > 0 for count in found.histogram.landslides)
    assert classes.count("dot") == filled + 1  # one in the legend
    assert classes.count("fit-gamma") == 2
    assert classes.count("fit-power") == 2
    assert "band-power" in classes
    assert "rollover" in classes


def test_there_is_no_frequency_chart_without_classes() -> None:
    none = AreaFrequency(histogram=None, inverse_gamma=None, power_law=None)
    assert charts.area_frequency_chart(none, TEXTS) is None


def test_reliability_has_a_course_before_and_after() -> None:
    calibration = made_card(calibrated=True).calibration
    assert calibration is not None
    tree = ElementTree.fromstring(reliability_chart(calibration, TEXTS))
    marks = [e.attrib.get("class") for e in tree.iter(f"{SVG}circle")]
    assert marks.count("mark-before") == 20
    assert marks.count("mark-after") == 20
