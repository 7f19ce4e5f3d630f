"""A fresh QGIS profile with the plugin, and `qgis_process` in it."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.factories.qgis import PYTHON
from tests.qgis.plugin_modules import BUILD, ROOT

# Debian's wrapper passes an option that qgis_process does not know
PROGRAMS = ("qgis_process.bin", "qgis_process")
LOADED_LAYERS = Path(__file__).with_name("loaded_layers.py")
_WITHOUT_NAME = ("PYTHONPATH", "VIRTUAL_ENV")


def qgis_process() -> str | None:
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


@dataclass(frozen=True)
class Answer:
    """What a run said."""

    code: int
    text: str

    @property
    def results(self) -> dict[str, str]:
        """What is under the heading of results."""
        lines = self.text.rpartition("Results\n")[2].splitlines()
        pairs = (line.partition(":\t") for line in lines)
        return {name: value for name, found, value in pairs if found}


@dataclass(frozen=True)
class Profile:
    """A folder of settings in which the plugin is installed."""

    folder: Path

    @property
    def plugin_data(self) -> Path:
        return self.folder / "profiles" / "default" / "landslip"

    def command(self, *words: object) -> list[str]:
        program = qgis_process()
        assert program is not None
        return [program, *map(str, words)]

    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in _WITHOUT_NAME}
        runtime = self.folder / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        own = {
            "HOME": str(self.folder),
            "OMP_NUM_THREADS": "1",
            "QGIS_CUSTOM_CONFIG_PATH": str(self.folder),
            "QT_QPA_PLATFORM": "offscreen",
            "XDG_RUNTIME_DIR": str(runtime),
        }
        return kept | own

    def ask(self, *words: object, timeout_s: float = 900) -> Answer:
        done = subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            check=False,
            env=self.variables(),
            timeout=timeout_s,
        )
        return Answer(done.returncode, done.stdout + done.stderr)

    def run(self, algorithm: object, **values: object) -> Answer:
        """Run an algorithm or a model; a colon in a name is written as two underscores."""
        stated = [
            f"{name.replace('__', ':')}={one}"
            for name, value in values.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        return self.ask("run", algorithm, "--", *stated)

    def load(
        self, algorithm: str, days: list[str], time_zone: str = "UTC", **values: object
    ) -> dict[str, Any]:
        """Run an algorithm and load what it makes; see `loaded_layers`."""
        words = [str(PYTHON), str(LOADED_LAYERS), str(self.folder), algorithm, json.dumps(values)]
        done = subprocess.run(
            [*words, *days],
            capture_output=True,
            text=True,
            check=False,
            env=self.variables() | {"TZ": time_zone},
            timeout=900,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def run_until(self, is_time: Callable[[], bool], algorithm: str, **values: object) -> Answer:
        """Run an algorithm and end QGIS when it is time."""
        stated = [f"{name}={value}" for name, value in values.items()]
        process = subprocess.Popen(
            self.command("run", algorithm, "--", *stated),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.variables(),
        )
        deadline = time.monotonic() + 600
        while not is_time() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        text, _ = process.communicate(timeout=600)
        return Answer(process.returncode, text)


def fresh_profile(folder: Path, *, with_command: bool = True) -> Profile:
    """Install the zip into an empty profile; the command is this repository's, where wanted."""
    home = folder / "profiles" / "default"
    (home / "python" / "plugins").mkdir(parents=True)
    (home / "QGIS").mkdir()
    with zipfile.ZipFile(io.BytesIO(BUILD.plugin_zip())) as archive:
        archive.extractall(home / "python" / "plugins")
    if with_command:
        command = folder / "landslip"
        command.write_text(
            f"#!/bin/sh\nPYTHONPATH='{ROOT / 'src'}' exec '{sys.executable}' -m landslip \"$@\"\n"
        )
        command.chmod(0o755)
        settings = f"[Processing]\nConfiguration\\LANDSLIP_COMMAND={command}\n"
        (home / "QGIS" / "QGIS3.ini").write_text(settings)
    profile = Profile(folder)
    enabled = profile.ask("plugins", "enable", "landslip")
    assert enabled.code == 0, enabled.text
    return profile
