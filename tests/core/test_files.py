import signal
import subprocess
import sys
from pathlib import Path

import pytest

from landslip.core.errors import InputError, OutputExistsError
from landslip.core.files import (
    atomic_directory,
    atomic_file,
    file_lock,
    refuse_existing,
    refuse_existing_file,
    require_space,
)


class BrokeOffError(Exception):
    pass


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def break_off(out: Path, *, overwrite: bool) -> None:
    with atomic_directory(out, overwrite=overwrite) as stage:
        write_run(stage, "half")
        raise BrokeOffError


def write_run(stage: Path, content: str) -> None:
    (stage / "a.txt").write_text(content)
    (stage / "folder").mkdir()
    (stage / "folder" / "b.txt").write_text(content)


@pytest.mark.parametrize("make", [False, True], ids=["not there", "an empty folder"])
def test_a_finished_folder_is_all_there_is(tmp_path: Path, make: bool) -> None:
    out = tmp_path / "deep" / "out"
    if make:
        out.mkdir(parents=True)
    with atomic_directory(out, overwrite=False) as stage:
        write_run(stage, "first")
        assert not out.exists() or not any(out.iterdir())
    assert tree(tmp_path) == {"deep/out/a.txt": "first", "deep/out/folder/b.txt": "first"}


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    with pytest.raises(BrokeOffError):
        break_off(tmp_path / "out", overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_an_earlier_run_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with atomic_directory(out, overwrite=False) as stage:
        write_run(stage, "first")
    before = tree(tmp_path)
    with pytest.raises(BrokeOffError):
        break_off(out, overwrite=True)
    assert tree(tmp_path) == before


def test_existing_output_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    message = r"out: already exists.*overwrite=True"
    with (
        pytest.raises(OutputExistsError, match=message),
        atomic_directory(out, overwrite=False) as stage,
    ):
        write_run(stage, "new")
    assert tree(tmp_path) == {"out/mine.txt": "mine"}


def test_overwriting_replaces_what_it_makes_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "folder").mkdir(parents=True)
    (out / "a.txt").write_text("old")
    (out / "folder" / "stale.txt").write_text("old")
    (out / "mine.txt").write_text("mine")
    with atomic_directory(out, overwrite=True) as stage:
        write_run(stage, "new")
    assert tree(tmp_path) == {
        "out/a.txt": "new",
        "out/folder/b.txt": "new",
        "out/mine.txt": "mine",
    }


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_in_the_way_is_never_replaced(tmp_path: Path, overwrite: bool) -> None:
    out = tmp_path / "out"
    out.write_text("mine")
    with pytest.raises(OutputExistsError):
        refuse_existing(out, overwrite=overwrite)
    assert out.read_text() == "mine"


def test_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(out)
    with atomic_directory(Path(), overwrite=False) as stage:
        write_run(stage, "new")
    assert set(tree(tmp_path)) == {"out/a.txt", "out/folder/b.txt"}


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    with atomic_directory(tmp_path / "out", overwrite=False) as stage:
        write_run(stage, "new")
        assert stage.parent == tmp_path
    assert (tmp_path / "out").is_symlink()
    assert set(tree(tmp_path / "real")) == {"a.txt", "folder/b.txt"}


# files


def break_off_file(out: Path) -> None:
    with atomic_file(out, overwrite=True) as path:
        path.write_text("half")
        raise BrokeOffError


def test_a_finished_file_is_all_there_is(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out.tif"
    with atomic_file(out, overwrite=False) as path:
        path.write_text("first")
        path.with_name("beside.aux.xml").write_text("goes")
        assert path.name == "out.tif", "formats are told by the ending"
        assert not out.exists()
    assert tree(tmp_path) == {"deep/out.tif": "first"}
    assert [found.name for found in out.parent.iterdir()] == ["out.tif"]


@pytest.mark.parametrize("earlier", [False, True])
def test_a_file_that_fails_leaves_all_as_it_was(tmp_path: Path, earlier: bool) -> None:
    if earlier:
        (tmp_path / "out.tif").write_text("first")
    before = tree(tmp_path)
    with pytest.raises(BrokeOffError):
        break_off_file(tmp_path / "out.tif")
    assert tree(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == earlier


def test_a_file_is_overwritten_where_asked(tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    out.write_text("old")
    with (
        pytest.raises(OutputExistsError, match=r"out.tif: already exists.*overwrite=True"),
        atomic_file(out, overwrite=False),
    ):
        pass
    with atomic_file(out, overwrite=True) as path:
        path.write_text("new")
        assert out.read_text() == "old"
    assert tree(tmp_path) == {"out.tif": "new"}


def test_a_folder_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    with pytest.raises(OutputExistsError, match="must be a file and is a folder"):
        refuse_existing_file(tmp_path, overwrite=True)


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out.tif").symlink_to("real/file.tif")
    with atomic_file(tmp_path / "out.tif", overwrite=True) as path:
        path.write_text("new")
    assert (tmp_path / "out.tif").is_symlink()
    assert (tmp_path / "real" / "file.tif").read_text() == "new"


# what a crash left


def left_behind(out: Path, process: int | str) -> Path:
    left = out.with_name(f".{out.name}.{process}.partial")
    left.mkdir(parents=True)
    (left / "half.tif").write_text("half")
    return left


def ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize("name", ["out.tif", "out[1].tif", "out 2"])
def test_what_a_dead_process_left_is_removed(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    dead = left_behind(out, ended_process())
    odd = left_behind(out, "half")
    with atomic_file(out, overwrite=False) as path:
        assert not dead.exists()
        assert not odd.exists()
        path.write_text("new")
    assert tree(tmp_path) == {name: "new"}


def test_what_a_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        living = left_behind(out, process.pid)
        other = left_behind(tmp_path / "other", ended_process())
        with atomic_directory(out, overwrite=False) as stage:
            write_run(stage, "new")
        assert (living / "half.tif").exists()
        assert other.exists(), "it belongs to another output"
        process.communicate(b"\n")


def test_what_another_process_wrote_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def write_while_another_does() -> None:
        with atomic_directory(out, overwrite=False) as stage:
            (stage / "mine").write_text("mine")
            out.mkdir()
            (out / "theirs").write_text("theirs")

    with pytest.raises(OutputExistsError, match="already exists"):
        write_while_another_does()
    assert [path.name for path in out.iterdir()] == ["theirs"]
    assert list(tmp_path.iterdir()) == [out]


HOLD = """
import sys, time
from pathlib import Path
from landslip.core.files import file_lock
with file_lock(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_process_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(InputError, match="folder: another process is working on it; wait"),
            file_lock(file, "it"),
        ):
            pass
        holder.send_signal(signal.SIGKILL)
    with file_lock(file, "it"):
        assert file.exists()
    assert not file.exists()


def test_folders_made_for_an_output_go_with_its_failure(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b" / "out"
    with pytest.raises(ValueError, match="fails"), atomic_directory(out, overwrite=False):
        raise ValueError("fails")
    with pytest.raises(ValueError, match="fails"), atomic_file(out, overwrite=False):
        raise ValueError("fails")
    assert list(tmp_path.iterdir()) == []
    with atomic_file(out, overwrite=False) as path:
        path.write_text("made")
    assert out.read_text() == "made"


def test_what_a_disk_cannot_hold_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    require_space(out, 1, "the files")
    message = (
        r"out: the files take 1,152,921,504,606\.8 MB and [\d,.]+ MB are free there; make room "
        "there, or choose another disk"
    )
    with pytest.raises(InputError, match=message):
        require_space(out, 2**60, "the files")
