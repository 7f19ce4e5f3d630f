"""The folder of a series: `open_series` reads what `landslip series` wrote."""

import threading
from datetime import date
from enum import IntEnum
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.bands import Bands
from landslip.core.errors import InputError
from landslip.core.files import Closeable
from landslip.core.grid import Grid
from landslip.core.html import html_table
from landslip.core.text import RecordKind
from landslip.core.window import Window
from landslip.io.raster import Mask, Scene
from landslip.multitemporal.series.card import CARD, SeriesCard

_KIND = RecordKind(
    model=SeriesCard,
    name="the description of a series of version 1",
    remedy="make the series again",
)


class Validity(IntEnum):
    """What a pixel of a date shows."""

    NO_DATA = 0
    VALID = 1
    CLOUD = 2
    SHADOW = 3


class Series(Closeable):
    """An open series of scenes on one grid; a context manager. Several threads may read.

    Attributes:
        path: the folder.
        card: its `SeriesCard`.
        grid: of all dates.
        bands: of all dates.
        days: the dates, in order of time.
    """

    def __init__(self, path: Path) -> None:
        """Open a folder made by `landslip series`; its files are opened when they are read.

        Raises:
            InputError: it is no series, or a file of it is missing.
        """
        self.path = path
        if not (path / CARD).is_file():
            raise InputError(
                f"{path}: not a series, there is no {CARD} in it; name a folder that `landslip "
                "series` made"
            )
        self.card = card = _KIND.read(path / CARD)
        self.grid = Grid(
            crs=CRS.from_wkt(card.crs), transform=Affine(*card.transform), shape=card.shape
        )
        self.bands = Bands(card.bands)
        self.days: tuple[date, ...] = tuple(date.fromisoformat(one.date) for one in card.dates)
        for one in card.dates:
            for name in (one.scene, one.validity):
                if not (path / name).is_file():
                    raise InputError(f"{path / name}: no such file; make the series again")
        self._files: dict[int, tuple[Scene, Mask]] = {}
        self._reading = threading.Lock()

    def read(self, position: int, window: Window) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Read a window of a date.

        Args:
            position: of the date, from 0.
            window: of the grid; outside of it nothing has data.

        Returns:
            Reflectance (bands, height, width), 0 without data, and `Validity` (height, width).

        Raises:
            InputError: a file cannot be read, or has not the series' grid.
        """
        with self._reading:
            scene, mask = self._files.get(position) or self._open(position)
            stored, _ = scene.read(window, self.bands)
            codes, _ = mask.read(window)
        return scene.radiometry.values(stored), codes.astype(np.uint8)

    def _open(self, position: int) -> tuple[Scene, Mask]:
        date = self.card.dates[position]
        opened = Scene(self.path / date.scene), Mask(self.path / date.validity)
        self._files[position] = opened
        for file, shape in ((date.scene, opened[0].grid.shape), (date.validity, opened[1].shape)):
            if shape != self.grid.shape:
                raise InputError(
                    f"{self.path / file}: a file of a series has its shape {self.grid.shape}; this "
                    f"one has {shape}. Make the series again"
                )
        return opened

    def close(self) -> None:
        """Close all files."""
        for opened in self._files.values():
            for file in opened:
                file.close()
        self._files.clear()

    def __repr__(self) -> str:
        height, width = self.grid.shape
        size = f"{width} x {height} px"
        return f"Series({str(self.path)!r}: {len(self.days)} dates, {self.bands}, {size})"

    def _repr_html_(self) -> str:
        dates = {
            one.date: f"{one.valid_share:.0%} valid, {one.cloud_share:.0%} cloud, from {one.source}"
            for one in self.card.dates
        }
        return html_table("landslip series", {"bands": str(self.bands), **dates})


def open_series(path: Path | str) -> Series:
    """Open a folder made by `landslip series`.

    Raises:
        InputError: it is no series.
    """
    return Series(Path(path))
