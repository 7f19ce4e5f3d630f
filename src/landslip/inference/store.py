"""The folder beside an output where unfinished work lies, so that it can be gone on with.

Finished windows on disk or in an object store: each is there whole, or not at all.

A Zarr v3 array ``(rows, columns, height, width)`` with one chunk a window. On a local disk a chunk
is written beside its place and renamed into it; every chunk carries a checksum, so that one that a
power cut has torn is found when it is read, and counts as not there.
"""

import functools
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError, LandslipError, MissingDependencyError
from landslip.core.files import file_lock, move_into_place
from landslip.inference.plan import WindowPlan

_STAGE, _WINDOWS, _SCENE, _LOCK = "result", "windows.zarr", "scene", "lock"


class WorkFolder:
    """``.NAME.work`` beside an output folder ``NAME``."""

    def __init__(self, out: Path) -> None:
        """Name it; nothing is made."""
        self.out = out.resolve()  # a link may lead to another file system
        self.path = self.out.with_name(f".{self.out.name}.work")

    @property
    def windows(self) -> Path:
        """Where finished windows are."""
        return self.path / _WINDOWS

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep a second process away while the body runs; an empty folder is removed after it.

        Raises:
            InputError: another process is at work on this output.
        """
        try:
            with file_lock(self.path / _LOCK, f"the extraction {self.out}"):
                yield
        finally:
            self.tidy()

    def folder_for_scene(self) -> Path:
        """Return a folder for what describes the scene, where it was not given as one file."""
        folder = self.path / _SCENE
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def tidy(self) -> None:
        """Remove the folder where no work is kept in it."""
        if not (self.windows.exists() or (self.path / _LOCK).exists()):
            shutil.rmtree(self.path, ignore_errors=True)

    def fresh_stage(self) -> Path:
        """Return an empty folder for the files of the result."""
        stage = self.path / _STAGE
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(parents=True)
        return stage

    def finish(self, stage: Path) -> None:
        """Put the result into its place, and remove the rest."""
        if self.out.is_dir():
            with suppress(OSError):  # an empty folder is replaced in one step
                self.out.rmdir()
        move_into_place(stage, self.out)
        self.clear()

    def clear(self) -> None:
        """Forget the work."""
        shutil.rmtree(self.path / _STAGE, ignore_errors=True)
        shutil.rmtree(self.windows, ignore_errors=True)


if TYPE_CHECKING:
    from zarr.abc.store import Store

NODATA = 255
_MISSING = 254  # no step of probability, and not nodata
_JOB = "job"

ProbabilityLevels = NDArray[np.uint8]  # of 1/250; 255 is nodata
Given = ParamSpec("Given")
Result = TypeVar("Result")


def _told(
    method: "Callable[Concatenate[WindowStore, Given], Result]",
) -> "Callable[Concatenate[WindowStore, Given], Result]":
    """Turn what an object store does not do into a sentence."""

    @functools.wraps(method)
    def tried(self: "WindowStore", /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            if type(error).__module__ != "obstore.exceptions":
                raise
            raise LandslipError(
                f"--store: {self.location} does not do what is asked of it "
                f"({str(error).splitlines()[0]}); see its name, and credentials and endpoint in "
                "the environment, and run the same command again"
            ) from error

    return tried


class WindowStore:
    """The windows of one extraction; several threads and processes may use it at once.

    Zarr is imported when a store is first used, which is while the network is at work already.
    """

    def __init__(self, location: str) -> None:
        """Name a folder, or the URL of an object store; neither needs to be there yet."""
        self.location = location
        self._array: Any = None

    @property
    def folder(self) -> Path | None:
        """The folder; None for an object store."""
        return None if "://" in self.location else Path(self.location)

    @cached_property
    def _store(self) -> "Store":
        return _opened(self.location)

    @_told
    def job(self) -> dict[str, Any] | None:
        """Return what the windows were computed from, None where there are none."""
        if self.folder is not None and not self.folder.exists():
            return None
        import zarr

        try:
            self._array = zarr.open_array(self._store, mode="r+")
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            # not there, or torn while it was begun, before any window was written
            self._array = None
            return None
        found = self._array.attrs.get(_JOB)
        return found if isinstance(found, dict) else None

    @_told
    def begin(self, plan: WindowPlan, job: dict[str, Any]) -> None:
        """Make room for the windows of a plan; what was there before is lost."""
        import zarr
        from zarr.codecs import BytesCodec, Crc32cCodec, ZstdCodec

        self.clear()
        self._array = zarr.create_array(
            self._store,
            shape=(*plan.count, *plan.window),
            chunks=(1, 1, *plan.window),
            dtype=np.uint8,
            serializer=BytesCodec(),
            compressors=[ZstdCodec(level=1), Crc32cCodec()],
            fill_value=_MISSING,
            attributes={_JOB: job},
            config={"write_empty_chunks": True},
        )

    @_told
    def write(self, place: tuple[int, int], steps: ProbabilityLevels) -> None:
        """Write a window at (row, col).

        Raises:
            LandslipError: there is no room for it.
        """
        try:
            self._array[place] = steps
        except OSError as error:
            raise LandslipError(
                f"{self.location}: a finished window cannot be written ({error.strerror or error});"
                " see that there is room and run the same command again"
            ) from error

    @_told
    def read(self, place: tuple[int, int]) -> ProbabilityLevels | None:
        """Return the window at (row, col), None where it is not there whole."""
        try:
            steps: ProbabilityLevels = self._array[place]
        except (ValueError, RuntimeError):  # the checksum or the compression does not come out
            return None
        return None if steps[0, 0] == _MISSING else steps

    def finished(self) -> NDArray[np.bool_]:
        """Return which windows (rows, columns) are there whole; each is read for it."""
        rows, cols = self._array.shape[:2]
        there = [[self.read((row, col)) is not None for col in range(cols)] for row in range(rows)]
        return np.array(there, dtype=np.bool_)

    @_told
    def clear(self) -> None:
        """Remove all of it."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        from zarr.core.sync import sync

        sync(self._store.clear())


def _opened(location: str) -> "Store":
    if "://" not in location:
        from zarr.storage import LocalStore

        return LocalStore(Path(location))
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
        from zarr.storage import ObjectStore
    except ImportError as error:
        raise MissingDependencyError(
            f"--store {location}: object stores need obstore; install landslip[cloud]"
        ) from error
    try:
        return ObjectStore(from_url(location))
    except (BaseError, ValueError) as error:
        raise InputError(f"--store {location}: not the URL of an object store ({error})") from error
