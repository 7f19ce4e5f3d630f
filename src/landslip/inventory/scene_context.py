"""What the scene shows inside and around landslides."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.band_order import match_band_order
from landslip.core.bands import Bands, Radiometry, normalised_difference
from landslip.core.choices import Units
from landslip.core.errors import InputError
from landslip.core.geometries import reproject
from landslip.core.grid import map_points
from landslip.core.messages import Message, message
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.core.transformations import datum_note
from landslip.core.window import Window
from landslip.inventory.attributes import date_in
from landslip.inventory.detections import Detections, ExtractionFolder
from landslip.inventory.pixel_runs import PixelRuns, joined, pixel_runs
from landslip.inventory.record import SceneRecord
from landslip.inventory.request import AuxiliaryData
from landslip.io.raster import Scene, SceneOptions, Valid
from landslip.io.raster.location import Location, place_of
from landslip.preprocessing.radiometry.atmosphere_tags import correction_in
from landslip.preprocessing.radiometry.clouds import (
    CLOUD_BANDS,
    CloudThresholds,
    bright_cloud_pixels,
)

RING_PX, RING_M = 3.0, 10.0
WATER_NDWI = 0.0
_TILE_PX = 2**21
_TILE_WIDTH_PX = 2048
_CLOUD = CloudThresholds()
_ATTRIBUTES = ("ndvi_mean", "bright_share", "water_near", "valid_share")
_SUMS = ("valid", "ndvi_px", "ndvi", "bright", "water")


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneReference:
    """Which scene is read and how; ``is_stated`` where the user named it."""

    place: Location
    options: SceneOptions
    is_stated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneContext:
    """What is known by the scene; ``spectral`` is None where there is none to read."""

    record: SceneRecord
    spectral: "SpectralAttributes | None" = None
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpectralAttributes:
    """Attributes of each landslide, (n,) float64; NaN where they are unknown.

    NDVI is (nir - red) / (nir + red), the mean of the valid pixels; ``bright_share`` the fraction
    of them that is as bright and white as cloud
    (`landslip.preprocessing.radiometry.clouds.bright_cloud_pixels`), which needs reflectance at the
    top of the atmosphere: what a scene's tags say was corrected is undone. It needs reflectance, as
    does ``water_near``: the fraction of the valid pixels around it that is water. Around is within
    3 px or 10 m, whichever is more; water is where (green - nir) / (green + nir) > 0 (McFeeters
    1996, doi 10.1080/01431169608948714). ``valid_share`` is the fraction of its pixels that is
    valid. Fractions are from 0 to 1, and notes on what is empty or doubtful.
    """

    ndvi_mean: NDArray[np.float64]
    bright_share: NDArray[np.float64]
    water_near: NDArray[np.float64]
    valid_share: NDArray[np.float64]
    notes: tuple[Message, ...]


def scene_reference(
    auxiliary: AuxiliaryData, folder: ExtractionFolder | None
) -> SceneReference | None:
    """Return which scene is read: the stated one, else the one that was extracted."""
    if not auxiliary.use_scene:
        return None
    if auxiliary.scene is not None:
        options = auxiliary.read_as
        if options == SceneOptions() and folder is not None:
            options = folder.scene_options
        return SceneReference(place=Location.of(auxiliary.scene), options=options, is_stated=True)
    if folder is None:
        return None
    place = Location.of(folder.summary.scene_place)
    return SceneReference(place=place, options=folder.scene_options, is_stated=False)


def read_scene_context(
    detections: Detections, reference: SceneReference | None, progress: Progress = no_progress
) -> SceneContext:
    """Read what a scene shows of landslides.

    A scene that was not stated may be missing: that is noted.

    Raises:
        InputError: the scene cannot be read.
    """
    record = detections.scene
    if reference is None:
        return SceneContext(record=record)
    try:
        with Scene(reference.place, reference.options) as scene:
            if reference.is_stated:
                height, width = scene.grid.shape
                record = SceneRecord(
                    name=record.name or reference.place.name,
                    place=place_of(reference.place),
                    date=record.date or date_in(reference.place.name),
                    bands=record.bands or tuple(scene.bands.names),
                    width=width,
                    height=height,
                    resolution_m=scene.grid.resolution_m,
                )
            polygons, crs = detections.polygons, detections.crs
            spectral = spectral_attributes(polygons, crs, scene, progress=progress)
            shift = datum_note(str(scene.path.name), crs, scene.grid.crs, polygons)
    except InputError as error:
        if reference.is_stated:
            raise
        return SceneContext(record=record, notes=(message("scene.unreadable", error=str(error)),))
    notes = (*([] if shift is None else [shift]), *spectral.notes)
    return SceneContext(record=record, spectral=spectral, notes=notes)


def read_scene_contexts(
    detections: Detections, auxiliary: AuxiliaryData, progress: Progress = no_progress
) -> SceneContext:
    """Read what each of several scenes shows of the landslides that are mostly in it.

    Raises:
        InputError: see `read_scene_context`.
    """
    count = len(detections.polygons)
    index = np.zeros(count, np.int64) if detections.scene_index is None else detections.scene_index
    values = {name: np.full(count, np.nan) for name in _ATTRIBUTES}
    notes: dict[str, Message] = {}
    known = False
    for number, scene in enumerate(detections.scenes):
        selected: NDArray[np.bool_] = index == number
        if not selected.any():
            continue
        step = sub_progress(progress, number, number + 1, len(detections.scenes))
        part = replace(detections.take(selected), scene=scene.record)
        context = read_scene_context(part, scene_reference(auxiliary, scene.folder), step)
        notes |= {note.text(): note for note in context.notes}
        if context.spectral is not None:
            known = True
            for name, column in values.items():
                column[selected] = getattr(context.spectral, name)
    spectral = SpectralAttributes(**values, notes=()) if known else None
    return SceneContext(record=detections.scene, spectral=spectral, notes=tuple(notes.values()))


def spectral_attributes(
    polygons: NDArray[np.object_],
    crs: CRS | None,
    scene: Scene,
    *,
    progress: Progress = no_progress,
) -> SpectralAttributes:
    """Return what a scene shows inside and around polygons.

    A pixel is inside where its centre is; a polygon without any takes the pixel around a point
    inside it. The scene is read tile by tile and only where there are polygons (n,), which may
    overlap and be outside it. Attributes that need a band that it lacks are NaN.

    Raises:
        InputError: either polygons or scene have no coordinate system, or a tile cannot be read.
    """
    try:
        on_map = reproject(polygons, crs, scene.grid.crs, scene.grid.middle[0])
    except InputError as error:
        raise InputError(
            f"{scene.path}: the landslides cannot be placed on the scene: {error}"
        ) from error
    frame = shapely.Polygon(scene.grid.corners(scene.grid.window))
    elsewhere = []
    if len(on_map) and not shapely.intersects(frame, on_map).any():
        elsewhere.append(message("warning.scene_elsewhere", scene=scene.path.name))
    to_pixels = ~scene.grid.transform
    in_pixels = shapely.transform(on_map, lambda points: map_points(to_pixels, points))
    resolution_m = scene.grid.resolution_m
    reach_px = RING_PX if resolution_m is None else max(RING_PX, RING_M / resolution_m)
    inside = _inside(in_pixels)
    around = pixel_runs(shapely.buffer(in_pixels, reach_px, quad_segs=4))
    pixels = np.bincount(inside.polygon, inside.stop - inside.start, len(polygons))
    sums_inside, sums_around = _sum_over_runs(scene, (inside, around), len(polygons), progress)
    ring = sums_around - sums_inside
    with np.errstate(invalid="ignore", divide="ignore"):
        valid, ndvi_px, ndvi, bright, _ = sums_inside
        return SpectralAttributes(
            ndvi_mean=ndvi / ndvi_px,
            bright_share=bright / valid,
            water_near=ring[_SUMS.index("water")] / ring[_SUMS.index("valid")],
            valid_share=valid / pixels,
            notes=(*elsewhere, *_notes(scene)),
        )


def _inside(polygons: NDArray[np.object_]) -> PixelRuns:
    """Return the pixels of polygons, at least one each."""
    runs = pixel_runs(polygons)
    missed = np.flatnonzero(np.bincount(runs.polygon, minlength=len(polygons)) == 0)
    if len(missed) == 0:
        return runs
    points = shapely.get_coordinates(shapely.point_on_surface(polygons[missed]))
    col, row = np.floor(points).T.astype(np.int64)
    one = PixelRuns(polygon=missed.astype(np.int64), row=row, start=col, stop=col + 1)
    return joined([runs, one])


def _sum_over_runs(
    scene: Scene, sets: tuple[PixelRuns, ...], count: int, progress: Progress
) -> list[NDArray[np.float64]]:
    """Return the sums (sums, count) over each set of runs."""
    sets = tuple(runs.of(np.argsort(runs.row, kind="stable")) for runs in sets)
    totals = [np.zeros((len(_SUMS), count)) for _ in sets]
    tiles = list(_tiles(scene))
    for done, tile in enumerate(tiles):
        parts = []
        for runs in sets:
            first, last = np.searchsorted(runs.row, [tile.row_off, tile.row_end]).tolist()
            parts.append(runs.of(slice(first, last)).clipped(tile))
        if any(map(len, parts)):
            cumulative = _cumulative_sums(scene, tile)
            for part, total in zip(parts, totals, strict=True):
                row = part.row - tile.row_off
                start, stop = part.start - tile.col_off, part.stop - tile.col_off
                for sums, along in zip(total, cumulative, strict=True):
                    np.add.at(sums, part.polygon, along[row, stop] - along[row, start])
        progress(done + 1, len(tiles))
    return totals


def _tiles(scene: Scene) -> Iterator[Window]:
    """Cover a scene by windows of whole blocks of its file, row by row."""
    (height, width), (block_height, block_width) = scene.grid.shape, scene.block
    tile_width = min(width, max(block_width, _TILE_WIDTH_PX // block_width * block_width))
    rows = max(_TILE_PX // tile_width // block_height, 1) * block_height
    for row in range(0, height, rows):
        for col in range(0, width, tile_width):
            tile = Window(col, row, tile_width, rows).clipped(scene.grid.shape)
            if tile is not None:
                yield tile


def _cumulative_sums(scene: Scene, tile: Window) -> NDArray[np.float64]:
    """Return sums along each row (sums, height, width + 1), from the left up to each column."""
    known = tuple(name for name in scene.bands if name in CLOUD_BANDS)
    bands = Bands(known) if known else scene.bands
    try:
        stored, valid = scene.read(tile, bands)
    except InputError as error:
        raise InputError(f"while reading the scene at the landslides in {tile}: {error}") from error
    values = scene.radiometry_of(bands).values(stored)
    band = {name: values[at] for at, name in enumerate(bands)}
    sums = np.zeros((len(_SUMS), tile.height, tile.width + 1))
    for at, summand in enumerate(_summands(band, valid, scene)):
        np.cumsum(summand, axis=1, out=sums[at, :, 1:], dtype=np.float64)
    return sums


def _summands(
    band: dict[str, NDArray[np.float32]], valid: Valid, scene: Scene
) -> Iterator[NDArray[np.float64] | Valid]:
    """Yield what is summed, each (height, width), in the order of the sums."""
    unknown, radiometry = np.full(valid.shape, np.nan), scene.radiometry
    yield valid
    has_ndvi = {"nir", "red"} <= band.keys()
    ndvi = normalised_difference(band["nir"], band["red"]) if has_ndvi else unknown
    is_known = valid & np.isfinite(ndvi)
    yield is_known
    yield np.where(is_known, ndvi, 0.0)
    if _is_scaled_reflectance(radiometry) and set(CLOUD_BANDS) <= band.keys():
        reflectance = np.stack([band[name] for name in CLOUD_BANDS])
        try:
            correction = correction_in(scene.tags, CLOUD_BANDS)
        except InputError as error:
            raise InputError(f"{scene.path}: {error}") from error
        if correction is not None:
            reflectance = correction.undo(reflectance, CLOUD_BANDS)
        yield bright_cloud_pixels(reflectance, valid, _CLOUD)
    else:
        yield unknown
    if radiometry.units is Units.REFLECTANCE and {"nir", "green"} <= band.keys():
        yield valid & (normalised_difference(band["green"], band["nir"]) > WATER_NDWI)
    else:
        yield unknown


def _is_scaled_reflectance(radiometry: Radiometry) -> bool:
    """Whether values are reflectance from 0 to 1, and not some multiple in whole numbers."""
    whole = np.issubdtype(radiometry.dtype, np.integer) and radiometry.scale == 1.0
    return radiometry.units is Units.REFLECTANCE and not whole


def _notes(scene: Scene) -> tuple[Message, ...]:
    missing = [name for name in CLOUD_BANDS if name not in scene.bands.names]
    notes = []
    if missing:
        ndvi = "ndvi_" if {"red", "nir"} & set(missing) else ""
        water = "water_" if {"green", "nir"} & set(missing) else ""
        empty = message(f"scene.empty_{ndvi}{water}cloud")
        notes.append(message("scene.bands_missing", bands=", ".join(missing), empty=empty))
    if scene.radiometry.units is Units.DN:
        notes.append(message("scene.digital_numbers"))
    elif not _is_scaled_reflectance(scene.radiometry):
        notes.append(message("scene.unscaled"))
    notes += scene.validity.notes
    known = Bands(tuple(name for name in scene.bands if name in CLOUD_BANDS) or scene.bands.names)
    match = match_band_order(scene.radiometry_of(known).values(scene.sample(known)), known)
    if match is not None and match.is_wrong:
        notes.append(match.note(known, scene.bands))
    return tuple(notes)
