"""Samples of points whose judgements give an area and an accuracy."""

from typing import Any, Literal

from landslip.core.records import StrictModel
from landslip.server.schemas.values import Author, Note

Reference = Literal["landslide", "background", "unclear"]


class SampleJson(StrictModel):
    """A sample that `landslip sample` drew."""

    id: str
    name: str
    inventory_id: str | None
    scene_id: str | None
    points: int
    judged: int


class SamplePoint(StrictModel):
    """A point to judge, and the outline of its pixel."""

    id: int
    place: tuple[float, float]
    pixel: dict[str, Any]
    reference: Reference | None
    comment: str | None


class JudgementJson(StrictModel):
    """What somebody sees at a point; None takes a judgement back.

    ``seen`` is what the point was when it was looked at; another one now is a conflict.
    """

    reference: Reference | None
    comment: Note | None = None
    author: Author
    seen: Reference | None = None


class SampleEstimateJson(StrictModel):
    """Area and accuracy by the points that are judged."""

    judged: int
    points: int
    area_m2: float | None
    low_m2: float | None
    high_m2: float | None
    mapped_m2: float
    overall_accuracy: float | None
    users_accuracy: float | None
    producers_accuracy: float | None
    notes: tuple[str, ...]
