"""Bands of several rasters as one VRT, a small text file that GDAL opens as a raster."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from rasterio.dtypes import dtype_rev, typename_fwd
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.io.raster.location import Location
from landslip.io.raster.opening import colour_indexes, grid_of, open_raster
from landslip.io.raster.remote import DEFAULT_RETRY, RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class VrtBand:
    """A band of a raster under a name; what is None is taken from the raster.

    Attributes:
        index: from 1.
        of_bands: how many bands, without alpha, the raster is described to have.
    """

    name: str
    source: Location
    index: int = 1
    of_bands: int = 1
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RasterHeader:
    """A raster's own header."""

    grid: Grid
    colour_bands: int
    block_shape: tuple[int, int]
    dtypes: tuple[str, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    nodata: tuple[float | None, ...]
    units: tuple[str | None, ...]
    has_mask: bool

    @classmethod
    def of(cls, file: DatasetReader) -> "_RasterHeader":
        flags = [flag for band in file.mask_flag_enums for flag in band]
        return cls(
            grid=grid_of(file),
            colour_bands=len(colour_indexes(file)),
            block_shape=file.block_shapes[0],
            dtypes=file.dtypes,
            scales=file.scales,
            offsets=file.offsets,
            nodata=file.nodatavals,
            units=file.units,
            has_mask=MaskFlags.per_dataset in flags,
        )


def write_vrt(bands: Sequence[VrtBand], path: Path, retry: RetryPolicy = DEFAULT_RETRY) -> None:
    """Write a VRT of bands, in their order.

    A pixel is masked where the mask (or alpha) of any of the rasters masks it.

    Raises:
        InputError: a raster cannot be opened, has other bands than described, or another grid.
    """
    sources: dict[Location, _RasterHeader] = {}
    for band in bands:
        if band.source not in sources:
            with open_raster(band.source, retry) as file:
                sources[band.source] = _RasterHeader.of(file)
        _check_count(band, sources[band.source])
    _check_grids(sources)
    root = _dataset(sources[bands[0].source].grid)
    for number, band in enumerate(bands, start=1):
        root.append(_band(band, number, sources[band.source]))
    masked = [location for location, source in sources.items() if source.has_mask]
    if masked:
        ElementTree.SubElement(root, "MaskBand").append(_mask(masked))
    ElementTree.indent(root)
    path.write_text(ElementTree.tostring(root, encoding="unicode"))


def _check_count(band: VrtBand, source: _RasterHeader) -> None:
    if band.of_bands != source.colour_bands:
        raise InputError(
            f"{band.source}: {band.of_bands} bands are described and the raster has "
            f"{source.colour_bands}; which of them is {band.name} is ambiguous"
        )


def _check_grids(sources: dict[Location, _RasterHeader]) -> None:
    (first, known), *others = sources.items()
    for location, source in others:
        if not _same(known.grid, source.grid):
            raise InputError(
                f"{location}: bands of one scene have one grid; this one has "
                f"{_grid_text(source.grid)} and {first} {_grid_text(known.grid)}; bring the bands "
                "to one grid, or use a model of bands that share one"
            )


def _same(one: Grid, other: Grid) -> bool:
    tolerance = 1e-4 * abs(one.transform.determinant) ** 0.5
    return (
        one.shape == other.shape
        and one.crs == other.crs
        and one.transform.almost_equals(other.transform, tolerance)
    )


def _grid_text(grid: Grid) -> str:
    height, width = grid.shape
    crs = "no coordinate system" if grid.crs is None else grid.crs.to_string()
    corner = f"({grid.transform.c:.10g}, {grid.transform.f:.10g})"
    return f"{width} x {height} px of {grid.transform.a:.6g} from {corner} in {crs}"


def _dataset(grid: Grid) -> ElementTree.Element:
    height, width = grid.shape
    root = ElementTree.Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    if grid.crs is not None:
        ElementTree.SubElement(root, "SRS").text = grid.crs.to_wkt()
    places = ", ".join(repr(number) for number in grid.transform.to_gdal())
    ElementTree.SubElement(root, "GeoTransform").text = places
    return root


def _band(band: VrtBand, number: int, source: _RasterHeader) -> ElementTree.Element:
    at = band.index - 1
    dtype = _gdal_type(source.dtypes[at])
    block_height, block_width = source.block_shape
    blocks = {"blockXSize": str(block_width), "blockYSize": str(block_height)}
    root = ElementTree.Element("VRTRasterBand", blocks, dataType=dtype, band=str(number))
    facts = {
        "Description": band.name,
        "NoDataValue": _first(band.nodata, source.nodata[at]),
        "Scale": _first(band.scale, source.scales[at]),
        "Offset": _first(band.offset, source.offsets[at]),
        "UnitType": _first(band.unit, source.units[at]),
    }
    for name, value in facts.items():
        if value is not None:
            ElementTree.SubElement(root, name).text = str(value)
    height, width = source.grid.shape
    given = _simple_source(root, band.source, str(band.index))
    # with these, a source is opened only when it is read
    ElementTree.SubElement(
        given,
        "SourceProperties",
        RasterXSize=str(width),
        RasterYSize=str(height),
        DataType=dtype,
        BlockXSize=str(block_width),
        BlockYSize=str(block_height),
    )
    return root


def _mask(sources: Sequence[Location]) -> ElementTree.Element:
    root = ElementTree.Element("VRTRasterBand", dataType="Byte", subClass="VRTDerivedRasterBand")
    ElementTree.SubElement(root, "PixelFunctionType").text = "min"
    for location in sources:
        _simple_source(root, location, "mask,1")
    return root


def _simple_source(root: ElementTree.Element, location: Location, band: str) -> ElementTree.Element:
    source = ElementTree.SubElement(root, "SimpleSource")
    opened = str(location.path.absolute()) if location.path else location.opened
    ElementTree.SubElement(source, "SourceFilename", relativeToVRT="0").text = opened
    ElementTree.SubElement(source, "SourceBand").text = band
    return source


def _first(stated: float | str | None, found: float | str | None) -> float | str | None:
    return found if stated is None else stated


def _gdal_type(dtype: str) -> str:
    return str(typename_fwd[dtype_rev[dtype]])
