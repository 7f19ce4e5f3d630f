"""What a table of polygons says as a whole: sizes, confidence, and areas by verdict."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.review.features import FeatureTable
from landslip.review.words import PRESENT

_A_DECADE, _MOST_BINS = 5, 40
_CONFIDENCE_BINS = 20
_CONFIDENCE = ("confidence", "mean_probability")


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """Numbers of polygons that are there; limits have one entry more than numbers.

    Attributes:
        size_edges_m2: limits of areas, five to a decade.
        size_counts: polygons between them.
        confidence_edges: limits of confidence; none without any.
        confidence_counts: polygons between them, by verdict.
        area_m2: area by verdict.
    """

    size_edges_m2: tuple[float, ...]
    size_counts: tuple[int, ...]
    confidence_edges: tuple[float, ...]
    confidence_counts: dict[str, tuple[int, ...]]
    area_m2: dict[str, float]


def charts_of(table: FeatureTable) -> Charts:
    """Count the polygons of a table."""
    areas_m2 = table.column("area_m2")
    edges_m2, counts = _sizes(areas_m2[table.present & (areas_m2 > 0)])
    name = next((one for one in _CONFIDENCE if one in table.names), None)
    confidence = None if name is None else table.column(name)
    bins = np.linspace(0, 1, _CONFIDENCE_BINS + 1)
    is_known = confidence is not None and confidence.dtype == np.float64
    by_verdict: dict[str, tuple[int, ...]] = {}
    area_m2: dict[str, float] = {}
    for code, verdict in enumerate(PRESENT):
        own = table.verdict == code
        area_m2[str(verdict)] = float(np.nansum(areas_m2[own]))
        found: list[int] = []
        if confidence is not None and is_known:
            values = confidence[own]
            found = np.histogram(values[np.isfinite(values)].clip(0, 1), bins)[0].tolist()
        by_verdict[str(verdict)] = tuple(found)
    return Charts(
        size_edges_m2=edges_m2,
        size_counts=counts,
        confidence_edges=tuple(bins.round(10).tolist()) if is_known else (),
        confidence_counts=by_verdict,
        area_m2=area_m2,
    )


def _sizes(areas_m2: NDArray[np.float64]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return limits of areas, equal steps of their logarithm, and the numbers between them."""
    if len(areas_m2) == 0:
        return (), ()
    low, high = np.log10([areas_m2.min(), areas_m2.max()])
    first, last = np.floor(low * _A_DECADE), np.floor(high * _A_DECADE) + 1
    steps = int(min(last - first, _MOST_BINS))
    edges = 10 ** (np.linspace(first, last, steps + 1) / _A_DECADE)
    counts = np.histogram(np.log10(areas_m2), np.log10(edges))[0]
    return tuple(edges.tolist()), tuple(counts.tolist())
