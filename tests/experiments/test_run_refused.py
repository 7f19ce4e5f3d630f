"""What stops a whole experiment, and what stops only a cell of it."""

from pathlib import Path

from tests.experiments.command import TWO, run
from tests.experiments.made import write_experiment, write_tiles

from landslip.experiments.results import read_results


def test_a_tile_on_both_sides_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    write_tiles(tmp_path / "tiles", twins=6)
    config = write_experiment(tmp_path, splits={"groups": {"method": "groups"}})
    code, said = run(config, tmp_path / "out")
    assert code == 2
    assert "twin" in said
    assert not (tmp_path / "out" / "cells").exists()


def test_a_cell_that_cannot_be_run_is_told_and_the_others_are_run(tmp_path: Path) -> None:
    write_tiles(tmp_path / "tiles")
    methods = {
        "lost": {"arch": "linknet", "encoder": "resnet10t"},
        "svm": {"arch": "svm", "svm": {"pixels_per_class": 50}},
    }
    weights = {"resnet10t": "no_such_file.safetensors"}
    config = write_experiment(tmp_path, methods=methods, encoder_weights=weights)
    code, said = run(config, tmp_path / "out", *TWO)
    assert code == 2
    assert "1 of 2 cells could not be run" in said
    lost, svm = read_results(tmp_path / "out").cells
    assert (lost.state, svm.state) == ("failed", "done")
    assert "no_such_file.safetensors: no such file" in str(lost.problem)
    assert "no_such_file.safetensors" in (tmp_path / "out" / "report.md").read_text()
