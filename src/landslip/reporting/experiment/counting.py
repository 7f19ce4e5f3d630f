"""The ways of counting that papers mix, side by side."""

from collections.abc import Iterator

from landslip.metrics.per_image import AVERAGES
from landslip.reporting.experiment.runs import PooledScores
from landslip.reporting.experiment.summary import ExperimentSummary
from landslip.reporting.experiment.tables import score_cell, table_by_method
from landslip.reporting.tables import ReportTable, TableCell, number_columns

_NOTE = (
    "Pooled: landslide pixels of all test tiles together, the way of all other tables; then F1 = "
    "2 IoU / (1 + IoU). Per image: F1 and IoU of the landslide class of each test tile, averaged; "
    "a tile without landslides and without detections counts 1, with any detection 0. Over "
    "classes: the mean of the pooled scores of landslide and of background. Published figures are "
    "comparable only in their own way: those of F1 and IoU that do not obey the formula are not "
    "pooled. Means over seeds."
)


def counting_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return F1 and IoU of each method, pooled, averaged over images and over classes."""

    def cells(scores: PooledScores) -> Iterator[TableCell]:
        yield score_cell(scores.f1)
        yield score_cell(scores.iou)
        for name in AVERAGES:
            yield score_cell(scores.per_image[name])

    columns = [
        column
        for group in ("pooled pixels, %", "mean over images, %", "mean over classes, %")
        for column in number_columns("F1", "IoU", group=group, better="high")
    ]
    return table_by_method(summary, split, "Ways of counting", tuple(columns), cells, _NOTE)
