"""Charts against what they must show."""

import math
import re

import numpy as np
import pytest
from defusedxml import ElementTree
from scipy import integrate, stats
from tests.reporting.inventory.factories import make_calibrated_card, make_statistics

from landslip.core.choices import Language
from landslip.inventory.statistics.result import AreaFrequency, InverseGammaFit
from landslip.metrics.bootstrap import IntervalEstimate
from landslip.reporting.inventory import distributions
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
    density = distributions.inverse_gamma_density(areas, gamma(0.0))
    assert density == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("least_m2", "s_m2"), [(0.0, 10.0), (100.0, -132.0), (2000.0, -50.0)])
def test_a_fit_that_is_cut_off_still_holds_all_landslides(least_m2: float, s_m2: float) -> None:
    fit = gamma(least_m2, s_m2)
    low = max(least_m2, s_m2 + 1e-6)
    total, _ = integrate.quad(
        lambda u: float(
            distributions.inverse_gamma_density(np.array([math.exp(u)]), fit)[0] * math.exp(u)
        ),
        math.log(low),
        math.log(1e12),
        limit=400,
    )
    assert total == pytest.approx(1.0, abs=1e-4)


def test_no_density_is_drawn_where_the_distribution_has_none() -> None:
    assert np.isnan(
        distributions.inverse_gamma_density(np.array([5.0]), gamma(0.0, s_m2=10.0))
    ).all()


def test_the_power_law_holds_its_share_of_the_landslides() -> None:
    total, _ = integrate.quad(
        lambda area: float(distributions.power_law_density(np.array([area]), 2.4, 1e4, 0.3)[0]),
        1e4,
        np.inf,
    )
    assert total == pytest.approx(0.3, rel=1e-6)


def bars(svg: str, number: int) -> list[np.ndarray]:
    """The corners of the last paths that are filled in the bars' colour."""
    paths = re.findall(r'<path d="([^"]+)"[^>]*style="fill: #3d5f7d', svg)
    assert len(paths) == number
    return [
        np.array([float(x) for x in re.findall(r"-?[\d.]+", path)]).reshape(-1, 2) for path in paths
    ]


def test_bars_count_every_value_once_the_edges_and_beyond() -> None:
    values = np.array([0.0, 4.9, 5.0, 60.0, 71.0])
    edges = distributions.histogram_edges(5.0, 60.0)
    assert (edges[0], edges[-1], len(edges)) == (0.0, 60.0, 13)
    chart = distributions.histogram_chart("slope_deg", values, edges, TEXTS)
    heights = [np.ptp(corners[:, 1]) for corners in bars(chart.svg, 12)]
    assert heights / max(heights) == pytest.approx([1, 0.5, *[0] * 9, 1], abs=0.01)
    assert "Mean slope of 5 landslides." in chart.caption


def test_a_sector_of_the_rose_points_where_the_slopes_face() -> None:
    aspects = np.array([90.0, 90.0, 90.0, 90.0, 359.0])
    chart = distributions.rose_chart(aspects, TEXTS)
    # of 16 sectors those without landslides have no extent
    sectors = [corners for corners in bars(chart.svg, 16) if np.ptp(corners, axis=0).max() > 1]
    north, east = sectors
    middle = north[0]
    assert east[0] == pytest.approx(middle)
    towards_north, towards_east = (corners.mean(axis=0) - middle for corners in sectors)
    assert towards_north[1] < 0
    assert abs(towards_north[0]) < 0.1 * abs(towards_north[1])
    assert towards_east[0] > 0
    assert abs(towards_east[1]) < 0.1 * abs(towards_east[0])
    # the area, not the radius, is the number
    reach = [np.hypot(*(corners - middle).T).max() for corners in sectors]
    assert reach[1] == pytest.approx(2 * reach[0], rel=0.01)


def test_the_frequency_chart_has_a_point_a_class_and_both_fits() -> None:
    frequency = make_statistics(np.geomspace(300, 3e5, 200)).area_frequency
    assert frequency is not None
    assert frequency.histogram is not None
    chart = distributions.area_frequency_chart(frequency, TEXTS)
    assert chart is not None
    assert chart.wide
    for name in ("gamma", "rollover", "power-law", "power-law-interval"):
        assert f'id="area-frequency-{name}"' in chart.svg
    root = ElementTree.fromstring(chart.svg)
    points = [
        float(element.attrib["x"])
        for element in root.iter(f"{SVG}use")
        if "stroke: #1d2530" in element.attrib.get("style", "")
    ]
    filled = sum(count > 0 for count in frequency.histogram.landslides)
    assert len(points) == filled + 1  # one in the legend
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert "rollover" in words
    assert "inverse gamma" in words


def test_the_band_of_the_power_law_holds_every_line_of_its_interval() -> None:
    """The lines of the two ends cross at one area, where a band between them would close."""
    frequency = make_statistics(np.geomspace(300, 3e5, 200)).area_frequency
    assert frequency is not None
    assert frequency.power_law is not None
    low, high = frequency.power_law.exponent.low, frequency.power_law.exponent.high
    from_m2 = frequency.power_law.from_m2.value
    assert low is not None
    assert high is not None
    assert from_m2 is not None
    crossing = from_m2 * ((high - 1) / (low - 1)) ** (1 / (high - low))
    chart = distributions.area_frequency_chart(frequency, TEXTS)
    assert chart is not None
    group = chart.svg.split('id="area-frequency-power-law-interval"')[1]
    path = re.findall(r"-?[\d.]+", re.findall(r' d="([^"]+)"', group)[0])
    corners = np.array([float(x) for x in path]).reshape(-1, 2)
    columns = np.unique(corners[:, 0].round(3))
    heights = [np.ptp(corners[np.isclose(corners[:, 0], x, atol=1e-3), 1]) for x in columns]
    assert from_m2 < crossing < 3e5
    assert min(heights) > 0.5  # of the picture's points


def test_there_is_no_frequency_chart_without_classes() -> None:
    none = AreaFrequency(histogram=None, inverse_gamma=None, power_law=None)
    assert distributions.area_frequency_chart(none, TEXTS) is None


def test_reliability_has_a_curve_before_and_after() -> None:
    calibration = make_calibrated_card(calibrated=True).calibration
    assert calibration is not None
    root = ElementTree.fromstring(distributions.reliability_chart(calibration, TEXTS).svg)
    for name, colour in (("before", "#b7791f"), ("after", "#3d5f7d")):
        (curve,) = (g for g in root.iter(f"{SVG}g") if g.attrib.get("id") == f"reliability-{name}")
        marks = [use for use in curve.iter(f"{SVG}use") if colour in use.attrib.get("style", "")]
        assert len(marks) == 20


def test_chinese_charts_are_drawn_without_warnings() -> None:
    texts = read_texts(Language.CHINESE)
    chart = distributions.rose_chart(np.array([10.0, 200.0]), texts)
    words = [element.text for element in ElementTree.fromstring(chart.svg).iter(f"{SVG}text")]
    assert {"北", "东", "南", "西"} <= {*words}
