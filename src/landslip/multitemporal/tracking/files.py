"""The files of histories."""

from pathlib import Path

import geopandas

from landslip.core.choices import Language
from landslip.core.messages import message
from landslip.inventory.formats.qgis_style import StyleRule
from landslip.multitemporal.layer_files import StyledLayer, class_rules, write_layers
from landslip.multitemporal.tracking.fields import LANDSLIDES, TRACK_FIELDS, TRACKS
from landslip.multitemporal.tracking.record import GEOPACKAGE
from landslip.multitemporal.tracking.track_state import TrackState

STATE_COLOURS: dict[TrackState, tuple[int, int, int]] = {
    TrackState.NEW: (189, 0, 38),
    TrackState.ENLARGED: (240, 59, 32),
    TrackState.REACTIVATED: (122, 1, 119),
    TrackState.PERSISTING: (253, 141, 60),
    TrackState.SPLIT: (254, 204, 92),
    TrackState.MERGED: (166, 97, 26),
    TrackState.SHRINKING: (161, 207, 107),
    TrackState.RECOVERED: (35, 132, 67),
    TrackState.NOT_OBSERVED: (170, 176, 184),
}
_TIMES = {LANDSLIDES: ("date", "track_until"), TRACKS: ("first_seen", "gone_by")}


def write_files(
    landslides: geopandas.GeoDataFrame,
    tracks: geopandas.GeoDataFrame,
    folder: Path,
    language: Language,
) -> list[str]:
    """Write both layers in all formats and return the names of the files.

    Raises:
        LandslipError: one cannot be written.
    """
    layers = {
        name: StyledLayer(frame=frame, fields=TRACK_FIELDS[name], rules=_rules, times=_TIMES[name])
        for name, frame in ((LANDSLIDES, landslides), (TRACKS, tracks))
    }
    return write_layers(layers, folder / GEOPACKAGE, language)


def _rules(language: Language) -> list[StyleRule]:
    classes = (
        (state, message(f"state.{state}"), colour) for state, colour in STATE_COLOURS.items()
    )
    return class_rules("state", classes, language)
