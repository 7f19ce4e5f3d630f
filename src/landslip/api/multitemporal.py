"""Several dates of one place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING

from landslip.api.inventories import Inventory, folder_of
from landslip.api.temporary import remove_with, temporary_folder
from landslip.core.arguments import (
    BandsArgument,
    PathArgument,
    ProgressArgument,
    band_names,
    checked,
    choose,
    optional_path,
)
from landslip.core.choices import Language
from landslip.core.crs import use_datum_shift
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.html import html_table
from landslip.core.progress import progress_bar
from landslip.multitemporal.tracking.record import GEOPACKAGE, TracksRecord, read_record

if TYPE_CHECKING:
    import geopandas

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


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """Histories of landslides.

    Attributes:
        folder: with ``tracks.gpkg`` and the other files.
        record: what they were made from and how, states by date, and flows between them.
    """

    folder: Path
    record: TracksRecord

    @property
    def landslides(self) -> "geopandas.GeoDataFrame":
        """One row for each landslide and date."""
        from landslip.io.vector import read_vector

        return read_vector(self.folder / GEOPACKAGE, "landslides")

    @property
    def tracks(self) -> "geopandas.GeoDataFrame":
        """One row for each history."""
        from landslip.io.vector import read_vector

        return read_vector(self.folder / GEOPACKAGE, "tracks")

    def _repr_html_(self) -> str:
        record = self.record
        on_dates = {
            one.stated: ", ".join(f"{count:,} {state}" for state, count in one.states.items())
            for one in record.dates
        }
        rows = {"histories": f"{record.tracks:,}", **on_dates, "folder": str(self.folder)}
        return html_table("landslip histories", rows)


@checked()
def open_tracks(folder: PathArgument) -> Tracks:
    """Open what `track` or ``landslip track`` wrote.

    Raises:
        InputError: there are no histories in it, or of another version.

    Example:
        >>> landslip.open_tracks("TRACKS").tracks
    """
    return Tracks(folder=Path(folder), record=read_record(Path(folder)))


@checked()
def track(
    inventories: Inventory | PathArgument | Sequence[Inventory | PathArgument],
    *,
    out: PathArgument | None = None,
    footprints: PathArgument | None = None,
    dates: str | Sequence[str] | None = None,
    date_column: str | None = None,
    registration_error: float | None = None,
    min_overlap: float = 0.3,
    min_change: float = 0.2,
    previous: PathArgument | None = None,
    datum_shift: str | None = None,
    lang: str = Language.ENGLISH,
    overwrite: bool = False,
    progress: ProgressArgument = None,
) -> Tracks:
    """Link the landslides of several dates into histories.

    Args:
        inventories: from `make_inventory`, their folders, or files of polygons, in any order and
            coordinate systems; of a file with several layers, those with a date in their names.
        out: folder to write; None: a temporary one that is removed with the object.
        footprints: polygons with a column ``date``: what was searched on each date. Where that is
            not known, a landslide without a polygon is not observed. Inventories of
            `make_inventory` state it themselves.
        dates: one of each inventory; None: of a column, else of the name of the file or layer.
        date_column: column with the date of each landslide; None: one named ``date``.
        registration_error: how far outlines of two dates may be displaced, in metres; None:
            measured on landslides that did not change.
        min_overlap: share of the smaller of two polygons from which they are one landslide.
        min_change: growth of the area, as a share, from which a landslide is enlarged; it is
            shrinking from the same ratio downwards.
        previous: histories of an earlier run, whose ids stay, also where an earlier date is new.
        datum_shift: how an old datum relates to WGS 84 and CGCS2000, see `make_inventory`.
        lang: language of labels in the files, ``en`` or ``zh``.
        overwrite: replace histories that exist.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: an input cannot be read, has no date, or does not fit the others.
        OutputExistsError: ``out`` exists.

    Example:
        >>> landslip.track(["2013.gpkg", "2014.gpkg"], footprints="searched.gpkg").tracks
    """
    from landslip.multitemporal.tracking.request import TrackingRequest, TrackingRules
    from landslip.multitemporal.tracking.run import track as run

    given = inventories if isinstance(inventories, list | tuple) else [inventories]
    words = dates.split(",") if isinstance(dates, str) else dates
    request = TrackingRequest(
        inventories=tuple(map(folder_of, given)),
        footprints=optional_path(footprints),
        dates=None if words is None else tuple(word.strip() for word in words),
        date_column=date_column,
        previous=optional_path(previous),
        rules=TrackingRules(
            registration_error_m=registration_error,
            min_overlap=min_overlap,
            min_change=min_change,
        ),
        language=choose(Language, lang, "lang"),
    )
    with temporary_folder(keep_if=out is None) as temporary:
        folder = temporary / "tracks" if out is None else Path(out)
        refuse_existing(folder, overwrite=overwrite)
        with (
            use_datum_shift(datum_shift),
            progress_bar("track", "steps", show=progress) as shown,
            atomic_directory(folder, overwrite=overwrite) as stage,
        ):
            record = run(request, stage, progress=shown)
    tracks = Tracks(folder=folder, record=record)
    if out is None:
        remove_with(tracks, temporary)
    return tracks
