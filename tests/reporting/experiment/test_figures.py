"""Charts as SVG."""

import re
from xml.etree import ElementTree

import pytest

from landslip.reporting.charts import SvgChart
from landslip.reporting.experiment.figures import (
    learning_chart,
    line_styles,
    probability_chart,
    score_chart,
    split_chart,
    transfer_chart,
)
from landslip.reporting.experiment.summary import ExperimentSummary

from .conftest import FakeExperiment


@pytest.fixture(scope="module")
def charts(whole: ExperimentSummary) -> list[SvgChart]:
    split = split_chart(whole)
    assert split is not None
    return [
        score_chart(whole, "groups", "average_precision"),
        score_chart(whole, "groups", "f1"),
        split,
        probability_chart(whole, "valley", "groups"),
        learning_chart(whole, "valley", "groups"),
        transfer_chart(whole, "valley", "groups", "tianshui"),
    ]


def test_charts_are_xml_with_text_as_text(charts: list[SvgChart]) -> None:
    for chart in charts:
        root = ElementTree.fromstring(chart.svg)  # noqa: S314
        said = " ".join(
            element.text or "" for element in root.iter() if element.tag.endswith("text")
        )
        assert "LinkNet, ResNet-50" in said, chart.name
        assert "%" in said


def test_ids_are_of_the_chart_alone(charts: list[SvgChart]) -> None:
    seen: set[str] = set()
    for chart in charts:
        ids = set(re.findall(r'id="([^"]+)"', chart.svg))
        assert all(name.startswith(f"{chart.name}-") for name in ids)
        used = set(re.findall(r"url\(#([^)]+)\)", chart.svg))
        used |= set(re.findall(r'href="#([^"]+)"', chart.svg))
        assert used <= ids
        assert not ids & seen
        seen |= ids


def test_the_same_results_give_the_same_bytes(
    whole: ExperimentSummary, charts: list[SvgChart]
) -> None:
    assert score_chart(whole, "groups", "average_precision").svg == charts[0].svg
    assert re.search(r"20\d\d-\d\d-\d\dT", charts[0].svg) is None


def test_a_method_looks_the_same_everywhere_and_unlike_others(whole: ExperimentSummary) -> None:
    found = line_styles(whole.results)
    assert len({(look.colour, look.dash, look.marker, look.fill) for look in found.values()}) == 12
    ours, plain = found["linknet-r50"], found["scratch-r50"]
    assert ours.colour == plain.colour
    assert (ours.dash, plain.fill) == ("-", "white")
    assert ours.dash != plain.dash


def test_without_a_random_split_there_is_nothing_beside_it(fake: FakeExperiment) -> None:
    fake.add("ours", 0.8)
    assert split_chart(ExperimentSummary(fake.results())) is None


def test_one_seed_one_tile_and_nothing_found_are_drawn(fake: FakeExperiment) -> None:
    fake.add("ours", 0.0, seeds=(0,), tiles=1, noise=0)
    fake.add("ours", 0.0, seeds=(0,), tiles=1, noise=0, train_tiles=5)
    summary = ExperimentSummary(fake.results())
    for chart in (
        score_chart(summary, "groups", "average_precision"),
        probability_chart(summary, "valley", "groups"),
        learning_chart(summary, "valley", "groups"),
    ):
        assert chart.svg.startswith("<svg")
