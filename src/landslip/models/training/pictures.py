"""A picture of a few validation tiles for TensorBoard: image, label and probability."""

import lightning
import numpy as np
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray

from landslip.datasets.batches import whole_tile
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.normalisation import Normalisation
from landslip.io.visualization import rgb_composite
from landslip.models.training.module import SegmentationModule

_TILES = 4


class ValidationPictures(lightning.Callback):
    """Adds one picture an epoch: rows of tiles, columns image | label | probability."""

    def __init__(
        self,
        dataset: TileDataset,
        positions: list[int],
        normalisation: Normalisation,
        multiple: int,
    ) -> None:
        """Choose the tiles with most landslide, spread over the validation set.

        Their height and width are padded to the network's ``multiple``.
        """
        self._dataset = dataset
        self._normalisation = normalisation
        self._multiple = multiple
        self._positions = _telling_tiles(dataset, positions)

    def on_validation_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Draw the picture."""
        logger = trainer.logger
        if not isinstance(logger, TensorBoardLogger) or not isinstance(
            pl_module, SegmentationModule
        ):
            return
        rows = [self._row(pl_module, position) for position in self._positions]
        height, width = (max(row.shape[axis] for row in rows) for axis in (0, 1))
        padded = [
            np.pad(row, ((0, height - row.shape[0]), (0, width - row.shape[1]), (0, 0)))
            for row in rows
        ]
        logger.experiment.add_image(
            "val/tiles", np.concatenate(padded), trainer.current_epoch, dataformats="HWC"
        )

    def _row(self, module: SegmentationModule, position: int) -> NDArray[np.uint8]:
        tile = self._dataset.tile(position)
        height, width = tile.label.shape
        image = whole_tile(self._dataset, position, self._normalisation, self._multiple)
        with torch.inference_mode():
            logits = module(torch.from_numpy(image)[None].to(module.device))
        probability = torch.sigmoid(logits.float())[0, :height, :width].cpu().numpy()
        grey = [(tile.label == LANDSLIDE).astype(np.float32), probability]
        columns = [rgb_composite(tile.stored, tile.valid, self._dataset.bands)]
        columns += [np.repeat((part * 255).astype(np.uint8)[..., None], 3, axis=2) for part in grey]
        return np.concatenate(columns, axis=1)


def _telling_tiles(dataset: TileDataset, positions: list[int]) -> list[int]:
    landslide = dataset.index["landslide_px"]
    with_landslide = [at for at in positions if landslide[at] > 0] or positions
    step = max(1, len(with_landslide) // _TILES)
    return with_landslide[::step][:_TILES]
