"""Reads the folder of histories for its page, and what was measured of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from landslip.core.errors import InputError, argument, excerpt
from landslip.core.text import RecordKind
from landslip.multitemporal.recovery.record import RECORD as RECOVERY
from landslip.multitemporal.recovery.record import SURVIVAL, RecoveryRecord
from landslip.multitemporal.recovery.survival import SurvivalCurve
from landslip.multitemporal.states.record import RECORD as STATES
from landslip.multitemporal.states.record import StatesRecord
from landslip.multitemporal.tracking.fields import LANDSLIDES, TRACK_FIELDS, TRACKS
from landslip.multitemporal.tracking.record import TracksRecord, read_record
from landslip.multitemporal.tracking.track_state import TrackState
from landslip.reporting.track_animation import ANIMATION

KNOWN_AREA = "track_known_area_m2"
_AGAIN = "track the landslides again"
_RECOVERY_COLUMNS = ("id", "area_m2", "failed", "last", "rate", "class", "returning")
_HALF_LIVES = ("half_life_years", "half_life_low", "half_life_high")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryData:
    """Recovery as written; ``survival`` is None where no landslide has a rate."""

    record: RecoveryRecord
    landslides: pd.DataFrame
    trajectories: pd.DataFrame
    survival: SurvivalCurve | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoriesData:
    """Histories as written.

    Attributes:
        landslides: one row for each landslide and date, without outlines. ``KNOWN_AREA`` is its
            area on the date, or, recovered or not observed, that of its last outline; 0 where it
            ended in another one.
        tracks: one row for each history, with its largest outline.
        animation: its file, if there is one.
    """

    folder: Path
    record: TracksRecord
    landslides: pd.DataFrame
    tracks: geopandas.GeoDataFrame
    recovery: RecoveryData | None
    states: StatesRecord | None
    animation: Path | None

    @property
    def own_columns(self) -> list[str]:
        """The user's columns."""
        reserved = {field.name for field in TRACK_FIELDS[LANDSLIDES]} | {KNOWN_AREA}
        return [str(name) for name in self.landslides if name not in reserved]

    def stated(self, day: object) -> str:
        """Return a date of the layers as it was stated: a year or month is no day."""
        days = {one.date: one.stated for one in self.record.dates}
        return days.get(day, str(day))  # type: ignore[call-overload, no-any-return]

    def on_date(self, stated: str) -> pd.DataFrame:
        """Return the rows of a date."""
        return self.landslides[self.landslides["track_date"] == stated]


def read_histories(
    folder: Path, recovery: Path | None = None, states: Path | None = None
) -> HistoriesData:
    """Read histories, and recovery and states of the same ground.

    Raises:
        InputError: a folder is not what it should be, or recovery is of other landslides.
    """
    record = read_record(folder)
    landslides = _table(folder, LANDSLIDES, [one.name for one in TRACK_FIELDS[LANDSLIDES]])
    landslides[KNOWN_AREA] = _areas(landslides)
    tracks = _table(folder, TRACKS, [one.name for one in TRACK_FIELDS[TRACKS]], geometry=True)
    animation = folder / ANIMATION
    return HistoriesData(
        folder=folder,
        record=record,
        landslides=landslides,
        tracks=geopandas.GeoDataFrame(tracks),
        recovery=None if recovery is None else _read_recovery(recovery, folder, tracks),
        states=None if states is None else _read_states(states),
        animation=animation if ANIMATION in record.files and animation.is_file() else None,
    )


def _table(
    folder: Path, name: str, needed: Sequence[str], remedy: str = _AGAIN, *, geometry: bool = False
) -> pd.DataFrame:
    file = folder / f"{name}.parquet"
    if not file.is_file():
        raise InputError(f"{folder}: there is no {file.name} in it; {remedy}")
    try:
        columns = [one for one in pq.read_schema(file).names if one != "geometry"]
        table = geopandas.read_parquet(file) if geometry else pd.read_parquet(file, columns=columns)
    except Exception as error:  # pyarrow's and geopandas' share no base error
        raise InputError(f"{file}: cannot be read ({excerpt(error)}); {remedy}") from error
    missing = [one for one in needed if one not in table]
    if missing:
        raise InputError(f"{file}: has no column {missing[0]}; {remedy}")
    return table


def _areas(landslides: pd.DataFrame) -> pd.Series:
    ordered = landslides.sort_values(["track_id", "date"], kind="stable")
    known = ordered["track_area_m2"].where(ordered["track_observed"].astype(bool))
    last = known.groupby(ordered["track_id"]).ffill().reindex(landslides.index)
    is_kept = landslides["state"].isin([TrackState.RECOVERED, TrackState.NOT_OBSERVED])
    return landslides["track_area_m2"].where(~is_kept, last).astype(np.float64)


def _read_recovery(folder: Path, histories: Path, tracks: pd.DataFrame) -> RecoveryData:
    remedy = "measure recovery again"
    if not (folder / RECOVERY).is_file():
        raise InputError(
            f"{folder}: {argument('recovery')} is a folder that landslip recovery wrote; there is "
            f"no {RECOVERY} in it"
        )
    record = RecordKind(
        model=RecoveryRecord, name="the description of recovery of version 1", remedy=remedy
    ).read(folder / RECOVERY)
    needed = [*_RECOVERY_COLUMNS, *_HALF_LIVES]
    landslides = _table(folder, "landslides", needed, remedy)
    trajectories = _table(folder, "trajectories", ["id", "years", "rate"], remedy)
    if len(landslides) and not landslides["id"].isin(tracks["track_id"]).any():
        raise InputError(
            f"{folder}: recovery is of other landslides, none is in {histories}; run landslip "
            f"recovery {histories} and give what it wrote"
        )
    survival = None
    if (folder / SURVIVAL).is_file():
        table = pd.read_csv(folder / SURVIVAL)
        survival = SurvivalCurve(**{str(name): table[name].to_numpy() for name in table})
    return RecoveryData(
        record=record, landslides=landslides, trajectories=trajectories, survival=survival
    )


def _read_states(folder: Path) -> StatesRecord:
    if not (folder / STATES).is_file():
        raise InputError(
            f"{folder}: {argument('states')} is a folder that landslip states wrote; there is no "
            f"{STATES} in it"
        )
    return RecordKind(
        model=StatesRecord,
        name="the description of states of version 1",
        remedy="find states again",
    ).read(folder / STATES)
