"""No package that landslip builds on sends anything, or leaves an identifier in the home folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# whatever a process or its children look up or connect to, but for files and this machine
SPY = """
import os, socket

def note(what):
    with open(os.environ["SPY_LOG"], "a") as log:
        print(what, file=log)

def spied(name):
    before = getattr(socket, name)
    def look_up(host, *args, **kwargs):
        if host not in (None, "", "localhost", "127.0.0.1", "::1"):
            note(f"{name} {host}")
        return before(host, *args, **kwargs)
    return look_up

for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
    setattr(socket, name, spied(name))

class Socket(socket.socket):
    def connect(self, address):
        if not isinstance(address, (str, bytes)) and address[0] not in ("127.0.0.1", "::1"):
            note(f"connect {address}")
        return super().connect(address)

socket.socket = Socket
"""
OPENVINO = """
import numpy as np
from openvino import Core, Model, convert_model, opset13 as ops
import landslip.models.engines.openvino
x = ops.parameter([1], np.float32)
Core().compile_model(Model([ops.relu(x)], [x]), "CPU")
"""
CHILD = """
import multiprocessing
from importlib import import_module
if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(
        target=import_module, args=["landslip.models.engines.openvino"]
    )
    child.start()
    child.join()
    assert child.exitcode == 0
"""


def lookups_and_files(tmp_path: Path, code: str, home: dict[str, str] | None = None) -> list[str]:
    """Run code in a process of its own; return what it looked up and wrote into the home folder."""
    for name in ("spy", "home"):
        (tmp_path / name).mkdir()
    for name, text in (home or {}).items():
        (tmp_path / "home" / name).parent.mkdir(parents=True)
        (tmp_path / "home" / name).write_text(text)
    (tmp_path / "spy" / "sitecustomize.py").write_text(SPY)
    (tmp_path / "program.py").write_text(code)
    log = tmp_path / "log"
    log.touch()
    paths = [str(tmp_path / "spy"), *filter(None, [os.environ.get("PYTHONPATH")])]
    names = ("CI", "RAY_USAGE_STATS_ENABLED", "DO_NOT_TRACK", "ORT_DISABLE_TELEMETRY")
    unset = {key: value for key, value in os.environ.items() if key not in names}
    place = {"HOME": str(tmp_path / "home"), "SPY_LOG": str(log), "PYTHONPATH": ":".join(paths)}
    result = subprocess.run(
        [sys.executable, tmp_path / "program.py"],
        env=unset | place,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    # the font list is matplotlib's cache
    written = {
        str(path.relative_to(tmp_path / "home"))
        for path in (tmp_path / "home").rglob("*")
        if path.is_file() and "matplotlib" not in path.parts
    }
    return [*log.read_text().splitlines(), *sorted(written - set(home or {}))]


@pytest.mark.parametrize(
    "home",
    [
        pytest.param({}, id="nothing decided"),
        pytest.param({"intel/openvino_telemetry": "1"}, id="opted in for other programs"),
    ],
)
def test_openvino_is_silent(home: dict[str, str], tmp_path: Path) -> None:
    assert lookups_and_files(tmp_path, f"import landslip{OPENVINO}", home) == []
    for name, text in home.items():
        assert (tmp_path / "home" / name).read_text() == text


def test_openvino_is_silent_in_child_processes(tmp_path: Path) -> None:
    assert lookups_and_files(tmp_path, CHILD) == []


def test_onnx_runtime_is_silent(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    assert lookups_and_files(tmp_path, "import landslip.models.engines.onnx") == []


@pytest.mark.slow
def test_nncf_is_silent(tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    assert lookups_and_files(tmp_path, "import landslip, nncf; nncf.Dataset([0])") == []


@pytest.mark.slow
def test_ray_is_silent(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    code = """
from landslip.inference.ray.session import connected
with connected("auto"):
    import os, ray
    start = ray.remote(lambda: os.environ["RAY_USAGE_STATS_ENABLED"])
    assert ray.get(start.remote()) == "0"
"""
    assert lookups_and_files(tmp_path, code) == []
