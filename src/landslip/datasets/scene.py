"""Datasets from a scene and its labels."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.files import atomic_directory
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window, tile_windows
from landslip.datasets.format import BACKGROUND, IGNORE, LANDSLIDE, DatasetCard, Tile
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, TileOrigin
from landslip.io.labels import LabelPolygons, mask_to_label, read_label_polygons
from landslip.io.raster import Mask, Scene, SceneOptions

RASTER_SUFFIXES = (".tif", ".tiff", ".vrt", ".png")


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneDatasetRequest:
    """What `dataset_from_scene` reads, and which tiles it keeps.

    Attributes:
        labels: landslide polygons, or a raster mask.
        layer: of the polygon file.
        area: polygons of the ground that was searched for landslides; outside of them pixels are
            neither landslide nor background. Tiles are laid from their upper left corner, so that
            scenes of several dates give tiles of the same ground.
        min_valid: a tile is kept where at least this share of its pixels is valid and labelled.
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
            raise InputError(f"--tile is at least 1 pixel; got {self.tile}")
        if not 0 < self.min_valid <= 1:
            raise InputError(f"--min-valid is over 0 and at most 1; got {self.min_valid}")


@dataclass(frozen=True, slots=True)
class SceneDataset:
    """The dataset's card, and what was noticed on the way."""

    card: DatasetCard
    notes: tuple[str, ...]


class _Labels(Protocol):
    """Gives the label (height, width) of a window."""

    notes: tuple[str, ...]

    def label(self, window: Window) -> NDArray[np.uint8]: ...


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
        _open_labels(request, scene) as labels,
        atomic_directory(out, overwrite=overwrite) as stage,
    ):
        area = read_label_polygons(request.area, scene.grid) if request.area is not None else None
        with DatasetWriter(stage, _describe(request, scene)) as writer:
            corner = (0, 0) if area is None else area.corner_in(scene.grid)
            windows = list(tile_windows(scene.grid.shape, request.tile, corner))
            kept = 0
            for done, window in enumerate(windows, start=1):
                tile = _cut(scene, labels, area, window)
                if tile.counted.mean() >= request.min_valid:
                    origin = TileOrigin(
                        scene=scene.path.name,
                        window=window,
                        group=tile.tile_id,
                        grid=scene.grid,
                    )
                    writer.add(tile, origin)
                    kept += 1
                progress(done, len(windows))
            if kept == 0:
                raise InputError(
                    f"{request.scene}: none of its {len(windows)} tiles of {request.tile} px has "
                    f"{request.min_valid:.0%} valid, searched pixels; use a smaller --tile or "
                    "--min-valid"
                )
            card = writer.finish()
    notes = labels.notes if area is None else (*labels.notes, *area.notes)
    if kept < len(windows):
        left_out = (
            f"{len(windows) - kept} of {len(windows)} tiles left out: less than "
            f"{request.min_valid:.0%} of their pixels is valid and searched"
        )
        notes = (*notes, left_out)
    return SceneDataset(card, notes)


class _PolygonLabels:
    def __init__(self, polygons: LabelPolygons, scene: Scene) -> None:
        self._polygons = polygons
        self._grid = scene.grid
        self.notes = polygons.notes

    def label(self, window: Window) -> NDArray[np.uint8]:
        covered = self._polygons.rasterize(self._grid, window)
        return np.where(covered, np.uint8(LANDSLIDE), np.uint8(BACKGROUND))


class _MaskLabels:
    notes: tuple[str, ...] = ()

    def __init__(self, mask: Mask) -> None:
        self._mask = mask

    def label(self, window: Window) -> NDArray[np.uint8]:
        codes, known = self._mask.read(window)
        codes[~known] = BACKGROUND
        label = mask_to_label(codes, lossy=self._mask.is_lossy, path=self._mask.path)
        label[~known] = IGNORE
        return label


@contextmanager
def _open_labels(request: SceneDatasetRequest, scene: Scene) -> Iterator[_Labels]:
    if request.labels.suffix.lower() in RASTER_SUFFIXES:
        with Mask(request.labels, scene.grid) as mask:
            yield _MaskLabels(mask)
    else:
        yield _PolygonLabels(read_label_polygons(request.labels, scene.grid, request.layer), scene)


def _cut(scene: Scene, labels: _Labels, area: LabelPolygons | None, window: Window) -> Tile:
    stored, valid = scene.read(window)
    label = labels.label(window)
    if area is not None:
        label[~area.rasterize(scene.grid, window)] = IGNORE
    return Tile(
        tile_id=f"{scene.path.stem}_r{window.row_off}_c{window.col_off}",
        stored=stored,
        label=label,
        valid=valid,
    )


def _describe(request: SceneDatasetRequest, scene: Scene) -> DatasetDescription:
    return DatasetDescription(
        bands=scene.bands,
        radiometry=scene.radiometry,
        nodata=scene.nodata,
        resolution_m=scene.grid.resolution_m,
        tile_size=request.tile,
        source=f"scene: {request.scene.name}, {request.labels.name}",
        split_method="random by tile",
        plan=request.plan,
    )
