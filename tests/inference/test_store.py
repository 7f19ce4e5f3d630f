from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.inference.plan import WindowPlan
from landslip.inference.store import WindowStore

PLAN = WindowPlan(shape=(20, 30), window=(16, 16), overlap=4, corner=(0, 0))
JOB = {"scene": {"sha256": "ab"}, "threshold": 0.5, "windows": {"px": [16, 16]}}
Reopen = Callable[[], WindowStore]


def steps(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 251, (16, 16), dtype=np.uint8)


@pytest.fixture(params=["folder", "address"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    """Give what opens a store anew, as another process would."""
    folder = tmp_path / "windows"
    location = str(folder) if request.param == "folder" else folder.as_uri()
    if request.param == "address":
        folder.mkdir()

    def opened() -> WindowStore:
        store = WindowStore(location)
        store.identity()
        return store

    WindowStore(location).create(PLAN, JOB)
    return opened


def chunk(folder: Path, place: str = "0/0") -> Path:
    return folder / "windows" / "c" / place / "0" / "0"


def test_what_was_written_is_read_by_another(reopen: Reopen) -> None:
    reopen().write((1, 2), steps())
    found = reopen().read((1, 2))
    assert found is not None
    np.testing.assert_array_equal(found, steps())
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(
        reopen().finished(), [[False, False, False], [False, False, True]]
    )


def test_the_identity_is_stored(reopen: Reopen) -> None:
    assert reopen().identity() == JOB


def test_windows_without_data_are_there_too(reopen: Reopen) -> None:
    store = reopen()
    store.write((0, 0), np.full((16, 16), 255, dtype=np.uint8))
    store.write((0, 1), np.zeros((16, 16), dtype=np.uint8))
    np.testing.assert_array_equal(reopen().finished(), [[True, True, False], [False] * 3])


def test_beginning_again_forgets_all(reopen: Reopen) -> None:
    store = reopen()
    store.write((0, 0), steps())
    store.create(PLAN, JOB | {"threshold": 0.7})
    assert not reopen().finished().any()
    assert reopen().identity() == JOB | {"threshold": 0.7}


def test_nothing_is_left_when_it_is_cleared(reopen: Reopen) -> None:
    store = reopen()
    store.write((0, 0), steps())
    store.clear()
    assert store.identity() is None


@pytest.mark.parametrize("level", ["noise", "nodata"])
def test_a_window_cut_off_anywhere_is_not_there(reopen: Reopen, tmp_path: Path, level: str) -> None:
    window = steps() if level == "noise" else np.full((16, 16), 255, dtype=np.uint8)
    store = reopen()
    store.write((0, 0), window)
    path = chunk(tmp_path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert store.read((0, 0)) is None, f"cut off at {length} of {len(whole)} bytes"
    path.write_bytes(whole)
    np.testing.assert_array_equal(store.read((0, 0)), window)


def test_a_window_with_a_wrong_bit_is_not_there(reopen: Reopen, tmp_path: Path) -> None:
    store = reopen()
    store.write((0, 0), steps())
    path = chunk(tmp_path)
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 5):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        path.write_bytes(broken)
        assert store.read((0, 0)) is None, f"bit {bit} of {8 * len(whole)}"


@pytest.mark.parametrize("garbage", ["zeros", "longer", "another window's"])
def test_a_window_of_something_else_is_not_there(
    reopen: Reopen, tmp_path: Path, garbage: str
) -> None:
    store = reopen()
    store.write((0, 0), steps())
    path = chunk(tmp_path)
    whole = path.read_bytes()
    path.write_bytes({"zeros": bytes(len(whole)), "longer": whole + b"x"}.get(garbage, b"\0" * 3))
    assert store.read((0, 0)) is None


def test_files_left_half_written_beside_are_nothing(reopen: Reopen, tmp_path: Path) -> None:
    reopen().write((0, 0), steps())
    chunk(tmp_path).with_name("0.a1b2.partial").write_bytes(b"half")
    assert reopen().finished().tolist() == [[True, False, False], [False] * 3]


def test_a_description_cut_off_anywhere_begins_anew(tmp_path: Path) -> None:
    folder = tmp_path / "windows"
    store = WindowStore(str(folder))
    store.create(PLAN, JOB)
    path = folder / "zarr.json"
    whole = path.read_bytes()
    for length in range(len(whole.rstrip())):
        path.write_bytes(whole[:length])
        assert WindowStore(str(folder)).identity() is None, f"cut off at {length}"


@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b"null", b'{"zarr_format": 3, "node_type": "group"}', bytes(100)]
)
def test_a_description_of_something_else_begins_anew(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "windows"
    WindowStore(str(folder)).create(PLAN, JOB)
    (folder / "zarr.json").write_bytes(content)
    store = WindowStore(str(folder))
    assert store.identity() is None
    store.create(PLAN, JOB)
    assert not store.finished().any()


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    assert WindowStore(str(tmp_path / "windows")).identity() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("location", ["nothing://at/all", "s3://"])
def test_what_is_no_store_is_refused(location: str) -> None:
    with pytest.raises(InputError, match=f"store={location!r}: not the URL of an object store"):
        WindowStore(location).identity()
