"""A cell is taken up only where it was made, or begun, from what is asked for now."""

from pathlib import Path

import pytest
from tests.experiments.made import write_tiles

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.experiments.cell import run_cell
from landslip.experiments.config import SvmConfig
from landslip.experiments.job import Job, begin, check_same, read_record
from landslip.experiments.results import CellKey

SIDES = (Split.TRAIN, Split.TRAIN, Split.TEST, Split.VALIDATION)


def svm_job(folder: Path, **made_from: object) -> Job:
    """Return a job of an SVM on four tiles."""
    if not (folder / "tiles").exists():
        write_tiles(folder / "tiles", tiles=4)
    return Job(
        key=CellKey(dataset="made", split="random", method="svm"),
        dataset=folder / "tiles",
        splits=SIDES,
        split_method="random",
        svm=SvmConfig(pixels_per_class=50),
        out=folder / "cells" / "cell",
        made_from={"division": "a"} | made_from,
    )


@pytest.fixture
def finished(tmp_path: Path) -> Job:
    job = svm_job(tmp_path)
    run_cell(job)
    return job


def test_a_finished_cell_leaves_nothing_of_its_making(finished: Job) -> None:
    assert {path.name for path in finished.out.iterdir()} == {
        "cell.json",
        "model",
        "predictions.npz",
    }
    assert not finished.unfinished.exists()
    check_same(finished)


def test_a_finished_cell_of_other_settings_is_refused(finished: Job) -> None:
    other = svm_job(finished.dataset.parent, division="b", svm={})
    with pytest.raises(InputError, match="this cell was made with another division, svm; choose"):
        check_same(other)


@pytest.mark.parametrize("weights", ["model/model.json", "model.training/checkpoints/last.ckpt"])
def test_weights_of_other_settings_are_not_taken_up(tmp_path: Path, weights: str) -> None:
    begin(svm_job(tmp_path))
    file = svm_job(tmp_path).unfinished / weights
    file.parent.mkdir(parents=True)
    file.touch()
    check_same(svm_job(tmp_path))
    with pytest.raises(InputError, match=r"cell.unfinished: this cell was begun with another div"):
        run_cell(svm_job(tmp_path, division="b"))


def test_settings_that_did_not_work_can_be_mended(tmp_path: Path) -> None:
    job = svm_job(tmp_path)
    begin(job)
    left = job.unfinished / "model.training" / "run.json"
    left.parent.mkdir()
    left.touch()
    begin(job)
    assert left.exists()
    mended = svm_job(tmp_path, division="b")
    check_same(mended)
    run_cell(mended)
    assert read_record(mended.out).made_from == {"division": "b"}
    assert not (mended.out / "model.training").exists()


@pytest.mark.parametrize("kept", [0, 40])
def test_a_damaged_record_is_told(finished: Job, kept: int) -> None:
    file = finished.out / "cell.json"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"cell/cell.json: damaged; remove the folder"):
        read_record(finished.out)


def test_a_folder_without_a_record_is_no_cell(finished: Job) -> None:
    (finished.out / "cell.json").unlink()
    with pytest.raises(InputError, match=r"cell: not a finished cell, there is no cell.json in it"):
        check_same(finished)
