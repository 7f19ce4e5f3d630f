"""Runs commands in processes of their own, with the time and the memory they took."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parents[1]

# A process inherits its parent's peak, so commands are started from one that has little memory.
_STARTER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
with open(sys.argv[1], "wb") as output:
    child = subprocess.Popen(sys.argv[2:], stdout=output, stderr=output, stdin=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
seconds = time.perf_counter() - started
code = os.waitstatus_to_exitcode(status)
print(json.dumps({"seconds": seconds, "kib": usage.ru_maxrss, "code": code,
                  "cpu": usage.ru_utime + usage.ru_stime}))
"""
_KEPT_LINES = 8
_THREAD_BOUNDS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GDAL_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessCost:
    """What a whole process took, from its start to its end.

    Attributes:
        seconds: on the clock.
        cpu_seconds: of all cores together.
        peak_mib: the most resident memory it had.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float


class CommandError(RuntimeError):
    """A command that is measured failed."""


def run_measured(command: list[str]) -> ProcessCost:
    """Run a command to its end.

    Raises:
        CommandError: it failed; its last lines are in the text.
    """
    with tempfile.NamedTemporaryFile() as output:
        starter = [sys.executable, "-S", "-E", "-c", _STARTER, output.name]
        done = subprocess.run(
            [*starter, *command], check=True, capture_output=True, text=True, env=environment()
        )
        found = json.loads(done.stdout)
        if found["code"] != 0:
            lines = Path(output.name).read_text(errors="replace").splitlines()[-_KEPT_LINES:]
            raise CommandError(
                "\n".join([" ".join(command), f"ended with {found['code']}", *lines])
            )
    return ProcessCost(
        seconds=found["seconds"], cpu_seconds=found["cpu"], peak_mib=found["kib"] / 1024
    )


def environment() -> dict[str, str]:
    """Return this process's environment, without bounds on threads."""
    return {name: value for name, value in os.environ.items() if name not in _THREAD_BOUNDS}


def run_json(module: str, *words: str) -> Any:
    """Run a module of these benchmarks; return the JSON in the last line that it prints.

    Raises:
        CommandError: it failed.
    """
    command = [sys.executable, "-W", "ignore", "-m", module, *words]
    found = environment() | {"PYTHONPATH": str(BENCHMARKS)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=found)
    if done.returncode != 0:
        lines = done.stderr.splitlines()[-_KEPT_LINES:]
        raise CommandError("\n".join([" ".join(command), f"ended with {done.returncode}", *lines]))
    return json.loads(done.stdout.splitlines()[-1])


def extract_command(scene: Path, model: Path, out: Path, *words: str) -> list[str]:
    """Return the command line of `landslip extract`."""
    start = [sys.executable, "-m", "landslip", "extract", str(scene)]
    return [*start, "--model", str(model), "--out", str(out), *words]
