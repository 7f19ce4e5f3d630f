"""Pictures of what a model makes of tiles: image | label | result with its errors coloured."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landslip.core.errors import InputError
from landslip.core.files import atomic_directory
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.io.visualization import (
    RgbImage,
    error_map,
    label_image,
    rgb_composite,
    save_panels,
    save_rows,
)
from landslip.metrics.pixels import PixelCounts, count_pixels
from landslip.models.card import ModelCard
from landslip.models.engines.base import Engine
from landslip.models.evaluation import predicted_tiles

SHEET = "sheet.png"
CAPTIONS = ("image", "label", "result (green found, red wrong, blue missed)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesRequest:
    """Which tiles to draw, and where to.

    Attributes:
        most: how many tiles, spread evenly over those asked for.
    """

    dataset: TileDataset
    positions: list[int]
    out: Path
    most: int = 24
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.most < 1:
            raise InputError(f"--most is at least 1 tile; got {self.most}")

    @property
    def chosen(self) -> list[int]:
        """The positions of the tiles that are drawn."""
        count = min(self.most, len(self.positions))
        spread = np.linspace(0, len(self.positions) - 1, count).round().astype(int)
        return [self.positions[at] for at in spread]


def draw_tiles(
    engine: Engine, card: ModelCard, request: PicturesRequest, *, progress: Progress = no_progress
) -> list[PixelCounts]:
    """Write a PNG a tile and one of all (``sheet.png``) into a folder; return each tile's counts.

    Raises:
        InputError: there is no tile to draw.
        ModelError: the dataset's bands or units are not the model's.
    """
    rows, counts = [], []
    with atomic_directory(request.out, overwrite=request.overwrite) as stage:
        for name, parts, counted in _rows(engine, card, request, progress):
            save_panels(list(zip(CAPTIONS, parts, strict=True)), stage / f"{name}.png")
            rows.append(parts)
            counts.append(counted)
        save_rows(rows, stage / SHEET)
    return counts


def _rows(
    engine: Engine, card: ModelCard, request: PicturesRequest, progress: Progress
) -> Iterator[tuple[str, list[RgbImage], PixelCounts]]:
    dataset = request.dataset
    for position, probability in predicted_tiles(engine, card, dataset, request.chosen, progress):
        tile = dataset.tile(position)
        image = rgb_composite(tile.stored, tile.valid, dataset.bands)
        known = (tile.label == LANDSLIDE) & tile.counted
        found = (probability >= card.threshold) & tile.counted
        parts = [image, label_image(known), error_map(image, found, known)]
        yield tile.tile_id, parts, count_pixels(found, known, tile.counted)
