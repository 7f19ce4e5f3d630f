"""The notebooks run from an empty folder, and stay small."""

import json
import os
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))
_MAX_BYTES = 400_000
_TIMEOUT_S = 600


def test_there_are_two_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["map_a_scene", "train_and_compare"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_kept_of_a_notebook_is_small_and_ran_to_its_end(path: Path) -> None:
    assert path.stat().st_size < _MAX_BYTES
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))  # in order, from a fresh kernel
    kinds = {output["output_type"] for cell in cells for output in cell.get("outputs", ())}
    assert "error" not in kinds


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = Path(sys.executable).parent  # of the environment that the tests run in
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(path, as_version=4)
    place = tmp_path / "place"
    place.mkdir()
    nbclient.NotebookClient(
        notebook,
        timeout=_TIMEOUT_S,
        startup_timeout=_TIMEOUT_S,
        resources={"metadata": {"path": str(place)}},
    ).execute()
    written = {"map_a_scene": "report.html", "train_and_compare": "EXPERIMENT/report.html"}
    assert (place / written[path.stem]).stat().st_size > 10_000
