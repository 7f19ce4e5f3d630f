"""The maps of probabilities of a series: which is of which date, and the prior of their model."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError, argument
from landslip.core.files import Closeable
from landslip.core.grid import Grid
from landslip.core.messages import Message, message
from landslip.core.window import Window
from landslip.inference.rasters import PROBABILITY
from landslip.inventory.attributes import date_in
from landslip.inventory.detections import ExtractionFolder, open_extraction
from landslip.io.raster import Mask
from landslip.models.engines.base import PROBABILITY_LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityMap:
    """A map of probabilities of a date, and the share of landslides that its model learned from."""

    folder: Path
    model: str
    prior: float
    notes: tuple[Message, ...]


class ProbabilityReader(Closeable):
    """Reads a map of probabilities on a series' grid, by nearest neighbour if it has another.

    Several threads may read.
    """

    def __init__(self, source: ProbabilityMap, grid: Grid) -> None:
        """Open it."""
        self._mask = Mask(source.folder / PROBABILITY, grid)
        self._one_at_a_time = threading.Lock()

    def read(self, window: Window) -> NDArray[np.float32]:
        """Return the probability (height, width), NaN without data."""
        with self._one_at_a_time:
            levels, valid = self._mask.read(window)
        probability = levels.astype(np.float32) / np.float32(PROBABILITY_LEVELS)
        probability[~valid] = np.nan
        return probability

    def close(self) -> None:
        """Close the file."""
        self._mask.close()


def match_maps(
    texts: Sequence[str], days: Sequence[date], grid: Grid, prior: float | None
) -> tuple[ProbabilityMap | None, ...]:
    """Return the map of each date of a series; None where there is none.

    Args:
        texts: folders that `landslip extract` wrote, or ``DATE=FOLDER``. The date of a folder is
            the day in the name of its scene, or else in its own.
        days: of the series.
        grid: of the series.
        prior: share of landslide pixels in the training data; None: what the model says.

    Raises:
        InputError: a folder is no extraction, has no date or one that the series has not, two are
            of one date, or the prior is not known.
    """
    maps: dict[date, ProbabilityMap] = {}
    for text in texts:
        stated, _, place = text.rpartition("=")
        folder = open_extraction(Path(place))
        day = _day(folder, stated)
        if day not in days:
            raise InputError(
                f"{folder.path}: a map is of a date of the series, which are "
                f"{', '.join(map(str, days))}; got {day}. State it as DATE=MAP"
            )
        if day in maps:
            raise InputError(
                f"{folder.path}: a date has one map; {maps[day].folder} is of {day} too"
            )
        maps[day] = _probability_map(folder, day, grid, prior)
    return tuple(maps.get(day) for day in days)


def _day(folder: ExtractionFolder, stated: str) -> date:
    text = stated or date_in(folder.summary.scene) or date_in(folder.path.name)
    if text is None:
        raise InputError(
            f"{folder.path}: the date of a map is a day in the name of its scene or folder, like "
            f"2014-10-02, and there is none in {folder.summary.scene}; state it as DATE=MAP"
        )
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{argument('maps')}: a date is like 2014-10-02; got {text}") from None


def _probability_map(
    folder: ExtractionFolder, day: date, grid: Grid, prior: float | None
) -> ProbabilityMap:
    notes = []
    calibration = None if folder.card is None else folder.card.calibration
    if prior is None:
        if calibration is None or not 0 < calibration.landslide_pixels < calibration.pixels:
            raise InputError(
                f"{folder.path}: states need calibrated probabilities, and the model "
                f"{folder.summary.model} is not calibrated; run landslip calibrate and extract "
                f"again, or state the share of landslide pixels in its training data by "
                f"{argument('prior')}"
            )
        prior = calibration.landslide_pixels / calibration.pixels
    elif folder.summary.calibration is None:
        notes.append(message("warning.states_uncalibrated", date=str(day)))
    if folder.grid != grid:
        notes.append(message("states.resampled", date=str(day)))
    return ProbabilityMap(
        folder=folder.path, model=folder.summary.model, prior=prior, notes=tuple(notes)
    )
