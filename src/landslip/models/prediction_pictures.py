"""Images of a model's predictions on tiles: image | label | prediction with errors in colour."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_directory
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.io.visualization import (
    ERROR_LEGEND,
    RgbImage,
    error_map,
    label_image,
    rgb_composite,
    save_sheet,
)
from landslip.metrics.pixels import PixelCounts, count_pixels
from landslip.models.card import ModelCard
from landslip.models.engines.base import Engine
from landslip.models.evaluation import predicted_tiles

CONTACT_SHEET = "sheet.png"
CAPTIONS = ("image", "label", "result")


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturesRequest:
    """Which tiles to draw, and where to.

    Attributes:
        most: largest number of tiles, evenly spaced over ``positions``.
    """

    dataset: TileDataset
    positions: list[int]
    out: Path
    most: int = 24
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.most < 1:
            raise InputError(f"{argument('most')} is at least 1 tile; got {self.most}")

    @property
    def chosen(self) -> list[int]:
        """The positions of the tiles to draw."""
        count = min(self.most, len(self.positions))
        spread = np.linspace(0, len(self.positions) - 1, count).round().astype(int)
        return [self.positions[index] for index in spread]


def draw_tiles(
    engine: Engine, card: ModelCard, request: PicturesRequest, *, progress: Progress = no_progress
) -> list[PixelCounts]:
    """Write a PNG per tile and one of all (``sheet.png``) into a folder; return each tile's counts.

    Each tile is under its name, with a legend of the colours below.

    Raises:
        InputError: there is no tile to draw.
        ModelError: the dataset's bands or units are not the model's.
    """
    dataset, counts, threshold = request.dataset, [], card.with_tta(engine.tta).threshold
    rows: list[tuple[str, list[RgbImage]]] = []
    with atomic_directory(request.out, overwrite=request.overwrite) as stage:
        for position, probability in predicted_tiles(
            engine, card, dataset, request.chosen, progress
        ):
            tile = dataset.tile(position)
            image = rgb_composite(tile.stored, tile.valid, dataset.bands)
            label = (tile.label == LANDSLIDE) & tile.counted
            predicted = (probability >= threshold) & tile.counted
            row = [image, label_image(label), error_map(image, predicted, label)]
            named = [(tile.tile_id, row)]
            save_sheet(named, stage / f"{tile.tile_id}.png", CAPTIONS, ERROR_LEGEND)
            rows += named
            counts.append(count_pixels(predicted, label, tile.counted))
        save_sheet(rows, stage / CONTACT_SHEET, CAPTIONS, ERROR_LEGEND)
    return counts
