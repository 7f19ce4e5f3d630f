"""Several dates of one place: series of scenes, and states of landslides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from landslip.api.models import TrainedModel, as_model
from landslip.core.arguments import (
    BandsArgument,
    PathArgument,
    ProgressArgument,
    band_names,
    checked,
    parse_days,
)
from landslip.core.bands import BEFORE
from landslip.core.choices import LandslideState
from landslip.core.errors import InputError, LandslipError, argument
from landslip.core.html import html_table
from landslip.core.progress import progress_bar
from landslip.core.transformations import use_datum_shift

if TYPE_CHECKING:
    from landslip.multitemporal.series.folder import Series
    from landslip.multitemporal.states.record import StatesRecord


@checked()
def series(
    scenes: Iterable[PathArgument | Sequence[PathArgument]],
    *,
    out: PathArgument,
    reference: PathArgument | None = None,
    dates: str | Iterable[str] | None = None,
    bands: BandsArgument | None = None,
    scale: float | None = None,
    nodata: float | None = None,
    clouds: Iterable[PathArgument] | None = None,
    registration: bool = True,
    normalisation: bool = True,
    cloud_detection: bool = True,
    datum_shift: str | None = None,
    overwrite: bool = False,
    progress: ProgressArgument = None,
) -> "Series":
    """Bring scenes of several dates to one grid and one radiometry, with a validity per date.

    A run that was stopped continues when it is started again.

    Args:
        scenes: one for each date, in any order: a raster, a folder made by `preprocess`, a STAC
            item, or single-band files, as a list or joined by commas.
        out: folder to write.
        reference: date or scene that gives grid and radiometry; None: of the finest scenes, the one
            that sees most ground without clouds.
        dates: of the scenes in their order, as ``2013-08-12,2015-08-05`` or a list; None: what
            item, record, tags or name state.
        bands: names, in their order, of the bands of files that have no band descriptions, and of
            single-band files.
        scale: reflectance of a stored 1, over what the files say; None: 0.0001 for integers that
            say nothing, with a warning.
        nodata: value that marks missing data, over what the files say.
        clouds: masks (0 clear, 3 cloud shadow, else cloud): files with the date in their name, or
            ``DATE=FILE``.
        registration: compare positions with the reference, and correct a shift.
        normalisation: bring each date to the radiometry of the reference.
        cloud_detection: look for clouds where there is no mask of them.
        datum_shift: how an old datum relates to WGS 84, where PROJ does not know it, as dx,dy,dz in
            metres, seven parameters or a grid file.
        overwrite: replace a series that exists.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Returns:
        The series; a context manager. ``series.read(position, window)`` gives reflectance (bands,
        height, width) and validity (height, width).

    Raises:
        InputError: a scene has no date, or that of another one, does not overlap the reference, or
            has no band in common with it.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.series(["2013-08-12.tif", "2015-08-05.tif"], out="SERIES").days
    """
    from landslip.multitemporal.series.folder import open_series as opened
    from landslip.multitemporal.series.plan import SeriesRequest
    from landslip.multitemporal.series.run import make_series
    from landslip.multitemporal.series.sources import SourceOptions

    if scale is not None and not scale > 0:
        raise InputError(f"{argument('scale')} is over 0; got {scale}")
    days = dates.split(",") if isinstance(dates, str) else dates
    request = SeriesRequest(
        scenes=tuple(_files_of(one) for one in ([scenes] if isinstance(scenes, str) else scenes)),
        out=Path(out),
        reference=None if reference is None else fspath(reference),
        dates=None if days is None else tuple(days),
        clouds=tuple(fspath(one) for one in clouds or ()),
        options=SourceOptions(bands=band_names(bands), nodata=nodata, scale=scale),
        registers=registration,
        normalises=normalisation,
        detects_clouds=cloud_detection,
        overwrite=overwrite,
    )
    with use_datum_shift(datum_shift), progress_bar("series", "dates", show=progress) as shown:
        make_series(request, shown)
    return opened(Path(out))


@checked()
def open_series(path: PathArgument) -> "Series":
    """Open a folder made by `series`.

    Raises:
        InputError: it is no series.

    Examples:
        >>> reflectance, validity = landslip.open_series("SERIES").read(0, window)
    """
    from landslip.multitemporal.series.folder import open_series as opened

    return opened(Path(path))


@dataclass(frozen=True, kw_only=True)
class States:
    """The states of a series' pixels: a folder with rasters of each date and ``states.json``.

    Attributes:
        folder: with ``DATE.tif`` (probability of vegetated, fresh, recovering and recovered),
            ``DATE_state.tif`` (the most likely one, 0 to 3) and ``states.json``.
        record: how they were found, and how much ground is in each.
    """

    folder: Path
    record: "StatesRecord"

    def _repr_html_(self) -> str:
        rows = {}
        for one in self.record.dates:
            shares = [count / max(sum(one.pixels), 1) for count in one.pixels]
            words = (
                f"{name} {share:.2%}" for name, share in zip(LandslideState, shares, strict=True)
            )
            rows[one.date] = ", ".join(words)
        return html_table("landslip states", {"folder": str(self.folder), **rows})


@checked()
def states(
    series: "Series | PathArgument",
    *,
    out: PathArgument,
    maps: Iterable[PathArgument] | None = None,
    model: TrainedModel | PathArgument | None = None,
    triggers: str | Iterable[str] | None = None,
    prior: float | None = None,
    fresh_years: float = 3.0,
    recovering_years: float = 7.0,
    overwrite: bool = False,
    progress: ProgressArgument = None,
) -> States:
    """Find the state of each pixel on each date: vegetated, fresh, recovering or recovered.

    A hidden Markov model in continuous time, without training: what a date saw is the calibrated
    probability of landslide, without the share of landslides in the training data, and NDVI against
    the pixel's vegetated reference; what changes between dates depends on the time that passed. A
    date that did not see a pixel says nothing of it.

    Args:
        series: from `landslip.series`, or its folder.
        out: folder to write.
        maps: folders of `extract` for the series' scenes, in any order, as ``DATE=FOLDER`` where
            no name has the date. A date without one is judged by NDVI.
        model: maps the series' scenes itself, into ``maps`` of ``out``; what an interrupted call
            finished is kept. The image before, if the model takes one, is that of the first date.
        triggers: days on which slopes may have failed, as ``2008-05-12,2014-07-22`` or a list.
        prior: share of landslide pixels in the model's training data; None: as its calibration
            says.
        fresh_years: mean time until plants return.
        recovering_years: mean time from then until a landslide looks as its surroundings.
        overwrite: replace states that exist, and maps in ``out`` that another model made.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: the series has one date, maps do not fit it, or the prior is not known.
        ModelError: the series' bands do not fit the model.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.states("SERIES", maps=["MAP_2013", "MAP_2015"], out="STATES").record.flows
    """
    from landslip.multitemporal.states.hidden_markov import TransitionRates
    from landslip.multitemporal.states.maps import calibrated_share
    from landslip.multitemporal.states.record import MAPS
    from landslip.multitemporal.states.run import (
        StatesRequest,
        check_dates,
        find_states,
        refuse_existing_states,
    )

    if (maps is None) == (model is None):
        raise InputError(
            f"states need maps of probabilities: give either {argument('maps')}, folders of "
            f"landslip extract, or {argument('model')}"
        )
    if prior is not None and not 0 < prior < 1:
        raise InputError(f"{argument('prior')} is a share between 0 and 1; got {prior:g}")
    rates = TransitionRates(fresh_years=fresh_years, recovering_years=recovering_years)
    days = parse_days(triggers, "triggers")
    folder = series if isinstance(series, str | PathLike) else series.path
    refuse_existing_states(Path(out), overwrite=overwrite)
    places = tuple(fspath(one) for one in maps or ())
    if model is not None:
        trained = as_model(model)
        if prior is None:
            calibrated_share(trained.card, str(trained.path))
        with open_series(folder) as opened:
            check_dates(opened)
            scenes = [opened.path / one.scene for one in opened.card.dates]
        places = _extracted(scenes, trained, Path(out) / MAPS, progress, overwrite=overwrite)
    request = StatesRequest(
        series=Path(folder),
        maps=places,
        out=Path(out),
        triggers=days,
        prior=prior,
        rates=rates,
        overwrite=overwrite,
    )
    with progress_bar("states", "MPix", 1e6, show=progress) as shown:
        return States(folder=Path(out), record=find_states(request, shown))


def _extracted(
    scenes: list[Path],
    model: TrainedModel,
    out: Path,
    progress: ProgressArgument,
    *,
    overwrite: bool,
) -> tuple[str, ...]:
    """Map the scenes of a series, and return the folders; maps by the same model are kept.

    A model that takes an image before sees that of the first date, which has none itself: it is
    mapped without one if the model bears that, and else not at all.
    """
    from landslip.api.extraction import extract_all

    pending: list[tuple[list[Path], Path | None]] = [(scenes, None)]
    if any(name.startswith(BEFORE) for name in model.card.bands):
        first, *others = scenes
        pending = [([first], None)] if model.card.bears_gaps else []
        pending.append((others, first))
    folders = []
    for some, before in pending:
        place = out / some[0].stem if len(some) == 1 else out
        for folder, result in extract_all(
            some, model, out=place, before=before, overwrite=overwrite, progress=progress
        ):
            if isinstance(result, LandslipError):
                raise result
            folders.append(str(folder))
    return tuple(folders)


def _files_of(scene: PathArgument | Sequence[PathArgument]) -> tuple[str, ...]:
    """Return the files of one date; a text that is no file may join several by commas."""
    if not isinstance(scene, str):
        several = scene if isinstance(scene, list | tuple) else [scene]
        return tuple(map(fspath, several))
    return (scene,) if Path(scene).exists() or "://" in scene else tuple(scene.split(","))
