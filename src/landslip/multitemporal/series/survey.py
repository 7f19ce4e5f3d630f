"""One scene looked at as a whole, on large pixels: where it has data, cloud and cloud shadow."""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.errors import InputError, argument
from landslip.core.grid import Grid
from landslip.core.messages import Message, message
from landslip.core.transformations import lonlat_of
from landslip.core.window import tile_windows
from landslip.io.raster import Mask, OutputBand, Scene, write_scene
from landslip.multitemporal.series.folder import Validity
from landslip.multitemporal.series.sources import DatedSource
from landslip.preprocessing.coregistration.displaced_scene import block_means
from landslip.preprocessing.radiometry.atmosphere_tags import correction_in
from landslip.preprocessing.radiometry.clouds import (
    CLOUD_BANDS,
    CloudThresholds,
    detect_bright_clouds,
)
from landslip.preprocessing.radiometry.shadows import detect_cloud_shadows
from landslip.preprocessing.radiometry.sun import sun_position
from landslip.preprocessing.resampling import Flags, Pixels

CloudSource = Literal["file", "thresholds", "none"]

INTEGER_SCALE = 0.0001
_OVERVIEW_M, _MOST_PX = 16.0, 6_000_000
_WINDOW_PX = 1024
_HIGHEST_MEDIAN = 2.0
# smaller clouds than where single scenes are masked: each would pass for a new landslide
_CLOUD = CloudThresholds(min_area_m2=5000, buffer_m=30)
_SHADOW_CODE = 3  # of OmniCloudMask; every other number over 0 is cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSurvey:
    """What is known of a scene before it is resampled.

    Attributes:
        source: its files and date.
        grid: its own.
        bands: its own.
        radiometry: how its stored numbers become reflectance.
        is_reflectance: False where that is only assumed.
        masks: rasters of clouds and shadows, see `validity_codes`; the first one that says
            something holds.
        cloud_source: what says where clouds are.
        seen_share: of the grid's pixels, valid and neither cloud nor shadow.
        has_data: whether any pixel has.
        notes: what is to be known of it.
    """

    source: DatedSource
    grid: Grid
    bands: Bands
    radiometry: Radiometry
    is_reflectance: bool
    masks: tuple[Path, ...]
    cloud_source: CloudSource
    seen_share: float
    has_data: bool
    notes: tuple[Message, ...]

    @property
    def seen_m2(self) -> float:
        """Area of seen ground."""
        side = self.grid.resolution_m or 1.0
        return self.seen_share * math.prod(self.grid.shape) * side**2


def survey_scene(
    source: DatedSource, scene: Scene, scale: float | None, folder: Path, *, detects_clouds: bool
) -> SceneSurvey:
    """Look at a scene on large pixels, and write what is cloud or shadow there to a folder.

    Raises:
        InputError: it has no coordinate system, or its numbers are no reflectance.
    """
    if scene.grid.crs is None:
        raise InputError(
            f"{source.name}: the scenes of a series must be georeferenced and this one has no "
            "coordinate system; assign one (gdal_edit.py -a_srs), or orthorectify it first"
        )
    notes = [*scene.validity.notes]
    radiometry = scene.radiometry
    is_reflectance = radiometry.units is Units.REFLECTANCE or scale is not None
    if scale is not None:
        radiometry = replace(radiometry, units=Units.REFLECTANCE, scale=scale, offset=0.0)
    elif not is_reflectance:
        is_integer = np.issubdtype(np.dtype(radiometry.dtype), np.integer)
        assumed = INTEGER_SCALE if is_integer else 1.0
        radiometry = replace(radiometry, units=Units.REFLECTANCE, scale=assumed)
        notes.append(message("warning.series_scale", scale=assumed))
    wanted = Bands(CLOUD_BANDS) if set(CLOUD_BANDS) <= set(scene.bands) else None
    values, valid, grid = _overview(scene, wanted or Bands(scene.bands.names[:1]), radiometry)
    if valid.any() and (median := float(np.median(values[:, valid]))) > _HIGHEST_MEDIAN:
        raise InputError(
            f"{source.name}: reflectance is from 0 to about 1 and the median of its numbers is "
            f"{median:.4g}; state {argument('scale')} (reflectance of a stored 1, such as 0.0001)"
        )
    looks = wanted is not None and is_reflectance
    toa = _at_top_of_atmosphere(values, scene, source) if looks else None
    clouds = _find_clouds(source, toa, valid, grid, detects_clouds=detects_clouds)
    notes += clouds.notes
    if detects_clouds and clouds.source == "none" and valid.any():
        missing = [name for name in CLOUD_BANDS if name not in scene.bands.names]
        notes.append(
            message("series.clouds_bands", missing=",".join(missing))
            if missing
            else message("series.clouds_units")
        )
    masks = () if source.clouds is None else (source.clouds,)
    if clouds.found.any():
        path = folder / f"{source.day.isoformat()}_clouds.tif"
        write_scene(path, clouds.found[np.newaxis], grid, (OutputBand(description="clouds"),))
        masks = (*masks, path)
    seen = valid & (clouds.codes == 0)
    return SceneSurvey(
        source=source,
        grid=scene.grid,
        bands=scene.bands,
        radiometry=radiometry,
        is_reflectance=is_reflectance,
        masks=masks,
        cloud_source=clouds.source,
        seen_share=float(seen.mean()),
        has_data=bool(valid.any()),
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _CloudCodes:
    """Codes of all that is known (height, width), and of what was ``found`` and no file holds."""

    codes: NDArray[np.uint8]
    found: NDArray[np.uint8]
    source: CloudSource
    notes: tuple[Message, ...] = ()


def _find_clouds(
    source: DatedSource, toa: Pixels | None, valid: Flags, grid: Grid, *, detects_clouds: bool
) -> _CloudCodes:
    """Take a scene's mask, else look for clouds; then for their shadows, if the mask has none.

    ``toa`` is reflectance in the order of `CLOUD_BANDS`; without it nothing is looked for.
    """
    found = np.zeros(grid.shape, dtype=np.uint8)
    codes, side_m = found, grid.resolution_m or math.nan
    cloud_source: CloudSource = "none"
    core = np.zeros(grid.shape, dtype=np.bool_)  # of clouds, without a margin
    if source.clouds is not None:
        codes, cloud_source = read_codes(source.clouds, grid), "file"
        core = codes == Validity.CLOUD
    elif detects_clouds and toa is not None and valid.any():
        cloudy = detect_bright_clouds(toa, valid, _CLOUD, resolution_m=side_m)
        found = codes = np.where(cloudy, np.uint8(Validity.CLOUD), np.uint8(0))
        cloud_source = "thresholds"
        core = detect_bright_clouds(toa, valid, replace(_CLOUD, buffer_m=0), resolution_m=side_m)
    if toa is None or (codes == Validity.SHADOW).any() or not core.any():
        return _CloudCodes(codes=codes, found=found, source=cloud_source)
    sun = source.sun_deg or assumed_sun(source, grid)
    shadow = detect_cloud_shadows(toa[CLOUD_BANDS.index("nir")], valid, core, grid, sun)
    if shadow.any():
        shadow = ndimage.distance_transform_edt(~shadow) * side_m <= _CLOUD.buffer_m
    shadow &= valid & (codes != Validity.CLOUD)
    is_known = source.sun_deg is not None or source.time is not None
    return _CloudCodes(
        codes=np.where(shadow, np.uint8(Validity.SHADOW), codes),
        found=np.where(shadow, np.uint8(Validity.SHADOW), found),
        source=cloud_source,
        notes=() if is_known else (message("series.sun_assumed"),),
    )


def assumed_sun(source: DatedSource, grid: Grid) -> tuple[float, float]:
    """Return azimuth and elevation of the sun at a scene's time.

    Without a time of day it is 10:30 by the sun, when satellites that map the ground pass.
    """
    (lon, lat), *_ = lonlat_of(np.array([grid.middle]), grid.crs).tolist()
    morning = datetime.combine(source.day, time(10, 30), UTC) - timedelta(hours=lon / 15)
    sun = sun_position(source.time or morning, lon, lat)
    return sun.azimuth_deg, sun.elevation_deg


def _at_top_of_atmosphere(values: Pixels, scene: Scene, source: DatedSource) -> Pixels:
    """Undo what a scene's tags say was corrected: thresholds are of what reaches the satellite."""
    try:
        correction = correction_in(scene.tags, CLOUD_BANDS)
    except InputError as error:
        raise InputError(f"{source.name}: {error}") from error
    return values if correction is None else correction.undo(values, CLOUD_BANDS)


def read_codes(path: Path, grid: Grid) -> NDArray[np.uint8]:
    """Return a mask of clouds on a grid as codes of `Validity`, 0 where it says nothing.

    Raises:
        InputError: it cannot be read, or brought to the grid.
    """
    with Mask(path, grid) as mask:
        return validity_codes(*mask.read())


def validity_codes(stored: NDArray[np.generic], known: Flags) -> NDArray[np.uint8]:
    """Return the numbers of a mask as CLOUD, SHADOW or 0.

    0 and what is not known is clear, 3 shadow, as in OmniCloudMask and in `Validity`; anything
    else is cloud.
    """
    codes = np.full(stored.shape, Validity.CLOUD, dtype=np.uint8)
    codes[stored == _SHADOW_CODE] = Validity.SHADOW
    codes[(stored == 0) | ~known] = 0
    return codes


def _overview(scene: Scene, bands: Bands, radiometry: Radiometry) -> tuple[Pixels, Flags, Grid]:
    """Return means of valid pixels (bands, height, width), where they are valid, and their grid."""
    side = scene.grid.resolution_m or _OVERVIEW_M
    fewest = math.ceil(math.sqrt(math.prod(scene.grid.shape) / _MOST_PX))
    times = max(math.floor(_OVERVIEW_M / side), fewest, 1)
    grid = scene.grid.coarser(times, covering=True)
    values = np.zeros((len(bands), *grid.shape), dtype=np.float32)
    valid = np.zeros(grid.shape, dtype=np.bool_)
    for tile in tile_windows(grid.shape, max(_WINDOW_PX // times, 1)):
        window = tile.clipped(grid.shape) or tile
        stored, known = scene.read(window.scaled(times), bands)
        means, mostly = block_means(radiometry.values(stored), known, times)
        rows, cols = window.slices_in(grid.window)
        values[:, rows, cols], valid[rows, cols] = means, mostly
    return values, valid, grid
