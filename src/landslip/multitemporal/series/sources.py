"""The scenes that a series is made of: their files, their dates, and what is known beside them."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from landslip.core.bands import Bands
from landslip.core.errors import InputError, argument, excerpt
from landslip.core.text import read_json
from landslip.inventory.attributes import date_in, iso_date
from landslip.io.raster import Scene, SceneOptions
from landslip.io.raster.location import Location
from landslip.io.raster.opening import open_raster
from landslip.io.raster.vrt import VrtBand, write_vrt
from landslip.io.stac import StacScene, read_item, write_stac_vrt
from landslip.preprocessing.pipeline.run import CLOUDS, QUALITY

_TIME_TAGS = ("ACQUISITIONDATETIME", "ACQUISITION_DATE", "DATE_ACQUIRED", "SENSING_TIME")
_ITEM = (".json", ".geojson")
_STAC_BANDS = ("blue", "green", "red", "nir")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """What the user states of all scenes, over what the files say.

    ``bands`` are the names of files without band descriptions, or of single-band files in their
    order; ``scale`` turns stored numbers into reflectance.
    """

    bands: Bands | None = None
    nodata: float | None = None
    scale: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedSource:
    """One date's file or files, as given.

    Attributes:
        given: what the user named, without folders.
        files: one, or one for each band.
        day: when it was taken.
        time: the same with the time of day, in UTC, where that is known.
        sun_deg: azimuth and elevation of the sun, where the record or item states them.
        clouds: mask of clouds that `landslip preprocess` wrote, or that the user gives.
        item: the STAC item, if it is one.
    """

    given: str
    files: tuple[Location, ...]
    day: date
    time: datetime | None = None
    sun_deg: tuple[float, float] | None = None
    clouds: Path | None = None
    item: StacScene | None = None

    @property
    def name(self) -> str:
        """How messages name it: its first file."""
        return str(self.files[0])

    def open(self, options: SourceOptions, folder: Path) -> Scene:
        """Open the scene; bands of several files are put together by a VRT in ``folder``.

        Raises:
            InputError: a file cannot be read, or its bands have no names.
        """
        if self.item is not None:
            path, of_item = write_stac_vrt(self.item, _item_bands(self.item, options.bands), folder)
            return Scene(path, of_item)
        if len(self.files) == 1:
            stated = SceneOptions(bands=options.bands, nodata=options.nodata)
            return Scene.named_if_needed(self.files[0], stated)
        names = options.bands
        if names is None or len(names) != len(self.files):
            raise InputError(
                f"{self.name}: the date has {len(self.files)} files, one for each band; name "
                f"these in the same order with {argument('bands')}; got {names or 'none'}"
            )
        path = folder / f"{self.day.isoformat()}.vrt"
        bands = [VrtBand(name=n, source=f) for n, f in zip(names, self.files, strict=True)]
        write_vrt(bands, path)
        return Scene(path, SceneOptions(nodata=options.nodata))


def date_sources(
    given: Sequence[Sequence[Path | str]],
    dates: Sequence[str] | None,
    clouds: Sequence[str],
) -> tuple[DatedSource, ...]:
    """Find date, time and masks of each scene, and return them in order of time.

    Args:
        given: each scene's file or files: a raster, a folder made by `landslip preprocess`, or a
            STAC item.
        dates: of the scenes, in the order given; None: what the item, tags, record or name says.
        clouds: masks as ``FILE``, whose name holds the date, or as ``DATE=FILE``.

    Raises:
        InputError: a date is missing, unreadable, or there twice.
    """
    if dates is not None and len(dates) != len(given):
        raise InputError(
            f"{argument('dates')} has one date for each of the {len(given)} scenes, in their "
            f"order; got {len(dates)}"
        )
    found: dict[date, DatedSource] = {}
    masks = dict(_dated_mask(text) for text in clouds)
    for number, files in enumerate(given):
        stated = None if dates is None else _stated_day(dates[number])
        one = _source(files, stated)
        if one.day in found:
            raise InputError(
                f"{one.name}: a series has one scene for each date, and {found[one.day].name} is "
                f"of {one.day.isoformat()} too; leave one out, put parts of one date together "
                f"(gdalbuildvrt), or state {argument('dates')}"
            )
        found[one.day] = one
    for day, path in masks.items():
        if day not in found:
            raise InputError(
                f"{path}: {argument('clouds')} is of a date of the series; got {day.isoformat()}"
            )
    return tuple(
        replace(found[day], clouds=masks.get(day, found[day].clouds)) for day in sorted(found)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _KnownFacts:
    """What is known of a scene beside its name; None is unknown."""

    places: tuple[Location, ...]
    day: date | None = None
    time: datetime | None = None
    sun_deg: tuple[float, float] | None = None
    clouds: Path | None = None
    item: StacScene | None = None


def _source(files: Sequence[Path | str], stated: date | None) -> DatedSource:
    first = Location.of(files[0])
    if first.given.partition("?")[0].lower().endswith(_ITEM):
        item = read_item(first)
        known = _KnownFacts(places=(first,), time=item.taken, sun_deg=item.sun_deg, item=item)
    elif (folder := _preprocess_folder(first)) is not None and len(files) == 1:
        known = _preprocessed(folder)
    else:
        day, time = _tagged_day(first)
        places = tuple(Location.of(one) for one in files)
        known = _KnownFacts(places=places, day=day, time=time)
    if stated is not None and known.time is not None and known.time.date() != stated:
        known = replace(known, time=None, sun_deg=None)
    if stated is None and known.time is not None:
        stated = known.time.date()
    day = stated or known.day or _day_in_names(known.places)
    if day is None:
        raise InputError(
            f"{first}: the date is in no tag and no name (such as scene_20141002.tif); state "
            f"{argument('dates')}, one for each scene in their order"
        )
    return DatedSource(
        given=",".join(Location.of(one).name for one in files),
        files=known.places,
        day=day,
        time=known.time,
        sun_deg=known.sun_deg,
        clouds=known.clouds,
        item=known.item,
    )


def _preprocess_folder(place: Location) -> Path | None:
    """Return the folder of a scene that `landslip preprocess` made: the path, or what it is in."""
    if place.path is None:
        return None
    if place.path.is_dir():
        return place.path
    folder = place.path.parent
    with suppress(InputError):
        if (folder / QUALITY).is_file() and _record(folder)["product"]["name"] == place.stem:
            return folder
    return None


def _preprocessed(folder: Path) -> _KnownFacts:
    record = _record(folder)
    time = sun = None
    with suppress(LookupError, TypeError, ValueError):
        light = record["radiometry"]["sun"]
        time = _in_utc(datetime.fromisoformat(light["utc"]))
        sun = float(light["azimuth_deg"]), 90 - float(light["zenith_deg"])
    clouds = folder / CLOUDS
    return _KnownFacts(
        places=(Location.of(folder / f"{record['product']['name']}.tif"),),
        time=time,
        sun_deg=sun,
        clouds=clouds if clouds.is_file() else None,
    )


def _in_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _record(folder: Path) -> dict[str, Any]:
    path = folder / QUALITY
    if not path.is_file():
        raise InputError(
            f"{folder}: a folder is a scene if `landslip preprocess` made it, and there is no "
            f"{QUALITY} in it; name the raster itself"
        )
    record = read_json(path)
    if not isinstance(record, dict) or not isinstance(
        name := (record.get("product") or {}).get("name"), str
    ):
        raise InputError(f"{path}: not a record of `landslip preprocess`; name the raster itself")
    if not re.fullmatch(r"[^/\\]+", name):
        raise InputError(f"{path}: the product's name is that of a file; got {excerpt(name, 60)}")
    return record


def _tagged_day(place: Location) -> tuple[date | None, datetime | None]:
    """Return the day in a raster's tags, and the time where they have one."""
    with open_raster(place) as file:
        tags = {name.upper(): text.strip() for name, text in file.tags().items()}
    for name in _TIME_TAGS:
        with suppress(KeyError, ValueError):
            text = tags[name].replace("/", "-")
            time = datetime.fromisoformat(text)
            if len(text) <= len("2014-10-02"):
                return time.date(), None
            time = _in_utc(time)
            return time.date(), time
    return None, None


def _day_in_names(places: Sequence[Location]) -> date | None:
    """Return the day in the names of the files, else of the folder that holds them."""
    names = [place.name for place in places]
    folders = [place.path.absolute().parent.name for place in places if place.path is not None]
    for texts in (names, folders):
        days = {day for day in map(date_in, texts) if day is not None}
        if len(days) == 1:
            return date.fromisoformat(days.pop())
    return None


def _stated_day(text: str) -> date:
    day = iso_date(text)
    if day is None or len(day) != 10:
        raise InputError(
            f"{argument('dates')} are days such as 2014-10-02; got {excerpt(text, 40)}"
        )
    return date.fromisoformat(day)


def _dated_mask(text: str) -> tuple[date, Path]:
    stated, _, rest = text.partition("=")
    if rest and not Path(text).exists():
        return _stated_day(stated), Path(rest)
    day = date_in(Path(text).name)
    if day is None:
        raise InputError(
            f"{text}: {argument('clouds')} is a file whose name holds its date "
            "(clouds_20141002.tif), or DATE=FILE"
        )
    return date.fromisoformat(day), Path(text)


def _item_bands(item: StacScene, stated: Bands | None) -> Bands:
    offered = {
        name
        for asset in item.assets
        for band in asset.bands
        for name in (*band.names, band.common_name)
    }
    wanted = stated or _STAC_BANDS
    names = tuple(name for name in wanted if name in offered)
    if not names:
        raise InputError(
            f"{item.place}: the item has none of the bands {','.join(wanted)}; name those that are "
            f"needed with {argument('bands')}"
        )
    return Bands(names)
