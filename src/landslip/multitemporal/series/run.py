"""`make_series`: scenes of several dates brought to one grid and one radiometry."""

import hashlib
import json
import math
import shutil
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip import __version__
from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.crs import check_on_earth, datum_note
from landslip.core.errors import InputError, LandslipError, argument
from landslip.core.files import (
    file_lock,
    move_into_place,
    new_parents,
    refuse_existing,
    sha256_of,
)
from landslip.core.grid import Grid
from landslip.core.messages import Message, message, sentences
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.core.resources import parallel_map
from landslip.core.text import read_json
from landslip.core.window import Window
from landslip.io.raster import OutputBand, PyramidOutput, RasterOutput, Scene, Stored, bounded_cache
from landslip.io.raster.fingerprint import scene_fingerprint
from landslip.io.raster.output import WINDOW_PX, map_windows, output_bands, to_dtype
from landslip.multitemporal.series.card import CARD, BandNormalisation, SceneDate, SeriesCard
from landslip.multitemporal.series.coregistration import MeasuredShift, measure_shift
from landslip.multitemporal.series.folder import Validity, open_series
from landslip.multitemporal.series.normalisation import FittedNormalisation, fit_normalisation
from landslip.multitemporal.series.sources import DatedSource, SourceOptions, date_sources
from landslip.multitemporal.series.survey import SceneSurvey, survey_scene
from landslip.multitemporal.series.view import DateView
from landslip.preprocessing.coregistration.displaced_scene import footprint, pixel_ratio

SCALE = 0.0001
_RADIOMETRY = Radiometry(units=Units.REFLECTANCE, dtype="uint16", scale=SCALE)
_NODATA = 0
_SAME_RESOLUTION = 1.1
_FEW_SEEN = 0.01


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


def make_series(request: SeriesRequest, progress: Progress = no_progress) -> SeriesCard:
    """Bring scenes to the reference's grid and radiometry, and write them with their validity.

    Finished dates are kept beside the output until all are done; a stopped run continues there.

    Raises:
        InputError: a scene has no date, or that of another one, does not overlap the reference,
            or has no band in common with it.
        OutputExistsError: the output exists.
    """
    refuse_existing(request.out, overwrite=request.overwrite)
    if len(request.scenes) < 2:
        raise InputError(f"a series has two scenes or more; got {len(request.scenes)}")
    sources = date_sources(request.scenes, request.dates, request.clouds)
    out = request.out.resolve()  # a link may lead to another file system
    work = out.with_name(f".{out.name}.work")
    temporary, finished = work / "temporary", work / "dates"
    try:
        with new_parents(work), file_lock(work / ".lock", f"the series {request.out}"):
            try:
                for folder in (temporary, finished):
                    folder.mkdir(exist_ok=True)
                with bounded_cache():
                    card = _write_dates(request, sources, temporary, finished, progress)
                text = card.model_dump_json(indent=2) + "\n"
                (finished / CARD).write_text(text, encoding="utf-8")
                _publish(finished, out, card)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
                with suppress(OSError):  # there are dates to continue from
                    finished.rmdir()
    finally:
        with suppress(OSError):
            work.rmdir()
    return card


def _publish(finished: Path, out: Path, card: SeriesCard) -> None:
    """Move a finished series into place, and remove the dates of an earlier one."""
    for record in finished.glob("*_record.json"):
        record.unlink()
    kept = {name for one in card.dates for name in (one.scene, one.validity)}
    for path in finished.iterdir():  # of a stopped run that had other dates
        if path.name not in kept | {CARD}:
            path.unlink()
    with suppress(InputError), open_series(out) as earlier:
        for one in earlier.card.dates:
            for name in {one.scene, one.validity} - kept:
                (out / Path(name).name).unlink(missing_ok=True)
    with suppress(OSError):  # an empty folder is replaced in one step
        out.rmdir()
    move_into_place(finished, out)
    shutil.rmtree(finished, ignore_errors=True)


def _write_dates(
    request: SeriesRequest,
    sources: Sequence[DatedSource],
    temporary: Path,
    finished: Path,
    progress: Progress,
) -> SeriesCard:
    with ExitStack() as stack:
        scenes, surveys = [], []
        for done, source in enumerate(sources):
            scene = _opened(source, request.options, temporary)
            stack.callback(scene.close)
            scenes.append(scene)
            surveys.append(
                survey_scene(
                    source,
                    scene,
                    request.options.scale,
                    temporary,
                    detects_clouds=request.detects_clouds,
                )
            )
            progress(0.5 * (done + 1), 1.5 * len(sources))
        chosen = _stated_reference(surveys, request.reference) or choose_reference(surveys)
        at = surveys.index(chosen)
        plan = _SeriesPlan(
            request=request,
            reference=chosen,
            reference_scene=scenes[at],
            bands=common_bands(surveys, chosen),
            fingerprint=_fingerprint_text(scenes[at], chosen),
        )
        for survey in surveys:
            _require_overlap(survey, chosen)
        dates = []
        for done, (survey, scene) in enumerate(zip(surveys, scenes, strict=True)):
            start = 0.5 * len(sources) + done
            part = sub_progress(progress, start, start + 1, 1.5 * len(sources))
            dates.append(_finished_date(plan, survey, scene, temporary, finished, part))
    grid = chosen.grid
    return SeriesCard(
        bands=plan.bands.names,
        crs="" if grid.crs is None else grid.crs.to_wkt(),
        transform=tuple(grid.transform)[:6],
        shape=grid.shape,
        resolution_m=grid.resolution_m,
        reference=chosen.source.day.isoformat(),
        dates=tuple(dates),
    )


def _opened(source: DatedSource, options: SourceOptions, temporary: Path) -> Scene:
    try:
        return source.open(options, temporary)
    except LandslipError as error:  # of a file that the user never sees
        text = str(error)
        if str(temporary) in text:
            error.args = (f"{source.name}: {text.partition(': ')[2]}",)
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _SeriesPlan:
    """What all dates share."""

    request: SeriesRequest
    reference: SceneSurvey
    reference_scene: Scene
    bands: Bands
    fingerprint: str


def _stated_reference(surveys: Sequence[SceneSurvey], stated: str | None) -> SceneSurvey | None:
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

    Of the scenes whose values are known to be reflectance (if there are any), and of these the ones
    up to a tenth coarser than the finest, it is the one that sees most ground without clouds; the
    earliest, where several see the same.

    Raises:
        InputError: no scene has data.
    """
    with_data = [one for one in surveys if one.has_data]
    if not with_data:
        raise InputError(
            f"{surveys[0].source.name}: no pixel of any scene has data; check {argument('nodata')}"
        )
    known = [one for one in with_data if one.is_reflectance] or with_data
    finest = min(one.grid.resolution_m or math.inf for one in known)
    fine = [
        one for one in known if (one.grid.resolution_m or math.inf) <= _SAME_RESOLUTION * finest
    ]
    return max(fine, key=lambda one: (one.seen_m2, -one.source.day.toordinal()))


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


def _finished_date(
    plan: _SeriesPlan,
    survey: SceneSurvey,
    scene: Scene,
    temporary: Path,
    finished: Path,
    progress: Progress,
) -> SceneDate:
    """Return a date that an earlier run has finished for the same job, or make it."""
    day = survey.source.day.isoformat()
    fingerprint = _fingerprint_text(scene, survey)
    request = plan.request
    job = hashlib.sha256(
        json.dumps(
            [
                __version__,
                plan.fingerprint,
                fingerprint,
                list(plan.bands),
                [request.registers, request.normalises, request.detects_clouds],
            ]
        ).encode()
    ).hexdigest()
    record = finished / f"{day}_record.json"
    if record.is_file():
        with suppress(InputError, ValueError, TypeError, KeyError):
            known = read_json(record)
            if known["job"] == job:
                progress(1, 1)
                return SceneDate.model_validate(known["date"])
    date = _make_date(plan, survey, scene, temporary, progress)
    for name in (date.scene, date.validity):
        (temporary / name).replace(finished / name)
    content = {"job": job, "date": date.model_dump(mode="json")}
    partial = temporary / record.name
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(record)
    return date


def _fingerprint_text(scene: Scene, survey: SceneSurvey) -> str:
    """Return what changes when what a date is made from does."""
    clouds = survey.source.clouds
    return json.dumps(
        [
            scene_fingerprint(scene.path),
            None if clouds is None else sha256_of(clouds),
            survey.source.day.isoformat(),
            str(survey.source.time),
            survey.source.sun_deg,
            list(survey.bands),
            [survey.radiometry.scale, survey.radiometry.offset],
            scene.options.as_dict(),
        ],
        sort_keys=True,
    )


def _make_date(
    plan: _SeriesPlan, survey: SceneSurvey, scene: Scene, folder: Path, progress: Progress
) -> SceneDate:
    request, grid = plan.request, plan.reference.grid
    notes = [*survey.notes]
    shift = MeasuredShift(shift_px=None)
    fitted = FittedNormalisation(lines=None)
    if survey is not plan.reference:
        notes += _datum_notes(survey, grid)
        if not survey.has_data:
            notes.append(message("warning.series_empty"))
        else:
            if request.registers:
                shift = measure_shift(scene, plan.reference_scene, survey.source.name)
                notes += [shift.note] if shift.note else []
            if request.normalises:
                fitted = _fit(plan, survey, scene, shift)
                notes += fitted.notes
    applied = shift.shift_px if shift.is_shifted else None
    day = survey.source.day.isoformat()
    paths = folder / f"{day}.tif", folder / f"{day}_validity.tif"
    with DateView(survey, scene, grid, shift_px=applied) as view:
        counts = _write_date(view, grid, plan.bands, fitted.lines, paths, progress)
    shares = counts / max(int(counts.sum()), 1)
    if survey.has_data and shares[Validity.VALID] < _FEW_SEEN:
        notes.append(message("warning.series_unseen", percent=100 * float(shares[Validity.VALID])))
    time = survey.source.time
    return SceneDate(
        date=day,
        time=None if time is None else time.isoformat(),
        scene=paths[0].name,
        validity=paths[1].name,
        source=survey.source.given,
        fingerprint=scene_fingerprint(scene.path),
        resolution_m=survey.grid.resolution_m,
        shift_px=shift.shift_px,
        is_shifted=shift.is_shifted,
        residual_px=shift.residual_px,
        tie_points=shift.tie_points,
        normalisation=fitted.lines,
        unchanged_share=fitted.unchanged_share,
        valid_share=float(shares[Validity.VALID]),
        cloud_share=float(shares[Validity.CLOUD]),
        shadow_share=float(shares[Validity.SHADOW]),
        no_data_share=float(shares[Validity.NO_DATA]),
        cloud_source=survey.cloud_source,
        warnings=sentences(notes),
        messages=tuple(notes),
    )


def _require_overlap(survey: SceneSurvey, reference: SceneSurvey) -> None:
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


def _datum_notes(survey: SceneSurvey, grid: Grid) -> list[Message]:
    place = np.array([shapely.Point(survey.grid.middle)], dtype=object)
    note = datum_note(survey.source.given, survey.grid.crs, grid.crs, place)
    return [] if note is None else [note]


def _fit(
    plan: _SeriesPlan, survey: SceneSurvey, scene: Scene, shift: MeasuredShift
) -> FittedNormalisation:
    """Fit the date's lines, on pixels twice as wide as the coarser scene's if the two differ.

    A blurred image has less contrast than a sharp one, which would count as gain.
    """
    grid = plan.reference.grid
    ratio = pixel_ratio(survey.grid, grid)
    is_same = 1 / _SAME_RESOLUTION < ratio < _SAME_RESOLUTION
    coarse = grid if is_same else grid.coarser(math.ceil(2 * max(ratio, 1)), covering=True)
    area = footprint(survey.grid, coarse).clipped(coarse.shape) or coarse.window
    applied = shift.shift_px if shift.is_shifted else None
    with (
        DateView(plan.reference, plan.reference_scene, grid, grid=coarse) as reference,
        DateView(survey, scene, grid, grid=coarse, shift_px=applied) as other,
    ):
        is_reflectance = survey.is_reflectance and plan.reference.is_reflectance
        return fit_normalisation(reference, other, plan.bands, area, is_reflectance=is_reflectance)


def _write_date(
    view: DateView,
    grid: Grid,
    bands: Bands,
    lines: dict[str, BandNormalisation] | None,
    files: tuple[Path, Path],
    progress: Progress,
) -> NDArray[np.int64]:
    """Write both rasters of a date window by window; return the number of pixels by `Validity`."""
    gains = np.array([lines[name].gain if lines else 1.0 for name in bands], dtype=np.float32)
    offsets = np.array([lines[name].offset if lines else 0.0 for name in bands], dtype=np.float32)
    counts = np.zeros(len(Validity), dtype=np.int64)
    total, done = math.prod(grid.shape), 0
    scene_file, validity_file = files
    layers = output_bands(bands, _RADIOMETRY, _NODATA)
    with ExitStack() as stack:
        shutil.rmtree(pyramid := scene_file.with_suffix(".windows"), ignore_errors=True)
        scene_output = PyramidOutput(pyramid, grid, layers, WINDOW_PX)
        stack.callback(scene_output.close)
        codes = RasterOutput(
            validity_file.with_suffix(".plain.tif"), grid, (OutputBand(description="validity"),)
        )
        stack.callback(codes.close)

        def work(window: Window) -> tuple[list[Stored] | None, NDArray[np.uint8]]:
            reflectance, validity = view.read(window, bands)
            values = (gains[:, None, None] * reflectance + offsets[:, None, None]) / SCALE
            valid = validity != Validity.NO_DATA
            if not valid.any():
                return None, validity
            stored = to_dtype(np.where(valid, values, 0), valid, _RADIOMETRY.dtype, _NODATA)
            return scene_output.levels_of(stored), validity

        for window, (levels, validity) in parallel_map(work, map_windows(grid.shape)):
            if levels is not None:
                scene_output.write(levels, window)
                codes.write(validity, window)
            counts += np.bincount(validity.ravel(), minlength=len(Validity))
            done += window.width * window.height
            progress(done, total)
        scene_output.finish(scene_file)
        codes.finish(validity_file, overviews="mode")
    return counts
