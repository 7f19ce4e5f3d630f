"""What was run, at which cost, and what limits the findings."""

from collections.abc import Iterator

from landslip.experiments.results import RunFacts
from landslip.reporting.experiment.budgets import budgets
from landslip.reporting.experiment.summary import LEAK, ExperimentSummary
from landslip.reporting.numbers import counted, duration, listing

_FEW_SEEDS, _FEW_TILES = 3, 30
_SHOWN = 12


def budget(summary: ExperimentSummary) -> str:
    """Return what was run in one sentence."""
    results = summary.results
    done = [cell for cell in results.cells if cell.state == "done"]
    failed = len(summary.failed)
    trained = sum(cell.train_seconds or 0 for cell in done)
    return (
        f"{counted(len(results.datasets), 'data set')}, {counted(len(results.methods), 'method')}, "
        f"{counted(len(summary.seeds), 'seed')}: {counted(len(done), 'cell')} done"
        + (f" and {failed} failed" if failed else "")
        + f"; training took {duration(trained)} in all, on {results.machine}."
    )


def limits(summary: ExperimentSummary) -> list[str]:
    """Return sentences on what limits the findings."""
    return [
        *_seeds(summary),
        *_tested(summary),
        *_test_tiles(summary),
        *_dependence(summary),
        *_leaks(summary),
        *budgets(summary),
        *_unequal(summary),
        *_fewer_tiles(summary),
        *_left_out(summary),
    ]


def failures(summary: ExperimentSummary) -> list[str]:
    """Return a sentence a failed cell, of the first ones."""
    sentences = [
        f"{_named(summary, cell)} failed: {cell.problem or 'no reason was written'}."
        for cell in summary.failed
    ]
    more = len(sentences) - _SHOWN
    return sentences if more <= 0 else [*sentences[:_SHOWN], f"And {more} more."]


def _named(summary: ExperimentSummary, cell: RunFacts) -> str:
    key = cell.key
    parts = [f"split {key.split}", f"fold {key.fold}", f"seed {key.seed}"]
    if key.train_tiles is not None:
        parts.append(f"{key.train_tiles} training tiles")
    if key.target is not None:
        parts.append(f"on {summary.title(key.target)}, tuned on {key.tune_tiles} tiles")
    return f"{summary.label(key.method)} on {summary.title(key.dataset)} ({', '.join(parts)})"


def _seeds(summary: ExperimentSummary) -> Iterator[str]:
    number = max((len(run.seeds) for run in summary.runs.values()), default=0)
    if number == 1:
        yield (
            "With 1 seed nothing is known of how another training of the same method would come "
            "out: intervals and tests are over test tiles only, and what is decided is decided of "
            "these trained networks, not of the methods."
        )
    elif number < _FEW_SEEDS:
        yield (
            f"With {number} seeds the spread between trainings is hardly known: intervals and "
            "tests are over test tiles only, and what is decided is decided of these trained "
            "networks."
        )
    elif number:
        yield (
            f"Scores are means over {number} seeds. Intervals and tests are over test tiles; how "
            "far trainings differ is told by the seeds, which few as they are show only roughly."
        )


def _tested(summary: ExperimentSummary) -> Iterator[str]:
    parts = []
    for dataset, split in summary.places:
        most = max(len(line.run.tile_ids) for line in summary.lines_of(dataset, split))
        parts.append(f"{summary.title(dataset)}, split {split}: {most}")
    if parts:
        yield f"Test tiles of all folds together: {'; '.join(parts)}."


def _dependence(summary: ExperimentSummary) -> Iterator[str]:
    if summary.runs:
        yield (
            "Intervals and tests take test tiles as independent of each other. Tiles of one place "
            "or one landslide are not: where there are such, intervals are too narrow and p too "
            "small."
        )


def _leaks(summary: ExperimentSummary) -> Iterator[str]:
    """Tell of the first fold of each split whose sides show the same."""
    for facts in summary.results.splits:
        notes = [note for fold in facts.folds for note in fold.notes if note.startswith(LEAK)]
        if notes:
            yield f"{summary.title(facts.dataset)}, split {facts.split}: {notes[0]}."


def _test_tiles(summary: ExperimentSummary) -> Iterator[str]:
    few = {
        (run.key.target or run.key.dataset, len(run.tile_ids))
        for run in summary.runs.values()
        if len(run.tile_ids) < _FEW_TILES
    }
    for dataset, tiles in sorted(few):
        yield (
            f"Only {counted(tiles, 'test tile')} of {summary.title(dataset)}: intervals from so "
            "few are too narrow rather than too wide."
        )


def _unequal(summary: ExperimentSummary) -> Iterator[str]:
    """Tell of methods that have fewer seeds than others in the same place."""
    for place in summary.places:
        lines = summary.lines_of(*place)
        most = max(len(line.run.seeds) for line in lines)
        short = [summary.label(line.run.key.method) for line in lines if len(line.run.seeds) < most]
        if short:
            yield (
                f"{summary.title(place[0])}, split {place[1]}: {listing(short)} "
                f"{'has' if len(short) == 1 else 'have'} fewer seeds than the {most} of the others."
            )


def _fewer_tiles(summary: ExperimentSummary) -> Iterator[str]:
    """Tell of methods that were tested on fewer tiles than others in the same place."""
    for place in summary.places:
        lines = summary.lines_of(*place)
        most = max(len(line.run.tile_ids) for line in lines)
        for line in lines:
            tested = len(line.run.tile_ids)
            if tested < most:
                yield (
                    f"{summary.title(place[0])}, split {place[1]}: "
                    f"{summary.label(line.run.key.method)} was tested on {tested} of {most} tiles; "
                    "its scores are of those, and it is compared with others on the tiles that "
                    "both tested."
                )


def _left_out(summary: ExperimentSummary) -> Iterator[str]:
    for run in summary.runs.values():
        if run.left_out:
            seeds = listing([str(seed) for seed in run.left_out])
            yield (
                f"{summary.label(run.key.method)} on {summary.title(run.key.dataset)}, split "
                f"{run.key.split}: seed {seeds} left out, since a fold of it is missing."
            )
