"""The maps of probabilities of a series: which is of which date, and the prior of their model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.bands import Bands
from landslip.core.errors import InputError, argument
from landslip.core.files import Closeable
from landslip.core.messages import Message, message
from landslip.core.transformations import datum_note
from landslip.core.window import Window
from landslip.inference.rasters import PROBABILITY
from landslip.inventory.attributes import date_in
from landslip.inventory.detections import ExtractionFolder, open_extraction
from landslip.io.raster import Scene, SceneOptions
from landslip.models.card import ModelCard
from landslip.models.engines.base import PROBABILITY_LEVELS
from landslip.multitemporal.series.folder import Series
from landslip.preprocessing.coregistration.displaced_scene import DisplacedScene, footprint

_BANDS = Bands(("probability",))
_OF_POLYGONS = "warning.small_left_out"  # the map itself has them


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityMap:
    """A map of probabilities of a date.

    Attributes:
        folder: of the extraction.
        model: its name.
        prior: share of landslides that the model learned from.
        shift_px: what the series has at ``p`` is at ``p + shift_px`` in the map (columns, rows, in
            pixels of the series), which is of the scene as it was before the series; None: it is
            not moved.
        notes: on how it is read.
    """

    folder: Path
    model: str
    prior: float
    shift_px: tuple[float, float] | None
    notes: tuple[Message, ...]


class ProbabilityReader(Closeable):
    """Reads a map of probabilities on a series' grid. Several threads may read.

    On another grid, finer maps are averaged and others resampled by cubic convolution, as scenes of
    a series are.
    """

    def __init__(self, source: ProbabilityMap, series: Series) -> None:
        """Open it."""
        self._scene = Scene(source.folder / PROBABILITY, SceneOptions(bands=_BANDS))
        self._pixels = DisplacedScene.shifted(self._scene, series.grid, source.shift_px)

    def read(self, window: Window) -> NDArray[np.float32]:
        """Return the probability (height, width), NaN without data."""
        (levels,), valid = self._pixels.read(window)
        levels = np.clip(levels, 0, PROBABILITY_LEVELS)  # cubic convolution overshoots
        probability: NDArray[np.float32] = levels / np.float32(PROBABILITY_LEVELS)
        probability[~valid] = np.nan
        return probability

    def close(self) -> None:
        """Close the file."""
        self._scene.close()


def match_maps(
    texts: Sequence[str], series: Series, prior: float | None
) -> tuple[ProbabilityMap | None, ...]:
    """Return the map of each date of a series; None where there is none.

    Args:
        texts: folders that `landslip extract` wrote, or ``DATE=FOLDER``. The date of a folder is
            the day in the name of its scene, or else in its own.
        series: open.
        prior: share of landslide pixels in the training data; None: what the model says.

    Raises:
        InputError: a folder is no extraction, has no date or one that the series has not, is
            somewhere else, two are of one date, or the prior is not known.
    """
    maps: dict[date, ProbabilityMap] = {}
    for text in texts:
        stated, _, place = text.rpartition("=")
        folder = open_extraction(Path(place))
        day = _day(folder, stated)
        if day not in series.days:
            raise InputError(
                f"{folder.path}: a map is of a date of the series, which are "
                f"{', '.join(map(str, series.days))}; got {day}. State it as DATE=MAP"
            )
        if day in maps:
            raise InputError(
                f"{folder.path}: a date has one map; {maps[day].folder} is of {day} too"
            )
        maps[day] = _probability_map(folder, day, series, prior)
    return tuple(maps.get(day) for day in series.days)


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
    folder: ExtractionFolder, day: date, series: Series, prior: float | None
) -> ProbabilityMap:
    notes = _place_notes(folder, day, series)
    if prior is None:
        prior = calibrated_share(folder.card, f"{folder.path}, by the model {folder.summary.model}")
    elif folder.summary.calibration is None:
        notes.append(message("warning.states_uncalibrated", date=str(day)))
    notes += [
        message("warning.states_map_warned", date=str(day), warning=one)
        for one in folder.summary.messages
        if one.key != _OF_POLYGONS
    ]
    shift_px, shift_notes = _shift(folder, day, series)
    return ProbabilityMap(
        folder=folder.path,
        model=folder.summary.model,
        prior=prior,
        shift_px=shift_px,
        notes=(*notes, *shift_notes),
    )


def calibrated_share(card: ModelCard | None, subject: str) -> float:
    """Return the share of landslide pixels that a model was calibrated on.

    Raises:
        InputError: it is not calibrated, or on pixels of one class; ``subject`` is what it names.
    """
    calibration = None if card is None else card.calibration
    if calibration is None or not 0 < calibration.landslide_pixels < calibration.pixels:
        raise InputError(
            f"{subject}: states need calibrated probabilities, and the model is not calibrated; "
            "run landslip calibrate before the scenes are mapped, or state the share of landslide "
            f"pixels in its training data by {argument('prior')}"
        )
    return calibration.landslide_pixels / calibration.pixels


def _place_notes(folder: ExtractionFolder, day: date, series: Series) -> list[Message]:
    """Return notes on a map that is on another grid.

    Raises:
        InputError: it is not where the series is.
    """
    own, grid = folder.grid, series.grid
    if own == grid:
        return []
    if (own.crs is None) != (grid.crs is None):
        without = "the map" if own.crs is None else "the series"
        raise InputError(
            f"{folder.path}: a map on another grid than the series needs a coordinate system, as "
            f"the series does; {without} has none. Map {series.path / _scene_of(series, day)}"
        )
    try:
        covered = footprint(own, grid).clipped(grid.shape)
        place = np.array([shapely.Point(grid.middle)], dtype=object)
        note = datum_note(folder.path.name, own.crs, grid.crs, place)
    except InputError as error:
        raise InputError(f"{folder.path}: {error}") from error
    if covered is None:
        raise InputError(
            f"{folder.path}: its map of {day} covers no pixel of the series {series.path}; map "
            f"{series.path / _scene_of(series, day)}, or give a map of that place"
        )
    resampled = message("states.resampled", date=str(day))
    return [resampled] if note is None else [resampled, note]


def _scene_of(series: Series, day: date) -> str:
    return series.card.dates[series.days.index(day)].scene


def _shift(
    folder: ExtractionFolder, day: date, series: Series
) -> tuple[tuple[float, float] | None, list[Message]]:
    """Return how far a map is from the series where it is of the scene that the series moved."""
    one, summary = series.card.dates[series.days.index(day)], folder.summary
    if not one.is_shifted or one.shift_px is None:
        return None, []
    scene = (series.path / one.scene).absolute()
    is_moved = summary.scene == one.scene != one.source or Path(summary.scene_place) == scene
    if is_moved:
        return None, []
    if summary.scene != one.source:
        return None, [message("states.map_not_moved", date=str(day), scene=summary.scene)]
    cols, rows = one.shift_px
    moved = message("states.map_moved", date=str(day), scene=one.source, cols=-cols, rows=-rows)
    return one.shift_px, [moved]
