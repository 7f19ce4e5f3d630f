"""What a run refuses before a cell is begun, and what it then leaves."""

import fcntl
from pathlib import Path

import pytest
from tests.experiments.factories import write_experiment, write_tiles

from landslip.core.errors import InputError
from landslip.experiments.config import read_experiment
from landslip.experiments.experiment import ExperimentRequest, run_experiment


def run(config: Path, out: Path, *, resume: bool = False) -> None:
    run_experiment(ExperimentRequest(config=read_experiment(config), out=out, resume=resume))


def test_nothing_is_left_where_a_data_set_cannot_be_made(tmp_path: Path) -> None:
    config = write_experiment(tmp_path)
    with pytest.raises(InputError, match=r"data set made: .*tiles: not a dataset"):
        run(config, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_not_gone_on_with(tmp_path: Path) -> None:
    write_tiles(tmp_path / "tiles")
    with pytest.raises(InputError, match="tiles: not the folder of an experiment"):
        run(write_experiment(tmp_path), tmp_path / "tiles", resume=True)
    assert not (tmp_path / "tiles" / ".lock").exists()


def test_two_runs_are_not_at_work_in_one_folder(tmp_path: Path) -> None:
    write_tiles(tmp_path / "tiles")
    out = tmp_path / "out"
    out.mkdir()
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="out: another process is working on this experiment"):
            run(write_experiment(tmp_path), out, resume=True)
        assert (out / ".lock").exists()


def test_a_cell_that_wants_too_many_tiles_is_named(tmp_path: Path) -> None:
    write_tiles(tmp_path / "tiles")
    config = write_experiment(tmp_path, runs=[{"methods": ["svm"], "train_tiles": [100]}])
    said = r"run made--groups--fold0--svm--seed0--tiles100: 100 training tiles were requested"
    with pytest.raises(InputError, match=said):
        run(config, tmp_path / "out")
    assert not (tmp_path / "out" / ".lock").exists()
    assert not (tmp_path / "out" / "cells").exists()


@pytest.mark.parametrize("tune_tiles", [[0], [1]])
def test_a_transfer_to_other_bands_is_refused(tmp_path: Path, tune_tiles: list[int]) -> None:
    write_tiles(tmp_path / "tiles")
    write_tiles(tmp_path / "others", seed=1, bands=("red", "blue"))
    transfer = {
        "source": "made",
        "split": "groups",
        "methods": ["net"],
        "target": "others",
        "tune_tiles": tune_tiles,
    }
    datasets = {"made": {"tiles": "tiles"}, "others": {"tiles": "others"}}
    config = write_experiment(tmp_path, datasets=datasets, runs=[], transfers=[transfer])
    with pytest.raises(InputError, match=r"from made to others: .*got red,nir and red,blue"):
        run(config, tmp_path / "out")
