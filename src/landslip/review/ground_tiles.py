"""Training tiles of reviewed ground, in blocks that are never divided between folds."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Split
from landslip.core.crs import is_on_earth
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_directory
from landslip.core.geometries import reproject
from landslip.core.labels import IGNORE, LANDSLIDE
from landslip.core.progress import Progress, no_progress
from landslip.core.records import StrictModel
from landslip.core.window import Window
from landslip.datasets.format import Tile, TileDataset
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin, pixel_columns
from landslip.io.raster import Scene
from landslip.models.card import ModelCard
from landslip.models.folder import check_compatible
from landslip.preprocessing.stack.scene import open_stack
from landslip.review.ground import Outlines, ReviewedScene, combined_label, no_outlines
from landslip.review.ground_blocks import blocks_of_ground

MIN_BLOCKS = 3
"""Blocks of ground with landslides without which nothing can be held out."""
_LEAST_LABELLED_PX = 32
_LARGEST_TILE = 256
_COPIED = ("scene", "col_off", "row_off", "crs_wkt", "transform")


class GroundSummary(StrictModel):
    """How much ground was reviewed.

    Attributes:
        scenes: that have reviewed ground.
        landslides: polygons that were accepted, corrected or drawn.
        rejected: polygons that are no landslide.
        unjudged: polygons that nobody judged.
        cells: that were looked at.
        tiles: that have labelled pixels.
        blocks: of ground, which are not divided between folds.
        landslide_blocks: of them, those with landslides.
        labelled_km2: ground with a label; None where the size of a pixel is unknown.
        landslide_share: of the labelled pixels.
    """

    scenes: int
    landslides: int
    rejected: int
    unjudged: int
    cells: int
    tiles: int
    blocks: int
    landslide_blocks: int
    labelled_km2: float | None
    landslide_share: float


@dataclass(frozen=True, slots=True)
class OwnTiles:
    """Tiles that a model was trained on, of which some are drawn by a seed."""

    dataset: TileDataset
    seed: int

    def elsewhere(self, footprints: Outlines) -> "OwnTiles":
        """Return the same without the tiles that overlap footprints (n,) in WGS 84.

        What is held out of reviewed ground would else be learnt from them.
        """
        places = shapely.from_wkb(self.dataset.column("geometry"))
        near, _ = shapely.STRtree(footprints).query(places, predicate="intersects")
        found = set(near.tolist())
        splits = [
            Split.UNUSED if at in found else one for at, one in enumerate(self.dataset.splits)
        ]
        return OwnTiles(self.dataset.with_split(splits, self.dataset.card.split_method), self.seed)

    def drawn(self, number: int) -> list[int]:
        """Return the positions of ``number`` training tiles, or of all where they are fewer."""
        known = len(self.dataset.positions(Split.TRAIN))
        if known == 0:
            return []
        return self.dataset.limited(min(number, known), self.seed).positions(Split.TRAIN)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _GroundTile:
    """A tile that reviews label: its scene's number, its window and outline, and its pixels."""

    scene: int
    window: Window
    footprint: shapely.Polygon
    labelled_px: int
    landslide_px: int


def write_ground_tiles(
    reviews: Sequence[ReviewedScene],
    card: ModelCard,
    out: Path,
    *,
    own: OwnTiles | None = None,
    progress: Progress = no_progress,
) -> GroundSummary:
    """Write the tiles of reviewed ground that a model can learn from, with the model's bands.

    All are training tiles; their groups are blocks of ground. Several reviews of one scene become
    one, and do not label what they disagree on. ``own`` tiles of the model's training, as many as
    those of reviewed ground, follow after these.

    Raises:
        InputError: a scene cannot be read, scenes differ in units, or too little was reviewed.
        ModelError: a scene's bands or units are not the model's.
    """
    by_scene: dict[Path, list[ReviewedScene]] = {}
    for one in reviews:
        by_scene.setdefault(one.scene.resolve(), []).append(one)
    side, bands = min(card.input.tile_size, _LARGEST_TILE), card.bands
    with ExitStack() as opened, atomic_directory(out, overwrite=False) as stage:
        scenes: list[Scene] = []
        tiles: list[_GroundTile] = []
        for number, (path, same) in enumerate(by_scene.items()):
            sources = same[0].sources.for_bands(bands, bears_gaps=card.bears_gaps)
            scene = open_stack(path, same[0].options, sources)
            opened.callback(scene.close)
            check_compatible(card, scene.bands, scene.radiometry, str(path))
            scenes.append(scene)
            tiles += _labelled_tiles(number, scene, same, side)
        groups = _groups(scenes, tiles)
        summary = _summary(reviews, scenes, tiles, groups)
        _check_enough(reviews, summary)
        radiometry = scenes[0].radiometry_of(bands)
        for scene in scenes[1:]:
            if scene.radiometry_of(bands) != radiometry:
                raise InputError(
                    f"{scene.path}: reviewed scenes have the same units, data type, scale and "
                    f"offset, and this one differs from {scenes[0].path}; improve the model with "
                    "one of them at a time"
                )
        description = DatasetDescription(
            bands=bands,
            radiometry=radiometry,
            nodata=scenes[0].nodata,
            resolution_m=scenes[0].grid.resolution_m,
            tile_size=side,
            source=f"reviewed ground: {', '.join(scene.path.name for scene in scenes)}",
            split_method="reviewed ground",
            plan=SplitPlan(test_share=0.0, val_share=0.0),
        )
        labels = list(by_scene.values())
        with DatasetWriter(stage, description) as writer:
            for done, (tile, group) in enumerate(zip(tiles, groups, strict=True), start=1):
                scene, window = scenes[tile.scene], tile.window
                stored, valid = scene.read(window, bands)
                name = f"s{tile.scene}_{scene.path.stem}_r{window.row_off}_c{window.col_off}"
                label = _label(labels[tile.scene], scene, window)
                writer.add(
                    Tile(tile_id=name, stored=stored, label=label, valid=valid),
                    TileOrigin(scene=scene.path.name, window=window, group=group, grid=scene.grid),
                )
                progress(done, len(tiles))
            added = 0
            if own is not None:
                elsewhere = own.elsewhere(_on_earth(scenes, tiles))
                added = _add_own(writer, elsewhere, len(tiles), (bands, radiometry))
            writer.finish([Split.TRAIN] * (len(tiles) + added))
    return summary


def _on_earth(scenes: Sequence[Scene], tiles: Sequence[_GroundTile]) -> Outlines:
    """Return the footprints of tiles in WGS 84, of those scenes that have coordinates."""
    degrees = CRS.from_epsg(4326)
    found = [no_outlines()]
    for number, scene in enumerate(scenes):
        own = [tile.footprint for tile in tiles if tile.scene == number]
        if own and scene.grid.crs is not None and is_on_earth(scene.grid.crs):
            found.append(reproject(np.array(own, dtype=object), scene.grid.crs, degrees))
    return np.concatenate(found)


def _add_own(
    writer: DatasetWriter, own: OwnTiles, number: int, wanted: tuple[Bands, Radiometry]
) -> int:
    """Add tiles of the model's own training, and return how many."""
    dataset = own.dataset
    if (dataset.bands, dataset.card.radiometry) != wanted:
        raise InputError(
            f"{dataset.path}: own tiles of the model have the bands, units, data type, scale and "
            f"offset of the reviewed scenes ({wanted[0]} in {wanted[1].units}, {wanted[1].dtype}); "
            f"got {dataset.bands} in {dataset.card.units}, {dataset.card.dtype}. Leave "
            f"{argument('tiles')} out"
        )
    drawn = own.drawn(number)
    columns = {name: dataset.column(name) for name in _COPIED}
    footprints = shapely.from_wkb(dataset.column("geometry"))
    for at in drawn:
        tile = dataset.tile(at)
        writer.add_row(
            replace(tile, tile_id=f"own_{tile.tile_id}"),
            {
                **{name: values[at] for name, values in columns.items()},
                **pixel_columns(tile),
                "group": f"own {dataset.groups[at]}",
                "footprint": footprints[at],
            },
        )
    return len(drawn)


def _label(own: Sequence[ReviewedScene], scene: Scene, window: Window) -> NDArray[np.uint8]:
    label = combined_label([one.label(scene.grid, window) for one in own])
    inside = window.clipped(scene.grid.shape)
    if inside is not None:
        outside = np.ones(window.shape, dtype=np.bool_)
        outside[inside.slices_in(window)] = False
        label[outside] = IGNORE
    return label


def _labelled_tiles(
    number: int, scene: Scene, own: Sequence[ReviewedScene], side: int
) -> list[_GroundTile]:
    """Return the tiles of a scene with enough labelled pixels, without reading it."""
    windows = {window for one in own for window in one.reached(scene.grid, side)}
    tiles = []
    for window in sorted(windows, key=lambda one: (one.row_off, one.col_off)):
        label = _label(own, scene, window)
        labelled, landslide = (int(part.sum()) for part in (label != IGNORE, label == LANDSLIDE))
        if labelled >= _LEAST_LABELLED_PX:
            tiles.append(
                _GroundTile(
                    scene=number,
                    window=window,
                    footprint=shapely.Polygon(scene.grid.corners(window)),
                    labelled_px=labelled,
                    landslide_px=landslide,
                )
            )
    return tiles


def _groups(scenes: Sequence[Scene], tiles: Sequence[_GroundTile]) -> list[str]:
    """Return the block of ground of each tile; scenes without coordinates share none."""
    groups = [""] * len(tiles)
    located = [scene.grid.crs is not None for scene in scenes]
    parts = [[at for at, tile in enumerate(tiles) if located[tile.scene]]]
    parts += [
        [at for at, tile in enumerate(tiles) if tile.scene == number]
        for number, is_located in enumerate(located)
        if not is_located
    ]
    first = next((scene.grid for scene in scenes if scene.grid.crs is not None), None)
    for number, members in enumerate(part for part in parts if part):
        footprints = np.empty(len(members), dtype=object)
        for place, at in enumerate(members):
            own, footprint = scenes[tiles[at].scene].grid.crs, tiles[at].footprint
            if first is not None and own is not None and own != first.crs:
                footprint = reproject(np.array([footprint], dtype=object), own, first.crs)[0]
            footprints[place] = footprint
        has_landslide = [tiles[at].landslide_px > 0 for at in members]
        for at, name in zip(members, blocks_of_ground(footprints, has_landslide), strict=True):
            groups[at] = f"ground {number} {name}"
    return groups


def _summary(
    reviews: Sequence[ReviewedScene],
    scenes: Sequence[Scene],
    tiles: Sequence[_GroundTile],
    groups: Sequence[str],
) -> GroundSummary:
    areas = [scene.grid.resolution_m for scene in scenes]
    km2: float | None = 0.0
    for tile in tiles:
        side = areas[tile.scene]
        km2 = None if km2 is None or side is None else km2 + tile.labelled_px * side**2 / 1e6
    landslide_px = sum(tile.landslide_px for tile in tiles)
    labelled_px = sum(tile.labelled_px for tile in tiles)
    with_landslides = [
        group for group, tile in zip(groups, tiles, strict=True) if tile.landslide_px
    ]
    return GroundSummary(
        scenes=len(scenes),
        landslides=sum(len(one.landslides) for one in reviews),
        rejected=sum(len(one.rejected) for one in reviews),
        unjudged=sum(len(one.unjudged) for one in reviews),
        cells=sum(len(one.looked_at) for one in reviews),
        tiles=len(tiles),
        blocks=len(set(groups)),
        landslide_blocks=len(set(with_landslides)),
        labelled_km2=km2,
        landslide_share=landslide_px / labelled_px if labelled_px else 0.0,
    )


def _check_enough(reviews: Sequence[ReviewedScene], summary: GroundSummary) -> None:
    names = ", ".join(sorted({one.scene.name for one in reviews})) or "no scene"
    if summary.tiles == 0:
        raise InputError(
            f"reviewed ground of {names}: nothing is judged and no cell was looked at; accept, "
            "reject or draw landslides, and mark the cells in which none is missing"
        )
    if summary.landslide_blocks < MIN_BLOCKS:
        raise InputError(
            f"reviewed ground of {names}: {MIN_BLOCKS} blocks of ground with accepted, corrected "
            f"or drawn landslides are the least, to learn from some and be tested on others; got "
            f"{summary.landslide_blocks}. Review landslides in "
            f"{MIN_BLOCKS - summary.landslide_blocks} more places next, away from each other, and "
            "mark the cells around them as looked at"
        )
    if summary.landslide_share == 1.0:
        raise InputError(
            f"reviewed ground of {names}: every labelled pixel is landslide, and a model learns "
            "from background too; reject what is no landslide, and mark cells as looked at"
        )
