import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import ModuleType

import pytest
from tests.server.served import write_squares
from typer.testing import CliRunner

import landslip
from landslip.cli.app import app
from landslip.core.errors import InputError, MissingDependencyError


@pytest.mark.slow
def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    write_squares(tmp_path / "squares.gpkg", 4)
    command = [sys.executable, "-m", "landslip", "serve", str(tmp_path), "--port"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    server = subprocess.Popen(
        [*command, "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert server.stdout is not None
    url = server.stdout.readline().strip().removeprefix("landslip serve: ")
    assert url.startswith("http://127.0.0.1:")
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"{url}api/workspace", timeout=20) as response:  # noqa: S310
                assert b"squares.gpkg" in response.read()
            break
        except urllib.error.URLError:
            time.sleep(0.05)
    port = url.rstrip("/").rpartition(":")[2]
    taken = CliRunner().invoke(app, ["serve", str(tmp_path), "--port", port])
    assert taken.exit_code == 2
    assert taken.stderr.count("\n") == 1
    assert f"--port {port} of 127.0.0.1 cannot be used" in taken.stderr
    server.send_signal(signal.SIGINT)
    _, errors = server.communicate(timeout=20)
    assert server.returncode == 0
    assert errors.splitlines() == ["Ctrl-C stops it", "stopped"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nothing"], "no such folder"),
        ([".", "--basemap", "tiles"], "--basemap: an address of tiles is needed"),
        ([".", "--token", "short"], "--token: at least 8"),
        ([".", "--host", "no.such.host.invalid"], "no address of this machine"),
    ],
)
def test_what_cannot_be_served_is_one_sentence(arguments: list[str], why: str) -> None:
    result = CliRunner().invoke(app, ["serve", *arguments, "--port", "0"])
    assert result.exit_code == 2
    assert why in result.stderr
    assert result.stderr.count("\n") == 1


def test_in_a_notebook_a_thread_serves_and_the_page_is_shown(tmp_path: Path) -> None:
    write_squares(tmp_path / "squares.gpkg", 4)
    with landslip.serve(tmp_path) as server:
        with urllib.request.urlopen(f"{server.url}api/workspace") as response:  # noqa: S310
            assert response.status == 200
            assert "http://localhost:*" in response.headers["Content-Security-Policy"]
        shown = server._repr_html_()
        assert f'<iframe src="{server.url}"' in shown
        assert "running" in repr(server)
    assert "stopped" in repr(server)
    assert "<iframe" not in server._repr_html_()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.url, timeout=2)  # noqa: S310
    server.stop()  # again
    with pytest.raises(InputError, match="no such folder"):
        landslip.serve(tmp_path / "nothing")


def test_a_token_is_in_the_address_that_is_printed_and_nowhere_else(tmp_path: Path) -> None:
    with landslip.serve(tmp_path, host="0.0.0.0") as server:  # noqa: S104
        address, _, token = server.url.partition("#token=")
        assert len(token) >= 32
        assert token not in repr(server)
        assert address.startswith("http://")


def test_without_its_packages_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in sys.modules if name.startswith("landslip.server.")]:
        if name != "landslip.server.start":
            monkeypatch.delitem(sys.modules, name)
    missing: ModuleType | None = None
    monkeypatch.setitem(sys.modules, "fastapi", missing)
    monkeypatch.setitem(sys.modules, "uvicorn", missing)
    with pytest.raises(MissingDependencyError, match=r"pip install 'landslip\[serve\]'"):
        landslip.serve(tmp_path)
    result = CliRunner().invoke(app, ["serve", str(tmp_path)])
    assert result.exit_code == 2
    assert "pip install 'landslip[serve]'" in result.stderr
