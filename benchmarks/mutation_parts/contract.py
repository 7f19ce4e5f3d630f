"""Runs a command in a process of its own and checks what every command promises."""

import hashlib
import os
import re
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from landslip.core.errors import excerpt

NOT_APPLICABLE = 77
MAX_SECONDS = 120
_MAX_MEMORY = 12 * 2**30
_MAX_FILE = 2 * 2**30
_LONGEST = 1300
_CONTROL = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f]")
_WARNING = re.compile(r"^\S+:\d+: \w*Warning: ", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command with one thing wrong.

    Attributes:
        command: its words; ``{inputs}``, ``{out}`` stand for folders.
        what: what is wrong, for the table.
        names: names of files or options, one of which the message should have.
        mutate: changes the inputs; None where an option is wrong.
        changes: names of inputs that the command may change.
        needs: names of inputs besides those in the words.
    """

    command: tuple[str, ...]
    what: str
    names: tuple[str, ...]
    mutate: Callable[[Path], None] | None = None
    changes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a case ended."""

    case: Case
    code: int
    seconds: float
    stderr: str
    violations: tuple[str, ...]


def run_case(case: Case, base: Path, folder: Path) -> Outcome | None:
    """Run a case on copies of the inputs it names; None where nothing could be changed."""
    shutil.rmtree(folder, ignore_errors=True)
    inputs, out, here = (folder / name for name in ("inputs", "results", "here"))
    for path in (inputs, out, here):
        path.mkdir(parents=True)
    words = " ".join(case.command)
    for path in sorted(base.iterdir()):
        if f"{{inputs}}/{path.name}" in words or path.name in case.needs:
            if path.is_dir():
                shutil.copytree(path, inputs / path.name)
            else:
                shutil.copy2(path, inputs / path.name)
    started = time.monotonic()
    process = os.fork()
    if process == 0:
        _become(case, inputs, out, here, folder)
    code = _wait(process, started)
    seconds = time.monotonic() - started
    if code == NOT_APPLICABLE:
        return None
    stderr = (folder / "stderr").read_text("utf-8", "replace")
    stdout = (folder / "stdout").read_text("utf-8", "replace")
    violations = [
        *_said(case, code, stderr, stdout),
        *_left(case, code, inputs, out, here, (folder / "before").read_text()),
    ]
    return Outcome(
        case=case, code=code, seconds=seconds, stderr=stderr, violations=tuple(violations)
    )


def _become(case: Case, inputs: Path, out: Path, here: Path, folder: Path) -> None:
    """Change the inputs and run the command; never returns."""
    code = 1
    try:
        if case.mutate is not None:
            try:
                case.mutate(inputs)
            except Exception:
                (folder / "mutation").write_text(traceback.format_exc())
                os._exit(NOT_APPLICABLE)
        (folder / "before").write_text(_listing(inputs, case))
        os.chdir(here)
        for name, number in (("stdout", 1), ("stderr", 2)):
            file = os.open(folder / name, os.O_WRONLY | os.O_CREAT)
            os.dup2(file, number)
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE, _MAX_FILE))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        warnings.resetwarnings()
        warnings.simplefilter("default")
        from landslip.cli.app import app

        words = [word.format(inputs=inputs, out=out) for word in case.command]
        app(words, prog_name="landslip")
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(process: int, started: float) -> int:
    while time.monotonic() - started < MAX_SECONDS:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return -signal.SIGKILL


def _said(case: Case, code: int, stderr: str, stdout: str) -> list[str]:
    found = []
    if code == -signal.SIGKILL:
        return ["hangs"]
    if code not in (0, 2):
        found.append(f"exit code {code}")
    if "Traceback" in stderr:
        found.append("traceback")
    if _WARNING.search(stderr):
        found.append("warning of Python")
    if _CONTROL.search(stderr) or _CONTROL.search(stdout):
        found.append("control characters")
    if any(len(line) > _LONGEST for line in stderr.splitlines()):
        found.append("long message")
    if code == 2:
        said = [line for line in stderr.splitlines() if line.startswith(("landslip: ", "Error: "))]
        if not said:
            found.append("no message")
        elif not any(excerpt(name) in " ".join(said) for name in case.names):
            found.append("message without the name")
    return found


def _left(case: Case, code: int, inputs: Path, out: Path, here: Path, before: str) -> list[str]:
    found = []
    # but where an option names them
    if any(not any(w.startswith(path.name) for w in case.command) for path in here.iterdir()):
        found.append("files in the current folder")
    if before != _listing(inputs, case):
        found.append("inputs changed")
    left = [path for path in out.rglob("*") if ".work" not in str(path)]
    work = [path for path in out.glob(".*.work") if not (path / "windows.zarr").exists()]
    if code != 0 and (left or work):
        found.append(f"left behind: {(left or work)[0].name}")
    if code == 0 and any(path.name.endswith((".partial", ".work")) for path in out.iterdir()):
        found.append("unfinished work left")
    return found


def _listing(folder: Path, case: Case) -> str:
    lines = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name.partition("/")[0] in case.changes:
            continue
        is_file = path.is_file() and not path.is_symlink()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if is_file else "-"
        lines.append(f"{name} {digest}")
    return "\n".join(lines)
