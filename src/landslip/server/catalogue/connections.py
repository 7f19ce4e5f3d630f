"""What belongs together in the served folder, wherever it was when it was made.

A map's scene is the one of the same grid, or of its name; an inventory's map is the folder of its
name, or of the same scene and model.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TypeVar

from landslip.core.bands import canonical_name
from landslip.inventory.record import InventoryRecord
from landslip.server.catalogue.descriptions import (
    ListedExtraction,
    ListedTracks,
    SeriesOfScenes,
    SeriesOfStates,
)
from landslip.server.catalogue.entries import (
    Catalogue,
    InventoryEntry,
    ModelEntry,
    RasterEntry,
    SampleEntry,
)
from landslip.server.catalogue.listing import id_of
from landslip.server.catalogue.rasters import named_by
from landslip.server.schemas import Bounds, SeriesDate, SeriesJson, UnreadableFile

_Named = TypeVar("_Named", RasterEntry, InventoryEntry, ModelEntry, SampleEntry)


@dataclass(slots=True, kw_only=True)
class Findings:
    """What a look at the folder found; ``problems`` are sentences by name."""

    problems: dict[str, str]
    rasters: list[RasterEntry] = field(default_factory=list)
    models: list[ModelEntry] = field(default_factory=list)
    extractions: list[ListedExtraction] = field(default_factory=list)
    inventories: list[tuple[InventoryEntry, InventoryRecord | None]] = field(default_factory=list)
    polygons: list[InventoryEntry] = field(default_factory=list)
    samples: list[SampleEntry] = field(default_factory=list)
    series: list[SeriesOfScenes] = field(default_factory=list)
    states: list[SeriesOfStates] = field(default_factory=list)
    tracks: list[ListedTracks] = field(default_factory=list)


def catalogue_of(found: Findings) -> Catalogue:
    """Connect what was found."""
    dated = [
        replace(scene, date=date, kind="scene")
        for one in found.series
        for date, scene in one.scenes.items()
        if scene is not None
    ]
    scenes = [one for one in (*found.rasters, *dated) if one.kind == "scene"]
    maps = [_mapped(one, scenes) for one in found.extractions]
    scenes = [_with_names(scene, maps) for scene in scenes]
    states = [
        replace(raster, date=date, scene_id=_id(_same_grid(raster, scenes, date)))
        for one in found.states
        for date, raster in one.maps.items()
        if raster is not None
    ]
    others = [
        one if one.kind in {"elevation", "other"} else _of_scene(one, scenes)
        for one in found.rasters
        if one.kind != "scene"
    ]
    rasters = [*scenes, *others, *states]
    rasters += [one for each in maps for one in (each.probability, each.mask) if one is not None]
    inventories = [one.inventory for one in maps if one.inventory is not None]
    inventories += [_of_map(one, record, maps, scenes) for one, record in found.inventories]
    tracked = [
        replace(one.inventory, scene_id=_id(_covering(one.inventory.bounds, scenes)))
        for one in found.tracks
        if one.inventory is not None
    ]
    polygons = [replace(one, scene_id=_id(_covering(one.bounds, scenes))) for one in found.polygons]
    inventories = _in_order([*inventories, *tracked, *polygons])
    return Catalogue(
        rasters={one.id: one for one in _in_order(rasters)},
        inventories={one.id: one for one in inventories},
        models={one.id: one for one in sorted(found.models, key=lambda one: one.shown.name)},
        samples={one.id: _of_inventory(one, inventories) for one in _in_order(found.samples)},
        series=tuple(_series(found, inventories)),
        problems=tuple(
            UnreadableFile(name=name, message=text) for name, text in sorted(found.problems.items())
        ),
    )


def _mapped(extraction: ListedExtraction, scenes: list[RasterEntry]) -> ListedExtraction:
    """Return an extraction whose rasters and polygons know the scene, date and threshold."""
    summary, probability = extraction.summary, extraction.probability
    name = None if summary is None else PurePosixPath(summary.scene).name
    scene = None
    if probability is not None:
        scene = _same_grid(probability, scenes, name=name)
    elif summary is not None:
        scene = _named(scenes, name, (summary.height, summary.width))
    threshold = None if summary is None else summary.threshold
    date = _date(scene)

    def known(raster: RasterEntry | None) -> RasterEntry | None:
        if raster is None:
            return None
        return replace(raster, scene_id=_id(scene), date=date, threshold=threshold)

    inventory = extraction.inventory
    return replace(
        extraction,
        probability=known(probability),
        mask=known(extraction.mask),
        inventory=None
        if inventory is None
        else replace(
            inventory,
            scene_id=_id(scene) or _id(_covering(inventory.bounds, scenes)),
            probability_id=_id(probability),
            date=date,
            model=None if summary is None else summary.model,
            threshold=threshold,
        ),
    )


def _of_map(
    inventory: InventoryEntry,
    record: InventoryRecord | None,
    maps: list[ListedExtraction],
    scenes: list[RasterEntry],
) -> InventoryEntry:
    """Return an inventory that knows its map and scene by its record."""
    if record is None:
        return replace(inventory, scene_id=_id(_covering(inventory.bounds, scenes)))
    source = _map_of(record, maps)
    probability = None if source is None else source.probability
    scene_id = None if probability is None else probability.scene_id
    if scene_id is None and record.scene.name is not None:
        shape = None
        if record.scene.height is not None and record.scene.width is not None:
            shape = (record.scene.height, record.scene.width)
        scene_id = _id(_named(scenes, PurePosixPath(record.scene.name).name, shape))
    threshold = None
    if record.model is not None:
        threshold = record.model.threshold
    if record.cleaning is not None:
        threshold = record.cleaning.low  # where outlines end
    return replace(
        inventory,
        scene_id=scene_id or _id(_covering(inventory.bounds, scenes)),
        probability_id=_id(probability),
        date=record.scene.date or inventory.date,
        model=None if record.model is None else record.model.name,
        threshold=threshold,
    )


def _map_of(record: InventoryRecord, maps: list[ListedExtraction]) -> ListedExtraction | None:
    """Return the map that an inventory was made from, by scene and model, best by its name too."""
    if record.source.kind != "extraction":
        return None
    name = PurePosixPath(record.source.place).name
    fitting = [
        one
        for one in maps
        if one.summary is not None
        and (
            record.model is None or one.summary.model_weights_sha256 == record.model.weights_sha256
        )
        and record.scene.name in {None, PurePosixPath(one.summary.scene).name}
    ]
    of_name = [one for one in fitting if PurePosixPath(one.folder).name == name]
    return next(iter(of_name or fitting), None)


def _of_scene(raster: RasterEntry, scenes: list[RasterEntry]) -> RasterEntry:
    scene = _same_grid(raster, scenes)
    return replace(raster, scene_id=_id(scene), date=raster.date or _date(scene))


def _of_inventory(sample: SampleEntry, inventories: list[InventoryEntry]) -> SampleEntry:
    name = PurePosixPath(sample.map.place)
    names = {name.name, name.parent.name} if name.suffix else {name.name}
    found = next((one for one in inventories if PurePosixPath(one.name).name in names), None)
    scene_id = None if found is None else found.scene_id
    return replace(sample, inventory_id=None if found is None else found.id, scene_id=scene_id)


def _with_names(scene: RasterEntry, maps: list[ListedExtraction]) -> RasterEntry:
    """Return a scene with the names of bands under which it was mapped, if it has none itself."""
    for one in maps:
        if one.summary is None or one.probability is None or one.probability.scene_id != scene.id:
            continue
        stated = one.summary.read_as.get("bands")
        names = stated.split(",") if stated else list(one.summary.bands)
        scene = named_by(scene, tuple(canonical_name(name) for name in names))
    return scene


def _same_grid(
    raster: RasterEntry,
    scenes: list[RasterEntry],
    date: str | None = None,
    name: str | None = None,
) -> RasterEntry | None:
    """Return the scene on a raster's grid; of several, the one of that name, date or folder."""
    fitting = [
        one
        for one in scenes
        if one.grid.shape == raster.grid.shape
        and one.grid.crs == raster.grid.crs
        and one.grid.transform.almost_equals(raster.grid.transform, precision=1e-6)
    ]
    for chosen in (
        [one for one in fitting if PurePosixPath(one.name).name == name],
        [one for one in fitting if date is not None and one.date == date],
        fitting if date is None else [],
    ):
        if chosen:
            return chosen[0]
    return None


def _named(
    scenes: list[RasterEntry], name: str | None, shape: tuple[int, int] | None
) -> RasterEntry | None:
    fitting = [one for one in scenes if PurePosixPath(one.name).name == name]
    of_shape = [one for one in fitting if one.grid.shape == shape]
    return next(iter(of_shape or (fitting if shape is None else [])), None)


def _covering(bounds: Bounds | None, scenes: list[RasterEntry]) -> RasterEntry | None:
    """Return the scene that covers most of some bounds; None where none covers half."""
    if bounds is None:
        return None
    shares = [(_share(bounds, one.bounds), one) for one in scenes if len(one.bands) >= 3]
    best = max(shares, key=lambda pair: (pair[0], pair[1].name), default=None)
    return None if best is None or best[0] < 0.5 else best[1]


def _share(bounds: Bounds, of: Bounds) -> float:
    width = min(bounds[2], of[2]) - max(bounds[0], of[0])
    height = min(bounds[3], of[3]) - max(bounds[1], of[1])
    area = max(bounds[2] - bounds[0], 1e-9) * max(bounds[3] - bounds[1], 1e-9)
    return max(width, 0.0) * max(height, 0.0) / area


def _series(found: Findings, inventories: list[InventoryEntry]) -> Iterator[SeriesJson]:
    """Yield what has several dates; states and histories are with the series they are of."""
    folders = {one.folder: PurePosixPath(one.folder).name for one in found.series}
    groups: dict[str, list[tuple[str, str, str]]] = {}  # of (date, kind, id)
    for one in found.series:
        groups[one.folder] = [(date, "raster", r.id) for date, r in one.scenes.items() if r]
    for states in found.states:
        of = _folder_named(folders, states.series) or states.folder
        groups.setdefault(of, []).extend(
            (date, "raster", raster.id) for date, raster in states.maps.items() if raster
        )
    for tracks in found.tracks:
        of = _folder_named(folders, tracks.record.series) or tracks.folder
        if tracks.inventory is not None:
            groups.setdefault(of, []).extend(
                (one.stated, "inventory", tracks.inventory.id) for one in tracks.record.dates
            )
    for name, members in sorted(groups.items()):
        rasters = {key for _, kind, key in members if kind == "raster"}
        members += [
            (one.date, "inventory", one.id)
            for one in inventories
            if one.date is not None and one.scene_id in rasters
        ]
        if members:
            yield SeriesJson(
                id=id_of(f"series of {name}"), name=name or "series", dates=_dates(members)
            )


def _dates(members: Iterable[tuple[str, str, str]]) -> tuple[SeriesDate, ...]:
    by_date: dict[str, dict[str, list[str]]] = {}
    for date, kind, key in members:
        of_kind = by_date.setdefault(date, {}).setdefault(kind, [])
        if key not in of_kind:
            of_kind.append(key)
    return tuple(
        SeriesDate(
            date=date,
            raster_ids=tuple(kinds.get("raster", ())),
            inventory_ids=tuple(kinds.get("inventory", ())),
        )
        for date, kinds in sorted(by_date.items())
    )


def _folder_named(folders: dict[str, str], place: str | None) -> str | None:
    if place is None:
        return None
    name = PurePosixPath(place).name
    return next((folder for folder, own in folders.items() if own == name), None)


def _in_order(entries: Iterable[_Named]) -> list[_Named]:
    return sorted(entries, key=lambda one: getattr(one, "name", ""))


def _date(entry: RasterEntry | None) -> str | None:
    return None if entry is None else entry.date


def _id(entry: RasterEntry | None) -> str | None:
    return None if entry is None else entry.id
