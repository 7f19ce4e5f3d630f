"""Histories counted: states by date, and flows between them."""

import pandas as pd
import shapely

from landslip.multitemporal.tracking.histories import Histories
from landslip.multitemporal.tracking.observations import Observations
from landslip.multitemporal.tracking.record import DateRecord, DisplacementRecord, FlowRecord
from landslip.multitemporal.tracking.track_state import TrackState


def date_records(histories: Histories, observations: Observations) -> tuple[DateRecord, ...]:
    """Return what was mapped on each date, and how many landslides were in which state."""
    rows = _outline_rows(histories, observations)
    ended = ~histories.observed & (rows["state"] == TrackState.MERGED)
    rows.loc[ended, "area"] = 0.0  # their ground is in the outline that they ended in
    sums = rows.groupby(["at", "state"], as_index=False)["area"].agg(["size", "sum"])
    records = []
    for position, day in enumerate(observations.days):
        region = observations.searched[position]
        displacement = histories.displacements[position]
        of_date = sums[sums["at"] == position]
        records.append(
            DateRecord(
                date=day,
                stated=observations.periods[position],
                searched_m2=None if region is None else float(shapely.area(region)),
                polygons=int((observations.at == position).sum()),
                displacement=DisplacementRecord(
                    x_m=displacement.x,
                    y_m=displacement.y,
                    pairs=displacement.pairs,
                    spread_m=displacement.spread,
                ),
                states=dict(zip(of_date["state"], of_date["size"].tolist(), strict=True)),
                areas_m2=dict(zip(of_date["state"], of_date["sum"].tolist(), strict=True)),
            )
        )
    return tuple(records)


def flow_records(histories: Histories, observations: Observations) -> tuple[FlowRecord, ...]:
    """Return how many landslides went from which state to which between dates."""
    rows = _outline_rows(histories, observations).sort_values(["track", "at"])
    last = rows.groupby("track")[["at", "state"]].shift()
    # a history that had merged into another one and comes back has no row on the date before
    before = last["state"].where(last["at"] == rows["at"] - 1, "")
    sums = (
        rows.assign(before=before)
        .groupby(["at", "before", "state"], as_index=False)["area"]
        .agg(["size", "sum"])
    )
    return tuple(
        FlowRecord(
            date=observations.days[flow["at"]],
            from_state=flow["before"] or None,
            to_state=flow["state"],
            landslides=flow["size"],
            area_m2=flow["sum"],
        )
        for flow in sums.to_dict("records")
    )


def _outline_rows(histories: Histories, observations: Observations) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "track": histories.track,
            "at": histories.at,
            "state": histories.state.astype(str).astype(object),
            "area": observations.areas[histories.observation],
        }
    )
