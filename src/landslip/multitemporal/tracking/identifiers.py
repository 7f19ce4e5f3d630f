"""Ids of histories: of their first polygon, or those of an earlier run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray

from landslip.core.errors import InputError, argument, excerpt
from landslip.multitemporal.tracking.fields import LANDSLIDES
from landslip.multitemporal.tracking.histories import Histories
from landslip.multitemporal.tracking.linking import Links, assign
from landslip.multitemporal.tracking.observations import Observations
from landslip.multitemporal.tracking.record import GEOPACKAGE

_COLUMNS = ("track_id", "track_observation", "track_observed")


def read_previous_ids(path: Path) -> "pd.Series[str]":
    """Return the ids of histories by the ids of their polygons, of an earlier run.

    Raises:
        InputError: the file has none.
    """
    file = path / GEOPACKAGE if path.is_dir() else path
    try:
        table = pyogrio.read_dataframe(
            file, layer=LANDSLIDES, columns=[*_COLUMNS], read_geometry=False
        )
        missing = {*_COLUMNS} - {*table.columns}
        if missing:
            raise ValueError(f"there is no column {', '.join(sorted(missing))}")
    except Exception as error:  # pyogrio's and pandas' share no base error
        raise InputError(
            f"{path}: {argument('previous')} is what `landslip track` wrote before, {GEOPACKAGE} "
            f"or its folder; this cannot be read as that ({excerpt(error)})"
        ) from error
    seen = table[table["track_observed"].astype(bool)].drop_duplicates("track_observation")
    return pd.Series(seen["track_id"].to_numpy(), index=seen["track_observation"].to_numpy())


def track_ids(
    histories: Histories, observations: Observations, previous: "pd.Series[str] | None"
) -> NDArray[np.object_]:
    """Return an id for each history (t,).

    That of its first polygon; or, of histories with polygons that were known before, the id that
    most of these had, which goes to the history that has most of them.
    """
    ids = observations.ids[histories.first].copy()
    if previous is None:
        return ids
    observed = histories.observed
    tracks = histories.track[observed]
    known = pd.Series(observations.ids[histories.observation[observed]]).map(previous)
    votes = pd.DataFrame({"track": tracks, "id": known}).dropna()
    counts = votes.groupby(["id", "track"]).size()
    codes, names = pd.factorize(counts.index.get_level_values("id"))
    links = Links(
        earlier=codes.astype(np.int64),
        later=counts.index.get_level_values("track").to_numpy(np.int64),
        weight=counts.to_numpy().astype(np.float64),
        share=np.ones(len(counts)),
    )
    kept = links.of(assign(links))
    ids[kept.later] = np.asarray(names, dtype=object)[kept.earlier]
    taken = {*ids[kept.later]}
    for track in np.setdiff1d(np.arange(len(ids)), kept.later).tolist():
        name, number = ids[track], 2
        while ids[track] in taken:
            ids[track], number = f"{name}-{number}", number + 1
        taken.add(ids[track])
    return ids
