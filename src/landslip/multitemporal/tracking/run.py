"""Landslides of several dates: read, linked, and written."""

from pathlib import Path

import numpy as np

from landslip import __version__
from landslip.core.messages import message, sentences
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.multitemporal.tracking.files import write_files
from landslip.multitemporal.tracking.histories import link_histories
from landslip.multitemporal.tracking.identifiers import read_previous_ids, track_ids
from landslip.multitemporal.tracking.observations import read_observations
from landslip.multitemporal.tracking.record import TracksRecord
from landslip.multitemporal.tracking.request import TrackingRequest
from landslip.multitemporal.tracking.summary import date_records, flow_records
from landslip.multitemporal.tracking.tables import landslides_table, tracks_table

_READ, _LINKED, _ALL = 20.0, 60.0, 100.0  # percent of the work


def track(
    request: TrackingRequest, folder: Path, *, progress: Progress = no_progress
) -> TracksRecord:
    """Link landslides into histories, write their layers, and return their description.

    Raises:
        InputError: an input cannot be read, or has no date or other coordinates.
    """
    previous = None if request.previous is None else read_previous_ids(request.previous)
    observations, notes = read_observations(request)
    progress(_READ, _ALL)
    linking = sub_progress(progress, _READ, _LINKED, _ALL)
    histories, observations = link_histories(observations, request.rules, linking)
    ids = track_ids(histories, observations, previous)
    files = write_files(
        landslides_table(histories, observations, ids),
        tracks_table(histories, observations, ids),
        folder,
        request.language,
    )
    parts = len(observations.polygons) - len(np.unique(histories.observation[histories.observed]))
    if parts:
        notes += (message("tracks.parts", count=parts),)
    if previous is not None:
        kept = int(previous.drop_duplicates().isin(ids).sum())
        notes += (message("tracks.previous", kept=kept, total=previous.nunique()),)
    progress(_ALL, _ALL)
    return TracksRecord(
        code_version=__version__,
        inventories=tuple(path.name for path in request.inventories),
        series=None if request.series is None else request.series.name,
        footprints=None if request.footprints is None else request.footprints.name,
        previous=None if request.previous is None else request.previous.name,
        crs=None if observations.crs is None else observations.crs.to_string(),
        registration_error_m=request.rules.registration_error_m,
        min_overlap=request.rules.min_overlap,
        min_change=request.rules.min_change,
        tracks=len(ids),
        dates=date_records(histories, observations),
        flows=flow_records(histories, observations),
        notes=sentences(notes),
        warnings=sentences(one for one in notes if one.is_warning),
        messages=notes,
        files=tuple(files),
    )
