"""Routes of accuracy samples: points are judged without the map's answer, and give an area."""

from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query
from numpy.typing import NDArray

from landslip.core.choices import Language, ReferenceClass
from landslip.inventory.sampling.judging import Judgement, PointToJudge
from landslip.metrics.bootstrap import IntervalEstimate
from landslip.server import schemas
from landslip.server.problems import without_folders
from landslip.server.state import State

router = APIRouter(prefix="/samples/{sample_id}", tags=["samples"])
_DECIMALS = 8  # of degrees: a millimetre
SampleId = Annotated[str, Path(max_length=64)]
PointId = Annotated[int, Path(ge=0, le=2**53)]


@router.get("/points")
def points(sample_id: SampleId, state: State) -> tuple[schemas.SamplePoint, ...]:
    """Return the points to judge in their random order, with nothing of the map."""
    entry = state.folder.sample(sample_id)
    return tuple(_shown(one) for one in state.samples.points(entry))


@router.put("/points/{point_id}")
def judge(
    sample_id: SampleId, point_id: PointId, request: schemas.JudgementJson, state: State
) -> schemas.SamplePoint:
    """Judge a point; 409 where ``seen`` is given and somebody has judged it since."""
    entry = state.folder.sample(sample_id)
    judgement = Judgement(
        reference=_reference(request.reference),
        comment=request.comment or None,
        author=request.author,
        time=datetime.now(UTC),
    )
    is_stated = "seen" in request.model_fields_set
    seen = Judgement(reference=_reference(request.seen)) if is_stated else None
    return _shown(state.samples.judge(entry, point_id, judgement, seen))


@router.get("/estimate")
def estimate(
    sample_id: SampleId,
    state: State,
    lang: Annotated[Language, Query(description="Language of the notes.")] = Language.ENGLISH,
) -> schemas.SampleEstimateJson:
    """Return the landslide area and accuracies by the points that are judged, by tens."""
    entry = state.folder.sample(sample_id)
    mapped = None if entry.inventory_id is None else state.folder.inventory(entry.inventory_id)
    found = state.samples.estimate(entry, mapped)
    adjusted = found.adjusted
    area = IntervalEstimate(value=None) if adjusted is None else adjusted.adjusted_m2
    notes = tuple(one.text(lang, for_readers=True) for one in found.notes)
    return schemas.SampleEstimateJson(
        judged=found.judged,
        points=found.points,
        area_m2=area.value,
        low_m2=area.low,
        high_m2=area.high,
        mapped_m2=found.mapped_m2,
        overall_accuracy=None if adjusted is None else adjusted.overall_accuracy.value,
        users_accuracy=None if adjusted is None else adjusted.users_accuracy.value,
        producers_accuracy=None if adjusted is None else adjusted.producers_accuracy.value,
        notes=tuple(without_folders(one, state.folder.root) for one in notes),
    )


def _reference(word: schemas.Reference | None) -> ReferenceClass | None:
    return None if word is None else ReferenceClass(word)


def _shown(point: PointToJudge) -> schemas.SamplePoint:
    reference = point.judgement.reference
    lon, lat = np.round(point.place, _DECIMALS).tolist()
    return schemas.SamplePoint(
        id=point.id,
        place=(lon, lat),
        pixel=_polygon(point.pixel),
        reference=None if reference is None else reference.value,
        comment=point.judgement.comment,
    )


def _polygon(corners: NDArray[np.float64]) -> dict[str, Any]:
    ring = np.round(np.vstack([corners, corners[:1]]), _DECIMALS).tolist()
    return {"type": "Polygon", "coordinates": [ring]}
