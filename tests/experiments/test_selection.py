"""Epoch and threshold from folds of the training tiles."""

import pytest
from tests.experiments.factories import write_experiment, write_tiles

from landslip.core.choices import Split, ThresholdSource
from landslip.datasets.format import TileDataset
from landslip.experiments.config import read_experiment
from landslip.experiments.divisions import divide_all
from landslip.experiments.plan import make_job, plan_runs
from landslip.experiments.run import execute_run
from landslip.experiments.run_folder import RunJob, read_run_record
from landslip.metrics.pixels import ThresholdCurve, count_pixels, sum_counts
from landslip.models.folder import open_model
from landslip.models.predictions import TilePredictions
from landslip.models.svm.fit import fit_svm
from landslip.models.svm.model import SvmSettings
from landslip.models.svm.predict import predicted_tiles


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunJob]:
    """Execute a network and an SVM on one division, selected by two folds; jobs by method."""
    folder = tmp_path_factory.mktemp("selection")
    tiles = write_tiles(folder / "tiles", tiles=6)
    split = {"method": "groups", "test_share": 0.34, "val_share": 0.3, "select": {"folds": 2}}
    training = {"epochs": 1, "batch_size": 4, "precision": "fp32"}
    config = read_experiment(write_experiment(folder, splits={"one": split}, training=training))
    divisions = divide_all(config, {"made": TileDataset(tiles)}, folder, lambda _line: None)
    made = {
        key.method: make_job(config, key, divisions, folder / "runs")
        for key in plan_runs(config, {("made", "one"): 1})
    }
    for job in made.values():
        execute_run(job)
    return made


def test_training_and_validation_tiles_are_held_out_in_turn_and_tested_ones_never(
    jobs: dict[str, RunJob],
) -> None:
    for job in jobs.values():
        record, names = read_run_record(job.out), TileDataset(job.dataset).tile_ids
        fitted = [name for name, side in zip(names, job.splits, strict=True) if side != Split.TEST]
        assert (record.trained_on, record.validated_on) == (4, 4)
        assert sorted(one.tile_id for one in record.validation) == sorted(fitted)
        assert record.made_from["selection"] == "2 folds"


def test_a_network_is_selected_by_its_out_of_fold_predictions(jobs: dict[str, RunJob]) -> None:
    job = jobs["net"]
    record, model = read_run_record(job.out), open_model(job.out / "model")
    assert model.card.training.folds is not None
    assert model.card.training.folds.folds == 2
    assert model.card.threshold_source is ThresholdSource.OUT_OF_FOLD
    assert record.threshold == model.card.threshold
    stored = TilePredictions(model.path / "out_of_fold.npz", "")
    dataset = TileDataset(job.dataset)
    for one in record.validation:
        tile = dataset.tile(dataset.tile_ids.index(one.tile_id))
        cut = stored.probability(one.tile_id) >= record.threshold
        assert one.counts == count_pixels(cut, tile.label == 1, tile.counted)
    assert not (model.path / "ensemble").exists()


def test_an_svm_is_cut_where_svms_of_the_other_groups_score_best(jobs: dict[str, RunJob]) -> None:
    job = jobs["svm"]
    record, dataset, curve = read_run_record(job.out), TileDataset(job.dataset), ThresholdCurve()
    settings = SvmSettings(pixels_per_class=100, seed=0)
    fitted = [at for at, side in enumerate(job.splits) if side is Split.TRAIN]
    for left_out in {dataset.groups[at] for at in fitted}:
        rest = [at for at in fitted if dataset.groups[at] != left_out]
        held_out = [at for at in fitted if at not in rest]
        for at, score in predicted_tiles(fit_svm(dataset, rest, settings), dataset, held_out):
            curve.add(score, dataset.tile(at).label == 1, dataset.tile(at).counted)
    assert record.threshold == curve.best_threshold() != 0.5
    assert sum_counts([one.counts for one in record.validation]) == curve.counts(record.threshold)
