from pathlib import Path

import pytest

from landslip.errors import OutputExistsError
from landslip.output import refuse_existing, staged_folder


class BrokeOffError(Exception):
    pass


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def break_off(out: Path, *, overwrite: bool) -> None:
    with staged_folder(out, overwrite=overwrite) as stage:
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
    with staged_folder(out, overwrite=False) as stage:
        write_run(stage, "first")
        assert not out.exists() or not any(out.iterdir())
    assert tree(tmp_path) == {"deep/out/a.txt": "first", "deep/out/folder/b.txt": "first"}


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    with pytest.raises(BrokeOffError):
        break_off(tmp_path / "out", overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_an_earlier_run_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with staged_folder(out, overwrite=False) as stage:
        write_run(stage, "first")
    before = tree(tmp_path)
    with pytest.raises(BrokeOffError):
        break_off(out, overwrite=True)
    assert tree(tmp_path) == before


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    message = r"out: already exists and nothing is overwritten unasked.*--overwrite"
    with (
        pytest.raises(OutputExistsError, match=message),
        staged_folder(out, overwrite=False) as stage,
    ):
        write_run(stage, "new")
    assert tree(tmp_path) == {"out/mine.txt": "mine"}


def test_overwriting_replaces_what_it_makes_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "folder").mkdir(parents=True)
    (out / "a.txt").write_text("old")
    (out / "folder" / "stale.txt").write_text("old")
    (out / "mine.txt").write_text("mine")
    with staged_folder(out, overwrite=True) as stage:
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
    with staged_folder(Path(), overwrite=False) as stage:
        write_run(stage, "new")
    assert set(tree(tmp_path)) == {"out/a.txt", "out/folder/b.txt"}


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    with staged_folder(tmp_path / "out", overwrite=False) as stage:
        write_run(stage, "new")
        assert stage.parent == tmp_path
    assert (tmp_path / "out").is_symlink()
    assert set(tree(tmp_path / "real")) == {"a.txt", "folder/b.txt"}
