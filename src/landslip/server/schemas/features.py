"""The table of an inventory's polygons, and its charts."""

from typing import Any

from pydantic import ConfigDict

from landslip.core.records import StrictModel
from landslip.review.words import Provenance
from landslip.server.schemas.review import ChangeJson
from landslip.server.schemas.values import Bounds, PresentVerdict


class FeatureRow(StrictModel):
    """A polygon: its review, and the columns of its inventory under their own names."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: int
    verdict: PresentVerdict
    provenance: Provenance
    version: int
    type: str | None
    note: str | None
    author: str | None
    changed: str | None
    bounds: Bounds
    centroid: tuple[float, float]
    information: float | None


class FeaturePage(StrictModel):
    """Some rows of a table; ``total`` counts all that the query selects."""

    total: int
    offset: int
    revision: int
    rows: tuple[FeatureRow, ...]


class FeatureIds(StrictModel):
    """Which polygons filters select, ``total`` in number.

    ``ids`` are theirs, or those of all others where ``selected`` is false.
    """

    revision: int
    total: int
    selected: bool
    ids: tuple[int, ...]


class FeatureDetail(FeatureRow):
    """A polygon with its outlines in longitude and latitude, and its changes."""

    geometry: dict[str, Any]
    original: dict[str, Any] | None
    history: tuple[ChangeJson, ...]


class SizeChart(StrictModel):
    """Numbers of polygons (n) between areas (n + 1)."""

    edges_m2: tuple[float, ...]
    counts: tuple[int, ...]


class ConfidenceChart(StrictModel):
    """Numbers of polygons by verdict between confidences."""

    edges: tuple[float, ...]
    counts: dict[PresentVerdict, tuple[int, ...]]


class StateAreas(StrictModel):
    """Area by state on a date."""

    date: str
    area_m2: dict[str, float]


class Charts(StrictModel):
    """Charts of an inventory as it is now."""

    sizes: SizeChart
    confidence: ConfidenceChart
    area_m2: dict[PresentVerdict, float]
    states: tuple[StateAreas, ...]
