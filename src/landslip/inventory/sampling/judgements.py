"""A sample that was drawn by a map and has been judged, as an adjusted area needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.geometries import reproject
from landslip.core.grid import map_points
from landslip.core.messages import Message, message
from landslip.inventory.sampling.design import DrawnStratum
from landslip.inventory.sampling.geopackage import REFERENCE, SampleFile, read_sample
from landslip.inventory.statistics.result import SampledStratum
from landslip.inventory.statistics.validation_sample import (
    LANDSLIDE_WORDS,
    OTHER_WORDS,
    SampleStrata,
    ValidationSample,
    are_inside,
)

UNCLEAR_WORDS = {"unclear", "unknown", "?", "无法判断"}
_FEW, _AREA_TOLERANCE = 20, 0.02
_RULE_OF_THREE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssessedMap:
    """The map that a sample says something of.

    Attributes:
        polygons: (n,) its landslides, in ``crs``.
        crs: their coordinate system.
        mapped_m2: size of the mapped area.
        digests: of the map, by the kind of reference that a sample may have to it.
        ground: the mapped area, in ``crs``; None: not known.
    """

    polygons: NDArray[np.object_]
    crs: pyproj.CRS | None
    mapped_m2: float
    digests: Mapping[str, str]
    ground: shapely.Geometry | None = None


def read_judged_sample(path: Path, assessed: AssessedMap) -> ValidationSample:
    """Read the judgements of a sample, see `judged_sample`.

    Raises:
        InputError: it is damaged, from another map, covers another area, or nothing is judged.
    """
    return judged_sample(path, read_sample(path), assessed)


def judged_sample(path: Path, sample: SampleFile, assessed: AssessedMap | None) -> ValidationSample:
    """Return the judged points of a sample, with what the map says there.

    Points that nobody judged, and unclear ones, are left out, which is noted: what is left is a
    random sample of each stratum only if nothing about the points decided which were judged. As
    they are in random order, the first ones are.

    Args:
        path: what `landslip.inventory.sampling.geopackage.write_sample` wrote, for messages.
        sample: its content.
        assessed: a map; None: the one that the sample was drawn from, as it was then.

    Raises:
        InputError: it is from another map, covers another area, or nothing is judged.
    """
    notes = [] if assessed is None else _map_notes(path, sample, assessed)
    record = sample.record
    joined = sample.points[["id", REFERENCE]].merge(sample.design, on="id", validate="1:1")
    own = pyproj.CRS.from_wkt(record.crs)
    _refuse_moved(path, sample, joined, own)
    words = _words(path, joined)
    is_landslide = np.array([word in LANDSLIDE_WORDS for word in words], dtype=np.bool_)
    is_unclear = np.array([word in UNCLEAR_WORDS for word in words], dtype=np.bool_)
    is_judged = is_landslide | np.array([word in OTHER_WORDS for word in words], dtype=np.bool_)
    if not is_judged.any():
        raise InputError(
            f"{path}: no point is judged; fill in the column {REFERENCE} with landslide, "
            "background or unclear"
        )
    mapped = joined["mapped"].to_numpy(np.bool_)
    if assessed is not None:
        mapped = _mapped_by(path, assessed, joined, own)
    names = [one.name for one in record.strata]
    stratum = np.array([names.index(name) for name in joined["stratum"]], dtype=np.int64)
    areas = np.array([one.area_m2 for one in record.strata])
    pixels = np.array([one.pixels for one in record.strata], dtype=np.float64)
    counted = [
        _sampled(one, is_judged[stratum == at], is_landslide[stratum == at])
        for at, one in enumerate(record.strata)
    ]
    total = sum(one.drawn for one in record.strata)
    unjudged = total - int(is_judged.sum()) - int(is_unclear.sum())
    if unjudged:
        notes.append(message("warning.sample_unjudged", count=unjudged, total=total))
    if is_unclear.any():
        notes.append(message("adjusted.unclear", count=int(is_unclear.sum()), total=total))
    notes += _stratum_notes(record.strata, counted)
    differ = int((mapped != joined["mapped"].to_numpy(np.bool_)).sum())
    if differ:
        notes.append(message("adjusted.classes_differ", count=differ, total=len(mapped)))
    at_judged = stratum[is_judged]
    unit_areas = joined["pixel_m2"].to_numpy(np.float64)[is_judged] / (areas / pixels)[at_judged]
    return ValidationSample(
        mapped=mapped[is_judged],
        reference=is_landslide[is_judged],
        notes=tuple(notes),
        strata=SampleStrata(
            names=tuple(f"judged in the stratum {name}" for name in names),
            index=at_judged,
            weights=areas / areas.sum(),
            sizes=pixels,
            unit_areas=unit_areas,
        ),
        sampled_strata=tuple(counted),
    )


def _mapped_by(
    path: Path, assessed: AssessedMap, joined: pd.DataFrame, own: pyproj.CRS
) -> NDArray[np.bool_]:
    """Return which points (n,) a map has as landslide.

    Raises:
        InputError: many points are outside the mapped area.
    """
    places = np.asarray(shapely.points(joined[["x", "y"]].to_numpy(np.float64)), dtype=object)
    crs, ground = assessed.crs, assessed.ground
    on_map = places if crs is None else reproject(places, own, crs)
    if ground is not None:
        shapely.prepare(ground)
        outside = int(np.count_nonzero(~shapely.intersects(ground, on_map)))
        if outside > _AREA_TOLERANCE * len(on_map):
            raise InputError(
                f"{path}: {outside} of {len(on_map)} points are outside the mapped area; draw a "
                "sample of this map with `landslip sample`"
            )
    return are_inside(on_map, assessed.polygons)


def _words(path: Path, joined: pd.DataFrame) -> list[str]:
    """Return the judgements in lower case, empty where there is none."""
    texts = joined[REFERENCE].astype(object)
    words = [str(word).strip().lower() for word in texts.where(texts.notna(), "")]
    for number, word in zip(joined["id"], words, strict=True):
        if word not in LANDSLIDE_WORDS | OTHER_WORDS | UNCLEAR_WORDS | {""}:
            raise InputError(
                f"{path}: {REFERENCE} is landslide, background or unclear, or empty where a point "
                f"is not judged; point {number} has {word!r}"
            )
    return words


def _refuse_moved(path: Path, sample: SampleFile, joined: pd.DataFrame, own: pyproj.CRS) -> None:
    """Refuse points that are no longer in their pixel."""
    now = np.asarray(sample.points.geometry.values, dtype=object)
    if sample.points.crs is not None and sample.points.crs != own:
        now = reproject(now, sample.points.crs, own)
    at = shapely.centroid(now)  # NaN of a point without geometry
    here = np.column_stack([shapely.get_x(at), shapely.get_y(at)])
    places = map_points(~Affine(*sample.record.transform), here)
    drawn = joined[["col", "row"]].to_numpy(np.float64) + 0.5
    moved = ~(np.abs(places - drawn) <= 0.5 + 1e-6).all(axis=1)
    if moved.any():
        number = int(joined["id"].iloc[int(np.argmax(moved))])
        raise InputError(
            f"{path}: points are judged where they were drawn, and point {number} was moved; move "
            "it back to its x and y"
        )


def _map_notes(path: Path, sample: SampleFile, assessed: AssessedMap) -> list[Message]:
    """Refuse a sample of another map or area; return a note where the map cannot be compared."""
    reference = sample.record.map
    known, mapped_m2 = assessed.digests.get(reference.kind), assessed.mapped_m2
    notes = []
    if reference.kind == "raster":
        notes.append(message("adjusted.of_raster", map=reference.name))
    elif known != reference.digest:
        raise InputError(
            f"{path}: the sample was drawn from {reference.place}, and this is another map, or the "
            "same with other options; draw a sample of this one with `landslip sample`"
        )
    area_m2 = sum(one.area_m2 for one in sample.record.strata)
    if abs(area_m2 - mapped_m2) > _AREA_TOLERANCE * mapped_m2:
        raise InputError(
            f"{path}: the sample was drawn in {area_m2 / 1e6:.6g} km² and the mapped area has "
            f"{mapped_m2 / 1e6:.6g} km²; draw a sample of the same area"
        )
    return notes


def _sampled(
    stratum: DrawnStratum, judged: NDArray[np.bool_], landslide: NDArray[np.bool_]
) -> SampledStratum:
    return SampledStratum(
        kind=stratum.kind,
        low=stratum.low,
        high=stratum.high,
        pixels=stratum.pixels,
        area_m2=stratum.area_m2,
        drawn=stratum.drawn,
        judged=int(judged.sum()),
        landslides=int(landslide.sum()),
    )


def _stratum_notes(drawn: tuple[DrawnStratum, ...], counted: list[SampledStratum]) -> list[Message]:
    """Return notes on strata that were judged too little, and on those without a landslide."""
    notes = []
    for one, stratum in zip(drawn, counted, strict=True):
        few = stratum.judged < min(_FEW, stratum.pixels)
        if few:
            notes.append(
                message("warning.sample_few", stratum=one.name, count=stratum.judged, least=_FEW)
            )
        elif stratum.kind != "landslide" and stratum.landslides == 0:
            most_m2 = stratum.area_m2 * min(_RULE_OF_THREE / stratum.judged, 1.0)
            notes.append(
                message(
                    "adjusted.no_landslide_judged",
                    stratum=one.name,
                    count=stratum.judged,
                    most_m2=most_m2,
                )
            )
    return notes
