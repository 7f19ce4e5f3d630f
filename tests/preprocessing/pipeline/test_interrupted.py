"""Stopped and killed in the middle."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .conftest import CommandRunner, ProductLibrary

_PROGRAM = "from landslip.cli.app import main; main()"


@contextmanager
def started(work: CommandRunner, product: Path, scratch: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the command in a process of its own, and wait until it writes the scene."""
    scratch.mkdir(exist_ok=True)
    words = work.words(product, "--resolution", 0.5)
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *words],
        env=os.environ | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if line.rstrip().endswith("scene ..."):
                    break
            wait_for_windows(work.out, process)
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def wait_for_windows(out: Path, process: subprocess.Popen[str]) -> None:
    """Wait until pixels are on their way to the disk."""
    while not list(out.glob(".*.partial/.*.tif*")):
        assert process.poll() is None, "it ended too early"
        time.sleep(0.01)


def test_ctrl_c_leaves_nothing_behind(work: CommandRunner, library: ProductLibrary) -> None:
    scratch = work.folder / "scratch"
    with started(work, library.summer, scratch) as process:
        assert list(scratch.iterdir()), "the archive was unpacked here"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "no output was left half-written" in said
    assert list(scratch.iterdir()) == []
    assert work.files() == []


def test_after_a_kill_a_second_start_finishes(work: CommandRunner, library: ProductLibrary) -> None:
    with started(work, library.summer, work.folder / "scratch") as process:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    made = work.scene_of(library.summer)
    assert not made.folder.exists(), "no half scene stands in the scene's place"
    work.preprocess(library.summer)
    assert made.stored.any()
    assert work.files() == [made.folder.name], "what the killed run left is gone"
