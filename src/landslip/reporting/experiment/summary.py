"""All that tables, sentences and charts are made from, taken from the results once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from landslip.experiments.results import MethodFacts, Results, RunFacts, SplitFacts
from landslip.metrics.resampling import DefinedEstimate
from landslip.metrics.tile_scores import f1_contrast, unpaired_difference
from landslip.reporting.experiment.contrasts import (
    F1Contrast,
    F1Difference,
    RunPair,
    SeedAgreement,
    compare_family,
    seeds_of,
)
from landslip.reporting.experiment.methods import (
    depths,
    first_layers,
    opponents,
    printed_as,
    proposed,
    transfer_pairs,
)
from landslip.reporting.experiment.runs import (
    PooledRun,
    PooledRunKey,
    PooledScores,
    on_common_tiles,
    pool_runs,
    score_run,
)

RANDOM, LEAK = "random", "leak:"
Order = Callable[[PooledRunKey], tuple[bool, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCurve:
    """Runs of one method that differ in one number: training tiles, or tiles it was tuned on.

    Attributes:
        keys: the runs by that number, rising.
    """

    method: str
    keys: tuple[PooledRunKey, ...]


class ExperimentSummary:
    """The results with runs pooled, scored and compared."""

    def __init__(self, results: Results) -> None:
        """Pool and score every run; comparisons are made when first asked for."""
        self.results = results
        self.runs: dict[PooledRunKey, PooledRun] = pool_runs(results)
        self.lines: dict[PooledRunKey, PooledScores] = {
            key: score_run(run) for key, run in self.runs.items()
        }
        self.printed_as = printed_as(results)
        self.proposed = proposed(results)
        self.transfer_pairs = transfer_pairs(results)
        self.depths = depths(results)
        self.first_layers = first_layers(results)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that some run has."""
        found = {seed for run in self.runs.values() for seed in (*run.seeds, *run.left_out)}
        return tuple(sorted(found)) or self.results.seeds

    def label(self, method: str) -> str:
        """Return a method's name for people."""
        known = self.results.methods.get(method)
        return known.label if known else method

    def method(self, name: str) -> MethodFacts:
        """Return what is known of a method."""
        return self.results.methods[name]

    def title(self, dataset: str) -> str:
        """Return a data set's name for people."""
        known = self.results.datasets.get(dataset)
        return known.title if known else dataset

    def split(self, dataset: str, name: str) -> SplitFacts | None:
        """Return what is known of a split of a data set."""
        for facts in self.results.splits:
            if (facts.dataset, facts.split) == (dataset, name):
                return facts
        return None

    def split_method(self, dataset: str, name: str) -> str:
        """Return how a split divides: random, groups, blocks, scene or event."""
        known = self.split(dataset, name)
        return known.method if known else name

    def is_mixed(self, dataset: str, name: str) -> bool:
        """Whether a split's test tiles may show what training tiles do: random, or with leaks."""
        known = self.split(dataset, name)
        notes = [note for fold in known.folds for note in fold.notes] if known else []
        leaks = any(note.startswith(LEAK) for note in notes)
        return leaks or self.split_method(dataset, name) == RANDOM

    @cached_property
    def failed(self) -> list[RunFacts]:
        """The cells that failed."""
        return [cell for cell in self.results.cells if cell.state == "failed"]

    @cached_property
    def places(self) -> list[tuple[str, str]]:
        """Pairs of data set and split with whole runs; random splits come last."""
        found = dict.fromkeys((key.dataset, key.split) for key in self.runs if _is_whole(key))
        order = list(self.results.datasets)
        return sorted(
            found,
            key=lambda place: (
                self.split_method(*place) == RANDOM,
                order.index(place[0]) if place[0] in order else len(order),
            ),
        )

    @cached_property
    def splits(self) -> dict[str, list[str]]:
        """Data sets by split, in the order of `places`."""
        found: dict[str, list[str]] = {}
        for dataset, split in self.places:
            found.setdefault(split, []).append(dataset)
        return found

    def line(self, dataset: str, split: str, method: str) -> PooledScores | None:
        """Return a method's scores where it was trained on all tiles; None if it was not run."""
        return self.lines.get(PooledRunKey(dataset=dataset, split=split, method=method))

    def lines_of(self, dataset: str, split: str) -> list[PooledScores]:
        """Return the methods that were trained on all tiles, in the order of the methods."""
        found = (self.line(dataset, split, method) for method in self.results.methods)
        return [line for line in found if line is not None]

    def contrast(self, one: PooledRunKey, other: PooledRunKey) -> F1Contrast | None:
        """Return a comparison that was planned, seen from the first run."""
        if (one, other) in self._contrasts:
            return self._contrasts[one, other]
        known = self._contrasts.get((other, one))
        return None if known is None else known.flipped

    @cached_property
    def _contrasts(self) -> dict[RunPair, F1Contrast]:
        made: dict[RunPair, F1Contrast] = {}
        for family in self._families():
            made |= compare_family(self.runs, family)
        return made

    def _families(self) -> Iterator[list[RunPair]]:
        for dataset, split in self.places:
            yield list(self._main_pairs(dataset, split))
        for dataset, split in self.curve_places:
            yield list(self._curve_pairs(dataset, split))
        for source, split, target in self.routes:
            yield list(self._route_pairs(source, split, target))

    def _main_pairs(self, dataset: str, split: str) -> Iterator[RunPair]:
        def key(method: str) -> PooledRunKey:
            return PooledRunKey(dataset=dataset, split=split, method=method)

        for method in self.results.methods:
            yield key(method), key(self.results.reference)
            if self.proposed is not None:
                yield key(self.proposed), key(method)
            for opponent in opponents(self.results, method):
                yield key(opponent), key(method)
        for transferred, not_transferred in self.transfer_pairs:
            yield key(transferred), key(not_transferred)
        for shallow, deep in zip(self.depths, self.depths[1:], strict=False):
            yield key(deep), key(shallow)

    @cached_property
    def curve_places(self) -> list[tuple[str, str]]:
        """Pairs of data set and split with runs on some of the training tiles only."""
        keys = (key for key in self.runs if key.train_tiles is not None and key.target is None)
        return list(dict.fromkeys((key.dataset, key.split) for key in keys))

    def curves(self, dataset: str, split: str) -> list[LearningCurve]:
        """Return each method's runs by number of training tiles, all of them last."""
        found = [
            key
            for key in self.runs
            if (key.dataset, key.split, key.target) == (dataset, split, None)
        ]
        return [
            course
            for course in self._courses(found, _by_train_tiles)
            if any(key.train_tiles is not None for key in course.keys)
        ]

    def _curve_pairs(self, dataset: str, split: str) -> Iterator[RunPair]:
        courses = {course.method: course.keys for course in self.curves(dataset, split)}
        for transferred, not_transferred in self.transfer_pairs:
            others = {key.train_tiles: key for key in courses.get(not_transferred, ())}
            for key in courses.get(transferred, ()):
                if key.train_tiles is not None and key.train_tiles in others:
                    yield key, others[key.train_tiles]

    @cached_property
    def routes(self) -> list[tuple[str, str, str]]:
        """Source, split and target of models that were tested on another data set."""
        return list(
            dict.fromkeys(
                (key.dataset, key.split, key.target) for key in self.runs if key.target is not None
            )
        )

    def journeys(self, source: str, split: str, target: str) -> list[LearningCurve]:
        """Return each method's runs on a target, by number of tiles it was tuned on."""
        found = [
            key
            for key in self.runs
            if (key.dataset, key.split, key.target) == (source, split, target)
        ]
        return self._courses(found, _by_tune_tiles)

    def _route_pairs(self, source: str, split: str, target: str) -> Iterator[RunPair]:
        for course in self.journeys(source, split, target):
            for key in course.keys[1:]:
                yield key, course.keys[0]

    def _courses(self, keys: list[PooledRunKey], order: Order) -> list[LearningCurve]:
        names = [name for name in self.results.methods if any(key.method == name for key in keys)]
        return [
            LearningCurve(
                method=name,
                keys=tuple(sorted((key for key in keys if key.method == name), key=order)),
            )
            for name in names
        ]

    def gain_contrast(
        self, few: RunPair, many: RunPair
    ) -> tuple[DefinedEstimate, SeedAgreement] | None:
        """Return by how much the gain of the first pair exceeds that of the second.

        With its interval and what single seeds say; None where a run is missing or the runs share
        no tile.
        """
        keys, weights = (*few, *many), (1, -1, -1, 1)
        if any(key not in self.runs for key in keys):
            return None
        runs = [self.runs[key] for key in keys]
        tables = on_common_tiles(runs)
        if tables[0].shape[1] == 0:
            return None
        found = f1_contrast(list(zip(weights, tables, strict=True)))
        return None if found is None else (found, seeds_of(runs, tables, weights))

    def apart(self, one: PooledRunKey, other: PooledRunKey) -> F1Difference | None:
        """Return the difference of F1 of runs of different splits or data sets, with its interval.

        Paired where both tested the very same tiles, as with folds that test every tile once.
        """
        if one not in self.runs or other not in self.runs:
            return None
        first, second = self.runs[one], self.runs[other]
        paired = _tested(one) == _tested(other) and first.tile_ids == second.tile_ids
        found = (
            f1_contrast([(1, first.counts), (-1, second.counts)])
            if paired
            else unpaired_difference(first.counts, second.counts)
        )
        return None if found is None else F1Difference(estimate=found, paired=paired)


def _tested(key: PooledRunKey) -> str:
    """Return the data set that a run was tested on."""
    return key.target or key.dataset


def _is_whole(key: PooledRunKey) -> bool:
    return key.train_tiles is None and key.target is None


def _by_train_tiles(key: PooledRunKey) -> tuple[bool, int]:
    return key.train_tiles is None, key.train_tiles or 0


def _by_tune_tiles(key: PooledRunKey) -> tuple[bool, int]:
    return False, key.tune_tiles
