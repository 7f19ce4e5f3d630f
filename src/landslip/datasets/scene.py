"""Datasets from a scene and its labels."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_directory
from landslip.core.messages import message, sentences
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window, tile_windows
from landslip.datasets.format import BACKGROUND, IGNORE, LANDSLIDE, DatasetCard, Tile
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin
from landslip.io.label_masks import LabelCodes, MaskSurvey, decide_rule
from landslip.io.labels import read_label_polygons
from landslip.io.raster import Mask, Scene, SceneOptions
from landslip.io.raster.validity import undeclared_fill
from landslip.io.vector_source import InputKind, input_kind
from landslip.preprocessing.stack.scene import StackSources, open_stack

_MOST_FAR = 0.5
LabelReader = Callable[[Window], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneDatasetRequest:
    """What `dataset_from_scene` reads, and which tiles it writes.

    Attributes:
        labels: landslide polygons, or a raster mask.
        layer: of the polygon file.
        area: polygons of the mapped area; outside, pixels are neither landslide nor background.
            The grid of tiles starts at its upper left corner, so that scenes of several dates give
            tiles of the same ground.
        min_valid: least fraction of valid and labelled pixels of a tile.
        sources: of bands besides the scene's own.
        codes: what the numbers of a label raster are.
    """

    scene: Path
    labels: Path
    layer: str | None = None
    area: Path | None = None
    tile: int = 256
    min_valid: float = 0.5
    plan: SplitPlan = field(default_factory=SplitPlan)
    options: SceneOptions = field(default_factory=SceneOptions)
    sources: StackSources = field(default_factory=StackSources)
    codes: LabelCodes = field(default_factory=LabelCodes)

    def __post_init__(self) -> None:
        if self.tile < 1:
            raise InputError(f"{argument('tile')} is at least 1 pixel; got {self.tile}")
        if not 0 < self.min_valid <= 1:
            raise InputError(
                f"{argument('min_valid')} is over 0 and at most 1; got {self.min_valid}"
            )


@dataclass(frozen=True, slots=True)
class SceneDataset:
    """The dataset's card, and notes for the user."""

    card: DatasetCard
    notes: tuple[str, ...]


def dataset_from_scene(
    request: SceneDatasetRequest,
    out: Path,
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> SceneDataset:
    """Cut a scene into tiles and label them; see `SceneDatasetRequest`.

    Raises:
        InputError: scene or labels cannot be used, or no tile has enough valid pixels.
    """
    with (
        open_stack(request.scene, request.options, request.sources) as scene,
        _open_labels(request, scene) as labels,
        atomic_directory(out, overwrite=overwrite) as stage,
    ):
        area = read_label_polygons(request.area, scene.grid) if request.area is not None else None
        files = (request.scene, *request.sources.files.values(), request.labels)
        description = DatasetDescription(
            bands=scene.bands,
            radiometry=scene.radiometry,
            nodata=scene.nodata,
            resolution_m=scene.grid.resolution_m,
            tile_size=request.tile,
            source=f"scene: {', '.join(file.name for file in files)}",
            split_method="random by tile",
            plan=request.plan,
        )
        with DatasetWriter(stage, description) as writer:
            corner = (0, 0) if area is None else area.corner_in(scene.grid)
            windows = list(tile_windows(scene.grid.shape, request.tile, corner))
            landslide: list[Window] = []  # tiles that show some
            background: list[Window] = []
            for done, window in enumerate(windows, start=1):
                stored, valid = scene.read(window)
                label = labels.read(window)
                if area is not None:
                    label[~area.rasterize(scene.grid, window)] = IGNORE
                name = f"{scene.path.stem}_r{window.row_off}_c{window.col_off}"
                tile = Tile(tile_id=name, stored=stored, label=label, valid=valid)
                if tile.counted.mean() >= request.min_valid:
                    origin = TileOrigin(
                        scene=scene.path.name, window=window, group=name, grid=scene.grid
                    )
                    writer.add(tile, origin)
                    has_landslide = bool(np.any(tile.counted & (label == LANDSLIDE)))
                    (landslide if has_landslide else background).append(window)
                progress(done, len(windows))
            written = len(landslide) + len(background)
            if written == 0:
                raise InputError(
                    f"{request.scene}: none of its {len(windows)} tiles of {request.tile} px has "
                    f"{request.min_valid:.0%} valid, labelled pixels; use a smaller "
                    f"{argument('tile')} or {argument('min_valid')}"
                )
            own = scene.sample(scene.bands.at(scene.bands.own))
            doubts = [*scene.validity.notes, *filter(None, [undeclared_fill(own)])]
            notes = (*sentences(doubts), *labels.notes)
            if area is not None:
                notes = (*notes, *area.notes)
            elif labels.marks_landslides_only:
                notes = (*notes, *_far_background(landslide, background))
            card = writer.finish(notes=notes)
    if written < len(windows):
        left_out = (
            f"{len(windows) - written} of {len(windows)} tiles left out: less than "
            f"{request.min_valid:.0%} of their pixels is valid and labelled"
        )
        notes = (*notes, left_out)
    return SceneDataset(card, notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Labels:
    """The function that reads a window's label (height, width), and notes on the file.

    ``marks_landslides_only``: ground without a label is taken as background.
    """

    read: LabelReader
    notes: tuple[str, ...]
    marks_landslides_only: bool


@contextmanager
def _open_labels(request: SceneDatasetRequest, scene: Scene) -> Iterator[_Labels]:
    if input_kind(request.labels) is InputKind.RASTER:
        if request.layer is not None:
            raise InputError(
                f"{request.labels}: {argument('layer')} is of a vector file, and this is a raster"
            )
        survey = MaskSurvey()
        with Mask(request.labels) as mask:
            survey.add(mask)
        rule = decide_rule(survey, request.codes)
        with Mask(request.labels, scene.grid) as mask:
            yield _Labels(
                read=partial(rule.label, mask),
                notes=(*mask.notes, *rule.notes),
                marks_landslides_only=bool(rule.notes),
            )
    else:
        if request.codes != LabelCodes():
            raise InputError(
                f"{request.labels}: {argument('landslide_value')} and "
                f"{argument('background_value')} are for label rasters, and these are polygons"
            )
        polygons = read_label_polygons(request.labels, scene.grid, request.layer)

        def rasterize(window: Window) -> NDArray[np.uint8]:
            covered = polygons.rasterize(scene.grid, window)
            return np.where(covered, np.uint8(LANDSLIDE), np.uint8(BACKGROUND))

        yield _Labels(read=rasterize, notes=polygons.notes, marks_landslides_only=True)


def _far_background(landslide: list[Window], background: list[Window]) -> Iterator[str]:
    """Yield a note where most background tiles are apart from all tiles with landslides.

    Apart is more than a tile outside of their convex hull.
    """
    if not landslide or not background:
        return
    corners = [(one.col_off, one.row_off, one.col_end, one.row_end) for one in landslide]
    hull = shapely.box(*np.array(corners).T)
    near = shapely.union_all(hull).convex_hull.buffer(landslide[0].width)
    centres = [(one.col_off + one.width / 2, one.row_off + one.height / 2) for one in background]
    far = ~shapely.intersects(near, shapely.points(centres))
    if far.mean() > _MOST_FAR:
        yield message("dataset.far_background", share=float(far.mean()), tiles=len(far)).text()
