"""What a scene shows inside and around landslides."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.crs import reproject
from landslip.core.errors import InputError
from landslip.core.grid import Grid, map_points
from landslip.core.messages import Message, message
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.inventory.detections import Detections, ExtractionFolder, date_in
from landslip.inventory.flags import (
    DEFAULT_RULES,
    FlagColumns,
    FlagRules,
    beside_water,
    flags,
    share_on_roads,
)
from landslip.inventory.morphometry.attributes import DOWNSLOPE, TerrainAttributes
from landslip.inventory.pixel_runs import PixelRuns, joined, pixel_runs
from landslip.inventory.record import SceneRecord
from landslip.inventory.request import AuxiliaryData
from landslip.io.raster import Scene, SceneOptions, Valid
from landslip.io.raster.location import Location, place_of
from landslip.preprocessing.radiometry.clouds import (
    CLOUD_BANDS,
    CloudThresholds,
    bright_cloud_pixels,
)

RING_PX, RING_M = 3.0, 10.0
WATER_NDWI = 0.0
_TILE_PX = 2**21
_CLOUD = CloudThresholds()
_SUMS = ("valid", "ndvi_px", "ndvi", "bright", "water")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpectralAttributes:
    """Figures of each landslide, (n,) float64; NaN where they cannot be had.

    Attributes:
        ndvi_mean: mean of (nir - red) / (nir + red) of the pixels with data, -1 to 1.
        bright_share: share of them that is as bright and white as cloud
            (`radiometry.clouds.bright_cloud_pixels`), 0 to 1; needs reflectance.
        water_near: share of the pixels with data around it that is water, 0 to 1; needs
            reflectance. Around is what lies within 3 px or 10 m, whichever is more. Water is where
            (green - nir) / (green + nir) > 0 (McFeeters 1996, doi 10.1080/01431169608948714).
        valid_share: share of its pixels with data, 0 to 1.
        notes: what is empty or doubtful.
    """

    ndvi_mean: NDArray[np.float64]
    bright_share: NDArray[np.float64]
    water_near: NDArray[np.float64]
    valid_share: NDArray[np.float64]
    notes: tuple[Message, ...]


def spectral_attributes(
    polygons: NDArray[np.object_],
    crs: CRS | None,
    scene: Scene,
    *,
    progress: Progress = no_progress,
) -> SpectralAttributes:
    """Look at a scene inside and around polygons.

    A pixel is inside where its centre is; a polygon without any takes the pixel that a point
    inside it lies in. The scene is read tile by tile and only where there are polygons.

    Args:
        polygons: (n,) Polygons or MultiPolygons; they may overlap, and lie beside the scene.
        crs: theirs.
        scene: any bands; what is missing leaves the figures empty that need it.
        progress: told of the tiles.

    Raises:
        InputError: either polygons or scene have no coordinate system, or a tile cannot be read.
    """
    there = _in_pixels(polygons, crs, scene.grid)
    inside, around = _inside(there), pixel_runs(_widened(there, scene.grid))
    sums = _summed(scene, inside, around, len(polygons), progress)
    pixels = np.bincount(
        inside.polygon, weights=inside.stop - inside.start, minlength=len(polygons)
    )
    ring = sums.around - sums.inside
    with np.errstate(invalid="ignore", divide="ignore"):
        valid, ndvi_px, ndvi, bright, _ = sums.inside
        return SpectralAttributes(
            ndvi_mean=ndvi / ndvi_px,
            bright_share=bright / valid,
            water_near=ring[_SUMS.index("water")] / ring[_SUMS.index("valid")],
            valid_share=valid / pixels,
            notes=_notes(scene),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """Sums over pixels inside polygons, and inside polygons widened, (sums, n) float64."""

    inside: NDArray[np.float64]
    around: NDArray[np.float64]


def _in_pixels(polygons: NDArray[np.object_], crs: CRS | None, grid: Grid) -> NDArray[np.object_]:
    try:
        there = reproject(polygons, crs, grid.crs)
    except InputError as error:
        raise InputError(f"the landslides cannot be laid on the scene: {error}") from error
    to_pixels = ~grid.transform
    pixels: NDArray[np.object_] = shapely.transform(
        there, lambda points: map_points(to_pixels, points)
    )
    return pixels


def _inside(polygons: NDArray[np.object_]) -> PixelRuns:
    """Return the pixels of polygons, at least one each."""
    runs = pixel_runs(polygons)
    lost = np.flatnonzero(np.bincount(runs.polygon, minlength=len(polygons)) == 0)
    if len(lost) == 0:
        return runs
    col, row = np.floor(shapely.get_coordinates(shapely.point_on_surface(polygons[lost]))).T
    one = PixelRuns(
        polygon=lost.astype(np.int64),
        row=row.astype(np.int64),
        start=col.astype(np.int64),
        stop=col.astype(np.int64) + 1,
    )
    return joined([runs, one])


def _widened(polygons: NDArray[np.object_], grid: Grid) -> NDArray[np.object_]:
    resolution_m = grid.resolution_m
    reach_px = RING_PX if resolution_m is None else max(RING_PX, RING_M / resolution_m)
    widened: NDArray[np.object_] = shapely.buffer(polygons, reach_px, quad_segs=4)
    return widened


def _summed(
    scene: Scene, inside: PixelRuns, around: PixelRuns, count: int, progress: Progress
) -> _Sums:
    sums = _Sums(inside=np.zeros((len(_SUMS), count)), around=np.zeros((len(_SUMS), count)))
    sides = ((_by_row(inside), sums.inside), (_by_row(around), sums.around))
    tiles = list(_tiles(scene))
    for done, tile in enumerate(tiles):
        parts = [(_within(runs, tile), into) for runs, into in sides]
        if any(len(part) for part, _ in parts):
            shown = _running_sums(scene, tile)
            for part, into in parts:
                _add(shown, part, tile, into)
        progress(done + 1, len(tiles))
    return sums


def _by_row(runs: PixelRuns) -> PixelRuns:
    return runs.of(np.argsort(runs.row, kind="stable"))


def _within(runs: PixelRuns, tile: Window) -> PixelRuns:
    """Return what lies in a tile of runs that are sorted by row."""
    first, last = np.searchsorted(runs.row, [tile.row_off, tile.row_end]).tolist()
    return runs.of(slice(first, last)).clipped(tile)


def _tiles(scene: Scene) -> Iterator[Window]:
    """Cover a scene by windows of whole pieces of its file, row by row."""
    (height, width), (block_height, block_width) = scene.grid.shape, scene.block
    tile_width = min(width, max(block_width, 2048 // block_width * block_width))
    rows = max(_TILE_PX // tile_width // block_height, 1) * block_height
    for row in range(0, height, rows):
        for col in range(0, width, tile_width):
            tile = Window(col, row, tile_width, rows).clipped(scene.grid.shape)
            if tile is not None:
                yield tile


def _running_sums(scene: Scene, tile: Window) -> NDArray[np.float64]:
    """Return sums along each row (sums, height, width + 1), from the left up to each column."""
    bands = _looked_at(scene)
    try:
        stored, valid = scene.read(tile, bands)
    except InputError as error:
        raise InputError(f"while looking at the landslides in {tile}: {error}") from error
    values = scene.radiometry.values(stored)
    band = {name: values[at] for at, name in enumerate(bands)}
    running = np.zeros((len(_SUMS), tile.height, tile.width + 1))
    for at, shown in enumerate(_shown(band, valid, scene.radiometry)):
        np.cumsum(shown, axis=1, out=running[at, :, 1:], dtype=np.float64)
    return running


def _looked_at(scene: Scene) -> Bands:
    known = tuple(name for name in scene.bands if name in CLOUD_BANDS)
    return Bands(known) if known else scene.bands


def _shown(
    band: dict[str, NDArray[np.float32]], valid: Valid, radiometry: Radiometry
) -> Iterator[NDArray[np.float64] | Valid]:
    """Give what is summed, each (height, width), in the order of the sums."""
    none = np.full(valid.shape, np.nan)
    yield valid
    ndvi = _contrast(band["nir"], band["red"]) if {"nir", "red"} <= band.keys() else none
    has_ndvi = valid & np.isfinite(ndvi)
    yield has_ndvi
    yield np.where(has_ndvi, ndvi, 0.0)
    if _is_zero_to_one(radiometry) and set(CLOUD_BANDS) <= band.keys():
        yield bright_cloud_pixels(np.stack([band[name] for name in CLOUD_BANDS]), valid, _CLOUD)
    else:
        yield none
    if radiometry.units is Units.REFLECTANCE and {"nir", "green"} <= band.keys():
        yield valid & (_contrast(band["green"], band["nir"]) > WATER_NDWI)
    else:
        yield none


def _is_zero_to_one(radiometry: Radiometry) -> bool:
    """Whether values are reflectance from 0 to 1, and not some multiple in whole numbers."""
    whole = np.issubdtype(radiometry.dtype, np.integer) and radiometry.scale == 1.0
    return radiometry.units is Units.REFLECTANCE and not whole


def _contrast(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (one - other) / (one + other); NaN where their sum is not above 0."""
    total = one.astype(np.float64) + other
    contrast = np.full(total.shape, np.nan)
    np.divide(one.astype(np.float64) - other, total, out=contrast, where=total > 0)
    return contrast


def _add(
    running: NDArray[np.float64], runs: PixelRuns, tile: Window, into: NDArray[np.float64]
) -> None:
    row, start, stop = runs.row - tile.row_off, runs.start - tile.col_off, runs.stop - tile.col_off
    for sums, along in zip(into, running, strict=True):
        np.add.at(sums, runs.polygon, along[row, stop] - along[row, start])


def _notes(scene: Scene) -> tuple[Message, ...]:
    missing = [name for name in CLOUD_BANDS if name not in scene.bands.names]
    notes = []
    if missing:
        empty = message(f"scene.empty_{_empty_without(set(missing))}")
        notes.append(message("scene.bands_missing", bands=", ".join(missing), empty=empty))
    if scene.radiometry.units is Units.DN:
        notes.append(message("scene.digital_numbers"))
    elif not _is_zero_to_one(scene.radiometry):
        notes.append(message("scene.unscaled"))
    return tuple(notes)


def _empty_without(missing: set[str]) -> str:
    ndvi = "ndvi_" if missing & {"red", "nir"} else ""
    water = "water_" if missing & {"green", "nir"} else ""
    return f"{ndvi}{water}cloud"


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneContext:
    """What was seen.

    Attributes:
        spectral: by the scene; None where there is none to look at.
        notes: what is empty or doubtful.
    """

    spectral: SpectralAttributes | None
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneReference:
    """Where a scene is, and what is stated about it."""

    place: Location
    read_as: SceneOptions
    is_asked_for: bool


def scene_reference(known: AuxiliaryData, folder: ExtractionFolder | None) -> SceneReference | None:
    """Return which scene is to be looked at: the one named, else the one that was extracted."""
    if not known.use_scene:
        return None
    if known.scene is not None:
        stated = known.read_as
        if stated == SceneOptions() and folder is not None:
            stated = folder.read_as
        return SceneReference(place=Location.of(known.scene), read_as=stated, is_asked_for=True)
    if folder is None:
        return None
    place = Location.of(folder.summary.scene_place)
    return SceneReference(place=place, read_as=folder.read_as, is_asked_for=False)


def scene_record(known: SceneRecord, scene: SceneReference | None) -> SceneRecord:
    """Return what is known of the scene, by the one that was named, if one was.

    Raises:
        InputError: that one cannot be read.
    """
    if scene is None or not scene.is_asked_for:
        return known
    with Scene(scene.place, scene.read_as) as opened:
        height, width = opened.grid.shape
        return SceneRecord(
            name=known.name or scene.place.name,
            place=place_of(scene.place),
            date=known.date or date_in(scene.place.name),
            bands=known.bands or tuple(opened.bands.names),
            width=width,
            height=height,
            resolution_m=opened.grid.resolution_m,
        )


def read_scene_context(
    found: Detections, scene: SceneReference | None, progress: Progress = no_progress
) -> SceneContext:
    """Measure what a scene shows of landslides.

    A scene that was not asked for by name may be missing: that is noted.

    Raises:
        InputError: the scene cannot be read.
    """
    if scene is None:
        return SceneContext(spectral=None)
    try:
        with Scene(scene.place, scene.read_as) as opened:
            spectral = spectral_attributes(found.polygons, found.crs, opened, progress=progress)
    except InputError as error:
        if scene.is_asked_for:
            raise
        note = message("scene.unreadable", error=str(error))
        return SceneContext(spectral=None, notes=(note,))
    return SceneContext(spectral=spectral, notes=spectral.notes)


def flags_of(
    found: Detections, terrain: TerrainAttributes, seen: SceneContext, known: AuxiliaryData
) -> dict[str, NDArray[np.object_]]:
    """Return the columns of flags.

    Raises:
        InputError: a map of water or roads cannot be read.
    """
    rules, empty = DEFAULT_RULES, np.full(len(found.polygons), np.nan)
    spectral = seen.spectral
    return flags(
        FlagColumns(
            slope_deg=terrain.slope_deg,
            length_m=terrain.length_m,
            width_m=terrain.width_m,
            downslope=terrain.axis == DOWNSLOPE,
            water_near=empty if spectral is None else spectral.water_near,
            beside_water=_beside_water(found, known.water, rules, empty),
            on_road=_on_road(found, known.roads, rules, empty),
            bright_share=empty if spectral is None else spectral.bright_share,
        ),
        rules,
    )


def _beside_water(
    found: Detections, water: Path | None, rules: FlagRules, empty: NDArray[np.float64]
) -> NDArray[np.float64]:
    if water is None:
        return empty
    return beside_water(found.polygons, found.crs, water, rules.water_reach_m)


def _on_road(
    found: Detections, roads: Path | None, rules: FlagRules, empty: NDArray[np.float64]
) -> NDArray[np.float64]:
    if roads is None:
        return empty
    return share_on_roads(found.polygons, found.crs, roads, rules.road_half_width_m)
