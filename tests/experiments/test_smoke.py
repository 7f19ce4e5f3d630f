"""The configuration that users try first, from synthetic products to the report."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.experiments.factories import read_results

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"


@pytest.mark.slow
def test_every_part_of_an_experiment_runs_once(tmp_path: Path) -> None:
    out = tmp_path / "experiment"
    command = [sys.executable, "-m", "landslip", "experiment", str(SMOKE)]
    done = subprocess.run(
        [*command, "--out", str(out), "--jobs", "2"],
        capture_output=True,
        check=False,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    results = read_results(out)
    assert {cell.state for cell in results.cells} == {"done"}
    assert {cell.key.method for cell in results.cells} == set(results.methods)
    assert {split.method for split in results.splits} == {"random", "blocks"}
    tuned = [cell for cell in results.cells if cell.key.target is not None]
    assert sorted((cell.key.target_fold, cell.trained_on) for cell in tuned) == [
        (0, 0), (0, 2), (1, 0), (1, 2)
    ]  # fmt: skip
    few = [cell for cell in results.cells if cell.key.train_tiles is not None]
    assert [cell.trained_on for cell in few] == [20]
    page = (out / "report.html").read_text()
    assert not re.search(r'(src|href)="https?:', page)
    assert "ground that the model was trained on" in page
    assert (out / "figure6_ground-2013.png").stat().st_size > 10_000
