"""The blocks of the pages run for real, in their order; what is not run is listed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.blocks import Block, NotRun, Run, all_pages, page_blocks
from tests.docs.command_lines import console_commands
from tests.docs.folders import FOLDERS, Folders

BLOCKS = [block for path in all_pages() for block in page_blocks(path)]
CHAPTERS: dict[str, list[Block]] = {}
"""Blocks that run in one folder, by page and the folder's name."""
for _block in BLOCKS:
    if isinstance(_block.marker, Run):
        CHAPTERS.setdefault(f"{_block.page}-{_block.marker.folder}", []).append(_block)
INTERPRETER = """
import json, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    place, code = json.loads(line)
    try:
        exec(compile(code, place, "exec"), names)
        failed = None
    except BaseException:
        failed = traceback.format_exc()
    print("\\n" + json.dumps({"failed": failed}), flush=True)
"""
SKIPPED = [block for block in BLOCKS if isinstance(block.marker, NotRun)]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("folders"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_blocks_run(chapter: str, folders: Folders, tmp_path: Path) -> None:
    blocks = CHAPTERS[chapter]
    marker = blocks[0].marker
    assert isinstance(marker, Run)
    place = tmp_path / "page"
    folders.copy(marker.folder, place)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MPLBACKEND": "agg",
    }
    python = Interpreter(place, environment)
    with python.process:
        for block in blocks:
            if block.language == "python":
                failed = python.run(block)
                assert failed is None, f"{block.place}\n{failed}"
                continue
            text = block.run_text
            shell = console_commands(text) if block.language == "console" else text
            ended = subprocess.run(
                ["/bin/bash", "-euo", "pipefail", "-c", shell],
                cwd=place, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert ended.returncode == 0, f"{block.place}\n{shell}\n{ended.stdout}\n{ended.stderr}"
        python.process.stdin.close()  # type: ignore[union-attr]


class Interpreter:
    """A process that runs the Python blocks of a page and keeps their names."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", INTERPRETER],
            cwd=folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, block: Block) -> str | None:
        """Run a block; return the traceback, or None."""
        streams = self.process.stdin, self.process.stdout
        assert streams[0] is not None
        assert streams[1] is not None
        streams[0].write(json.dumps([block.place, block.run_text]) + "\n")
        streams[0].flush()
        for line in streams[1]:
            if line.startswith('{"failed"'):
                answer: str | None = json.loads(line)["failed"]
                return answer
        return "the process ended"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_folder_can_be_made(folders: Folders, tmp_path: Path) -> None:
    """Also those that no page starts in for the time being."""
    for name in FOLDERS:
        folders.copy(name, tmp_path / name)
        assert name == "empty" or any((tmp_path / name).iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("block", SKIPPED, ids=lambda block: block.place)
def test_blocks_are_skipped(block: Block) -> None:
    """Pytest lists them at the end, with the reason."""
    assert isinstance(block.marker, NotRun)
    pytest.skip(f"{block.place}: {block.marker.reason}")
