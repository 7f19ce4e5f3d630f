"""The mean mask, off-centre scores and the ways of counting in the report."""

import pytest
from tests.reporting.experiment.conftest import FakeExperiment

from landslip.datasets.position_prior import PositionPrior
from landslip.experiments.mean_mask import MEAN_MASK
from landslip.experiments.results import OffCentreScores, Results, RunFacts, TileCounts
from landslip.reporting.experiment.claims import mean_mask_rows, other_network_rows
from landslip.reporting.experiment.contrasts import SeedAgreement
from landslip.reporting.experiment.counting import counting_table
from landslip.reporting.experiment.page import markdown_report, report_sections
from landslip.reporting.experiment.position import off_centre_table
from landslip.reporting.experiment.summary import ExperimentSummary
from landslip.reporting.tables import markdown

PRIOR = PositionPrior(
    tiles=30, groups=9, f1=0.61, f1_by_chance=0.19, centre_share=0.98, border_px=14
)


def moved(tiles: tuple[TileCounts, ...]) -> OffCentreScores:
    """Return scores in which a fifth of the detected pixels is lost off-centre."""
    lost = tuple(
        tile.model_copy(update={"tp": tile.tp - tile.tp // 5, "fn": tile.fn + tile.tp // 5})
        for tile in tiles
    )
    return OffCentreScores(centred=tiles, off_centre=lost, surroundings={"background": len(tiles)})


@pytest.fixture
def results() -> Results:
    made = FakeExperiment(reference="ours")
    made.dataset("valley", position_prior=PRIOR)
    made.add("ours", 0.8)
    made.add("svm", 0.5, seeds=(0,))
    made.add(MEAN_MASK, 0.6, seeds=(0,))
    made.methods.pop(MEAN_MASK)
    whole = made.results()
    cells: list[RunFacts] = []
    baselines: list[RunFacts] = []
    for run in whole.cells:
        assert run.scores is not None
        if run.key.method == "ours":
            scores = run.scores.model_copy(update={"off_centre": moved(run.scores.tiles)})
            cells.append(run.model_copy(update={"scores": scores}))
        else:
            (baselines if run.key.method == MEAN_MASK else cells).append(run)
    return whole.model_copy(update={"cells": tuple(cells), "baselines": tuple(baselines)})


def test_methods_are_compared_with_the_mean_mask(results: Results) -> None:
    rows = {row.first: row for row in mean_mask_rows(ExperimentSummary(results))}
    assert set(rows) == {"ours", "svm"}
    assert rows["ours"].contrast.estimate.value == pytest.approx(0.2, abs=0.02)
    assert rows["svm"].contrast.estimate.value == pytest.approx(-0.1, abs=0.02)
    assert rows["ours"].second == "mean mask, sees no image"
    assert rows["ours"].contrast.seeds == SeedAgreement(above=3, below=0, total=3)
    again = ExperimentSummary(results)
    assert MEAN_MASK not in {row.first for row in other_network_rows(again)}
    assert again.runs[rows["ours"].contrast.second].degenerate_seeds == 0


def test_the_report_has_the_baseline_in_every_table(results: Results) -> None:
    text = markdown_report(results, report_sections(ExperimentSummary(results), ()), "")
    short = text[text.index("## In short") : text.index("## Pixels, and landslides as objects")]
    assert "valley, split groups: the mean mask of the training tiles, which sees no image" in short
    assert "valley, split groups: ours scores F1 80.0 % in place and 69.6 % off-centre" in short
    assert "1 data set, 2 methods" in short
    assert "No comparison of these runs tests one of them." in short
    assert "valley: a strong position prior. On its 30 tiles with landslides the mean mask" in text
    rows = [line for line in text.splitlines() if "mean mask, sees no image" in line]
    assert len(rows) > 5


def test_off_centre_scores_are_of_the_same_pixels(results: Results) -> None:
    summary = ExperimentSummary(results)
    table = off_centre_table(summary, "groups")
    assert table is not None
    (row,) = table.rows  # neither the SVM nor the mean mask
    (name, centred, off_centre, difference) = row.cells
    scores = summary.scores_of("valley", "groups", "ours")
    assert scores is not None
    assert scores.off_centre is not None
    assert name.text == "ours"
    assert centred.value == pytest.approx(scores.f1.value)
    assert off_centre.value is not None
    assert centred.value is not None
    assert difference.value == pytest.approx(off_centre.value - centred.value)
    assert difference.value is not None
    assert difference.value < -0.05
    assert "beyond the tile, background 40" in table.notes[-1]


def test_ways_of_counting_are_side_by_side(results: Results) -> None:
    summary = ExperimentSummary(results)
    table = counting_table(summary, "groups")
    assert table is not None
    for row in table.rows:
        f1, iou, image_f1, image_iou, class_f1, class_iou = (cell.value for cell in row.cells[1:])
        assert None not in (f1, iou, image_f1, image_iou, class_f1, class_iou)
        assert f1 == pytest.approx(2 * iou / (1 + iou), abs=1e-3)  # type: ignore[operator]
        assert class_f1 == pytest.approx((1 + f1) / 2, abs=0.05)  # type: ignore[operator]
    assert "mean over images, %: IoU" in markdown(table)
