"""Unfinished work: finished windows in a folder or object store, and the folder beside an output.

Windows are a Zarr v3 array ``(rows, columns, height, width)`` with one chunk for each window. On a
local disk a chunk is written under another name and renamed, so that it is complete or missing;
every chunk carries a checksum, so that one that a power failure has damaged is detected when it is
read, and counts as missing.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError, LandslipError, MissingDependencyError, argument
from landslip.core.files import file_lock, move_into_place, new_parents
from landslip.inference.plan import WindowPlan

if TYPE_CHECKING:
    from zarr.abc.store import Store

ProbabilityLevels = NDArray[np.uint8]  # round(250 * probability); 255 is nodata
NODATA = 255
_MISSING = 254  # neither a level nor nodata
_IDENTITY = "job"
_WORK = ".work"
_STAGE, _WINDOWS, _SCENE, _LOCK = "result", "windows.zarr", "scene", "lock"


class WindowStore:
    """The windows of one extraction; several threads and processes may use it at once.

    Zarr is imported when a store is first used, while the network is at work already.
    """

    def __init__(self, location: str) -> None:
        """Name a folder, or the URL of an object store; neither needs to exist yet."""
        self.location = location
        self._array: Any = None

    @property
    def folder(self) -> Path | None:
        """The folder; None for an object store."""
        return None if "://" in self.location else Path(self.location)

    def identity(self) -> dict[str, Any] | None:
        """Return the identity of the job whose windows are stored; None if there are none."""
        if self.folder is not None and not self.folder.exists():
            return None
        import zarr

        with self._object_store_errors():
            try:
                self._array = zarr.open_array(self._store, mode="r+")
            except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
                # missing, or damaged while it was created, before any window was written
                self._array = None
                return None
        identity = self._array.attrs.get(_IDENTITY)
        return identity if isinstance(identity, dict) else None

    def create(self, plan: WindowPlan, identity: dict[str, Any]) -> None:
        """Create the array for the windows of a plan; earlier content is removed."""
        import zarr
        from zarr.codecs import BytesCodec, Crc32cCodec, ZstdCodec

        self.clear()
        with self._object_store_errors():
            self._array = zarr.create_array(
                self._store,
                shape=(*plan.count, *plan.window),
                chunks=(1, 1, *plan.window),
                dtype=np.uint8,
                serializer=BytesCodec(),
                compressors=[ZstdCodec(level=1), Crc32cCodec()],
                fill_value=_MISSING,
                attributes={_IDENTITY: identity},
                config={"write_empty_chunks": True},
            )

    def write(self, index: tuple[int, int], levels: ProbabilityLevels) -> None:
        """Write the window at (row, col).

        Raises:
            LandslipError: there is no space left.
        """
        try:
            with self._object_store_errors():
                self._array[index] = levels
        except OSError as error:
            raise LandslipError(
                f"{self.location}: a finished window cannot be written ({error.strerror or error});"
                " free disk space and run the same command again"
            ) from error

    def read(self, index: tuple[int, int]) -> ProbabilityLevels | None:
        """Return the window at (row, col); None where it is missing or damaged."""
        with self._object_store_errors():
            try:
                levels: ProbabilityLevels = self._array[index]
            except (ValueError, RuntimeError):  # wrong checksum, or cannot be decompressed
                return None
        return None if levels[0, 0] == _MISSING else levels

    def finished(self) -> NDArray[np.bool_]:
        """Return which windows (rows, columns) are complete; all are read."""
        rows, cols = self._array.shape[:2]
        return np.array(
            [[self.read((row, col)) is not None for col in range(cols)] for row in range(rows)]
        )

    def clear(self) -> None:
        """Remove all windows."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        from zarr.core.sync import sync

        with self._object_store_errors():
            sync(self._store.clear())

    @cached_property
    def _store(self) -> "Store":
        if self.folder is not None:
            from zarr.storage import LocalStore

            return LocalStore(self.folder)
        name = argument("store", self.location)
        try:
            from obstore.exceptions import BaseError
            from obstore.store import from_url
            from zarr.storage import ObjectStore
        except ImportError as error:
            raise MissingDependencyError(
                f"{name}: object stores need obstore; install landslip[cloud]"
            ) from error
        try:
            return ObjectStore(from_url(self.location))
        except (BaseError, ValueError) as error:
            raise InputError(f"{name}: not the URL of an object store ({error})") from error

    @contextmanager
    def _object_store_errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if type(error).__module__ != "obstore.exceptions":
                raise
            raise LandslipError(
                f"{argument('store')}: {self.location} refuses the request "
                f"({str(error).splitlines()[0]}); check its name, and credentials and endpoint in "
                "the environment, and run the same command again"
            ) from error


def unfinished_in(folder: Path) -> list[Path]:
    """Return the outputs in a folder of extractions that were interrupted."""
    works = sorted(folder.glob(f".*{_WORK}/"))
    return [work.with_name(work.name[1:].removesuffix(_WORK)) for work in works]


class WorkFolder:
    """``.NAME.work`` beside an output folder ``NAME``: what a later run continues from."""

    def __init__(self, out: Path) -> None:
        """Name it; nothing is created."""
        self.out = out.resolve()  # a link may lead to another file system
        self.path = self.out.with_name(f".{self.out.name}{_WORK}")

    @property
    def windows(self) -> Path:
        """The folder of finished windows."""
        return self.path / _WINDOWS

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the output while the body runs; an empty work folder is removed afterwards.

        Raises:
            InputError: another process is working on this output.
        """
        with new_parents(self.path):
            try:
                with file_lock(self.path / _LOCK, f"the extraction {self.out}"):
                    yield
            finally:
                self.remove_if_unused()

    def scene_folder(self) -> Path:
        """Return a folder for the description of a scene that is not one file."""
        folder = self.path / _SCENE
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def new_stage(self) -> Path:
        """Return an empty folder for the files of the result."""
        stage = self.path / _STAGE
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(parents=True)
        return stage

    def publish(self, stage: Path) -> None:
        """Move the result into place and remove the unfinished work."""
        if self.out.is_dir():
            with suppress(OSError):  # an empty folder is replaced in one step
                self.out.rmdir()
        move_into_place(stage, self.out)
        self.clear()

    def clear(self) -> None:
        """Remove the unfinished work."""
        shutil.rmtree(self.path / _STAGE, ignore_errors=True)
        shutil.rmtree(self.windows, ignore_errors=True)

    def remove_if_unused(self) -> None:
        """Remove the folder, unless it holds windows or the lock of another process."""
        if not (self.windows.exists() or (self.path / _LOCK).exists()):
            shutil.rmtree(self.path, ignore_errors=True)
