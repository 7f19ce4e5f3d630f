"""The whole experiment through its command: run, killed, resumed, refused."""

import fcntl
import hashlib
import signal
import time
from pathlib import Path

import pytest
from tests.experiments.command import TWO, run, start
from tests.experiments.factories import read_results, write_experiment, write_tiles

from landslip.core.errors import InputError
from landslip.experiments.config import read_experiment
from landslip.experiments.experiment import ExperimentRequest, run_experiment
from landslip.experiments.results import Results


def digests(cells: Path) -> dict[str, str]:
    """What lies in finished cells, by path."""
    return {
        str(file.relative_to(cells)): hashlib.sha256(file.read_bytes()).hexdigest()
        for folder in cells.iterdir()
        if not folder.name.endswith(".unfinished")
        for file in folder.rglob("*")
        if file.is_file()
    }


def scores(results: Results) -> dict[str, object]:
    return {
        cell.key.slug: None if cell.scores is None else cell.scores.model_dump()
        for cell in results.cells
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiles, an experiment on them, and what it gave in one go."""
    folder = tmp_path_factory.mktemp("experiment")
    write_tiles(folder / "tiles")
    code, said = run(write_experiment(folder), folder / "whole")
    assert code == 0, said
    return folder


def test_every_cell_is_scored_on_the_test_tiles_of_its_division(made: Path) -> None:
    results = read_results(made / "whole")
    (split,) = results.splits
    assert split.folds[0].tiles == {"train": 6, "val": 2, "test": 4, "unused": 0}
    assert [cell.key.method for cell in results.cells] == ["net", "svm"]
    for cell in results.cells:
        assert cell.scores is not None
        assert cell.split_sha256 == split.folds[0].sha256
        assert len(cell.scores.tiles) == 4
        pixels = sum(tile.tp + tile.fp + tile.fn + tile.tn for tile in cell.scores.tiles)
        assert pixels == 4 * 64 * 64
        assert sum(tile.tp + tile.fn for tile in cell.scores.tiles) == 4 * 400
        assert all(tile.group is not None for tile in cell.scores.tiles)


def test_the_mean_mask_is_scored_on_the_same_tiles_without_asking(made: Path) -> None:
    results = read_results(made / "whole")
    (baseline,) = results.baselines
    assert (baseline.key.method, baseline.trained_on, baseline.validated_on) == ("mean mask", 6, 2)
    assert baseline.scores is not None
    cell = results.cells[0]
    assert cell.scores is not None
    assert [(one.tile_id, one.group, one.tp + one.fn) for one in baseline.scores.tiles] == [
        (one.tile_id, one.group, one.tp + one.fn) for one in cell.scores.tiles
    ]
    assert "mean mask, sees no image" in (made / "whole" / "report.md").read_text()


def test_the_svm_tells_bright_squares_from_the_rest(made: Path) -> None:
    cell = read_results(made / "whole").cells[1]
    assert cell.scores is not None
    tp, fp, fn = (sum(getattr(tile, n) for tile in cell.scores.tiles) for n in ("tp", "fp", "fn"))
    assert 2 * tp / (2 * tp + fp + fn) > 0.6  # squares overlap with the rest in half their values


def test_methods_are_costed_and_the_report_names_them(made: Path) -> None:
    results = read_results(made / "whole")
    net, svm = results.methods["net"], results.methods["svm"]
    assert net.parameters is not None
    assert net.mpix_per_s is not None
    assert svm.parameters is None
    assert svm.mpix_per_s is not None
    for name in ("report.html", "report.md"):
        text = (made / "whole" / name).read_text()
        assert "made by code" in text


@pytest.mark.slow
def test_killed_and_started_again_it_goes_on_and_ends_alike(made: Path) -> None:
    out, config = made / "killed", made / "experiment.yaml"
    with start(config, out) as process:
        cell = out / "cells" / "made--groups--fold0--net--seed0.unfinished"
        wait_for(cell / "model.training")
        process.send_signal(signal.SIGKILL)
    worker_ends(cell)
    assert not (out / "results.json").exists()
    code, said = run(config, out)
    assert code == 2
    assert "already exists; pass --resume to continue" in said
    code, said = run(config, out, "--resume")
    assert code == 0, said
    assert scores(read_results(out)) == scores(read_results(made / "whole"))


@pytest.mark.slow
def test_finished_cells_are_not_touched_by_a_longer_matrix(made: Path) -> None:
    before = digests(made / "whole" / "cells")
    longer = made / "longer"
    longer.mkdir()
    (longer / "tiles").symlink_to(made / "tiles")
    config = write_experiment(longer, runs=[{}, {"methods": ["svm"], "seeds": [1]}])
    code, said = run(config, made / "whole", "--resume")
    assert code == 0, said
    after = digests(made / "whole" / "cells")
    assert len({path.split("/")[0] for path in after}) == 3
    assert {path: after[path] for path in before} == before


def test_a_cell_made_from_other_settings_is_refused(made: Path) -> None:
    changed = made / "changed"
    changed.mkdir()
    (changed / "tiles").symlink_to(made / "tiles")
    config = write_experiment(changed, training={"epochs": 3, "batch_size": 4, "precision": "fp32"})
    before = digests(made / "whole" / "cells")
    request = ExperimentRequest(config=read_experiment(config), out=made / "whole", resume=True)
    with pytest.raises(InputError, match="was made with another training; choose another out"):
        run_experiment(request)
    assert digests(made / "whole" / "cells") == before


def wait_for(path: Path, seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.05)


def worker_ends(cell: Path) -> None:
    """A worker whose parent was killed ends by itself, and lets go of its cell."""
    until = time.monotonic() + 20
    with (cell / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                assert time.monotonic() < until, "a worker outlived its parent"
                time.sleep(0.2)
            else:
                return


def test_a_tile_on_both_sides_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    write_tiles(tmp_path / "tiles", twins=6)
    config = write_experiment(tmp_path, splits={"groups": {"method": "groups"}})
    with pytest.raises(InputError, match="twin"):
        run_experiment(ExperimentRequest(config=read_experiment(config), out=tmp_path / "out"))
    assert not (tmp_path / "out" / "cells").exists()


@pytest.mark.slow
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
    assert "1 of 2 runs failed" in said
    lost, svm = read_results(tmp_path / "out").cells
    assert (lost.state, svm.state) == ("failed", "done")
    assert "no_such_file.safetensors: no such file" in str(lost.problem)
    assert "no_such_file.safetensors" in (tmp_path / "out" / "report.md").read_text()
