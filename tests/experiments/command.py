"""The command under test, as a process."""

import os
import subprocess
import sys
from pathlib import Path

TWO = ("--jobs", "2")  # the number of threads, and with it rounding, follows from it


def start(config: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "landslip",
        "experiment",
        str(config),
        "--out",
        str(out),
        *more,
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def run(config: Path, out: Path, *more: str) -> tuple[int, str]:
    with start(config, out, *more) as process:
        _, said = process.communicate()
        return process.returncode, said
