"""The one package that opens rasters."""

from landslip.io.raster.mask import Mask
from landslip.io.raster.opening import bounded_cache, decoding_threads
from landslip.io.raster.output import Layer, RasterOutput, sum_of_bytes, write_scene
from landslip.io.raster.plain import PlainOutput, RasterShape, SensorImage, raster_shape
from landslip.io.raster.pyramid import PyramidOutput
from landslip.io.raster.scene import Scene, SceneOptions, Stored, Valid

__all__ = [
    "Layer",
    "Mask",
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
    "raster_shape",
    "sum_of_bytes",
    "write_scene",
]
