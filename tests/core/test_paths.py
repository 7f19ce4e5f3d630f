"""Paths are checked before anything is read or created."""

import os
import socket
from pathlib import Path

import pytest

from landslip.core.errors import InputError, LandslipError
from landslip.core.paths import check_outputs, check_path, refuse_special_beside, require_file


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("", "dem is empty", id="empty"),
        pytest.param(" \t", "dem is empty", id="blank"),
        pytest.param("a\nb.tif", r"control characters; got a b\.tif", id="line end"),
        pytest.param("a\x00.tif", r"control characters; got a\\x00\.tif", id="NUL"),
        pytest.param("\x1b[31m.tif", "control characters", id="colour of a terminal"),
        pytest.param("a\udcff.tif", "a name must be UTF-8", id="not UTF-8"),
        pytest.param("x" * 256, "at most 255 bytes", id="long name"),
        pytest.param("滑" * 86, "at most 255 bytes", id="long name of several bytes a letter"),
        pytest.param("x/" * 2048, "a path 4095", id="long path"),
    ],
)
def test_what_no_file_is_called_is_refused(text: str, rule: str) -> None:
    with pytest.raises(InputError, match=rule) as caught:
        check_path(text, "dem")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


def test_pipes_devices_sockets_and_loops_are_refused(tmp_path: Path) -> None:
    pipe, loop, bound = tmp_path / "pipe", tmp_path / "loop", tmp_path / "socket"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(bound))
        for path, rule in (
            (pipe, "is a pipe"),
            (bound, "is a socket"),
            (Path("/dev/null"), "is a device"),
            (loop, "leads back to itself"),
            (loop / "below", "leads back to itself"),
        ):
            for check in (lambda path: check_path(path, "dem"), require_file):
                with pytest.raises(InputError, match=f"^{path}: .*{rule}"):
                    check(path)
            with pytest.raises(LandslipError, match=f"^{path}: .*{rule}"):
                check_outputs({"out": path}, [])


def test_a_pipe_beside_a_file_is_refused_where_gdal_would_read_it(tmp_path: Path) -> None:
    file = tmp_path / "labels.shp"
    file.touch()
    os.mkfifo(tmp_path / "other.cpg")
    refuse_special_beside(file)
    for name in ("labels.cpg", "labels.shp.aux.xml"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match=rf"{name}: is a pipe"):
            refuse_special_beside(file)
        (tmp_path / name).unlink()


def test_a_pipe_in_a_folder_that_is_read_as_a_whole_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "roads.gdb"
    folder.mkdir()
    (folder / "a.gdbtable").touch()
    refuse_special_beside(folder)
    os.mkfifo(folder / "b.gdbtable")
    with pytest.raises(InputError, match=r"roads\.gdb/b\.gdbtable: is a pipe"):
        refuse_special_beside(folder)


def test_usual_paths_pass(tmp_path: Path) -> None:
    file = tmp_path / "滑坡 scene (1).tif"
    file.touch()
    link = tmp_path / "link"
    link.symlink_to(file)
    for path in (
        file,
        link,
        tmp_path,
        tmp_path / "missing",
        Path("~"),
        "https://host/a" + "b" * 300,
    ):
        check_path(path, "dem")
    require_file(link)
    with pytest.raises(InputError, match="missing: no such file"):
        require_file(tmp_path / "missing")
    with pytest.raises(InputError, match="is a folder; a file is needed"):
        require_file(tmp_path)


def test_outputs_among_inputs_are_refused(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "scenes" / "scene.tif"
    data.mkdir()
    file.parent.mkdir()
    file.touch()
    link = tmp_path / "link"
    link.symlink_to(data)
    for out, read, rule in (
        (data, data, "out is also an input"),
        (link, data, "out is also an input"),
        (tmp_path / "x" / ".." / "data", data, "out is also an input"),
        (file, file, "out is also an input"),
        (data / "model", data, "is inside .*data, an input that stays as it is"),
        (link / "a" / "b", data, "is inside"),
        (file.parent, file, "the folder of the input scene.tif"),
        (file / "out", data, "scene.tif is a file, so nothing can be written below it"),
        (tmp_path / ("x" * 230), data, "an output's name has at most"),
    ):
        with pytest.raises(LandslipError, match=rule):
            check_outputs({"out": out}, [read])
    with pytest.raises(InputError, match="out is a path on this machine and no address; got s3:/b"):
        check_outputs({"out": Path("s3://b/map")}, [file])
    with pytest.raises(InputError, match="is both out and report"):
        check_outputs({"out": data / "a.tif", "report": data / "a.tif"}, [], "file")


def test_outputs_beside_inputs_pass(tmp_path: Path) -> None:
    file = tmp_path / "scene.tif"
    file.touch()
    check_outputs({"out": tmp_path / "map"}, [file, tmp_path / "model"])
    check_outputs({"out": tmp_path / "a" / "b" / "c"}, [file])
    check_outputs({"out": tmp_path}, [file], "folders")
    check_outputs({"out": tmp_path / "inventory"}, [tmp_path], "part")
    check_outputs({"out": tmp_path / "a.tif", "report": tmp_path / "a.json"}, [file], "file")
    check_outputs({"out": tmp_path / "page.html"}, [tmp_path], "file")


@pytest.mark.parametrize("out", ["/vsimem/a", "/vsizip/a.zip/b", "s3://bucket/a", "file:/a"])
def test_outputs_are_paths_of_this_machine(out: str) -> None:
    with pytest.raises(InputError, match=r"report is a path on this machine and no address"):
        check_outputs({"report": Path(out)}, [])


def test_folders_that_may_not_be_written_to_are_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # permissions do not bind the superuser, who may run the tests
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)
    for out in (tmp_path / "map", tmp_path / "new" / "map"):
        with pytest.raises(InputError, match=rf"^{out}: access denied, {tmp_path} may not be writ"):
            check_outputs({"out": out}, [])
    (tmp_path / "own").mkdir()
    check_outputs({"out": tmp_path / "own" / "map"}, [])


@pytest.mark.parametrize("out", ["/", "/..", "//"])
def test_the_root_is_no_output(out: str) -> None:
    with pytest.raises(InputError, match="out is a path below the root of the file system; got /"):
        check_outputs({"out": Path(out)}, [])
