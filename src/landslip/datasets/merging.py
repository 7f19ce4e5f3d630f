"""Merges the tiles of several datasets into one."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.core.files import atomic_directory, require_space
from landslip.core.messages import Message, message, sentences
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import DatasetCard, Tile, TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.splits.spatial import MIN_OVERLAP
from landslip.datasets.writer import DatasetDescription, DatasetWriter, pixel_columns

_COPIED = (
    "col_off",
    "row_off",
    "crs_wkt",
    "transform",
)


_CAUTIOUS = (Split.TEST, Split.VALIDATION, Split.TRAIN, Split.UNUSED)
_KEPT = "that of each of the joined datasets"


def merge_datasets(
    parts: Mapping[str, TileDataset],
    events: Mapping[str, str],
    out: Path,
    *,
    keep_splits: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> DatasetCard:
    """Write the tiles of several datasets, one after another, as one dataset.

    Names of tiles and of scenes are kept unless two parts have the same ones: then each gets its
    part's name as a prefix. Groups always get it, so that groups of two parts are never merged. The
    column ``event`` holds the event of each tile's part; a part that ``events`` does not name keeps
    its events, or is an event of its own name. The split is assigned by groups, or, with
    ``keep_splits``, is that of each part; then a tile that two parts have, pixel by pixel and label
    by label, is written once, for testing if one of them tests on it, else for validation; tiles
    of two parts that show the same ground in different splits are noted.

    Raises:
        InputError: the parts differ in bands, units, data type, scale or offset, or two tiles
            would have one name.
    """
    description = _describe(parts)
    if keep_splits:
        description = replace(description, split_method=_KEPT)
    tile_name = _renaming(parts, "tile_id")
    counts = Counter(
        tile_name(name, tile) for name, part in parts.items() for tile in part.tile_ids
    )
    tile_id, number = counts.most_common(1)[0]
    if number > 1:
        raise InputError(
            f"names of tiles are unique, and two would be named {tile_id}; rename a merged dataset"
        )
    scene_name = _renaming(parts, "scene")
    done, total = 0, sum(len(part) for part in parts.values())
    splits: list[Split] = []
    places: list[shapely.Geometry | None] = []
    part_of: list[int] = []
    written: dict[bytes, int] = {}
    pixels = sum(int(np.prod(part.shape(at))) for part in parts.values() for at in range(len(part)))
    itemsize = np.dtype(description.radiometry.dtype).itemsize
    require_space(out, pixels * (len(description.bands) * itemsize + 2), f"{total} tiles")
    with (
        atomic_directory(out, overwrite=overwrite) as stage,
        DatasetWriter(stage, description) as writer,
    ):
        for number, (name, part) in enumerate(parts.items()):
            copied = {column: part.column(column) for column in _COPIED}
            footprints = shapely.from_wkb(part.column("geometry"))
            groups, scenes = part.column("group"), part.column("scene")
            for at, own_event in enumerate(part.column("event")):
                tile = part.tile(at)
                done += 1
                progress(done, total)
                if keep_splits:
                    own = part.splits[at]
                    before = written.setdefault(_digest(tile), len(splits))
                    if before < len(splits):
                        splits[before] = min(splits[before], own, key=_CAUTIOUS.index)
                        continue
                    splits.append(own)
                    places.append(footprints[at])
                    part_of.append(number)
                row = {
                    **{column: values[at] for column, values in copied.items()},
                    **pixel_columns(tile),
                    "group": f"{name}_{tile.tile_id if groups[at] is None else groups[at]}",
                    "scene": scene_name(name, scenes[at]),
                    "event": events.get(name) or own_event or name,
                    "footprint": footprints[at],
                }
                writer.add_row(replace(tile, tile_id=tile_name(name, tile.tile_id)), row)
        if not keep_splits:
            return writer.finish()
        return writer.finish(splits, notes=sentences(_shared_ground(places, part_of, splits)))


def _shared_ground(
    places: Sequence[shapely.Geometry | None], part_of: Sequence[int], splits: Sequence[Split]
) -> list[Message]:
    """Return a note on tiles that show ground of tiles of another part in another split."""
    shapes = np.array([shapely.Polygon() if one is None else one for one in places], dtype=object)
    split, part = np.array([one.value for one in splits]), np.array(part_of)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    chosen = (part[one] != part[other]) & (split[one] != split[other])
    chosen &= (split[one] != Split.TEST.value) & (split[one] != Split.UNUSED.value)
    chosen &= (split[other] != Split.TRAIN.value) & (split[other] != Split.UNUSED.value)
    one, other = one[chosen], other[chosen]
    common = shapely.area(shapely.intersection(shapes[one], shapes[other]))
    smaller = np.minimum(shapely.area(shapes[one]), shapely.area(shapes[other]))
    count = len(np.unique(one[common > MIN_OVERLAP * smaller]))
    return [message("warning.shared_ground", count=count, total=len(places))] if count else []


def _digest(tile: Tile) -> bytes:
    """Return a digest of pixels, label and validity."""
    digest = hashlib.sha256(str((tile.stored.dtype, tile.stored.shape)).encode())
    for part in (tile.stored, tile.label, tile.valid):
        digest.update(np.ascontiguousarray(part).data)
    return digest.digest()


def names_of(folders: Sequence[Path]) -> list[str]:
    """Return a name for each dataset: that of its folder, numbered where two are equal."""
    counts = Counter[str]()
    names = []
    for folder in folders:
        name = folder.resolve().name or "tiles"
        counts[name] += 1
        names.append(name if counts[name] == 1 else f"{name}_{counts[name]}")
    return names


def _describe(parts: Mapping[str, TileDataset]) -> DatasetDescription:
    """Describe what all tiles have in common; what may differ is None or the largest."""
    if not parts:
        raise InputError("merging needs at least one dataset; got none")
    first_name, first = next(iter(parts.items()))
    for name, part in parts.items():
        for what in ("bands", "units", "dtype", "scale", "offset", "band_radiometry"):
            here, there = getattr(part.card, what), getattr(first.card, what)
            if here != there:
                raise InputError(
                    f"{name} ({part.path}): merged datasets have the same bands in the same order, "
                    f"units, data type, scale and offset; {what} here: {_shown(here)}, in "
                    f"{first_name}: {_shown(there)}; make one of them again"
                )
    nodata = {part.card.nodata for part in parts.values()}
    resolutions = {part.card.resolution_m for part in parts.values()}
    return DatasetDescription(
        bands=first.bands,
        radiometry=first.card.radiometry,
        nodata=nodata.pop() if len(nodata) == 1 else None,
        resolution_m=resolutions.pop() if len(resolutions) == 1 else None,
        tile_size=max(part.card.tile_size for part in parts.values()),
        source=f"joined: {', '.join(parts)}",
        split_method="groups of the joined datasets",
        plan=SplitPlan(),
    )


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _renaming(parts: Mapping[str, TileDataset], column: str) -> Callable[[str, str | None], str]:
    """Return the function from part and name to the new name; see `merge_datasets`."""
    named = Counter(name for part in parts.values() for name in {*part.column(column)} - {None})
    is_unique = max(named.values(), default=0) <= 1

    def renamed(part: str, name: str | None) -> str:
        if name is None:
            return part
        return name if is_unique else f"{part}_{name}"

    return renamed
