"""The matrix: which cells there are, and in which order."""

from typing import Any

import pytest

from landslip.core.errors import InputError
from landslip.experiments.config import ExperimentConfig
from landslip.experiments.divisions import needed_divisions
from landslip.experiments.plan import plan_runs, source_of


def config(**changes: Any) -> ExperimentConfig:
    described: dict[str, Any] = {
        "name": "made",
        "datasets": {"east": {"tiles": "east"}, "west": {"tiles": "west"}},
        "splits": {"random": {"method": "random"}, "blocks": {"method": "blocks", "folds": 2}},
        "methods": {
            "net": {"arch": "linknet", "encoder": "resnet18"},
            "svm": {"arch": "svm"},
        },
        "seeds": [0, 1],
    }
    return ExperimentConfig.model_validate(described | changes)


FOLDS = {
    ("east", "random"): 1,
    ("east", "blocks"): 2,
    ("west", "random"): 1,
    ("west", "blocks"): 2,
}


def test_the_whole_matrix_is_every_combination_once() -> None:
    cells = plan_runs(config(), FOLDS)
    assert len(cells) == len(set(cells)) == 2 * (1 + 2) * 2 * 2  # data sets, folds, methods, seeds
    assert len({cell.slug for cell in cells}) == len(cells)


def test_after_half_the_matrix_every_method_has_one_seed() -> None:
    cells = plan_runs(config(), FOLDS)
    half = cells[: len(cells) // 2]
    assert {cell.seed for cell in half} == {0}
    assert {cell.method for cell in half} == {"net", "svm"}


def test_blocks_of_runs_name_what_they_cross_and_cells_are_not_doubled() -> None:
    runs = [
        {"datasets": ["east"], "splits": ["random"], "methods": ["net"], "seeds": [0]},
        {"datasets": ["east"], "splits": ["random"], "train_tiles": [20, "all"], "seeds": [0]},
    ]
    made = config(runs=runs)
    cells = plan_runs(made, FOLDS)
    assert [(cell.method, cell.train_tiles) for cell in cells] == [
        ("net", None),
        ("net", 20),
        ("svm", 20),
        ("svm", None),
    ]
    assert needed_divisions(made) == [("east", "random")]


def test_a_transfer_has_its_source_before_it() -> None:
    transfer = {
        "source": "east",
        "split": "random",
        "methods": ["net"],
        "target": "west",
        "tune_tiles": [0, 3],
        "folds": 2,
        "seeds": [5],
    }
    runs = [{"datasets": ["west"], "splits": ["random"], "methods": ["svm"], "seeds": [0]}]
    made = config(runs=runs, transfers=[transfer])
    cells = plan_runs(made, FOLDS)
    assert ("east", "random") in needed_divisions(made)
    moved = [cell for cell in cells if cell.target is not None]
    assert [(cell.target_fold, cell.tune_tiles) for cell in moved] == [
        (0, 0), (1, 0), (0, 3), (1, 3)
    ]  # fmt: skip
    for cell in moved:
        source = source_of(cell)
        assert source is not None
        assert cells.index(source) < cells.index(cell)
        assert (source.dataset, source.seed, source.target) == ("east", 5, None)


def test_an_svm_is_not_tuned() -> None:
    transfer = {"source": "east", "split": "random", "methods": ["svm"], "target": "west"}
    with pytest.raises(InputError, match="svm is an SVM, which cannot be fine-tuned"):
        plan_runs(config(transfers=[transfer]), FOLDS)
