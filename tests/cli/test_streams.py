"""What becomes of a command whose reader has gone, or that is told to stop."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PRINTS_AND_WRITES = """
import sys
from pathlib import Path
from landslip.cli.streams import outlive_readers
outlive_readers()
for number in range(20000):
    print("line", number, file=(sys.stdout, sys.stderr)[number % 2])
Path(sys.argv[1]).write_text("complete")
"""
WRITES_FOR_LONG = """
import sys, time, typer
from pathlib import Path
from landslip.cli.errors import handle_errors
from landslip.cli.streams import stop_with_input, stopping_by_signals
from landslip.core.files import atomic_file

@handle_errors
def run() -> None:
    with atomic_file(Path("out.tif"), overwrite=False) as file:
        file.write_text("a half")
        print("begun", flush=True)
        time.sleep(60)

app = typer.Typer()
app.command()(run)
stop_with_input()
with stopping_by_signals():
    app([])
"""


def test_work_is_finished_though_nobody_reads(tmp_path: Path) -> None:
    file = tmp_path / "result"
    command = [sys.executable, "-c", PRINTS_AND_WRITES, str(file)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        process.stdout.close()
        process.stderr.close()
        assert process.wait() == 0
    assert file.read_text() == "complete"


def test_a_full_standard_output_is_one_sentence() -> None:
    command = [sys.executable, "-m", "landslip", "--help"]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 2
    assert result.stderr == (
        "landslip: standard output: cannot be written to its end (No space left on device); give "
        "it another place\n"
    )


def test_names_that_the_terminal_cannot_show_are_escaped(tmp_path: Path) -> None:
    code = "from landslip.cli.streams import outlive_readers; outlive_readers(); print('滑坡')"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "\\u6ed1\\u5761\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["TERM", "HUP"])
def test_signals_leave_nothing_half_written(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITES_FOR_LONG]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=pipe, stderr=pipe, env=os.environ, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        stderr = process.communicate()[1]
    assert process.returncode == 128 + number
    assert stderr == "landslip: stopped; no output was left half-written\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wanted", ["stdin", ""])
def test_the_end_of_the_input_stops_it_if_its_caller_wants_that(
    wanted: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", WRITES_FOR_LONG.replace("(60)", "(0.5)")]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=os.environ | {"LANDSLIP_STOP": wanted},
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.stdin.close()
        process.wait(60)
        assert process.stderr is not None
        stderr = process.stderr.read()
    stopped = "landslip: stopped; no output was left half-written\n"
    assert (process.returncode, stderr) == ((130, stopped) if wanted else (0, ""))
    assert [path.name for path in tmp_path.iterdir()] == ([] if wanted else ["out.tif"])
