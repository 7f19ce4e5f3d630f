"""Where landslip is: in an environment that the plugin makes, or in one that the user names."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .interpreters import SetupError, check_python
from .process import Listener, run_command, short_command

REQUIREMENT = "landslip"
_READY = "ready.json"
_PACKAGES = 70  # about as many are installed
_ENDS = "Scripts" if os.name == "nt" else "bin"
_VERSION = re.compile(r"landslip (\S+)")


@dataclass(frozen=True)
class Package:
    """What is installed.

    Attributes:
        requirement: as pip takes it: a name, with a version, an address, a file or a folder.
        wheels: folder of wheels; with it no index is asked.
    """

    requirement: str = REQUIREMENT
    wheels: Path | None = None


class PrivateEnvironment:
    """The virtual environment of the plugin, in a folder of the user's profile.

    A new one is made beside the old, which is used until the new one is complete.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def current(self) -> Path | None:
        """The complete environment, the newest where there are several."""
        return max(self._all(is_ready=True), key=_number, default=None)

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def make(self, python: Path, package: Package, listener: Listener) -> str:
        """Make a new environment and return the version of landslip in it.

        Raises:
            SetupError: it cannot be made, or was cancelled; the old one is as it was.
        """
        check_python(python)
        number = max((_number(one) for one in self._all()), default=0) + 1
        made = self.folder / f"environment-{number}"
        made.mkdir(parents=True)
        is_ready = False
        try:
            _install(python, made, package, listener)
            version = landslip_version(environment_command(made))
            record = {"landslip": version, "python": str(python)}
            (made / _READY).write_text(json.dumps(record), encoding="utf-8")
            is_ready = True
        finally:
            for one in self._all():
                if is_ready != (one == made) and (is_ready or one == made):
                    shutil.rmtree(one, ignore_errors=True)
        return version

    def _all(self, is_ready: bool = False) -> list[Path]:
        found = self.folder.glob("environment-*")
        return [one for one in found if not is_ready or (one / _READY).is_file()]


def _number(folder: Path) -> int:
    text = folder.name.rpartition("-")[2]
    return int(text) if text.isdigit() else 0


def find_command(named: str, private: PrivateEnvironment) -> list[str]:
    """Return the words that start landslip.

    Args:
        named: a Python interpreter, the program landslip, or the folder of a virtual environment;
            empty: the private environment.
        private: used where nothing is named.

    Raises:
        SetupError: there is none.
    """
    if not named.strip():
        if private.current is None:
            raise SetupError(
                "landslip is not installed yet: run `Set up landslip` of the toolbox once, or name "
                "a Python that has landslip in the options (Processing, Providers, landslip)"
            )
        return environment_command(private.current)
    path = Path(named.strip()).expanduser()
    if path.is_dir():
        return environment_command(path)
    if not path.is_file():
        raise SetupError(
            f"{path}: not found; name a Python interpreter, the program landslip or the folder of "
            "a virtual environment in the options (Processing, Providers, landslip)"
        )
    if path.stem.lower().startswith("python"):
        return [str(path), "-m", "landslip"]
    return [str(path)]


def environment_command(folder: Path) -> list[str]:
    """Return the words that start the landslip of a virtual environment.

    Raises:
        SetupError: the folder has no Python.
    """
    for name in ("python3", "python", "python.exe"):
        python = folder / _ENDS / name
        if python.is_file():
            return [str(python), "-m", "landslip"]
    raise SetupError(f"{folder}: not a virtual environment, there is no {_ENDS}/python in it")


def landslip_version(command: list[str]) -> str:
    """Return the version of a landslip.

    Raises:
        SetupError: it does not start.
    """
    shown = " ".join(command)
    try:
        done = short_command([*command, "--version"])
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{shown}: cannot be run ({error})") from error
    found = _VERSION.search(done.stdout)
    if done.returncode or found is None:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        reason = f" ({last[0][:200]})" if last else ""
        raise SetupError(f"{shown}: this is no landslip that runs{reason}")
    return found[1]


def differing_version(installed: str, plugin: str) -> str | None:
    """Return a warning where landslip and plugin are not of one version (its first two numbers)."""
    if installed.split(".")[:2] == plugin.split(".")[:2]:
        return None
    return (
        f"landslip is {installed} and the plugin {plugin}: options may differ; run `Set up "
        "landslip` to upgrade, or install the plugin of that version"
    )


def _install(python: Path, made: Path, package: Package, listener: Listener) -> None:
    """Make a virtual environment and install the package into it."""
    listener.progress("venv", 0.0)
    _run([str(python), "-m", "venv", str(made)], _Steps(listener, 0.02, 0.1, 1), "made")
    pip = [environment_command(made)[0], "-m", "pip", "install", "--disable-pip-version-check"]
    pip += ["--no-input", "--progress-bar", "off", "--prefer-binary"]
    if package.wheels is not None:
        pip += ["--no-index", "--find-links", str(package.wheels)]
    _run([*pip, package.requirement], _Steps(listener, 0.1, 0.95, _PACKAGES), "filled")


class _Steps(Listener):
    """Counts packages as progress, and keeps what went wrong."""

    def __init__(self, listener: Listener, start: float, end: float, steps: int) -> None:
        self._listener, self._start, self._span, self._steps = listener, start, end - start, steps
        self._done, self.problems = 0, list[str]()

    def is_cancelled(self) -> bool:
        return self._listener.is_cancelled()

    def line(self, text: str) -> None:
        if text.startswith("ERROR: "):
            self.problems.append(text.partition(": ")[2])
        if text.lstrip().startswith(("Collecting ", "Processing ")):
            self._done += 1
            share = min(self._done / self._steps, 1) * 0.7  # then they are unpacked
            self._listener.progress("pip", self._start + self._span * share)
        self._listener.line(text)


def _run(words: list[str], steps: _Steps, verb: str) -> None:
    try:
        ending = run_command(words, steps, is_landslip=False)
    except OSError as error:
        raise SetupError(f"{words[0]}: cannot be run ({error})") from error
    if ending.is_cancelled:
        raise SetupError("stopped; what was there before is unchanged")
    if ending.code:
        reason = steps.problems[-1] if steps.problems else f"exit code {ending.code}, see the log"
        raise SetupError(f"the environment could not be {verb}: {reason}")
