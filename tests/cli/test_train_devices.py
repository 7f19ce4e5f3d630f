"""What ``landslip train`` refuses before it starts other processes."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from tests.factories.datasets import make_tile, write_dataset
from typer.testing import CliRunner

from landslip.cli.app import app
from landslip.datasets.splits.assignment import SplitPlan


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    label = np.eye(32, dtype=np.uint8)
    pictures = [np.full((3, 32, 32), 10 * at, dtype=np.uint8) for at in range(10)]
    tiles = [make_tile(f"t{at}", picture, label) for at, picture in enumerate(pictures)]
    plan = SplitPlan(test_share=0.2, val_share=0.2, seed=0)
    return write_dataset(tmp_path_factory.mktemp("tiles"), tiles, plan=plan).path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--devices", "0"], "--devices is a whole number from 1 to 4,096; got 0"),
        (["--num-nodes", "0"], "--num-nodes is a whole number from 1 to 4,096; got 0"),
        (["--devices", "2", "--num-nodes", "2"], "MASTER_ADDR, MASTER_PORT, NODE_RANK not set"),
        (["--devices", "2", "--strategy", "fsdp"], "'fsdp' is not one of"),
        (
            ["--devices", "3"],
            "4 tiles cannot be divided evenly among 3 processes (--devices times --num-nodes)",
        ),
    ],
    ids=["no device", "no node", "unknown nodes", "strategy", "batch"],
)
def test_what_cannot_be_shared_is_refused(
    words: list[str],
    message: str,
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = ModuleType("__main__")  # a file, which the program of pytest's processes is not
    program.__file__ = __file__
    monkeypatch.setitem(sys.modules, "__main__", program)
    for name in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    command = ["train", str(dataset), "--out", str(tmp_path / "model"), "--batch-size", "4"]
    command += ["--encoder", "test_resnet", "--encoder-weights", "none", *words]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []
