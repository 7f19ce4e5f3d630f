"""Finds a Python that can make the environment; QGIS's own is not sys.executable everywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from .process import short_command

MIN_PYTHON = (3, 11)
_PROBE = "import ensurepip, json, sys, venv; print(json.dumps(sys.version_info[:3]))"


class SetupError(Exception):
    """An environment that cannot be made or used, in a sentence that says what to do."""


def find_python(named: str = "") -> Path:
    """Return a Python that can make the environment: the one that is named, else the first found.

    Raises:
        SetupError: there is none.
    """
    if named.strip():
        path = Path(named.strip()).expanduser()
        check_python(path)
        return path
    for path in _pythons():
        try:
            check_python(path)
        except SetupError:
            continue
        return path
    needed = ".".join(map(str, MIN_PYTHON))
    raise SetupError(
        f"no Python {needed} or newer with the modules venv and ensurepip was found; install one "
        "(on Debian and Ubuntu: apt install python3-venv; else from python.org) and name it as "
        "`Python`"
    )


def _pythons() -> list[Path]:
    """Return the interpreters that may be there, QGIS's own first."""
    own = Path(sys.executable)  # on Windows and macOS that is QGIS itself
    found = [
        Path(sys.exec_prefix) / "bin" / "python3",
        Path(sys.exec_prefix) / "python.exe",
        own.parent / "bin" / "python3",
        own.parent / "python3.exe",
    ]
    if own.stem.lower().startswith("python"):
        found.append(own)
    for minor in range(13, MIN_PYTHON[1] - 1, -1):
        found += [Path(one) for one in (shutil.which(f"python3.{minor}"),) if one]
    found += [Path(one) for one in map(shutil.which, ("python3", "python", "py")) if one]
    return [path for path in dict.fromkeys(found) if path.is_file()]


def check_python(path: Path) -> None:
    """Refuse a Python that cannot make the environment.

    Raises:
        SetupError: it is too old, or lacks venv or ensurepip.
    """
    try:
        done = short_command([str(path), "-c", _PROBE])
        version = tuple(json.loads(done.stdout)) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise SetupError(f"{path}: not a Python interpreter that runs ({error})") from error
    if version is None:
        raise SetupError(
            f"{path}: not a Python with the modules venv and ensurepip; on Debian and Ubuntu: "
            "apt install python3-venv"
        )
    if version < MIN_PYTHON:
        found, needed = (".".join(map(str, one)) for one in (version, MIN_PYTHON))
        raise SetupError(f"{path}: Python {found}; landslip needs {needed} or newer")
