"""Commands that the plugin runs: what it hears of them, and how they are stopped."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.qgis.plugin_modules import ROOT, plugin_module

process = plugin_module("process")


class Heard(process.Listener):  # type: ignore[misc,name-defined]
    """Keeps all; cancels once a line was heard."""

    def __init__(self, cancel_at: str = "") -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.stages: list[tuple[str, float]] = []
        self._cancel_at = cancel_at

    def is_cancelled(self) -> bool:
        return bool(self._cancel_at) and self._cancel_at in self.lines

    def line(self, text: str) -> None:
        self.lines.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def progress(self, stage: str, share: float) -> None:
        self.stages.append((stage, share))


def run(code: str, listener: Any, grace_s: float = 20.0) -> Any:
    return process.run_command(
        [sys.executable, "-u", "-c", code], listener, grace_s, is_landslip=False
    )


def test_what_a_command_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/of/qgis")
    heard = Heard()
    ending = run(
        "import os, sys\n"
        "print(os.environ['LANDSLIP_PROGRESS'], os.environ.get('PYTHONPATH'))\n"
        'print(\'{"stage": "extract", "progress": 0.25}\', file=sys.stderr)\n'
        "print('warning: 滑坡', file=sys.stderr)\n"
        "print('landslip: dem.tif: not found', file=sys.stderr)\n"
        "sys.exit(2)",
        heard,
    )
    assert heard.lines == ["json None"]
    assert heard.stages == [("extract", 0.25)]
    assert heard.warnings == ["滑坡"]
    assert (ending.code, ending.error, ending.is_cancelled) == (2, "dem.tif: not found", False)


def test_the_sentence_of_words_that_a_command_does_not_take() -> None:
    ending = run("print('Usage: x\\n\\nError: No such option: --x'); exit(2)", Heard())
    assert ending.error == "No such option: --x"


def test_a_cancelled_command_cleans_up(tmp_path: Path) -> None:
    ending = run(
        "import pathlib, time\n"
        "try:\n"
        "    print('begun'); time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        f"    pathlib.Path({str(tmp_path / 'cleaned')!r}).touch(); raise SystemExit(130)",
        Heard(cancel_at="begun"),
    )
    assert ending.is_cancelled
    assert ending.code == 130
    assert (tmp_path / "cleaned").exists()


def test_landslip_stops_at_the_end_of_its_input() -> None:
    code = (
        "import signal, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from landslip.cli.streams import stop_with_input; stop_with_input()\n"
        "try:\n"
        "    print('begun'); time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)"
    )
    heard = Heard(cancel_at="begun")
    path = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
    ending = process.run_command([sys.executable, "-u", "-c", path + code], heard)
    assert (ending.code, ending.is_cancelled) == (130, True)


def test_one_that_does_not_stop_is_killed_with_those_it_started(tmp_path: Path) -> None:
    child = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); "
    begun = time.monotonic()
    ending = run(
        "import signal, subprocess, sys, time, pathlib\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        f"subprocess.Popen([sys.executable, '-c', {child + 'time.sleep(60)'!r}])\n"
        f"while not pathlib.Path({str(tmp_path / 'pid')!r}).exists(): time.sleep(0.01)\n"
        "time.sleep(0.1); print('begun'); time.sleep(60)",
        Heard(cancel_at="begun"),
        grace_s=0.3,
    )
    assert ending.is_cancelled
    assert ending.code < 0
    assert time.monotonic() - begun < 20
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if is_gone(pid):
            return
        time.sleep(0.05)
    pytest.fail("the child lives on")


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return True
    return state == "Z"  # nobody waits for it in some containers
