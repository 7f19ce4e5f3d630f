"""The rasters of states, written window by window."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import OutputBand, PyramidOutput, RasterOutput
from landslip.io.raster.output import raster_writing
from landslip.models.engines.base import PROBABILITY_LEVELS
from landslip.multitemporal.states.hidden_markov import STATES

NODATA = 255

Codes = NDArray[np.uint8]


class StateRasters:
    """The posterior and the most likely state of all dates, as COGs.

    Overviews are the mean posterior and the most frequent state.
    """

    def __init__(self, stage: Path, days: Sequence[date], grid: Grid, side: int) -> None:
        """Create files in a folder; windows are of this side."""
        scale = 1 / PROBABILITY_LEVELS
        bands = tuple(OutputBand(description=name, nodata=NODATA, scale=scale) for name in STATES)
        state = (OutputBand(description="most likely state", nodata=NODATA),)
        self._posteriors: list[tuple[Path, PyramidOutput]] = []
        self._states: list[tuple[Path, RasterOutput]] = []
        for day in days:
            path = stage / posterior_name(day)
            output = PyramidOutput(
                stage / f".{path.name}", grid, bands, side, compression="deflate"
            )
            self._posteriors.append((path, output))
            path = stage / state_name(day)
            self._states.append((path, RasterOutput(stage / f".{path.name}", grid, state)))

    def write(self, levels: Codes, states: Codes, window: Window) -> None:
        """Write levels (dates, 4, height, width) and states (dates, height, width)."""
        for level, code, (path, posterior), (_, state) in zip(
            levels, states, self._posteriors, self._states, strict=True
        ):
            with raster_writing(path):
                posterior.write(posterior.levels_of(level), window)
                state.write(code, window)

    def finish(self) -> None:
        """Write them as COGs."""
        for path, posterior in self._posteriors:
            posterior.finish(path)
        for path, state in self._states:
            state.finish(path, overviews="mode")

    def close(self) -> None:
        """Close the files as they are."""
        for _, posterior in self._posteriors:
            posterior.close()
        for _, state in self._states:
            state.close()


def posterior_name(day: date) -> str:
    """Return the name of a date's raster of probabilities."""
    return f"{day}.tif"


def state_name(day: date) -> str:
    """Return the name of a date's raster of most likely states."""
    return f"{day}_state.tif"
