"""The one package that opens rasters."""

from landslip.io.raster.mosaic import offset_on_lattice, write_highest
from landslip.io.raster.opening import bounded_cache, decoding_threads
from landslip.io.raster.output import (
    OutputBand,
    PlainOutput,
    RasterOutput,
    sum_of_bytes,
    write_scene,
)
from landslip.io.raster.pyramid import PyramidOutput
from landslip.io.raster.readers import Mask, RasterShape, SensorImage, raster_shape
from landslip.io.raster.scene import Scene, SceneOptions
from landslip.io.raster.validity import Stored, Valid

__all__ = [
    "Mask",
    "OutputBand",
    "PlainOutput",
    "PyramidOutput",
    "RasterOutput",
    "RasterShape",
    "Scene",
    "SceneOptions",
    "SensorImage",
    "Stored",
    "Valid",
    "bounded_cache",
    "decoding_threads",
    "offset_on_lattice",
    "raster_shape",
    "sum_of_bytes",
    "write_highest",
    "write_scene",
]
