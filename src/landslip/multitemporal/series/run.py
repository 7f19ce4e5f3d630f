"""`make_series`: scenes of several dates brought to one grid and one radiometry."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from landslip.core.errors import InputError, LandslipError
from landslip.core.files import (
    file_lock,
    move_into_place,
    new_parents,
    refuse_existing,
)
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.io.raster import Scene, bounded_cache
from landslip.multitemporal.series.card import CARD, SeriesCard
from landslip.multitemporal.series.folder import open_series
from landslip.multitemporal.series.plan import (
    SeriesPlan,
    SeriesRequest,
    choose_reference,
    common_bands,
    grid_notes,
    require_overlap,
    stated_reference,
)
from landslip.multitemporal.series.scene_date import fingerprint_text, finished_date
from landslip.multitemporal.series.sources import DatedSource, SourceOptions, date_sources
from landslip.multitemporal.series.survey import survey_scene


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
        chosen = stated_reference(surveys, request.reference) or choose_reference(surveys)
        at = surveys.index(chosen)
        plan = SeriesPlan(
            request=request,
            reference=chosen,
            reference_scene=scenes[at],
            reference_notes=tuple(grid_notes(chosen, surveys)),
            bands=common_bands(surveys, chosen),
            fingerprint=fingerprint_text(scenes[at], chosen),
        )
        for survey in surveys:
            require_overlap(survey, chosen)
        dates = []
        for done, (survey, scene) in enumerate(zip(surveys, scenes, strict=True)):
            start = 0.5 * len(sources) + done
            part = sub_progress(progress, start, start + 1, 1.5 * len(sources))
            dates.append(finished_date(plan, survey, scene, temporary, finished, part))
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
