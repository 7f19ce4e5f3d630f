"""Tools that make scenes."""

from __future__ import annotations

from . import shared
from .definition import Result, Tool, Widget

_ORTHORECTIFICATION = {
    "dem_heights": Widget("Heights of the elevation model are above"),
    "dem_gaps": Widget("Gaps in the elevation model"),
    "clip_to_dem": Widget("Clip to the elevation model"),
    "crs": Widget("Coordinate system", "crs"),
    "reference": Widget("Reference scene", "raster"),
    "reference_model": Widget("Correction by the reference", advanced=True),
    "max_shift": Widget("Largest shift (m)", advanced=True, minimum=0),
}

PREPROCESS = Tool(
    command="preprocess",
    group="Scenes",
    label="Preprocess Gaofen-1 products",
    widgets={
        "products": (
            Widget("Archives", "files", files="Archives (*.tar.gz *.tgz *.tar *.zip)"),
            Widget("Folder of a product", "folder", suffix="_folder"),
            Widget("Paths or patterns, one a line", "lines", suffix="_paths", advanced=True),
        ),
        "dem": shared.DEM,
        **_ORTHORECTIFICATION,
        "resolution": Widget("Side of a pixel (m)", minimum=0.1),
        "atmosphere": Widget("Atmospheric correction"),
        "optical_depth": Widget("Aerosol optical depth", advanced=True, minimum=0, maximum=5),
        "calibration": Widget("Calibration", advanced=True),
        "coefficients": Widget(
            "Calibration coefficients", "file", files="YAML (*.yaml *.yml)", advanced=True
        ),
        "fusion": Widget("Pansharpening"),
        "registration": Widget("Registration of the bands"),
        "clouds": Widget("Clouds: bright, or a folder of weights"),
        "clouds_become": Widget("Clouds become", advanced=True),
        "datum_shift": shared.DATUM,
        **shared.FOLDER_OUTPUT,
    },
    left_out={"no_registration": "the same as registration off"},
    results=(
        Result("Scene", "*/*_L1A*.tif", look="scene", is_raster=True),
        Result("Clouds", "*/clouds.tif", is_raster=True, is_shown=False),
    ),
)

ORTHORECTIFY = Tool(
    command="orthorectify",
    group="Scenes",
    label="Orthorectify",
    widgets={
        "image": Widget("Image with RPCs", "raster"),
        "dem": shared.DEM,
        **_ORTHORECTIFICATION,
        "resolution": Widget("Side of a pixel (m)", minimum=0.01),
        "nodata": shared.NODATA,
        "datum_shift": shared.DATUM,
        **shared.GEOTIFF_OUTPUT,
    },
    style="scene",
)

PANSHARPEN = Tool(
    command="pansharpen",
    group="Scenes",
    label="Pansharpen",
    widgets={
        "ms": Widget("Multispectral image", "raster"),
        "pan": Widget("Panchromatic image", "raster"),
        "method": Widget("Method"),
        "bands": shared.BANDS,
        "nodata": shared.NODATA,
        "pan_nodata": Widget("Value of missing data, panchromatic", advanced=True),
        "mtf_nyquist": Widget(
            "Response at the Nyquist frequency", advanced=True, minimum=0.01, maximum=1
        ),
        **shared.GEOTIFF_OUTPUT,
    },
    style="scene",
)

REGISTER = Tool(
    command="register",
    group="Scenes",
    label="Co-register",
    widgets={
        "moving": Widget("Scene to be moved", "raster"),
        "reference": Widget("Reference scene", "raster"),
        "model": Widget("Shifts change over the scene by"),
        "band": Widget("Band to compare", "band", parent="MOVING"),
        "max_shift": Widget("Largest shift (m)", minimum=0),
        "max_residual": Widget("Largest residual (px)", advanced=True, minimum=0),
        "nodata": shared.NODATA,
        "reference_nodata": Widget("Value of missing data, reference", advanced=True),
        "datum_shift": shared.DATUM,
        **shared.GEOTIFF_OUTPUT,
    },
    style="scene",
)
