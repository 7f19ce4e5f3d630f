"""Rasters of the served folder: what each shows, and how it is called."""

import re
from dataclasses import replace
from pathlib import Path

from landslip.core.bands import TERRAIN_UNITS, canonical_name
from landslip.core.crs import length_m, vertical_crs
from landslip.core.errors import InputError
from landslip.inference.rasters import MASK, PROBABILITY
from landslip.inventory.attributes import date_in
from landslip.io.raster.geotiff import only_the_file, open_geotiff
from landslip.io.raster.header import BandHeader, RasterHeader, read_header
from landslip.multitemporal.states.hidden_markov import STATES
from landslip.server.catalogue.entries import InventoryEntry, RasterEntry
from landslip.server.catalogue.listing import FileInFolder, require_below
from landslip.server.schemas import Band, RasterClass, RasterKind

ENDINGS = (".tif", ".tiff")
_LANDSLIDE_COLOUR = "#e31a1c"
_STATE_COLOURS = ("#1b7837", "#d73027", "#fdae61", "#a6d96a")
_ELEVATION = re.compile(
    r"(?<![a-z])(?:(?:g|cop|nasa|tan)?dem|dsm|dtm|srtm[a-z]*|aw3d|elevations?|heights?)(?![a-z])|高程"
)
_REFLECTANCES = (-1.0, 2.0)  # what unnamed numbers with a sign or fraction are at most to be some
_DATE_TAGS = ("ACQUISITION_DATE", "ACQUISITIONDATETIME", "DATETIME", "TIFFTAG_DATETIME", "DATE")
MASK_CLASSES = (RasterClass(value=1, key="state.landslide", colour=_LANDSLIDE_COLOUR),)
_OF_ONE_BAND = ("probability", "mask", "states")
STATE_CLASSES = tuple(
    RasterClass(value=value, key=f"state.{state}", colour=colour)
    for value, (state, colour) in enumerate(zip(STATES, _STATE_COLOURS, strict=True))
)


def read_raster(file: FileInFolder) -> RasterEntry:
    """Describe a GeoTIFF by itself; what others say of it is added later.

    Raises:
        InputError: it cannot be read, or not shown on a map.
    """
    with only_the_file():
        header = read_header(file.path)
    kind = _kind(file, header)
    classes = {"mask": MASK_CLASSES, "states": STATE_CLASSES}.get(kind, ())
    bands = header.bands[:1] if kind in _OF_ONE_BAND else header.bands
    return RasterEntry(
        id=file.id,
        name=file.name,
        path=file.path,
        stamp=f"{file.size:x}-{file.changed_ns:x}",
        kind=kind,
        grid=header.grid,
        bounds=header.bounds,
        min_zoom=header.zooms[0],
        max_zoom=header.zooms[1],
        resolution_m=header.grid.resolution_m,
        bands=tuple(_band(band) for band in bands),
        scale=tuple(band.scale for band in bands),
        offset=tuple(band.offset for band in bands),
        nodata=tuple(band.nodata for band in bands),
        has_overviews=not header.is_slow,
        date=_date(file, header),
        classes=classes,
    )


def require_own_map(root: Path, entry: InventoryEntry) -> None:
    """Refuse a map whose rasters are no GeoTIFFs, and could name other files.

    Raises:
        InputError: one is none, or leads out of the served folder.
    """
    if entry.kind != "extraction" or entry.folder is None:
        return
    for path in (entry.folder / PROBABILITY, entry.folder / MASK):
        if path.exists():
            require_below(root, path)
            with only_the_file(), open_geotiff(path):
                pass


def named_by(raster: RasterEntry, names: tuple[str, ...]) -> RasterEntry:
    """Return a scene whose bands have no names with those that its map states."""
    unnamed = all(band.name == f"band {band.index}" for band in raster.bands)
    if not unnamed or len(names) != len(raster.bands):
        return raster
    bands = zip(raster.bands, names, strict=True)
    return replace(
        raster, bands=tuple(band.model_copy(update={"name": name}) for band, name in bands)
    )


def _band(band: BandHeader) -> Band:
    minimum, low, high, maximum = band.limits
    name = canonical_name(band.description) if band.description else f"band {band.index}"
    return Band(index=band.index, name=name, low=low, high=high, minimum=minimum, maximum=maximum)


def _kind(file: FileInFolder, header: RasterHeader) -> RasterKind:
    """Decide by name and content, as files of a map may have been moved."""
    names = {canonical_name(band.description or "") for band in header.bands}
    if len(header.bands) != 1:
        return "other" if names <= {*TERRAIN_UNITS} else "scene"
    if header.dtype != "uint8":
        return _kind_of_numbers(file, header)
    name, description = file.name.split("/")[-1], header.bands[0].description or ""
    if description == "probability of landslide" or (
        name == PROBABILITY and header.bands[0].scale != 1
    ):
        return "probability"
    if description == "most likely state":
        return "states"
    if description == "landslide" or name == MASK:
        return "mask"
    minimum, _, _, maximum = header.bands[0].limits
    return "mask" if (minimum, maximum) == (0, 1) else "scene"


def _kind_of_numbers(file: FileInFolder, header: RasterHeader) -> RasterKind:
    """Decide what one band of more than 8 bits is.

    Heights say so: by the band's name or unit, the coordinate system, or the file's name. Whole
    numbers without a sign, and what may be reflectance, are of a panchromatic scene.
    """
    band = header.bands[0]
    name = canonical_name(band.description or "")
    if _ELEVATION.search(name) or vertical_crs(header.grid.crs) is not None:
        return "elevation"
    if name:
        return "other" if name in TERRAIN_UNITS else "scene"
    if _is_length(band.unit) or _ELEVATION.search(file.path.stem.lower()):
        return "elevation"
    is_integer = header.dtype.startswith("uint") or band.scale != 1
    lowest, highest = _REFLECTANCES
    minimum, _, _, maximum = band.limits
    return "scene" if is_integer or (lowest <= minimum and maximum <= highest) else "other"


def _is_length(unit: str | None) -> bool:
    try:
        return length_m(unit) is not None
    except InputError:
        return False


def _date(file: FileInFolder, header: RasterHeader) -> str | None:
    for tag, text in header.tags.items():
        if tag.upper() in _DATE_TAGS and (found := date_in(text[:10].replace(":", "-"))):
            return found
    name, folder = file.name.split("/")[-1], file.folder.split("/")[-1]
    return date_in(name) or (date_in(folder) if folder else None)
