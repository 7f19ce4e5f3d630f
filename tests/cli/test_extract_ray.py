"""`landslip extract --ray auto` as users run it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.inference.ray.factories import contents, make_model, write_scene
from typer.testing import CliRunner

from landslip.cli.app import app


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("given")
    make_model(folder / "model")
    write_scene(folder / "scene.tif", (300, 400))
    return folder


def words(folder: Path, out: Path, *more: str) -> list[str]:
    fixed = ["--engine", "openvino", "--precision", "fp32", "--tile", "64", "--overlap", "32"]
    start = ["extract", str(folder / "scene.tif"), "--model", str(folder / "model")]
    return [*start, "--out", str(out), *fixed, *more]


def refused(folder: Path, out: Path, *more: str) -> str:
    result = CliRunner().invoke(app, words(folder, out, *more))
    assert result.exit_code == 2, result.output
    assert not out.exists()
    return result.output.removeprefix("landslip: ").strip()


def interrupted(command: list[str], folder: Path, windows: Path) -> str:
    """Send Ctrl-C to a command and all it has begun, once a few windows are there."""
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=folder, start_new_session=True
    )
    while len(list(windows.glob("c/*/*/*/*"))) < 3:
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    return told


@pytest.mark.timeout(240)
@pytest.mark.slow
def test_ctrl_c_ends_the_cluster_and_the_same_command_goes_on(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    CliRunner().invoke(app, words(folder, tmp_path / "here"))
    more = ["--ray", "auto", "--workers", "2", "--store", str(tmp_path / "store")]
    command = [sys.executable, "-m", "landslip", *words(folder, tmp_path / "out", *more)]
    told = interrupted(command, folder, tmp_path / "store" / "out.windows.zarr")
    assert re.sub(r"extract: .*\n", "", told) == (
        "landslip: stopped; no output was left half-written\n"
    )
    assert not (tmp_path / "out").exists()
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    assert re.sub(r"(extract|warning): .*\n", "", done.stderr) == ""
    assert contents(tmp_path / "out") == contents(tmp_path / "here")
    summary = (tmp_path / "out" / "summary.json").read_text()
    assert not re.search(r'"kept_windows_share": 0\.0,', summary)
    assert list((tmp_path / "store").iterdir()) == []


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "auto "])
def test_addresses_that_are_none(address: str, folder: Path, tmp_path: Path) -> None:
    assert (
        refused(folder, tmp_path / "out", "--ray", address)
        == (
            "--ray must be auto, or HOST:PORT of a cluster that this machine belongs to; "
            f"got {address}"
        ).strip()
    )


def test_an_empty_address(folder: Path, tmp_path: Path) -> None:
    message = refused(folder, tmp_path / "out", "--ray", "")
    assert message == "--ray is empty; give a value or leave it out"


@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_cluster_that_does_not_answer(
    how: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    address = "127.0.0.1:1"
    if how == "environment":
        monkeypatch.setenv("RAY_ADDRESS", address)
    stated = address if how == "option" else "auto"
    assert refused(folder, tmp_path / "out", "--ray", stated) == (
        f"--ray {address}: no Ray cluster answers there; see `ray status` on its machines, or use "
        "--ray auto"
    )
    assert not (tmp_path / ".out.work").exists()


def test_ray_is_not_installed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landslip.inference.ray.session.find_spec", lambda name: None)
    assert refused(folder, tmp_path / "out", "--ray", "auto") == (
        "--ray: ray is not installed; install landslip[cloud]"
    )


@pytest.mark.parametrize(
    ("store", "message"),
    [
        pytest.param(
            "memory://windows",
            "--store must be a folder, or an address that starts with file://, s3://, gs:// or "
            "az://; got memory://",
            id="of one process",
        ),
        pytest.param(
            "s3://key:secret@bucket/windows",
            "--store must not hold passwords or signatures; object stores find theirs in the "
            "environment (AWS_ACCESS_KEY_ID and so on)",
            id="with a password",
        ),
    ],
)
def test_stores_that_cannot_be_used(store: str, message: str, folder: Path, tmp_path: Path) -> None:
    assert refused(folder, tmp_path / "out", "--store", store) == message
