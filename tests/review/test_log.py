"""The file of a review: whole whatever happens, read by others, refused where it is damaged."""

import itertools
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from tests.factories.qgis import open_in_qgis
from tests.review.factories import LEFT, TOP, UTM, change, new_review

from landslip.core.errors import InputError, LandslipError
from landslip.review.changes import BulkRequest, ConflictError
from landslip.review.geopackage_geometry import geopackage_blob, wkb_of
from landslip.review.query import FeatureQuery
from landslip.review.record import FILE
from landslip.review.store import ReviewStore
from landslip.review.words import Action

FORK = multiprocessing.get_context("fork")  # an import of everything takes seconds
_WRITE = """
import sys
from pathlib import Path
from tests.review.test_log import write_all
write_all(Path(sys.argv[1]))
"""


def write_all(folder: Path) -> None:
    """Change all polygons again and again, and print the number of each change."""
    store = ReviewStore.open(folder)
    sys.stdout.write("open\n")
    sys.stdout.flush()
    for number in itertools.count():
        request = BulkRequest(
            action=Action.ANNOTATE, author="ann", rule=FeatureQuery(), note=str(number)
        )
        sys.stdout.write(f"{store.bulk(request).revision}\n")
        sys.stdout.flush()


def accept_in_turn(store: ReviewStore, author: str, times: int) -> None:
    """Accept polygons, again where somebody else was faster."""
    for number in range(times):
        while True:
            try:
                change(store, "accept", number % 9 + 1, author=author)
                break
            except ConflictError:
                continue


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    store = new_review(tmp_path)
    writers = [
        FORK.Process(target=accept_in_turn, args=(store, name, 12)) for name in ("ann", "bob")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    changes = store.changes_since(0).changes
    assert [one.seq for one in changes] == list(range(1, 25))
    assert [sum(one.author == name for one in changes) for name in ("ann", "bob")] == [12, 12]
    assert int(store.table().version.sum()) == 24


def check_after_a_kill(folder: Path, said: int, count: int) -> int:
    """Check that a file has all that was said to be in it, whole; return its revision."""
    store = ReviewStore.open(folder)
    revision = store.refresh()
    assert said <= revision <= said + 1
    with closing(sqlite3.connect(folder / FILE)) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        sizes = file.execute("SELECT count(*) FROM changes GROUP BY seq").fetchall()
    assert sizes == [(count,)] * revision
    assert store.table().version.tolist() == [revision] * count
    return revision


def write_and_say(store: ReviewStore, said: int) -> None:
    """Change all polygons again and again, and say so by a pipe."""
    for number in itertools.count():
        request = BulkRequest(
            action=Action.ANNOTATE, author="ann", rule=FeatureQuery(), note=str(number)
        )
        os.write(said, store.bulk(request).revision.to_bytes(4, "little"))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_killed_process_leaves_whole_changes(tmp_path: Path) -> None:
    store = new_review(tmp_path, 400)
    rng, revision = random.Random(0), 0
    for _ in range(2):
        reader, writer = os.pipe()
        process = FORK.Process(target=write_and_say, args=(store, writer))
        process.start()
        os.close(writer)
        time.sleep(rng.uniform(0.1, 0.3))
        process.kill()
        process.join()
        with os.fdopen(reader, "rb") as pipe:
            numbers = pipe.read()
        said = int.from_bytes(numbers[-4:], "little") if numbers else revision
        revision = check_after_a_kill(store.folder, said, 400)
    assert revision > 0


@pytest.mark.slow
def test_many_killed_processes_leave_whole_changes(tmp_path: Path) -> None:
    store = new_review(tmp_path, 2000)
    rng, revision = random.Random(1), 0
    for _ in range(15):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITE, str(store.folder)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        time.sleep(rng.uniform(0.05, 0.5))
        writer.send_signal(signal.SIGKILL)
        said = [int(one) for one in writer.communicate()[0].split("\n")[:-1]]
        revision = check_after_a_kill(store.folder, max(said, default=revision), 2000)
    assert revision > 0


def test_other_programs_read_the_layers(tmp_path: Path) -> None:
    store = new_review(tmp_path)
    hole = shapely.Polygon(
        shapely.box(LEFT, TOP - 90, LEFT + 30, TOP - 60).exterior.coords,
        [shapely.box(LEFT + 5, TOP - 80, LEFT + 9, TOP - 70).exterior.coords],
    )
    change(store, "draw", geometries=(hole,), note="漏检", reason="new")
    change(store, "reject", 1, 2, author="bob")
    place = store.coverage().cells[0]
    store.cover("bob", [(place.column, place.row)])
    assert [name for name, _ in pyogrio.list_layers(store.log.path)] == [
        "changes",
        "coverage",
        "cells",
        "review_record",
    ]
    frame = pyogrio.read_dataframe(store.log.path, layer="changes")
    assert frame.crs == UTM
    assert frame["polygon"].tolist() == [10, 1, 2]
    assert frame["author"].tolist() == ["ann", "bob", "bob"]
    assert frame["note"].tolist()[0] == "漏检"
    assert str(frame["time"].dtype).startswith("datetime64")
    assert frame.geometry.iloc[0].equals(hole)
    assert frame.geometry.iloc[1] is None
    assert pyogrio.read_info(store.log.path, layer="changes")["features"] == 3
    cells = pyogrio.read_dataframe(store.log.path, layer="coverage")
    assert cells.geometry.iloc[0].equals(shapely.normalize(place.outline))
    assert bool(cells["looked_at"].iloc[0]) is True


@pytest.mark.slow
@pytest.mark.usefixtures("qgis")
def test_qgis_opens_the_layers(tmp_path: Path) -> None:
    store = new_review(tmp_path)
    change(store, "redraw", 1, geometries=(shapely.box(LEFT, TOP - 90, LEFT + 30, TOP - 60),))
    found = open_in_qgis(store.log.path, tmp_path / "picture.png", "--layers", "changes")
    assert found["changes"]["features"] == 1


def test_geometry_blobs_are_those_of_the_standard() -> None:
    blob = geopackage_blob(shapely.box(1, 2, 3, 4), 32648)
    assert blob[:8] == b"GP\x00\x03" + (32648).to_bytes(4, "little")
    assert np.frombuffer(blob[8:40], "<f8").tolist() == [1, 3, 2, 4]
    assert shapely.from_wkb(wkb_of(blob)).equals(shapely.box(1, 2, 3, 4))
    for broken in (b"", b"GPxx", b"XX\x00\x03aaaabbbb", b"GP\x00\x0faaaa", "text", None):
        with pytest.raises(ValueError, match="geometry"):
            wkb_of(broken)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


def _scribble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:60_000] = os.urandom(60_000 - 4096)
    path.write_bytes(content)


def _sql(statement: str) -> "object":
    def run(path: Path) -> None:
        with closing(sqlite3.connect(path)) as file:
            file.execute(statement)
            file.commit()

    return run


def _endless_view(path: Path) -> None:
    _sql("ALTER TABLE coverage RENAME TO hidden")(path)  # type: ignore[operator]
    with closing(sqlite3.connect(path)) as file, file:
        names = [row[1] for row in file.execute("PRAGMA table_info(hidden)")]
        columns = ", ".join(f'i AS "{name}"' for name in names)
        file.execute(
            "CREATE VIEW coverage AS WITH RECURSIVE n(i) AS "  # noqa: S608
            f"(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {columns} FROM n"
        )


def test_what_a_gis_adds_to_a_review_does_not_stop_it(tmp_path: Path) -> None:
    store = new_review(tmp_path)
    _sql("CREATE TABLE layer_styles (a)")(store.log.path)  # type: ignore[operator]
    _sql("CREATE TRIGGER t AFTER INSERT ON layer_styles BEGIN SELECT 1; END")(  # type: ignore[operator]
        store.log.path
    )
    change(ReviewStore.open(store.folder), "accept", 1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("no database"),
        _cut,
        _scribble,
        _sql("DROP TABLE changes"),
        _sql("DROP TABLE coverage"),
        _sql("ALTER TABLE changes RENAME COLUMN origin TO source"),
        _sql("DELETE FROM review_record"),
        _sql("UPDATE review_record SET record = '{}'"),
        _sql("UPDATE review_record SET record = replace(record, '\"version\":1', '\"version\":9')"),
        _sql("UPDATE changes SET verdict = 'perhaps'"),
        _sql("UPDATE changes SET geom = x'00' WHERE geom IS NOT NULL"),
        _sql("UPDATE changes SET polygon = 'two'"),
        _sql("UPDATE changes SET action = 'undo', \"of\" = 99"),
        _sql("UPDATE changes SET author = x'fffe'"),
        _sql("UPDATE changes SET seconds = 9e999"),
        _sql("UPDATE changes SET note = x'00'"),
        _sql("CREATE TRIGGER more AFTER INSERT ON Changes BEGIN DELETE FROM changes; END"),
        _sql("CREATE TRIGGER more AFTER UPDATE ON gpkg_ogr_contents BEGIN SELECT 1; END"),
        _endless_view,
    ],
)
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, damage: object) -> None:
    store = new_review(tmp_path)
    change(store, "draw", geometries=(shapely.box(LEFT, TOP - 90, LEFT + 30, TOP - 60),))
    damage(store.log.path)  # type: ignore[operator]
    with pytest.raises(InputError, match=r"review\.gpkg: (not|no such|.*damaged)"):
        ReviewStore.open(store.folder)


def test_a_file_that_is_kept_locked_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_review(tmp_path)
    monkeypatch.setattr("landslip.review.log._WAIT_S", 0.2)
    with closing(sqlite3.connect(store.log.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LandslipError, match="another program has kept it locked"):
            change(store, "accept", 1)
        other.execute("ROLLBACK")
    change(store, "accept", 1)


def test_a_copy_that_was_put_back_is_what_holds(tmp_path: Path) -> None:
    store = new_review(tmp_path)
    change(store, "accept", 1)
    earlier = store.log.path.read_bytes()
    change(store, "reject", 2)
    store.log.path.write_bytes(earlier)
    assert store.summary().counts == {"unreviewed": 8, "accepted": 1, "rejected": 0}
    assert store.refresh() == 1
