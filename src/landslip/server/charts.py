"""Charts of a table of polygons."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landslip.review.words import PRESENT
from landslip.server.polygon_table import (
    AREA,
    CONFIDENCE,
    DATE,
    STATE,
    PolygonTable,
    numbers_of,
    texts_of,
)
from landslip.server.schemas import Charts, ConfidenceChart, SizeChart, StateAreas

_CLASSES_PER_DECADE = 4
_MOST_CLASSES = 40
_CONFIDENCE_EDGES = np.linspace(0, 1, 21)


def charts_of(table: PolygonTable) -> Charts:
    """Return the distributions of areas and confidences; rejected polygons have no size."""
    rows = table.rows
    areas = _numbers(rows, AREA)
    verdicts = texts_of(rows["verdict"])
    of = {verdict: verdicts == verdict for verdict in map(str, PRESENT)}
    sizes = areas[~of["rejected"] & (areas > 0)]
    edges = _size_edges(sizes)
    confidence = _numbers(rows, CONFIDENCE)
    return Charts(
        sizes=SizeChart(
            edges_m2=tuple(edges.tolist()),
            counts=tuple(np.histogram(sizes, edges)[0].tolist()) if len(edges) else (),
        ),
        confidence=ConfidenceChart(
            edges=tuple(_CONFIDENCE_EDGES.round(3).tolist()),
            counts={
                verdict: tuple(
                    np.histogram(confidence[which & np.isfinite(confidence)], _CONFIDENCE_EDGES)[
                        0
                    ].tolist()
                )
                for verdict, which in of.items()
            },
        ),
        area_m2={verdict: float(np.nansum(areas[which])) for verdict, which in of.items()},
        states=_states(rows, areas, of["rejected"]),
    )


def _size_edges(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return limits of classes of equal ratio that hold all sizes; none without sizes."""
    if len(sizes) == 0:
        return np.empty(0)
    first = np.floor(np.log10(sizes.min()) * _CLASSES_PER_DECADE)
    last = np.floor(np.log10(sizes.max()) * _CLASSES_PER_DECADE) + 1
    steps = int(min(max(last - first, 1), _MOST_CLASSES))
    edges = 10 ** (np.linspace(first, last, steps + 1) / _CLASSES_PER_DECADE)
    edges[0], edges[-1] = min(edges[0], sizes.min()), max(edges[-1], sizes.max())
    return np.asarray(edges)


def _states(
    rows: pd.DataFrame, areas: NDArray[np.float64], rejected: NDArray[np.bool_]
) -> tuple[StateAreas, ...]:
    if STATE not in rows or DATE not in rows:
        return ()
    table = pd.DataFrame(
        {
            "date": texts_of(rows[DATE]),
            "state": texts_of(rows[STATE]),
            "area": np.nan_to_num(areas),
        }
    )[~rejected].dropna()
    sums = table.groupby(["date", "state"])["area"].sum().reset_index()
    return tuple(
        StateAreas(
            date=str(date),
            area_m2={
                str(state): float(area)
                for state, area in zip(of_date["state"], of_date["area"], strict=True)
            },
        )
        for date, of_date in sums.groupby("date")
    )


def _numbers(rows: pd.DataFrame, name: str) -> NDArray[np.float64]:
    if name not in rows:
        return np.full(len(rows), np.nan)
    return numbers_of(rows[name])
