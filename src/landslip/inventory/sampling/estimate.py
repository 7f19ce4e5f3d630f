"""The landslide area that a sample says so far, while its points are being judged."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from landslip.core.errors import InputError
from landslip.core.messages import Message, message, plain
from landslip.inference.result import SUMMARY, ExtractionSummary
from landslip.inventory.detections import detections_from_file
from landslip.inventory.request import InventoryRequest
from landslip.inventory.sampling.geopackage import REFERENCE, SampleFile
from landslip.inventory.sampling.judgements import AssessedMap, judged_sample
from landslip.inventory.sampling.judging import judgements_of
from landslip.inventory.sampling.source_map import polygons_digest
from landslip.inventory.statistics.adjusted_area import adjusted_from_sample
from landslip.inventory.statistics.result import AdjustedLandslideArea
from landslip.metrics.stratified import StratifiedSample


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledMap:
    """The map that a sample was drawn from, as it is now.

    Attributes:
        assessed: its polygons; None of an extraction, whose pixels were drawn as they are.
        landslide_m2: area that it has as landslide.
    """

    assessed: AssessedMap | None
    landslide_m2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEstimate:
    """What the judged points of a sample say.

    Attributes:
        points: in the sample.
        judged: of them, unclear ones too.
        mapped_m2: landslide area of the map.
        adjusted: the area adjusted for the map's errors; None: too few points are judged.
        notes: why there is no estimate, or what limits it.
    """

    points: int
    judged: int
    mapped_m2: float
    adjusted: AdjustedLandslideArea | None
    notes: tuple[Message, ...]


def read_sampled_map(sample: SampleFile, source: Path) -> SampledMap | None:
    """Read the map that a sample may have been drawn from; None: it was drawn from another one.

    Args:
        sample: as it was read.
        source: folder of an extraction or inventory, or a file of polygons.

    Raises:
        InputError: the map cannot be read.
    """
    reference = sample.record.map
    area_m2 = sum(one.area_m2 for one in sample.record.strata)
    if (source / SUMMARY).is_file():
        summary = ExtractionSummary.read(source / SUMMARY)
        is_whole = summary.valid_px == sum(one.pixels for one in sample.record.strata)
        if reference.kind != "extraction" or reference.digest != summary.job_sha256 or not is_whole:
            return None
        fraction = summary.landslide_px / summary.valid_px
        return SampledMap(assessed=None, landslide_m2=fraction * area_m2)
    if reference.kind != "polygons":
        return None
    found = detections_from_file(InventoryRequest(source=source, out=source))
    digest = polygons_digest(found.polygons)
    if reference.digest != digest or found.mapped_m2 is None or found.covered_m2 is None:
        return None
    assessed = AssessedMap(
        polygons=found.polygons,
        crs=found.pyproj_crs,
        mapped_m2=found.mapped_m2,
        digests={"polygons": digest},
        ground=found.extent,
    )
    return SampledMap(assessed=assessed, landslide_m2=found.covered_m2)


def estimate_from_sample(
    path: Path, sample: SampleFile, sampled: SampledMap | None, *, step: int = 1
) -> SampleEstimate:
    """Return what the judged points of a sample say of the landslide area.

    Where all points are judged it is what `landslip inventory --sample` says of the same map.

    Args:
        path: of the sample, for messages.
        sample: its content.
        sampled: the map that it was drawn from; None: not known any more.
        step: the estimate moves on by so many judged points, until all are judged, so that nobody
            sees by its changes what the map has at the point that was judged last.
    """
    record = sample.record
    area_m2 = sum(one.area_m2 for one in record.strata)
    judged, points = _judged(sample), len(sample.points)
    used = judged if judged == points else judged // step * step
    notes: list[Message] = []
    if used < judged:
        notes.append(message("adjusted.batches", count=used, judged=judged, step=step))
        sample = _first_judged(sample, used)
    if sampled is None:
        landslide_m2 = _drawn_fraction(sample) * area_m2
        notes.append(message("adjusted.map_unknown"))
    else:
        landslide_m2 = sampled.landslide_m2
    assessed = None if sampled is None else sampled.assessed
    adjusted = None
    try:
        validation = judged_sample(path, sample, assessed)
        whole_m2 = area_m2 if assessed is None else assessed.mapped_m2
        notes += validation.notes
        adjusted = adjusted_from_sample(validation, whole_m2, landslide_m2)
    except InputError as error:  # a sentence on why there is no estimate yet
        notes.append(plain(str(error)))
    return SampleEstimate(
        points=points,
        judged=judged,
        mapped_m2=landslide_m2,
        adjusted=adjusted,
        notes=tuple(notes),
    )


def _judged(sample: SampleFile) -> int:
    return sum(one.reference is not None for one in judgements_of(sample))


def _first_judged(sample: SampleFile, count: int) -> SampleFile:
    """Return a sample in which only the points that were judged first are judged.

    Those without a time were judged before the others, as by QGIS.
    """
    judgements = judgements_of(sample)
    order = sorted(
        (at for at, one in enumerate(judgements) if one.reference is not None),
        key=lambda at: (
            0.0 if (time := judgements[at].time) is None else time.timestamp(),
            int(sample.points["id"].iloc[at]),
        ),
    )
    points = sample.points.copy()
    left_out = np.ones(len(points), dtype=np.bool_)
    left_out[order[:count]] = False
    points.loc[left_out, REFERENCE] = None
    return replace(sample, points=points)


def _drawn_fraction(sample: SampleFile) -> float:
    """Return the fraction of the area that the map has as landslide, by all points drawn."""
    strata, design = sample.record.strata, sample.design
    names = [one.name for one in strata]
    index = np.array([names.index(name) for name in design["stratum"]], dtype=np.int64)
    areas = np.array([one.area_m2 for one in strata])
    pixels = np.array([one.pixels for one in strata], dtype=np.float64)
    drawn = StratifiedSample(strata=index, weights=areas / areas.sum(), sizes=pixels)
    unit_areas = design["pixel_m2"].to_numpy(np.float64) / (areas / pixels)[index]
    return min(drawn.mean(unit_areas * design["mapped"].to_numpy(np.float64)).value, 1.0)
