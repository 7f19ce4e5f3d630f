"""Histories of landslides through the dates of a place, and how vegetation comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Union

from landslip.api.extraction import Extraction
from landslip.api.inventories import Inventory, folder_of
from landslip.api.multitemporal import States
from landslip.api.temporary import remove_with, temporary_folder
from landslip.core.arguments import (
    PathArgument,
    ProgressArgument,
    checked,
    choose,
    optional_path,
    parse_days,
)
from landslip.core.choices import Language
from landslip.core.errors import InputError, argument, excerpt
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.html import html_table
from landslip.core.progress import progress_bar
from landslip.core.transformations import use_datum_shift
from landslip.multitemporal.series.card import CARD as SERIES_CARD
from landslip.multitemporal.tracking.record import (
    GEOPACKAGE,
    RECORD,
    TracksRecord,
    read_record,
    write_record,
)

if TYPE_CHECKING:
    import geopandas

    from landslip.multitemporal.recovery.record import RecoveryRecord
    from landslip.multitemporal.series.folder import Series


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """How plants return to landslides: a folder with rasters, tables and charts.

    Attributes:
        folder: with ``recovery_class.tif``, ``recovery_rate.tif`` (a band for each date),
            ``recovery.gpkg``, GeoParquet and CSV tables, ``survival.csv``, charts and
            ``recovery.json``.
        record: what was measured.
        landslides: one row for each landslide: rate, class, half-life with its interval.
        trajectories: one row for each landslide and date.
    """

    folder: Path
    record: "RecoveryRecord"
    landslides: "geopandas.GeoDataFrame"
    trajectories: "geopandas.GeoDataFrame"

    def _repr_html_(self) -> str:
        record = self.record
        half_life, years = record.median_half_life, record.median_years
        return html_table(
            "landslip recovery",
            {
                "landslides": f"{record.landslides:,}, {record.measured:,} with a rate",
                "recovered": f"{record.recovered:,}",
                "median half-life": "unknown" if half_life is None else f"{half_life:.2g} years",
                "half recovered after": "not reached" if years is None else f"{years:.2g} years",
                "folder": str(self.folder),
            },
        )


@checked()
def recovery(
    landslides: "Tracks | Inventory | PathArgument",
    *,
    series: "Series | PathArgument",
    out: PathArgument,
    failed: str | None = None,
    lang: str = Language.ENGLISH,
    draws: int = 200,
    seed: int = 0,
    overwrite: bool = False,
    progress: ProgressArgument = None,
) -> Recovery:
    """Measure how plants return to landslides, against undisturbed neighbours of the same day.

    The recovery rate of a date is (V_t - V_after) / (V_before - V_after), where V is NDVI over bare
    ground in that of the neighbours, a ring without landslides. Where no date before a landslide
    was seen, the neighbours' level stands in for V_before.

    Args:
        landslides: from `track`, its folder, an inventory, or a file of polygons; the date since
            when is theirs. Without one, it is the date on which a landslide is barest.
        series: from `landslip.series`, or its folder.
        out: folder to write.
        failed: day on which all landslides failed, over what they say.
        lang: language of labels in the files, ``en`` or ``zh``.
        draws: bootstrap draws for the intervals of half-lives; 0 leaves them out.
        seed: of the draws.
        overwrite: replace a result that exists.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: the series has no red or no nir or one date, or no landslide is in its
            footprint.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.recovery("TRACKS", series="SERIES", out="RECOVERY").landslides.half_life_years
    """
    from landslip.multitemporal.recovery.record import RECORD
    from landslip.multitemporal.recovery.run import RecoveryRequest, measure_recovery
    from landslip.reporting.recovery import write_charts

    days = None if failed is None else parse_days(failed, "failed")
    if days is not None and len(days) != 1:
        raise InputError(
            f"{argument('failed')} is one day, on which all landslides failed; got "
            f"{excerpt(repr(failed), 60)}. Where they failed on several, give each its own in a "
            "column date"
        )
    request = RecoveryRequest(
        landslides=landslides.folder if isinstance(landslides, Tracks) else folder_of(landslides),
        series=Path(series) if isinstance(series, str | PathLike) else series.path,
        failed=None if days is None else days[0],
        language=choose(Language, lang, "lang"),
        draws=draws,
        seed=seed,
    )
    with (
        atomic_directory(Path(out), overwrite=overwrite) as stage,
        progress_bar("recovery", "%", show=progress) as shown,
    ):
        found = measure_recovery(request, stage, shown)
        charts = write_charts(
            found.landslides, found.trajectories, found.survival, stage, request.language
        )
        record = found.record.model_copy(update={"files": (*found.record.files, *charts)})
        (stage / RECORD).write_text(record.model_dump_json(indent=2) + "\n")
    return Recovery(
        folder=Path(out),
        record=record,
        landslides=found.landslides,
        trajectories=found.trajectories,
    )


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

    @checked()
    def report(
        self,
        out: PathArgument | None = None,
        *,
        lang: str = Language.ENGLISH,
        recovery: Recovery | PathArgument | None = None,
        states: States | PathArgument | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the report, see `landslip.report`."""
        from landslip.api.reports import report

        return report(
            self, out=out, lang=lang, recovery=recovery, states=states, overwrite=overwrite
        )

    def _repr_html_(self) -> str:
        record = self.record
        on_dates = {
            one.stated: ", ".join(f"{count:,} {state}" for state, count in one.states.items())
            for one in record.dates
        }
        rows = {"histories": f"{record.tracks:,}", **on_dates, "folder": str(self.folder)}
        return html_table("landslip histories", rows)


TrackSource = Union[Inventory, Extraction, States, "Series"]


def _folder_of(source: TrackSource | PathArgument) -> Path:
    if isinstance(source, str | PathLike):
        return Path(source)
    if isinstance(source, Inventory | Extraction | States):
        return source.folder
    return source.path


@checked()
def open_tracks(folder: PathArgument) -> Tracks:
    """Open what `track` or ``landslip track`` wrote.

    Raises:
        InputError: there are no histories in it, or of another version.

    Examples:
        >>> landslip.open_tracks("TRACKS").tracks
    """
    return Tracks(folder=Path(folder), record=read_record(Path(folder)))


@checked()
def track(
    inventories: "TrackSource | PathArgument | Sequence[TrackSource | PathArgument]",
    *,
    out: PathArgument | None = None,
    series: "Series | PathArgument | None" = None,
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
        inventories: from `make_inventory`, `extract` or `states`, their folders, or files of
            polygons, in any order and coordinate systems; of a file with several layers, those with
            a date in their names. States need ``series``, which may also be one of these.
        out: folder to write; None: a temporary one that is removed with the object.
        series: of the dates that were mapped, from `landslip.series`: its valid pixels are what was
            searched on each of them.
        footprints: polygons with a column ``date``: what was searched on each date, over what the
            series says. Where that is not known, a landslide without a polygon is not observed.
            Inventories of `make_inventory` and extractions state it themselves.
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
        InputError: an input cannot be read, has no date, or does not fit the others; a series comes
            without anything that maps its dates.
        OutputExistsError: ``out`` exists.

    Examples:
        >>> landslip.track(["2013.gpkg", "2014.gpkg"], footprints="searched.gpkg").tracks
    """
    from landslip.multitemporal.tracking.request import TrackingRequest, TrackingRules
    from landslip.multitemporal.tracking.run import track as run
    from landslip.reporting.track_animation import write_animation
    from landslip.reporting.tracks import write_charts

    if isinstance(inventories, str) or not isinstance(inventories, Sequence):
        inventories = [inventories]
    folders = [_folder_of(one) for one in inventories]
    of_series = [one for one in folders if (one / SERIES_CARD).is_file()]
    of_series += [] if series is None else [_folder_of(series)]
    if len(of_series) > 1:
        raise InputError(
            f"landslides are tracked on one {argument('series')}; got "
            f"{' and '.join(map(str, of_series))}"
        )
    landslides = [one for one in folders if one not in of_series]
    if of_series and not landslides:
        raise InputError(
            f"{of_series[0]}: a series holds scenes and no landslides; give what maps its dates "
            "too: the folder of landslip states, those of landslip extract, or inventories"
        )
    words = dates.split(",") if isinstance(dates, str) else dates
    request = TrackingRequest(
        inventories=tuple(landslides),
        series=of_series[0] if of_series else None,
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
            pictures = write_charts(record, stage, request.language)
            pictures += write_animation(record, stage, request.series)
            record = record.model_copy(update={"files": (*record.files, *pictures, RECORD)})
            write_record(record, stage)
    tracks = Tracks(folder=folder, record=record)
    if out is None:
        remove_with(tracks, temporary)
    return tracks
