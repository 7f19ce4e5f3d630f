"""Datasets from a scene and its labels."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_directory
from landslip.core.messages import sentences
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window, tile_windows
from landslip.datasets.format import BACKGROUND, IGNORE, LANDSLIDE, DatasetCard, Tile
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin
from landslip.io.labels import mask_to_label, read_label_polygons
from landslip.io.raster import Mask, Scene, SceneOptions
from landslip.io.vector_source import InputKind, input_kind

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
    """

    scene: Path
    labels: Path
    layer: str | None = None
    area: Path | None = None
    tile: int = 256
    min_valid: float = 0.5
    plan: SplitPlan = field(default_factory=SplitPlan)
    options: SceneOptions = field(default_factory=SceneOptions)

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
        Scene(request.scene, request.options) as scene,
        _open_labels(request, scene) as (read_label, label_notes),
        atomic_directory(out, overwrite=overwrite) as stage,
    ):
        area = read_label_polygons(request.area, scene.grid) if request.area is not None else None
        description = DatasetDescription(
            bands=scene.bands,
            radiometry=scene.radiometry,
            nodata=scene.nodata,
            resolution_m=scene.grid.resolution_m,
            tile_size=request.tile,
            source=f"scene: {request.scene.name}, {request.labels.name}",
            split_method="random by tile",
            plan=request.plan,
        )
        with DatasetWriter(stage, description) as writer:
            corner = (0, 0) if area is None else area.corner_in(scene.grid)
            windows = list(tile_windows(scene.grid.shape, request.tile, corner))
            written = 0
            for done, window in enumerate(windows, start=1):
                stored, valid = scene.read(window)
                label = read_label(window)
                if area is not None:
                    label[~area.rasterize(scene.grid, window)] = IGNORE
                name = f"{scene.path.stem}_r{window.row_off}_c{window.col_off}"
                tile = Tile(tile_id=name, stored=stored, label=label, valid=valid)
                if tile.counted.mean() >= request.min_valid:
                    origin = TileOrigin(
                        scene=scene.path.name, window=window, group=name, grid=scene.grid
                    )
                    writer.add(tile, origin)
                    written += 1
                progress(done, len(windows))
            if written == 0:
                raise InputError(
                    f"{request.scene}: none of its {len(windows)} tiles of {request.tile} px has "
                    f"{request.min_valid:.0%} valid, labelled pixels; use a smaller "
                    f"{argument('tile')} or {argument('min_valid')}"
                )
            card = writer.finish()
    notes = (*sentences(scene.validity.notes), *label_notes)
    if area is not None:
        notes = (*notes, *area.notes)
    if written < len(windows):
        left_out = (
            f"{len(windows) - written} of {len(windows)} tiles left out: less than "
            f"{request.min_valid:.0%} of their pixels is valid and labelled"
        )
        notes = (*notes, left_out)
    return SceneDataset(card, notes)


@contextmanager
def _open_labels(
    request: SceneDatasetRequest, scene: Scene
) -> Iterator[tuple[LabelReader, tuple[str, ...]]]:
    """Give the function that reads a window's label (height, width), and notes on the file."""
    if input_kind(request.labels) is InputKind.RASTER:
        with Mask(request.labels, scene.grid) as mask:

            def read_mask(window: Window) -> NDArray[np.uint8]:
                codes, known = mask.read(window)
                codes[~known] = BACKGROUND
                label = mask_to_label(codes, lossy=mask.is_lossy, path=mask.path)
                label[~known] = IGNORE
                return label

            yield read_mask, mask.notes
    else:
        polygons = read_label_polygons(request.labels, scene.grid, request.layer)

        def rasterize(window: Window) -> NDArray[np.uint8]:
            covered = polygons.rasterize(scene.grid, window)
            return np.where(covered, np.uint8(LANDSLIDE), np.uint8(BACKGROUND))

        yield rasterize, polygons.notes
