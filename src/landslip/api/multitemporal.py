"""Several dates of one place."""

from collections.abc import Iterable, Sequence
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING

from landslip.core.arguments import (
    BandsArgument,
    PathArgument,
    ProgressArgument,
    band_names,
    checked,
)
from landslip.core.crs import use_datum_shift
from landslip.core.errors import InputError, argument
from landslip.core.progress import progress_bar

if TYPE_CHECKING:
    from landslip.multitemporal.series.folder import Series


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

    Example:
        >>> landslip.series(["2013-08-12.tif", "2015-08-05.tif"], out="SERIES").days
    """
    from landslip.multitemporal.series.folder import open_series as opened
    from landslip.multitemporal.series.run import SeriesRequest, make_series
    from landslip.multitemporal.series.sources import SourceOptions

    if scale is not None and not scale > 0:
        raise InputError(f"{argument('scale')} is over 0; got {scale}")
    days = dates.split(",") if isinstance(dates, str) else dates
    request = SeriesRequest(
        scenes=tuple(_files_of(one) for one in scenes),
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

    Example:
        >>> reflectance, validity = landslip.open_series("SERIES").read(0, window)
    """
    from landslip.multitemporal.series.folder import open_series as opened

    return opened(Path(path))


def _files_of(scene: PathArgument | Sequence[PathArgument]) -> tuple[str, ...]:
    """Return the files of one date; a text that is no file may join several by commas."""
    if not isinstance(scene, str):
        several = scene if isinstance(scene, list | tuple) else [scene]
        return tuple(map(fspath, several))
    return (scene,) if Path(scene).exists() or "://" in scene else tuple(scene.split(","))
