"""How commands end: one line, and a code that tells a fault of the input from a bug."""

import errno
import lzma
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
import typer
from typer.testing import CliRunner

from landslip.cli import errors
from landslip.cli.app import app
from landslip.cli.errors import handle_errors
from landslip.core.failures import explain


def ended(action: Callable[[], Any]) -> tuple[int, str]:
    """Return exit code and standard error of a command that does this."""
    command = typer.Typer()

    @command.command()
    @handle_errors
    def run() -> None:
        action()

    result = CliRunner().invoke(command, [])
    return result.exit_code, result.stderr


def fails(error: Exception) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


def in_landslip(error: Exception, **variables: object) -> Callable[[], None]:
    """Raise an error in a function of landslip that has these variables."""
    names = {"__name__": "landslip.io.some", "error": error, "given": variables}
    lines = [f"    {name} = given[{name!r}]" for name in variables]
    exec("\n".join(["def work():", *lines, "    raise error"]), names)  # noqa: S102
    return names["work"]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("action", "line"),
    [
        pytest.param(
            lambda: zlib.decompress(b"no stream"),
            "a file cannot be read or written (Error -3 while decompressing data: incorrect",
            id="zlib",
        ),
        pytest.param(
            lambda: lzma.decompress(b"no stream"), "Input format not supported", id="lzma"
        ),
        pytest.param(b"\xff".decode, "'utf-8' codec can't decode byte 0xff", id="text"),
        pytest.param(lambda: pyproj.CRS.from_epsg(1), "Invalid projection: EPSG:1", id="pyproj"),
        pytest.param(lambda: rasterio.open(__file__), "not recognized as being in", id="rasterio"),
        pytest.param(lambda: pyogrio.read_info(__file__), "not recognized as being", id="pyogrio"),
        pytest.param(
            lambda: rasterio.windows.Window(0, 0, -1, 1),
            "a file cannot be read or written (Number of columns or rows must be non-negative)",
            id="built-in class of rasterio",
        ),
        pytest.param(fails(MemoryError()), "there is not enough memory (MemoryError)", id="memory"),
        pytest.param(
            fails(OSError(errno.ENOSPC, "No space left on device", "/data/map.tif")),
            "/data/map.tif: cannot be written to its end (No space left on device); make room "
            "there, or choose another --out",
            id="disk full",
        ),
        pytest.param(
            fails(PermissionError(errno.EACCES, "Permission denied", "/data/map.tif")),
            "/data/map.tif: access denied (Permission denied); change its permissions, or choose "
            "another place",
            id="permission",
        ),
        pytest.param(
            fails(OSError(errno.ESTALE, "Stale file handle", "/data/map.tif")),
            "/data/map.tif: Stale file handle",
            id="system",
        ),
    ],
)
def test_errors_of_files_and_of_the_system_are_one_line(
    action: Callable[[], Any], line: str
) -> None:
    code, told = ended(action)
    assert code == 2
    assert told.startswith("landslip: ")
    assert told.count("\n") == 1
    assert line in told


@pytest.mark.parametrize(
    "error",
    [TypeError("f() takes 1"), AssertionError(), AttributeError("x"), KeyError("x"), ValueError()],
    ids=lambda error: type(error).__name__,
)
def test_bugs_say_that_they_are(error: Exception) -> None:
    code, told = ended(fails(error))
    assert code == 1
    name = type(error).__name__
    assert told.startswith(f"landslip: this is a bug of landslip ({name}: ")
    assert told.endswith("please report it with what the same command prints with --debug\n")


def test_a_type_error_in_a_reader_is_a_bug_too() -> None:
    code, told = ended(lambda: rasterio.transform.from_bounds(None, 0, 1, 1, 1, 1))
    assert (code, told[:45]) == (1, "landslip: this is a bug of landslip (TypeErro")


class Scene:
    path = Path("/data/scene.tif")


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        pytest.param({"count": 1, "file": Path("/data/a.tar")}, "/data/a.tar: ", id="a path"),
        pytest.param({"scene": Scene()}, "/data/scene.tif: ", id="what has a path"),
        pytest.param({"count": np.ones(2)}, "a file ", id="no file"),
    ],
)
def test_the_file_that_was_worked_on_is_named(variables: dict[str, object], place: str) -> None:
    code, told = ended(in_landslip(zlib.error("broken"), **variables))
    assert code == 2
    assert told == (
        f"landslip: {place}cannot be read or written (broken); check the file, or run the command "
        "again with --debug\n"
    )


def test_a_file_that_the_error_names_is_not_repeated() -> None:
    action = in_landslip(zlib.error("/data/a.tar is broken"), file=Path("/data/a.tar"))
    assert ended(action)[1].count("/data/a.tar") == 1


def test_arguments_are_named_where_the_file_is_not_known() -> None:
    error = zlib.error("broken")
    for paths, place in (
        ([Path("/a.tif")], "/a.tif cannot be read"),
        ([Path("/a.tif"), Path("/b.tif")], "one of /a.tif, /b.tif cannot be read"),
    ):
        assert str(explain(error, paths)).startswith(place)


def test_a_full_disk_is_named_where_the_library_says_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    error = rasterio.errors.RasterioIOError("Write failed. See previous exception for details")
    code, told = ended(in_landslip(error, out=tmp_path / "none" / "map.tif"))
    assert code == 2
    assert told == (
        f"landslip: {tmp_path}/none/map.tif: cannot be written to its end (the disk is full); make "
        "room there, or choose another --out\n"
    )


def test_the_error_behind_a_later_one_is_explained() -> None:
    def action() -> None:
        try:
            raise PermissionError(errno.EACCES, "Permission denied", "/data/a")
        finally:
            raise RuntimeError("iterate first")

    code, told = ended(action)
    assert code == 2
    assert told.startswith("landslip: /data/a: access denied (Permission denied)")


def test_the_first_file_that_could_not_be_copied_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "gone")
    code, told = ended(lambda: shutil.copytree(tmp_path / "folder", tmp_path / "copy"))
    assert code == 2
    assert f"No such file or directory: '{tmp_path}/folder/link'" in told
    assert "[" not in told.replace("[Errno 2]", "")


@pytest.mark.parametrize(
    ("words", "env"),
    [
        pytest.param(["--debug", "report", "/none"], {}, id="option"),
        pytest.param(["report", "/none"], {"LANDSLIP_DEBUG": "1"}, id="variable"),
    ],
)
def test_debug_prints_the_traceback(words: list[str], env: dict[str, str]) -> None:
    for debugging in (True, False):
        result = CliRunner().invoke(
            app, words if debugging else words[-2:], env=env if debugging else {}
        )
        assert result.exit_code == 2
        assert ("Traceback (most recent call last)" in result.stderr) is debugging
        assert "landslip: /none: " in result.stderr
    assert not errors._with_traceback


@pytest.mark.parametrize("streams", ["2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"])
def test_closed_streams_do_not_change_the_exit_code(streams: str, tmp_path: Path) -> None:
    # --debug may come after the command
    code = "from landslip.cli.app import main; main()"
    command = f'"$0" -c "{code}" report {tmp_path}/none --debug {streams}'
    result = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2, result.stderr
