"""The rasters of a result, written in rows from top to bottom, with their overviews."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from landslip.core.errors import LandslipError
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.inference.plan import BAND_PX
from landslip.inference.store import NODATA, ProbabilityLevels
from landslip.io.raster import OutputBand, PyramidOutput, sum_of_bytes
from landslip.io.raster.output import raster_writing
from landslip.models.engines.base import PROBABILITY_LEVELS

PROBABILITY, MASK = "probability.tif", "mask.tif"

_PROBABILITY_LAYER = OutputBand(
    description="probability of landslide", nodata=NODATA, scale=1 / PROBABILITY_LEVELS
)
_MASK_LAYER = OutputBand(description="landslide", nodata=NODATA)
_MAX_ROWS, _MIN_ROWS = 512, 64
_ALL_LANDSLIDE = 200  # fraction 1 of landslide in a pixel of an overview, in 8 bits


class ResultRasters:
    """``probability.tif`` and ``mask.tif``.

    The first holds levels of probability with a scale tag of 0.004, the second 0 and 1; in both,
    255 is nodata and marks every pixel that was not valid in the scene. Overviews are the mean
    probability; in the mask, 1 where at least half of the pixels are landslide.
    """

    def __init__(self, folder: Path, grid: Grid, threshold: int) -> None:
        """Create both in a folder; from the level ``threshold`` a pixel is landslide."""
        self._folder, self._threshold = folder, threshold
        rows = _MAX_ROWS
        while rows > _MIN_ROWS and rows * grid.shape[1] > BAND_PX:
            rows //= 2
        self._probability = PyramidOutput(
            folder / ".probability", grid, (_PROBABILITY_LAYER,), rows, compression="deflate"
        )
        try:
            self._mask = PyramidOutput(
                folder / ".mask", grid, (_MASK_LAYER,), rows, compression="deflate"
            )
        except BaseException:
            self._probability.close()
            raise
        self._band: ProbabilityLevels = np.empty((rows, grid.shape[1]), dtype=np.uint8)
        self._filled = self._row = 0
        self._sums = {PROBABILITY: 0, MASK: 0}

    def write(self, levels: ProbabilityLevels) -> None:
        """Write the next rows (rows, width) of levels."""
        while len(levels):
            taken = min(len(self._band) - self._filled, len(levels))
            self._band[self._filled : self._filled + taken] = levels[:taken]
            self._filled += taken
            levels = levels[taken:]
            if self._filled == len(self._band):
                self._flush()

    def finish(self) -> None:
        """Turn both into COGs.

        Raises:
            LandslipError: not all of it could be written.
        """
        if self._filled:
            self._flush()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._finish, (self._probability, self._mask), (PROBABILITY, MASK)))

    def close(self) -> None:
        """Close both as they are."""
        self._probability.close()
        self._mask.close()

    def _flush(self) -> None:
        levels = self._band[: self._filled]
        window = Window(0, self._row, levels.shape[1], len(levels))
        fractions = np.where(levels >= self._threshold, np.uint8(_ALL_LANDSLIDE), np.uint8(0))
        fractions[levels == NODATA] = NODATA
        # at least half of the pixels are landslide
        masks = [
            np.where(level == NODATA, level, level >= _ALL_LANDSLIDE // 2).astype(np.uint8)
            for level in self._mask.levels_of(fractions[np.newaxis])
        ]
        with raster_writing(self._folder / PROBABILITY):
            self._probability.write(self._probability.levels_of(levels[np.newaxis]), window)
        with raster_writing(self._folder / MASK):
            self._mask.write(masks, window)
        self._sums[PROBABILITY] += int(levels.sum())
        self._sums[MASK] += int(masks[0].sum())
        self._row += len(levels)
        self._filled = 0

    def _finish(self, output: PyramidOutput, name: str) -> None:
        output.finish(self._folder / name)
        if sum_of_bytes(self._folder / name) != self._sums[name]:
            raise LandslipError(
                f"{self._folder / name}: a part of the raster could not be written; free disk "
                "space and run the same command again"
            )
