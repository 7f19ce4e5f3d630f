"""What ``landslip doctor`` says of this installation, and of a broken one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from landslip.cli.app import app


def test_what_works_is_said_to_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    result = CliRunner().invoke(app, ["doctor", str(tmp_path), "--no-speed", "--json"])
    assert result.exit_code == 0, result.output
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    for name in ("Cloud-Optimized GeoTIFF", "GeoPackage", "GeoParquet", "coordinate systems"):
        assert checks[name]["status"] == "ok", checks[name]
    assert checks["threads"]["value"].startswith("OMP_NUM_THREADS=1")
    assert "unset" in checks["threads"]["advice"]
    assert str(tmp_path) in checks["disk"]["value"]
    assert list(tmp_path.iterdir()) == []
    assert not [name for name in checks if name.startswith("engine")]


def test_broken_packages_are_named_with_a_remedy_and_no_secret_is_shown(tmp_path: Path) -> None:
    (tmp_path / "isal").mkdir()
    (tmp_path / "isal" / "__init__.py").write_text("raise ImportError('libisal.so: no such file')")
    old = tmp_path / "affine-2.4.0.dist-info"
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: affine\nVersion: 2.4.0\n")
    secrets = {"HF_TOKEN": "hf_s3cret", "AWS_SECRET_ACCESS_KEY": "s3cret", "OMP_NUM_THREADS": "1"}
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "landslip", "doctor", str(tmp_path), "--no-speed"],
        env={**os.environ, **secrets, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "X isal: " in done.stdout
    assert "libisal.so: no such file" in done.stdout
    assert "X affine: 2.4.0, and landslip needs >=3.0" in done.stdout
    assert "pip install 'affine>=3.0'" in done.stdout
    assert done.stdout.endswith("landslip does not work here: affine, isal\n")
    assert "s3cret" not in done.stdout + done.stderr


@pytest.mark.slow  # the measurement is of 20 seconds
def test_speeds_are_measured_and_their_files_removed(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    checks = {check["name"]: check["value"] for check in json.loads(result.stdout)["checks"]}
    assert float(checks["engine in fp32"].split(" GFLOP/s")[0]) > 0.1
    assert float(checks["writing rasters"].split(" MPix/s")[0]) > 0.1
    assert float(checks["disk"].split(" MB/s")[0]) > 0.1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused() -> None:
    result = CliRunner().invoke(app, ["doctor", "nowhere"])
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
