"""The position prior of data sets, the baseline that has nothing else, and scores off-centre."""

from collections.abc import Iterator

from landslip.experiments.mean_mask import MEAN_MASK
from landslip.reporting.experiment.runs import PooledScores
from landslip.reporting.experiment.summary import ExperimentSummary
from landslip.reporting.experiment.tables import table_by_method
from landslip.reporting.numbers import EMPTY, between, counted, fixed, percentage, point_interval
from landslip.reporting.numbers import points as in_points
from landslip.reporting.tables import ReportTable, TableCell, number_columns, text_cell

_NOTE = (
    "Each test tile is predicted again through a window of its size that is moved by a quarter to "
    "three eighths of the side along both axes, so that the tile's middle is near the window's "
    "edge. Compared are the tile's pixels that the moved window shows, 39 to 56 % of them, at the "
    "same threshold; nothing beyond the tile counts. A model that learned where landslides are in "
    "a tile loses that here. It also loses what lies beyond the window's near edges, and sees the "
    "tile's seams, so that a loss of a few points is no sign of a position prior."
)


def prior_lines(summary: ExperimentSummary) -> Iterator[str]:
    """Yield a sentence on the position prior of each data set, as far as it is known."""
    for facts in summary.results.datasets.values():
        prior = facts.position_prior
        if prior is None:
            continue
        strength = "a strong position prior" if prior.is_strong else "no strong position prior"
        yield (
            f"{facts.title}: {strength}. On its {counted(prior.tiles, 'tile')} with landslides the "
            f"mean mask of the other groups' tiles scores F1 {percentage(prior.f1)} %, with masks "
            f"moved at random {percentage(prior.f1_by_chance)} %; the centre pixel is landslide in "
            f"{percentage(prior.centre_share)} % of them, and the landslide pixel nearest to a "
            f"tile's border is {fixed(prior.border_px, 0)} px from it."
        )


def baseline_lines(summary: ExperimentSummary) -> Iterator[str]:
    """Yield what the mean mask of the training tiles scores on each data set and split."""
    for place in summary.places:
        scores = summary.scores_of(*place, MEAN_MASK)
        if scores is not None and scores.f1.value is not None:
            interval = between(percentage(scores.f1.low), percentage(scores.f1.high))
            known = "" if interval == EMPTY else f" ({interval})"
            yield (
                f"{summary.place_title(place)}: the mean mask of the training tiles, which sees no "
                f"image, scores F1 {percentage(scores.f1.value)} %{known}."
            )


def off_centre_lines(summary: ExperimentSummary) -> Iterator[str]:
    """Yield what each network scores in place and off-centre on each data set and split."""
    for place in summary.places:
        for scores in summary.all_scores(*place):
            found = scores.off_centre
            if found is not None and found.difference is not None:
                centred, off_centre = found.centred.value, found.off_centre.value
                interval = point_interval(found.difference.low, found.difference.high)
                known = "" if interval == EMPTY else f" ({interval})"
                yield (
                    f"{summary.place_title(place)}: {summary.label(scores.method)} scores F1 "
                    f"{percentage(centred)} % in place and {percentage(off_centre)} % off-centre "
                    f"on the same pixels, {in_points(found.difference.value)} points{known}."
                )


def off_centre_table(summary: ExperimentSummary, split: str) -> ReportTable | None:
    """Return F1 of each network in place and off-centre, and the difference; None without any."""
    windows: dict[str, None] = {}

    def cells(scores: PooledScores) -> Iterator[TableCell]:
        found = scores.off_centre
        if found is None:
            return
        for estimate in (found.centred, found.off_centre):
            spread = between(percentage(estimate.low), percentage(estimate.high))
            small = "" if spread == EMPTY else spread
            yield TableCell(text=percentage(estimate.value), small=small, value=estimate.value)
        difference = found.difference
        if difference is None:
            yield text_cell(None)
        else:
            interval = point_interval(difference.low, difference.high)
            small = "" if interval == EMPTY else interval
            yield TableCell(text=in_points(difference.value), small=small, value=difference.value)
        shown = ", ".join(f"{kind} {number}" for kind, number in found.surroundings.items())
        windows[f"{summary.title(scores.run.key.dataset)}: beyond the tile, {shown}."] = None

    columns = (
        *number_columns(
            "in place, %", "off-centre, %", group="F1 of the same pixels", better="high"
        ),
        *number_columns("difference, points", better="high"),
    )
    caption = "Tiles off their centre"
    table = table_by_method(summary, split, caption, columns, cells, _NOTE)
    return None if table is None else table.with_notes(*windows)
