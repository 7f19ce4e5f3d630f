"""The folder beside an output where unfinished work lies, so that it can be gone on with."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from landslip.core.files import file_lock, move_into_place

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
