"""What methods were given, where it is not the same for all: epochs, settings, weights, tiles."""

from collections.abc import Iterator

from landslip.experiments.results import RunFacts
from landslip.reporting.experiment.methods import encoder_label
from landslip.reporting.experiment.summary import ExperimentSummary
from landslip.reporting.numbers import counted, listing, percent


def budgets(summary: ExperimentSummary) -> Iterator[str]:
    """Yield sentences on what trainings were given and how a result was chosen from them."""
    yield from _idle(summary)
    yield from _epochs(summary)
    yield from _own_settings(summary)
    yield from _last_epoch(summary)
    yield from _thresholds(summary)
    yield from _weights(summary)
    yield from _few_tiles(summary)


def _idle(summary: ExperimentSummary) -> Iterator[str]:
    """Tell of trainings that failed."""
    for key, run in summary.runs.items():
        if run.idle_seeds:
            number = counted(len(run.seeds), "seed")
            with_tiles = f" with {counted(key.train_tiles, 'tile')}" if key.train_tiles else ""
            yield (
                f"{summary.title(key.dataset)}, split {key.split}: {summary.label(key.method)}"
                f"{with_tiles} learned nothing in {run.idle_seeds} of {number}: it is no better "
                f"than calling every pixel landslide (F1 {percent(run.marking_all)} %). That is a "
                "training that failed, by its budget or its settings, and tells nothing of what "
                "the method can reach; comparisons with it decide on no claim."
            )


def _epochs(summary: ExperimentSummary) -> Iterator[str]:
    """Tell for how many epochs, and of which methods if they differ."""
    asked: dict[int, dict[str, None]] = {}
    for cell in _at_home(summary):
        if cell.epochs:
            asked.setdefault(cell.epochs, {})[summary.label(cell.key.method)] = None
    if len(asked) == 1:
        yield f"Networks were trained for {counted(next(iter(asked)), 'epoch')}."
    elif asked:
        parts = [f"{listing(list(asked[number]))} for {number}" for number in sorted(asked)]
        yield f"Networks were not trained for equally many epochs: {'; '.join(parts)}."


def _own_settings(summary: ExperimentSummary) -> Iterator[str]:
    stated = summary.results.config.get("methods", {})
    for name in summary.results.methods:
        own = stated.get(name, {}).get("training") or {}
        if own:
            settings = ", ".join(f"{key} {value}" for key, value in own.items())
            yield (
                f"{summary.label(name)} was trained with settings of its own ({settings}): what "
                "tells it from others is not the network alone."
            )


def _last_epoch(summary: ExperimentSummary) -> Iterator[str]:
    chosen = [cell for cell in _at_home(summary) if cell.epoch and cell.validated_on]
    last = sum(cell.epoch == cell.epochs for cell in chosen)
    if 2 * last > len(chosen):
        yield (
            f"In {last} of {len(chosen)} trainings the last epoch was the best: they may have "
            "gained from more, so that the scores tell of this budget and not of what the methods "
            "can reach."
        )


def _thresholds(summary: ExperimentSummary) -> Iterator[str]:
    chosen = [
        cell.scores.threshold
        for cell in _at_home(summary)
        if cell.scores is not None and cell.epochs and cell.validated_on
    ]
    if not chosen:
        return
    more = (
        "; the SVM keeps its own decision, without such a choice"
        if any(facts.arch == "svm" for facts in summary.results.methods.values())
        else ""
    )
    yield (
        "Networks decide at the threshold, and are kept at the epoch, of the highest F1 on the "
        f"validation tiles ({min(chosen):.2f} to {max(chosen):.2f}){more}."
    )


def _weights(summary: ExperimentSummary) -> Iterator[str]:
    """Tell of encoders that are compared by depth and begin with weights of different origin."""
    origins = {}
    for name in summary.depths:
        facts = summary.method(name)
        if facts.weights and facts.encoder:
            origins[encoder_label(facts.encoder)] = facts.weights.replace(facts.encoder, "")
    if len({*origins.values()}) > 1:
        parts = [f"{encoder} {origin.strip('_-. ')}" for encoder, origin in origins.items()]
        yield (
            f"Encoders begin with weights of different origin ({', '.join(parts)}): depth is not "
            "all that tells them apart."
        )


def _few_tiles(summary: ExperimentSummary) -> Iterator[str]:
    if not summary.curve_places and not summary.routes:
        return
    yield (
        "Which tiles are taken where few are trained or tuned on is drawn anew for each seed: "
        f"{counted(len(summary.seeds), 'draw')}, whose chance the intervals do not hold."
    )
    steps = summary.results.config.get("training", {}).get("steps_per_epoch")
    if summary.curve_places and not steps:
        yield (
            "Trainings on fewer tiles took fewer steps in the same number of epochs: some of what "
            "they lack may be steps, not tiles."
        )


def _at_home(summary: ExperimentSummary) -> Iterator[RunFacts]:
    """Yield the finished cells that were trained on a data set of their own."""
    for cell in summary.results.cells:
        if cell.state == "done" and cell.key.target is None:
            yield cell
