"""The rasters of a result, written in rows from the top, with their overviews."""

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
_MOST_ROWS, _FEWEST_ROWS = 512, 64
_WHOLE_SHARE = 200  # the share of landslide in a pixel of an overview, as 8 bits hold it


class ResultRasters:
    """``probability.tif`` holds whole steps of probability with a scale tag of 0.004, ``mask.tif``
    0 and 1; in both, 255 is nodata and marks every pixel that was not valid in the scene.

    An overview's pixel is the mean probability of what it covers; in the mask it is landslide where
    at least half of what it covers is.
    """  # noqa: D205

    def __init__(self, folder: Path, grid: Grid, least: int) -> None:
        """Create both in a folder.

        Args:
            folder: of the result.
            grid: of the scene.
            least: fewest steps of probability that are landslide.
        """
        self._folder, self._least = folder, least
        rows = _MOST_ROWS
        while rows > _FEWEST_ROWS and rows * grid.shape[1] > BAND_PX:
            rows //= 2
        self._probability = PyramidOutput(
            folder / ".probability", grid, (_PROBABILITY_LAYER,), rows
        )
        self._mask = PyramidOutput(folder / ".mask", grid, (_MASK_LAYER,), rows)
        self._band: ProbabilityLevels = np.empty((rows, grid.shape[1]), dtype=np.uint8)
        self._filled = self._row = 0
        self._sums = {PROBABILITY: 0, MASK: 0}

    def write(self, steps: ProbabilityLevels) -> None:
        """Write the next rows (rows, width) of probability, and of the mask."""
        while len(steps):
            taken = min(len(self._band) - self._filled, len(steps))
            self._band[self._filled : self._filled + taken] = steps[:taken]
            self._filled += taken
            steps = steps[taken:]
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
            done = [
                pool.submit(self._finish, output, name)
                for output, name in ((self._probability, PROBABILITY), (self._mask, MASK))
            ]
            for future in done:
                future.result()

    def close(self) -> None:
        """Close both as they are."""
        self._probability.close()
        self._mask.close()

    def _flush(self) -> None:
        steps = self._band[: self._filled]
        window = Window(0, self._row, steps.shape[1], len(steps))
        shares = np.where(steps >= self._least, np.uint8(_WHOLE_SHARE), np.uint8(0))
        shares[steps == NODATA] = NODATA
        masks = [_landslide(level) for level in self._mask.levels_of(shares[np.newaxis])]
        with raster_writing(self._folder / PROBABILITY):
            self._probability.write(self._probability.levels_of(steps[np.newaxis]), window)
        with raster_writing(self._folder / MASK):
            self._mask.write(masks, window)
        self._sums[PROBABILITY] += int(steps.sum())
        self._sums[MASK] += int(masks[0].sum())
        self._row += len(steps)
        self._filled = 0

    def _finish(self, output: PyramidOutput, name: str) -> None:
        output.finish(self._folder / name, compress="deflate", level=1)
        if sum_of_bytes(self._folder / name) != self._sums[name]:
            raise LandslipError(
                f"{self._folder / name}: a part of the raster could not be written; see that "
                "there is room on the disk and run the same command again"
            )


def _landslide(shares: ProbabilityLevels) -> ProbabilityLevels:
    """Return 1 where the share of landslide is at least a half, 0 below, and nodata."""
    found = (shares >= _WHOLE_SHARE // 2).astype(np.uint8)
    found[shares == NODATA] = NODATA
    return found
