"""What the scene, and maps of water and roads, show of landslides."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.messages import Message, message
from landslip.core.progress import Progress, no_progress
from landslip.inventory.flags import USUAL_RULES, FlagColumns, FlagRules, flags
from landslip.inventory.found import Found
from landslip.inventory.morphometry.attributes import DOWNSLOPE, TerrainAttributes
from landslip.inventory.record import SceneRecord
from landslip.inventory.request import Known
from landslip.inventory.source import ExtractionFolder, date_in
from landslip.inventory.spectral import SpectralAttributes, spectral_attributes
from landslip.inventory.surroundings import beside_water, share_on_roads
from landslip.io.raster import Scene, SceneOptions
from landslip.io.raster.location import Location, place_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen.

    Attributes:
        spectral: by the scene; None where there is none to look at.
        notes: what is empty or doubtful.
    """

    spectral: SpectralAttributes | None
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenePlace:
    """Where a scene is, and what is stated about it."""

    place: Location
    read_as: SceneOptions
    is_asked_for: bool


def scene_place(known: Known, folder: ExtractionFolder | None) -> ScenePlace | None:
    """Return which scene is to be looked at: the one named, else the one that was extracted."""
    if not known.use_scene:
        return None
    if known.scene is not None:
        stated = known.read_as
        if stated == SceneOptions() and folder is not None:
            stated = folder.read_as
        return ScenePlace(place=Location.of(known.scene), read_as=stated, is_asked_for=True)
    if folder is None:
        return None
    place = Location.of(folder.summary.scene_place)
    return ScenePlace(place=place, read_as=folder.read_as, is_asked_for=False)


def scene_record(known: SceneRecord, scene: ScenePlace | None) -> SceneRecord:
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


def look_at(found: Found, scene: ScenePlace | None, progress: Progress = no_progress) -> Seen:
    """Measure what a scene shows of landslides.

    A scene that was not asked for by name may be missing: that is noted.

    Raises:
        InputError: the scene cannot be read.
    """
    if scene is None:
        return Seen(spectral=None)
    try:
        with Scene(scene.place, scene.read_as) as opened:
            spectral = spectral_attributes(found.polygons, found.crs, opened, progress=progress)
    except InputError as error:
        if scene.is_asked_for:
            raise
        note = message("scene.unreadable", error=str(error))
        return Seen(spectral=None, notes=(note,))
    return Seen(spectral=spectral, notes=spectral.notes)


def flags_of(
    found: Found, terrain: TerrainAttributes, seen: Seen, known: Known
) -> dict[str, NDArray[np.object_]]:
    """Return the columns of flags.

    Raises:
        InputError: a map of water or roads cannot be read.
    """
    rules, empty = USUAL_RULES, np.full(len(found.polygons), np.nan)
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
    found: Found, water: Path | None, rules: FlagRules, empty: NDArray[np.float64]
) -> NDArray[np.float64]:
    if water is None:
        return empty
    return beside_water(found.polygons, found.crs, water, rules.water_reach_m)


def _on_road(
    found: Found, roads: Path | None, rules: FlagRules, empty: NDArray[np.float64]
) -> NDArray[np.float64]:
    if roads is None:
        return empty
    return share_on_roads(found.polygons, found.crs, roads, rules.road_half_width_m)
