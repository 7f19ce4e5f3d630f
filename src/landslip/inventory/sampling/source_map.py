"""The map that a sample is drawn from: an extraction, a raster, or polygons, on one grid."""

import hashlib
import math
from abc import abstractmethod
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.crs import check_on_earth
from landslip.core.errors import InputError, argument
from landslip.core.files import Closeable, sha256_of
from landslip.core.geometries import reproject
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.inference.rasters import MASK, PROBABILITY
from landslip.inference.result import SUMMARY, ExtractionSummary
from landslip.inventory.correction import earlier_inventory, read_area
from landslip.inventory.polygons.dissolve import length_in_map_units
from landslip.inventory.record import GEOPACKAGE, RECORD
from landslip.inventory.sampling.design import MapReference, SamplingOptions
from landslip.inventory.sampling.strata import MapPixels
from landslip.io.labels import LabelPolygons
from landslip.io.raster import SensorImage
from landslip.io.raster.opening import is_raster
from landslip.io.vector import read_polygon_file, repair_polygons

_MAX_PX = 10**11  # some hours of counting
_MASK_CODES = ({0}, {1}, {0, 1}, {255}, {0, 255})


class SourceMap(Closeable):
    """A map that is read window by window."""

    reference: MapReference
    grid: Grid
    threshold: float | None = None
    area: LabelPolygons | None = None

    @abstractmethod
    def _read(self, window: Window) -> MapPixels:
        """Return the map of a window inside, without regard to the stated area."""

    def read(self, window: Window) -> MapPixels:
        """Return a window; what is outside the grid or the stated area was not searched."""
        landslide, searched = np.zeros((2, *window.shape), dtype=np.bool_)
        held = window.clipped(self.grid.shape)
        if held is None:
            return MapPixels(landslide=landslide, searched=searched)
        found, slices = self._read(held), held.slices_in(window)
        landslide[slices], searched[slices] = found.landslide, found.searched
        probability = None
        if found.probability is not None:
            probability = np.zeros(window.shape, dtype=np.float32)
            probability[slices] = found.probability
        if self.area is not None:
            searched &= self.area.rasterize(self.grid, window)
        return MapPixels(landslide=landslide & searched, searched=searched, probability=probability)

    def close(self) -> None:
        """Close what is open; polygons have nothing."""


def open_source_map(path: Path, area: Path | None, options: SamplingOptions) -> SourceMap:
    """Open what a sample is drawn from.

    Args:
        path: folder of an extraction or inventory, a raster of a mask or of probabilities, or a
            file of polygons.
        area: polygons that limit the searched area; polygons whose mapped area is not known need
            it.
        options: threshold, classes of probability and resolution.

    Raises:
        InputError: it cannot be read, has no coordinate system, or an option does not fit it.
    """
    if (path / SUMMARY).is_file():
        opened: SourceMap = _extraction(path, options)
    elif path.is_file() and is_raster(path):
        beside = path.parent / SUMMARY
        if path.name in (MASK, PROBABILITY) and beside.is_file() and options.threshold is None:
            opened = _extraction(path.parent, options)
        else:
            opened = RasterMap(path, None, options, _raster_reference(path))
    elif path.is_dir() and not (path / RECORD).is_file():
        raise InputError(
            f"{path}: neither an extraction nor an inventory, which have {SUMMARY} or {RECORD}; "
            "give the folder that one run of `landslip extract` or `landslip inventory` wrote"
        )
    else:
        return PolygonMap(path, area, options)
    _refuse_option(path, "resolution", options.resolution_m, "polygons")
    if area is not None:
        polygons, _ = _area_polygons(area, opened.grid.crs)
        opened.area = LabelPolygons(geometries=polygons, notes=())
    return opened


class RasterMap(SourceMap):
    """A raster of a mask or of probabilities, or both of an extraction."""

    def __init__(
        self,
        path: Path,
        probability: Path | None,
        options: SamplingOptions,
        reference: MapReference,
    ) -> None:
        """Open rasters; a ``path`` that holds probabilities itself needs no second one."""
        self.reference = reference
        self._image = SensorImage(path)
        self._second = None if probability is None else SensorImage(probability)
        self.grid = self._image.grid
        is_mask = np.issubdtype(self._image.dtype, np.integer) and self._image.scales[0] == 1.0
        self._is_mask = is_mask
        self._wants_classes = bool(options.probability_classes)
        try:
            if self.grid.crs is None:
                raise InputError(
                    f"{path}: a sample needs a coordinate system, to be found on the ground; "
                    "assign it"
                )
            check_on_earth(self.grid.crs, path)
            if self._image.count != 1:
                raise InputError(
                    f"{path}: a map is a mask or probabilities in one band; this raster has "
                    f"{self._image.count}. Write the band apart, e.g. with gdal_translate -b"
                )
            if self._second is not None and self._second.grid != self.grid:
                raise InputError(f"{probability}: is not on the grid of {path.name}; extract again")
            if is_mask and self._second is None:
                classes = options.probability_classes or None
                _refuse_option(path, "probability_classes", classes, "probabilities")
                _refuse_option(path, "threshold", options.threshold, "probabilities")
        except InputError:
            self.close()
            raise
        if not is_mask:
            self.threshold = 0.5 if options.threshold is None else options.threshold

    def _read(self, window: Window) -> MapPixels:
        if self._is_mask:
            (codes, *_), searched = self._image.read(window)
            if {*np.unique(codes[searched]).tolist()} not in (set(), *_MASK_CODES):
                raise InputError(
                    f"{self._image.path}: a mask has 0 and 1, or 0 and 255; another number is at "
                    f"{window}. Write it so, or declare the number as nodata"
                )
            landslide = codes > 0
            probability = None
            if self._second is not None and self._wants_classes:
                probability, _ = self._probability(self._second, window)
            return MapPixels(landslide=landslide, searched=searched, probability=probability)
        probability, searched = self._probability(self._image, window)
        landslide = probability >= np.float32(self.threshold)
        return MapPixels(
            landslide=landslide,
            searched=searched,
            probability=probability if self._wants_classes else None,
        )

    def _probability(
        self, image: SensorImage, window: Window
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        (stored, *_), valid = image.read(window)
        values = stored.astype(np.float32) * np.float32(image.scales[0])
        values += np.float32(image.offsets[0])
        inside = (values[valid] >= 0) & (values[valid] <= 1 + 1e-6)
        if not inside.all():
            raise InputError(
                f"{image.path}: probabilities are 0 to 1; another number is at {window}. Give a "
                "mask or a map of probabilities"
            )
        return values, valid

    def close(self) -> None:
        """Close the rasters."""
        self._image.close()
        if self._second is not None:
            self._second.close()


class PolygonMap(SourceMap):
    """Polygons on a grid of their own: the centre of a pixel decides."""

    def __init__(self, path: Path, area: Path | None, options: SamplingOptions) -> None:
        """Read polygons and their mapped area.

        Raises:
            InputError: they cannot be read, or the mapped area or the resolution is not known.
        """
        classes = options.probability_classes or None
        _refuse_option(path, "probability_classes", classes, "probabilities")
        _refuse_option(path, "threshold", options.threshold, "probabilities")
        earlier = earlier_inventory(path)
        file = path / GEOPACKAGE if (path / RECORD).is_file() else path
        frame = read_polygon_file(file, may_be_empty=True, layer_argument=None).frame
        if frame.crs is None:
            raise InputError(
                f"{path}: a sample needs a coordinate system, to be found on the ground; assign it"
            )
        crs = CRS.from_wkt(frame.crs.to_wkt())
        check_on_earth(crs, path)
        polygons = np.asarray(frame.geometry.values, dtype=object)
        resolution_m = options.resolution_m
        if resolution_m is None and earlier is not None:
            resolution_m = earlier.record.scene.resolution_m
        if resolution_m is None:
            raise InputError(
                f"{path}: the resolution of the map is not known; give the side of a pixel, in "
                f"metres, with {argument('resolution')}"
            )
        place = area
        if place is None:
            if earlier is None or earlier.mapped_area is None:
                raise InputError(
                    f"{path}: the area that was mapped is not known, and points are drawn in it; "
                    f"give it with {argument('area')}"
                )
            place = path
        searched, extent = _area_polygons(place, crs)
        self.area = LabelPolygons(geometries=searched, notes=())
        self._polygons = LabelPolygons(geometries=polygons, notes=())
        self.grid = _grid_over(extent, crs, resolution_m)
        if math.prod(self.grid.shape) > _MAX_PX:
            raise InputError(
                f"{path}: {argument('resolution')} divides the area into at most {_MAX_PX:.0e} "
                f"pixels; with {resolution_m:g} m there are {math.prod(self.grid.shape):.1e}"
            )
        self.reference = MapReference(
            kind="polygons",
            name=path.name,
            place=str(path.absolute()),
            digest=polygons_digest(polygons),
        )

    def _read(self, window: Window) -> MapPixels:
        landslide = np.zeros(window.shape, dtype=np.bool_)
        if len(self._polygons.geometries):
            landslide = self._polygons.rasterize(self.grid, window)
        return MapPixels(landslide=landslide, searched=np.ones(window.shape, dtype=np.bool_))


def polygons_digest(polygons: NDArray[np.object_]) -> str:
    """Return a sha256 of polygons (n,), whatever their order and whether they are multipolygons."""
    parts = shapely.normalize(shapely.get_parts(polygons))
    digest = hashlib.sha256()
    for one in sorted(shapely.to_wkb(parts, byte_order=1).tolist()):
        digest.update(one)
    return digest.hexdigest()


def _extraction(path: Path, options: SamplingOptions) -> RasterMap:
    summary = ExtractionSummary.read(path / SUMMARY)
    _refuse_option(path, "threshold", options.threshold, "probabilities without a mask")
    reference = MapReference(
        kind="extraction",
        name=path.name,
        place=str(path.absolute()),
        digest=summary.job_sha256,
    )
    opened = RasterMap(path / MASK, path / PROBABILITY, options, reference)
    opened.threshold = summary.threshold
    return opened


def _raster_reference(path: Path) -> MapReference:
    return MapReference(
        kind="raster", name=path.name, place=str(path.absolute()), digest=sha256_of(path)
    )


def _area_polygons(path: Path, crs: CRS | None) -> tuple[NDArray[np.object_], shapely.Geometry]:
    """Return the parts of an area in a coordinate system, and its extent."""
    shape, own = read_area(path)
    if own is None:
        raise InputError(f"{path}: has no coordinate system; assign it")
    try:
        parts = repair_polygons(reproject(shapely.get_parts(np.array([shape], object)), own, crs))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if shapely.is_empty(parts).all():
        raise InputError(f"{path}: the area is empty; give polygons of it")
    return parts, shapely.box(*shapely.total_bounds(parts))


def _grid_over(extent: shapely.Geometry, crs: CRS, resolution_m: float) -> Grid:
    left, bottom, right, top = shapely.bounds(extent).tolist()
    high = wide = length_in_map_units(resolution_m, crs)
    if crs.is_geographic:
        wide = high / max(math.cos(math.radians((bottom + top) / 2)), 1e-3)
    shape = math.ceil((top - bottom) / high), math.ceil((right - left) / wide)
    return Grid(crs=crs, transform=Affine(wide, 0, left, 0, -high, top), shape=shape)


def _refuse_option(path: Path, name: str, value: object, of: str) -> None:
    if value is not None:
        raise InputError(f"{path}: {argument(name)} is for {of}; leave it out")
