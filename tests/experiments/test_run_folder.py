"""A cell is taken up only where it was made, or begun, from what is asked for now."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.experiments.factories import write_tiles

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.experiments.config import SvmConfig
from landslip.experiments.results import RunKey
from landslip.experiments.run import execute_run
from landslip.experiments.run_folder import (
    Predictions,
    RunJob,
    read_run_record,
    refuse_changed_run,
    start_run,
    write_predictions,
)
from landslip.experiments.selection import pooled_selection
from landslip.metrics.pixels import ThresholdCurve, count_pixels, sum_counts
from landslip.models.predictions import quantise
from landslip.models.svm.fit import fit_svm
from landslip.models.svm.model import SvmSettings, load_svm
from landslip.models.svm.predict import predicted_tiles as svm_predicted_tiles

SIDES = (Split.TRAIN, Split.TRAIN, Split.TEST, Split.VALIDATION)


def svm_job(folder: Path, **made_from: object) -> RunJob:
    """Return a job of an SVM on four tiles."""
    if not (folder / "tiles").exists():
        write_tiles(folder / "tiles", tiles=4)
    return RunJob(
        key=RunKey(dataset="made", split="random", method="svm"),
        dataset=folder / "tiles",
        splits=SIDES,
        split_method="random",
        svm=SvmConfig(pixels_per_class=50),
        out=folder / "cells" / "cell",
        made_from={"division": "a"} | made_from,
    )


@pytest.fixture
def finished(tmp_path: Path) -> RunJob:
    job = svm_job(tmp_path)
    execute_run(job)
    return job


def test_a_finished_cell_leaves_nothing_of_its_making(finished: RunJob) -> None:
    assert {path.name for path in finished.out.iterdir()} == {
        "cell.json",
        "model",
        "predictions.npz",
        "validation.npz",
    }
    assert not finished.unfinished.exists()
    refuse_changed_run(finished)


def test_a_finished_cell_of_other_settings_is_refused(finished: RunJob) -> None:
    other = svm_job(finished.dataset.parent, division="b", svm={})
    with pytest.raises(InputError, match="this run was made with another division, svm; choose"):
        refuse_changed_run(other)


@pytest.mark.parametrize("weights", ["model/model.json", "model.training/checkpoints/last.ckpt"])
def test_weights_of_other_settings_are_not_taken_up(tmp_path: Path, weights: str) -> None:
    start_run(svm_job(tmp_path))
    file = svm_job(tmp_path).unfinished / weights
    file.parent.mkdir(parents=True)
    file.touch()
    refuse_changed_run(svm_job(tmp_path))
    with pytest.raises(InputError, match=r"cell.unfinished: this run was begun with another div"):
        execute_run(svm_job(tmp_path, division="b"))


def test_settings_that_did_not_work_can_be_changed(tmp_path: Path) -> None:
    job = svm_job(tmp_path)
    start_run(job)
    left = job.unfinished / "model.training" / "run.json"
    left.parent.mkdir()
    left.touch()
    start_run(job)
    assert left.exists()
    changed = svm_job(tmp_path, division="b")
    refuse_changed_run(changed)
    execute_run(changed)
    assert read_run_record(changed.out).made_from == {"division": "b"}
    assert not (changed.out / "model.training").exists()


@pytest.mark.parametrize("kept", [0, 40])
def test_a_damaged_record_is_told(finished: RunJob, kept: int) -> None:
    file = finished.out / "cell.json"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"cell/cell.json: damaged; remove the folder"):
        read_run_record(finished.out)


def test_a_folder_without_a_record_is_no_cell(finished: RunJob) -> None:
    (finished.out / "cell.json").unlink()
    with pytest.raises(InputError, match=r"cell: not a finished run, cell.json is missing"):
        refuse_changed_run(finished)


@given(st.floats(0, 1, width=32))
def test_one_half_divides_as_before(probability: float) -> None:
    stored = quantise(np.array([probability], dtype=np.float32))[0]
    assert (stored / 65536 >= 0.5) == (probability >= 0.5)


def test_tiles_of_several_sizes_come_back_within_a_step(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    tiles = {
        "one": generator.random((5, 7), dtype=np.float32),
        "ends": np.array([[0.0, 1.0]], dtype=np.float32),
    }
    write_predictions(tmp_path, tiles.items())
    read = Predictions(tmp_path)
    assert list(read) == list(tiles)
    for name, probability in tiles.items():
        lost = probability - read.probability(name)
        assert lost.min() >= 0
        assert lost.max() <= 1 / 65536


@pytest.mark.parametrize("kept", [None, 0, 100, 600])
def test_what_is_missing_or_half_written_is_told(tmp_path: Path, kept: int | None) -> None:
    random = np.random.default_rng(0).random((20, 20), dtype=np.float32)
    write_predictions(tmp_path, [("one", random)])
    file = tmp_path / "predictions.npz"
    if kept is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"predictions.npz: missing or damaged; remove the folder"):
        Predictions(tmp_path)


def test_an_svm_decides_at_the_best_threshold_of_its_validation_tiles(tmp_path: Path) -> None:
    job = svm_job(tmp_path)
    execute_run(job)
    record, dataset = read_run_record(job.out), TileDataset(job.dataset)
    ((_, scores),) = svm_predicted_tiles(load_svm(job.out / "model"), dataset, [3])
    truth = dataset.tile(3).label == 1
    counted = np.ones_like(truth)
    f1 = [count_pixels(scores >= cut, truth, counted).f1 or 0 for cut in np.arange(0, 1, 0.002)]
    assert record.threshold != 0.5
    assert record.validation[0].counts == count_pixels(scores >= record.threshold, truth, counted)
    assert record.validation[0].counts.f1 == pytest.approx(max(f1), abs=0.01)
    assert (count_pixels(scores >= 0.5, truth, counted).f1 or 0) < max(f1) - 0.02


def test_without_validation_tiles_it_is_fitted_without_each_of_them(tmp_path: Path) -> None:
    job = svm_job(tmp_path)
    sides = (Split.TRAIN, Split.TRAIN, Split.TEST, Split.TRAIN)  # t00 and t01 are one group
    execute_run(job.model_copy(update={"splits": sides}))
    dataset, curve = TileDataset(job.dataset), ThresholdCurve()
    settings = SvmSettings(pixels_per_class=50, seed=0)
    for fold, rest in (([0, 1], [3]), ([3], [0, 1])):
        for at, scores in svm_predicted_tiles(fit_svm(dataset, rest, settings), dataset, fold):
            curve.add(scores, dataset.tile(at).label == 1, np.ones(scores.shape, dtype=bool))
    assert read_run_record(job.out).threshold == curve.best_threshold() != 0.5


def test_pooled_folds_choose_each_other_s_threshold_but_not_by_tested_tiles(tmp_path: Path) -> None:
    """Of four tiles the first is tested by one fold and validated by the other."""
    train, test, val, unused = Split.TRAIN, Split.TEST, Split.VALIDATION, Split.UNUSED
    sides = ((test, train, val, unused), (val, unused, train, test))
    jobs = []
    for fold, splits in enumerate(sides):
        job = svm_job(tmp_path)
        key = job.key.model_copy(update={"fold": fold})
        out = tmp_path / "cells" / f"fold{fold}"
        jobs.append(job.model_copy(update={"key": key, "splits": splits, "out": out}))
        execute_run(jobs[-1])
    other = jobs[0].model_copy(update={"key": jobs[0].key.model_copy(update={"seed": 1})})
    dataset = TileDataset(jobs[0].dataset)
    stored = [Predictions(job.out, "validation.npz") for job in jobs]
    for job, parts in zip(jobs, ([(0, 2)], [(0, 2), (1, 0)]), strict=True):
        curve = ThresholdCurve()
        for fold, at in parts:
            tile = dataset.tile(at)
            curve.add(stored[fold].probability(tile.tile_id), tile.label == 1, tile.counted)
        found = pooled_selection(job, [other, *jobs])
        assert found.threshold == curve.best_threshold()
        assert sum_counts([one.counts for one in found.validation]) == curve.counts(found.threshold)
    (jobs[1].out / "validation.npz").unlink()
    with pytest.raises(InputError, match=r"fold1: select: pooled needs validation.npz, which runs"):
        pooled_selection(jobs[0], jobs)
