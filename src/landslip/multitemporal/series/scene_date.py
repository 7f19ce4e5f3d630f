"""One date of a series: compared with the reference, fitted to it, and written."""

import hashlib
import json
import math
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip import __version__
from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.errors import InputError
from landslip.core.files import (
    sha256_of,
)
from landslip.core.grid import Grid
from landslip.core.messages import Message, message, sentences
from landslip.core.progress import Progress
from landslip.core.resources import parallel_map
from landslip.core.text import read_json
from landslip.core.transformations import datum_note
from landslip.core.window import Window
from landslip.io.raster import OutputBand, PyramidOutput, RasterOutput, Scene
from landslip.io.raster.fingerprint import scene_fingerprint
from landslip.io.raster.output import output_bands, to_dtype
from landslip.io.raster.pyramid import WINDOW_PX, CompressedWindow, map_windows
from landslip.multitemporal.series.card import BandNormalisation, SceneDate
from landslip.multitemporal.series.coregistration import MeasuredShift, measure_shift
from landslip.multitemporal.series.folder import Validity
from landslip.multitemporal.series.normalisation import FittedNormalisation, fit_normalisation
from landslip.multitemporal.series.plan import SAME_RESOLUTION, SeriesPlan
from landslip.multitemporal.series.survey import SceneSurvey
from landslip.multitemporal.series.view import DateView
from landslip.preprocessing.coregistration.displaced_scene import footprint, pixel_ratio

SCALE = 0.0001
_RADIOMETRY = Radiometry(units=Units.REFLECTANCE, dtype="uint16", scale=SCALE)
_NODATA = 0
_FEW_SEEN = 0.01


def finished_date(
    plan: SeriesPlan,
    survey: SceneSurvey,
    scene: Scene,
    temporary: Path,
    finished: Path,
    progress: Progress,
) -> SceneDate:
    """Return a date that an earlier run has finished for the same job, or make it."""
    day = survey.source.day.isoformat()
    fingerprint = fingerprint_text(scene, survey)
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


def fingerprint_text(scene: Scene, survey: SceneSurvey) -> str:
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
    plan: SeriesPlan, survey: SceneSurvey, scene: Scene, folder: Path, progress: Progress
) -> SceneDate:
    request, grid = plan.request, plan.reference.grid
    notes = [*survey.notes]
    shift = MeasuredShift(shift_px=None)
    fitted = FittedNormalisation(lines=None)
    if survey is plan.reference:
        notes += plan.reference_notes
    else:
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


def _datum_notes(survey: SceneSurvey, grid: Grid) -> list[Message]:
    place = np.array([shapely.Point(survey.grid.middle)], dtype=object)
    note = datum_note(survey.source.given, survey.grid.crs, grid.crs, place)
    return [] if note is None else [note]


def _fit(
    plan: SeriesPlan, survey: SceneSurvey, scene: Scene, shift: MeasuredShift
) -> FittedNormalisation:
    """Fit the date's lines, on pixels twice as wide as the coarser scene's if the two differ.

    A blurred image has less contrast than a sharp one, which would count as gain.
    """
    grid = plan.reference.grid
    ratio = pixel_ratio(survey.grid, grid)
    is_same = 1 / SAME_RESOLUTION < ratio < SAME_RESOLUTION
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

        def work(window: Window) -> tuple[CompressedWindow, NDArray[np.uint8]]:
            reflectance, validity = view.read(window, bands)
            values = (gains[:, None, None] * reflectance + offsets[:, None, None]) / SCALE
            valid = validity != Validity.NO_DATA
            if not valid.any():
                return scene_output.compress(None, window), validity
            stored = to_dtype(np.where(valid, values, 0), valid, _RADIOMETRY.dtype, _NODATA)
            return scene_output.compress(scene_output.levels_of(stored), window), validity

        for window, (compressed, validity) in parallel_map(work, map_windows(grid.shape)):
            scene_output.append(compressed)
            if (validity != Validity.NO_DATA).any():
                codes.write(validity, window)
            counts += np.bincount(validity.ravel(), minlength=len(Validity))
            done += window.width * window.height
            progress(done, total)
        scene_output.finish(scene_file)
        codes.finish(validity_file, overviews="mode")
    return counts
