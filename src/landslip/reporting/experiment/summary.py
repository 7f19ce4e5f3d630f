"""All that tables, verdicts and charts are made from, computed from the results once."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from landslip.experiments.mean_mask import FACTS, MEAN_MASK
from landslip.experiments.results import MethodFacts, Results, RunFacts, SplitFacts
from landslip.reporting.experiment import methods
from landslip.reporting.experiment.contrasts import F1Contrast, RunPair, compare_family
from landslip.reporting.experiment.runs import (
    PooledRun,
    PooledRunKey,
    PooledScores,
    pool_runs,
    score_pooled_run,
)

RANDOM, LEAK = "random", "leak:"


class ExperimentSummary:
    """The results with runs pooled, scored and compared."""

    def __init__(self, results: Results) -> None:
        """Pool and score every run; comparisons are made when first asked for."""
        if results.baselines:
            described = results.methods | {MEAN_MASK: FACTS}
            results = results.model_copy(update={"methods": described})
        self.results = results
        self.runs: dict[PooledRunKey, PooledRun] = pool_runs(results)
        self.scores: dict[PooledRunKey, PooledScores] = {
            key: score_pooled_run(run) for key, run in self.runs.items()
        }
        self.printed_methods = methods.printed_methods(results)
        self.proposed = methods.proposed_method(results)
        self.transfer_pairs = methods.transfer_pairs(results)
        self.encoder_depths = methods.linknets_by_depth(results)
        self.first_layers = methods.first_layer_variants(results)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that some run has."""
        seeds = {seed for run in self.runs.values() for seed in (*run.seeds, *run.left_out)}
        return tuple(sorted(seeds)) or self.results.seeds

    def label(self, method: str) -> str:
        """Return a method's display name."""
        facts = self.results.methods.get(method)
        return facts.label if facts else method

    def split_scores(self, split: str) -> list[PooledScores]:
        """Return the scores of methods trained on all tiles of the data sets of a split."""
        return [one for name in self.splits.get(split, ()) for one in self.all_scores(name, split)]

    def method(self, name: str) -> MethodFacts:
        """Return the description of a method."""
        return self.results.methods[name]

    def title(self, dataset: str) -> str:
        """Return a data set's display name."""
        facts = self.results.datasets.get(dataset)
        return facts.title if facts else dataset

    def place_title(self, place: tuple[str, str]) -> str:
        """Return the display name of a data set and split."""
        return f"{self.title(place[0])}, split {place[1]}"

    def split(self, dataset: str, name: str) -> SplitFacts | None:
        """Return the description of a split of a data set."""
        for facts in self.results.splits:
            if (facts.dataset, facts.split) == (dataset, name):
                return facts
        return None

    def split_method(self, dataset: str, name: str) -> str:
        """Return how a split divides: random, groups, blocks, scene or event."""
        facts = self.split(dataset, name)
        return facts.method if facts else name

    def leaks(self, dataset: str, name: str) -> list[str]:
        """Return the notes on leaks between the sides of a split."""
        facts = self.split(dataset, name)
        notes = [note for fold in facts.folds for note in fold.notes] if facts else []
        return [note for note in notes if note.startswith(LEAK)]

    def is_mixed(self, dataset: str, name: str) -> bool:
        """Whether test tiles may show what training tiles do: a random split, or one with leaks."""
        return bool(self.leaks(dataset, name)) or self.split_method(dataset, name) == RANDOM

    @cached_property
    def failed(self) -> list[RunFacts]:
        """The runs that failed."""
        return [run for run in self.results.cells if run.state == "failed"]

    @cached_property
    def places(self) -> list[tuple[str, str]]:
        """Pairs of data set and split with runs on all training tiles; random splits last."""
        places = dict.fromkeys(
            (key.dataset, key.split)
            for key in self.runs
            if key.train_tiles is None and key.target is None
        )
        order = list(self.results.datasets)
        return sorted(
            places,
            key=lambda place: (
                self.split_method(*place) == RANDOM,
                order.index(place[0]) if place[0] in order else len(order),
            ),
        )

    @cached_property
    def splits(self) -> dict[str, list[str]]:
        """Data sets by split, in the order of `places`."""
        splits: dict[str, list[str]] = {}
        for dataset, split in self.places:
            splits.setdefault(split, []).append(dataset)
        return splits

    @cached_property
    def random_and_apart(self) -> list[tuple[str, str, str]]:
        """Data sets with a random split and another one: data set, random split, other split."""
        return [
            (dataset, split, other)
            for dataset, split in self.places
            for other_dataset, other in self.places
            if other_dataset == dataset
            and self.split_method(dataset, split) == RANDOM
            and self.split_method(dataset, other) != RANDOM
        ]

    def scores_of(self, dataset: str, split: str, method: str) -> PooledScores | None:
        """Return a method's scores when trained on all tiles; None if it was not run."""
        return self.scores.get(PooledRunKey(dataset=dataset, split=split, method=method))

    def all_scores(self, dataset: str, split: str) -> list[PooledScores]:
        """Return the scores of methods trained on all tiles, in the order of the methods."""
        scores = (self.scores_of(dataset, split, method) for method in self.results.methods)
        return [one for one in scores if one is not None]

    def contrast(self, one: PooledRunKey, other: PooledRunKey) -> F1Contrast | None:
        """Return a comparison that was planned, seen from the first run."""
        if (one, other) in self._contrasts:
            return self._contrasts[one, other]
        contrast = self._contrasts.get((other, one))
        return None if contrast is None else contrast.flipped

    @cached_property
    def _contrasts(self) -> dict[RunPair, F1Contrast]:
        """The comparisons of each data set and split, learning curve and transfer: one family."""
        families = [list(self._main_pairs(*place)) for place in self.places]
        families += [list(self._baseline_pairs(*place)) for place in self.places]
        for place in self.learning_places:
            gains = [pair for pairs in self.gain_pairs(*place) for pair in pairs]
            families.append([pair for pair in gains if pair[0].train_tiles is not None])
        for transfer in self.transfers:
            curves = self.curves(*transfer).values()
            families.append([(key, keys[0]) for keys in curves for key in keys[1:]])
        contrasts: dict[RunPair, F1Contrast] = {}
        for family in families:
            contrasts |= compare_family(self.runs, family)
        return contrasts

    def _baseline_pairs(self, dataset: str, split: str) -> Iterator[RunPair]:
        baseline = PooledRunKey(dataset=dataset, split=split, method=MEAN_MASK)
        for method in self.trained_methods:
            yield replace(baseline, method=method), baseline

    @property
    def trained_methods(self) -> list[str]:
        """The methods without the mean mask, which every experiment has as its baseline."""
        return [name for name in self.results.methods if name != MEAN_MASK]

    def _main_pairs(self, dataset: str, split: str) -> Iterator[RunPair]:
        def key(method: str) -> PooledRunKey:
            return PooledRunKey(dataset=dataset, split=split, method=method)

        for method in self.trained_methods:
            yield key(method), key(self.results.reference)
            if self.proposed is not None:
                yield key(self.proposed), key(method)
            for opponent in methods.opponents(self.results, method):
                yield key(opponent), key(method)
        for transferred, not_transferred in self.transfer_pairs:
            yield key(transferred), key(not_transferred)
        for shallow, deep in zip(self.encoder_depths, self.encoder_depths[1:], strict=False):
            yield key(deep), key(shallow)

    @cached_property
    def learning_places(self) -> list[tuple[str, str]]:
        """Pairs of data set and split with runs on some of the training tiles only."""
        keys = (key for key in self.runs if key.train_tiles is not None and key.target is None)
        return list(dict.fromkeys((key.dataset, key.split) for key in keys))

    def learning_curves(self, dataset: str, split: str) -> dict[str, list[PooledRunKey]]:
        """Return each method's runs by number of training tiles, all of them last."""
        curves = self.curves(dataset, split, None)
        return {name: keys for name, keys in curves.items() if keys[0].train_tiles is not None}

    def gain_pairs(self, dataset: str, split: str) -> Iterator[list[RunPair]]:
        """Yield the runs of each pair of transferred and not, by number of training tiles.

        At least two numbers of tiles.
        """
        curves = self.learning_curves(dataset, split)
        for transferred, not_transferred in self.transfer_pairs:
            others = {key.train_tiles: key for key in curves.get(not_transferred, ())}
            keys = curves.get(transferred, ())
            pairs = [(key, others[key.train_tiles]) for key in keys if key.train_tiles in others]
            if len(pairs) > 1:
                yield pairs

    @cached_property
    def transfers(self) -> list[tuple[str, str, str]]:
        """Source, split and target of models that were tested on another data set."""
        keys = ((key.dataset, key.split, key.target) for key in self.runs if key.target)
        return list(dict.fromkeys(keys))

    def curves(self, dataset: str, split: str, target: str | None) -> dict[str, list[PooledRunKey]]:
        """Return each method's runs on a target, or on its own data set, by number of tiles."""
        place = dataset, split, target
        here = [key for key in self.runs if (key.dataset, key.split, key.target) == place]
        curves = {
            name: sorted(
                (key for key in here if key.method == name), key=lambda key: key.tile_order
            )
            for name in self.results.methods
        }
        return {name: keys for name, keys in curves.items() if keys}
