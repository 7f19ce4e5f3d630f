"""What the dates of a series saw, and the landslides of its states, as dated layers."""

import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from landslip.core.errors import InputError, argument
from landslip.core.messages import Message, message
from landslip.core.text import RecordKind
from landslip.core.window import Window
from landslip.inference.connected_components import Polygonizer
from landslip.inference.outlines import Landslides, concatenate_landslides
from landslip.inference.table import to_map_polygons
from landslip.inventory.detections import coarse_outline
from landslip.inventory.request import DEFAULT_MIN_AREA_M2
from landslip.io.raster import Mask
from landslip.models.engines.base import PROBABILITY_LEVELS
from landslip.multitemporal.series.folder import Series, Validity
from landslip.multitemporal.states.hidden_markov import FRESH, RECOVERING
from landslip.multitemporal.states.record import RECORD, StatesRecord
from landslip.multitemporal.tracking.dated_layers import DatedLayer

_KIND = RecordKind(
    model=StatesRecord, name="the description of states of version 1", remedy="find states again"
)
_STRIP_PX = 1 << 22


def footprint_layers(series: Series, mapped: Mapping[str, date]) -> list[DatedLayer]:
    """Return what each mapped date of a series saw: the outline of its valid pixels.

    Args:
        series: of the dates.
        mapped: day, month or year of landslides, and the date of the series on which they were
            mapped; the first layer has notes on dates without, and on months and years.
    """
    layers: list[DatedLayer] = []
    validity = {one.date: series.path / one.validity for one in series.card.dates}
    for period, day in sorted(mapped.items(), key=lambda item: (item[1], item[0])):
        outline = coarse_outline(validity[str(day)], lambda codes: codes == Validity.VALID)
        layers.append(
            DatedLayer(
                source=series.path.name,
                path=series.path,
                polygons=np.array([outline], dtype=object),
                periods=np.array([period], dtype=object),
                period=period,
                columns=pd.DataFrame(index=[0]),
                crs=series.grid.crs,
                notes=() if layers else _matches(series, mapped),
            )
        )
    return layers


def _matches(series: Series, mapped: Mapping[str, date]) -> tuple[Message, ...]:
    notes = []
    unmapped = [str(day) for day in series.days if day not in mapped.values()]
    if unmapped:
        notes.append(message("tracks.unmapped", dates=", ".join(unmapped)))
    coarse = [f"{period}: {day}" for period, day in sorted(mapped.items()) if period != str(day)]
    if coarse:
        notes.append(message("tracks.day_of_series", dates=", ".join(coarse)))
    return tuple(notes)


def read_states_layers(folder: Path, series: Series | None) -> list[DatedLayer]:
    """Read the landslides of each date of states: fresh and recovering ground that the date saw.

    Regions of pixels that share a side are landslides, from the minimum mapping unit of 100 m2 on.
    Their column ``fresh_share`` is the share of their pixels that is fresh.

    Args:
        folder: that `landslip states` wrote.
        series: of the states: it knows what each date saw.

    Raises:
        InputError: there is no series, or it has not the states' dates.
    """
    if series is None:
        raise InputError(
            f"{folder}: states are tracked together with their series, which knows what each date "
            f"saw; give it by {argument('series')}"
        )
    validity = {one.date: series.path / one.validity for one in series.card.dates}
    layers = []
    for one in _KIND.read(folder / RECORD).dates:
        if one.date not in validity:
            raise InputError(
                f"{folder}: its states of {one.date} are not of {series.path}, whose dates are "
                f"{', '.join(validity)}; give the series they were made of by {argument('series')}"
            )
        found = _landslides(folder / one.state, validity[one.date], series)
        fresh = found.probability_sums / (PROBABILITY_LEVELS * found.pixels)
        layers.append(
            DatedLayer(
                source=f"{folder.name}, {one.date}",
                path=folder,
                polygons=to_map_polygons(found.outlines, series.grid.transform),
                periods=np.full(len(found), one.date, dtype=object),
                period=one.date,
                columns=pd.DataFrame({"fresh_share": np.round(fresh, 3)}),
                crs=series.grid.crs,
            )
        )
    return layers


def _landslides(state: Path, validity: Path, series: Series) -> Landslides:
    """Return a date's landslides; the share of fresh pixels is in the place of probability."""
    grid = series.grid
    side_m = grid.resolution_m
    pixel_m2 = grid.pixel_area_m2 or (side_m and side_m**2)
    min_px = math.ceil(DEFAULT_MIN_AREA_M2 / pixel_m2) if pixel_m2 else 1
    polygonizer = Polygonizer(min_px=max(min_px, 1))
    height, width = grid.shape
    with Mask(state, grid) as states, Mask(validity, grid) as seen:
        rows = max(_STRIP_PX // width, 1)
        for top in range(0, height, rows):
            window = Window(0, top, width, min(rows, height - top))
            codes, known = states.read(window)
            known &= seen.read(window)[0] == Validity.VALID
            fresh = np.where(codes == FRESH, np.uint8(PROBABILITY_LEVELS), np.uint8(0))
            polygonizer.add(known & np.isin(codes, (FRESH, RECOVERING)), fresh)
    return concatenate_landslides(polygonizer.finish())
