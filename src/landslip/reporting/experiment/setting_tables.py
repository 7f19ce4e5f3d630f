"""Tables of what was compared: methods and their costs, data sets, splits."""

from statistics import fmean

from landslip.experiments.results import CellFacts, DatasetFacts, FoldFacts, SplitFacts
from landslip.reporting.experiment.numbers import duration, figure_cell, share_cell
from landslip.reporting.experiment.summary import Summary
from landslip.reporting.experiment.table import Cell, Column, Row, Table, words


def cost_table(summary: Summary) -> Table:
    """Return what each method costs."""
    columns = (
        Column(title="Method", number=False),
        Column(title="encoder's weights", number=False),
        Column(title="parameters, million"),
        Column(title="GFLOP a tile of 256 × 256 px"),
        Column(title="inference, MPix/s", better="high"),
        Column(title="training, mean of a run"),
        Column(title="epoch kept"),
        Column(title="trained on", number=False),
    )
    rows = tuple(_cost_row(summary, name) for name in summary.results.methods)
    notes = tuple(
        f"{facts.label}: {note}"
        for facts in summary.results.methods.values()
        for note in facts.notes
    )
    return Table(
        caption="Methods and what they cost", columns=columns, rows=rows, notes=notes
    ).with_best()


def dataset_table(summary: Summary) -> Table:
    """Return the data sets."""
    columns = (
        Column(title="Data set", number=False),
        Column(title="tiles"),
        Column(title="side, px"),
        Column(title="pixel, m"),
        Column(title="bands", number=False),
        Column(title="landslide, %"),
        Column(title="pixels' digest", number=False),
        Column(title="source and notes", number=False),
    )
    rows = tuple(_dataset_row(facts) for facts in summary.results.datasets.values())
    return Table(caption="Data sets", columns=columns, rows=rows)


def split_table(summary: Summary) -> Table:
    """Return the splits with their folds and digests."""
    sides = ("train", "val", "test", "unused")
    columns = (
        Column(title="Split", number=False),
        Column(title="fold"),
        *(Column(title=side, group="tiles") for side in sides),
        Column(title="digest", number=False),
        Column(title="notes", number=False),
    )
    rows = tuple(
        _fold_row(facts, at, fold, sides, summary.title(facts.dataset))
        for facts in summary.results.splits
        for at, fold in enumerate(facts.folds)
    )
    notes = tuple(
        dict.fromkeys(f"{facts.split}: {facts.description}" for facts in summary.results.splits)
    )
    return Table(caption="Splits", columns=columns, rows=rows, group_title="Data set", notes=notes)


def _cost_row(summary: Summary, name: str) -> Row:
    facts = summary.method(name)
    cells = [cell for cell in summary.results.cells if cell.key.method == name and _whole(cell)]
    seconds = [cell.train_seconds for cell in cells if cell.train_seconds is not None]
    millions = None if facts.parameters is None else facts.parameters / 1e6
    return Row(
        cells=(
            Cell(text=facts.label),
            words(facts.weights or ("none" if facts.encoder else None)),
            figure_cell(millions),
            figure_cell(facts.gflop_per_tile),
            Cell(
                text=figure_cell(facts.mpix_per_s, 2).text,
                small=facts.engine or "",
                value=facts.mpix_per_s,
            ),
            words(duration(fmean(seconds)) if seconds else None),
            words(_epochs(cells)),
            words(_devices(cells)),
        )
    )


def _whole(cell: CellFacts) -> bool:
    return cell.state == "done" and cell.key.target is None and cell.key.train_tiles is None


def _epochs(cells: list[CellFacts]) -> str:
    kept = [cell.epoch for cell in cells if cell.epoch is not None]
    asked = sorted({cell.epochs for cell in cells if cell.epochs is not None})
    if not kept or not asked:
        return ""
    first, last = min(kept), max(kept)
    text = f"{first}" if first == last else f"{first} to {last}"
    return f"{text} of {', '.join(map(str, asked))}"


def _devices(cells: list[CellFacts]) -> str:
    found = dict.fromkeys(
        " ".join(part for part in (cell.device, cell.precision) if part) for cell in cells
    )
    return ", ".join(device for device in found if device)


def _dataset_row(facts: DatasetFacts) -> Row:
    more = [*facts.notes]
    if len(facts.scenes) > 1:
        more.append(f"{len(facts.scenes)} scenes")
    if facts.events:
        more.append(f"events: {', '.join(facts.events)}")
    return Row(
        cells=(
            Cell(text=facts.title),
            figure_cell(facts.tiles, 0),
            figure_cell(facts.tile_size, 0),
            words(None if facts.resolution_m is None else f"{facts.resolution_m:g}"),
            Cell(text=f"{', '.join(facts.bands)} ({facts.units})"),
            share_cell(facts.landslide_share),
            Cell(text=facts.pixels_sha256[:12]),
            Cell(text="; ".join([facts.source, *more])),
        )
    )


def _fold_row(
    facts: SplitFacts, at: int, fold: FoldFacts, sides: tuple[str, ...], title: str
) -> Row:
    return Row(
        group=title,
        cells=(
            Cell(text=facts.split),
            Cell(text=str(at)),
            *(figure_cell(fold.tiles.get(side, 0), 0) for side in sides),
            Cell(text=fold.sha256[:12]),
            words("; ".join(fold.notes)),
        ),
    )
