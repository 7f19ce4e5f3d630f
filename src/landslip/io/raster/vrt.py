"""Bands of several rasters as one VRT, a small text file that GDAL opens as a raster."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from rasterio.dtypes import dtype_rev, typename_fwd
from rasterio.io import DatasetReader

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.io.raster.location import Location
from landslip.io.raster.opening import grid_of, open_raster
from landslip.io.raster.remote import DEFAULT_RETRY, RetryPolicy
from landslip.io.raster.validity import PixelValidity


@dataclass(frozen=True, slots=True, kw_only=True)
class VrtBand:
    """A band (from 1) of a raster described to have ``of_bands``, under a name.

    Alpha is counted among these or not. What is None is taken from the raster.
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
    validity: PixelValidity
    block_shape: tuple[int, int]
    dtypes: tuple[str, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    nodata: tuple[float | None, ...]
    units: tuple[str | None, ...]

    @classmethod
    def of(cls, file: DatasetReader, described: int) -> "_RasterHeader":
        # a description of as many bands as there are calls none of them alpha
        return cls(
            grid=grid_of(file),
            validity=PixelValidity.of(file, ("described",) * described),
            block_shape=file.block_shapes[0],
            dtypes=file.dtypes,
            scales=file.scales,
            offsets=file.offsets,
            nodata=file.nodatavals,
            units=file.units,
        )

    @property
    def mask_sources(self) -> list[str]:
        """The masks and alpha bands, as VRT calls bands of a source."""
        masks = self.validity.mask_bands[: 1 if self.validity.shares_mask else None]
        return [*(f"mask,{index}" for index in masks), *map(str, self.validity.alpha_bands)]


def write_vrt(bands: Sequence[VrtBand], path: Path, retry: RetryPolicy = DEFAULT_RETRY) -> None:
    """Write a VRT of bands, in their order.

    A pixel is masked where the mask (or alpha) of any of the rasters masks it.

    Raises:
        InputError: a raster cannot be opened, has other bands than described, or another grid.
    """
    headers: dict[Location, _RasterHeader] = {}
    for band in bands:
        if band.source not in headers:
            with open_raster(band.source, retry) as file:
                headers[band.source] = _RasterHeader.of(file, band.of_bands)
        header = headers[band.source]
        count = len(header.validity.data_bands)
        if band.of_bands not in (count, len(header.dtypes)):
            raise InputError(
                f"{band.source}: {band.of_bands} bands are described and the raster has {count}; "
                f"which of them is {band.name} is ambiguous"
            )
    (first, known), *others = headers.items()
    for location, header in others:
        if not _same(known.grid, header.grid):
            raise InputError(
                f"{location}: bands of one scene have one grid; this one has "
                f"{_grid_text(header.grid)} and {first} {_grid_text(known.grid)}; bring the bands "
                "to one grid, or use a model of bands that share one"
            )
    height, width = known.grid.shape
    root = ElementTree.Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    if known.grid.crs is not None:
        ElementTree.SubElement(root, "SRS").text = known.grid.crs.to_wkt()
    transform = ", ".join(repr(number) for number in known.grid.transform.to_gdal())
    ElementTree.SubElement(root, "GeoTransform").text = transform
    for number, band in enumerate(bands, start=1):
        root.append(_band(band, number, headers[band.source]))
    masks = [(location, mask) for location, one in headers.items() for mask in one.mask_sources]
    if masks:
        ElementTree.SubElement(root, "MaskBand").append(_mask(masks))
    ElementTree.indent(root)
    path.write_text(ElementTree.tostring(root, encoding="unicode"))


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


def _band(band: VrtBand, number: int, header: _RasterHeader) -> ElementTree.Element:
    data = header.validity.data_bands
    index = data[band.index - 1] if band.of_bands == len(data) else band.index
    at = index - 1
    dtype = str(typename_fwd[dtype_rev[header.dtypes[at]]])
    (block_height, block_width), (height, width) = header.block_shape, header.grid.shape
    blocks = {"blockXSize": str(block_width), "blockYSize": str(block_height)}
    root = ElementTree.Element("VRTRasterBand", blocks, dataType=dtype, band=str(number))
    properties = {
        "Description": band.name,
        "NoDataValue": header.nodata[at] if band.nodata is None else band.nodata,
        "Scale": header.scales[at] if band.scale is None else band.scale,
        "Offset": header.offsets[at] if band.offset is None else band.offset,
        "UnitType": header.units[at] if band.unit is None else band.unit,
    }
    for name, value in properties.items():
        if value is not None:
            ElementTree.SubElement(root, name).text = str(value)
    # with these, a source is opened only when it is read
    ElementTree.SubElement(
        _simple_source(root, band.source, str(index)),
        "SourceProperties",
        RasterXSize=str(width),
        RasterYSize=str(height),
        DataType=dtype,
        BlockXSize=str(block_width),
        BlockYSize=str(block_height),
    )
    return root


def _mask(sources: Sequence[tuple[Location, str]]) -> ElementTree.Element:
    """Return a band of the least of all masks."""
    root = ElementTree.Element("VRTRasterBand", dataType="Byte")
    if len(sources) > 1:  # of one, the function makes zeros
        root.set("subClass", "VRTDerivedRasterBand")
        ElementTree.SubElement(root, "PixelFunctionType").text = "min"
    for location, band in sources:
        _simple_source(root, location, band)
    return root


def _simple_source(root: ElementTree.Element, location: Location, band: str) -> ElementTree.Element:
    source = ElementTree.SubElement(root, "SimpleSource")
    opened = str(location.path.absolute()) if location.path else location.opened
    ElementTree.SubElement(source, "SourceFilename", relativeToVRT="0").text = opened
    ElementTree.SubElement(source, "SourceBand").text = band
    return source
