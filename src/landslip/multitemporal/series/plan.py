"""What is asked of a series, and what all its dates share: the reference and the bands."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from landslip.core.bands import Bands
from landslip.core.crs import check_on_earth
from landslip.core.errors import InputError, argument
from landslip.core.map_distances import MapPlane
from landslip.core.messages import Message, message
from landslip.io.raster import Scene
from landslip.multitemporal.series.sources import SourceOptions
from landslip.multitemporal.series.survey import SceneSurvey
from landslip.preprocessing.coregistration.displaced_scene import footprint

SAME_RESOLUTION = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRequest:
    """What a series is made of, and how.

    Attributes:
        scenes: the files of each date: one, or one for each band.
        out: folder to write.
        reference: day (ISO) or file of the reference; None: see `choose_reference`.
        dates: of the scenes, in the order given; None: what the files say.
        clouds: masks of the user, ``FILE`` or ``DATE=FILE``.
        options: how the scenes are read.
        registers, normalises, detects_clouds: whether that is done.
        overwrite: replace an existing series, or unfinished work on one.
    """

    scenes: tuple[tuple[Path | str, ...], ...]
    out: Path
    reference: str | None = None
    dates: tuple[str, ...] | None = None
    clouds: tuple[str, ...] = ()
    options: SourceOptions = field(default_factory=SourceOptions)
    registers: bool = True
    normalises: bool = True
    detects_clouds: bool = True
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPlan:
    """What all dates share."""

    request: SeriesRequest
    reference: SceneSurvey
    reference_scene: Scene
    reference_notes: tuple[Message, ...]
    bands: Bands
    fingerprint: str


def stated_reference(surveys: Sequence[SceneSurvey], stated: str | None) -> SceneSurvey | None:
    """Return the scene that the user names by its date or file; None: none is named.

    Raises:
        InputError: it is no scene of the series, or has no data.
    """
    if stated is None:
        return None
    for one in surveys:
        names = {one.source.day.isoformat(), one.source.name, one.source.given}
        if stated in names or Path(stated) in map(Path, names):
            if not one.has_data:
                raise InputError(f"{one.source.name}: the reference has no pixel with data")
            return one
    days = ", ".join(one.source.day.isoformat() for one in surveys)
    raise InputError(
        f"{argument('reference')} is the date or the file of one of the scenes; got {stated}, and "
        f"the dates are {days}"
    )


def choose_reference(surveys: Sequence[SceneSurvey]) -> SceneSurvey:
    """Return the scene that others are brought to.

    Of the scenes in a projected coordinate system (if there are any), of these the ones whose
    values are known to be reflectance (if any), and of these the ones up to a tenth coarser than
    the finest, it is the one that sees most ground without clouds; the earliest, where several see
    the same.

    Raises:
        InputError: no scene has data.
    """
    with_data = [one for one in surveys if one.has_data]
    if not with_data:
        raise InputError(
            f"{surveys[0].source.name}: no pixel of any scene has data; check {argument('nodata')}"
        )
    projected = [one for one in with_data if not _is_geographic(one)] or with_data
    known = [one for one in projected if one.is_reflectance] or projected
    finest = min(map(_side, known))
    fine = [one for one in known if _side(one) <= SAME_RESOLUTION * finest]
    return max(fine, key=lambda one: (one.seen_m2, -one.source.day.toordinal()))


def _is_geographic(survey: SceneSurvey) -> bool:
    return survey.grid.crs is not None and survey.grid.crs.is_geographic


def grid_notes(reference: SceneSurvey, surveys: Sequence[SceneSurvey]) -> list[Message]:
    """Return what is to be known of the reference's grid: that it is in degrees, or is coarse."""
    grid = reference.grid
    plane = MapPlane.of(grid.crs)
    if _is_geographic(reference) and plane is not None:
        a, b, _, d, e, _ = tuple(grid.transform)[:6]
        steps = np.array([[a, d], [b, e]]) @ plane.axes_m(np.array([grid.middle]))[0]
        width, height = np.hypot(*steps.T).tolist()
        return [message("series.grid_in_degrees", width=width, height=height)]
    own = _side(reference)
    finer = [one for one in surveys if one.has_data and SAME_RESOLUTION * _side(one) < own]
    if not finer:
        return []
    finest = min(finer, key=_side)
    return [
        message(
            "series.grid_coarser",
            resolution_m=own,
            finest_m=_side(finest),
            day=finest.source.day.isoformat(),
        )
    ]


def _side(survey: SceneSurvey) -> float:
    return survey.grid.resolution_m or math.inf


def common_bands(surveys: Sequence[SceneSurvey], reference: SceneSurvey) -> Bands:
    """Return the bands that all scenes have, in the reference's order.

    Raises:
        InputError: there are none.
    """
    common = reference.bands.names
    for one in surveys:
        left = tuple(name for name in common if name in one.bands.names)
        if not left:
            raise InputError(
                f"{one.source.name}: the dates of a series need a band in common; this one has "
                f"{one.bands} and the others {','.join(common)}. State its names with "
                f"{argument('bands')}, or leave it out"
            )
        common = left
    return Bands(common)


def require_overlap(survey: SceneSurvey, reference: SceneSurvey) -> None:
    """Refuse a scene that covers nothing of the reference's grid.

    Raises:
        InputError: it does not, or one of the two is not tied to the Earth.
    """
    if survey.grid.crs != reference.grid.crs:
        for one in (survey, reference):
            check_on_earth(one.grid.crs, one.source.name)
    if footprint(survey.grid, reference.grid).clipped(reference.grid.shape) is None:
        raise InputError(
            f"{survey.source.name}: the scene does not overlap the reference "
            f"{reference.source.name}; check its coordinate system, state another "
            f"{argument('reference')}, or leave it out"
        )
