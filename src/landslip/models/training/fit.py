"""Runs Lightning over a dataset, with checkpoints and TensorBoard logs in a folder."""

import ctypes
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader

from landslip.core.choices import Precision, Split
from landslip.core.errors import InputError
from landslip.datasets.batches import whole_tile
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.normalisation import Normalisation
from landslip.io.visualization import rgb_composite
from landslip.metrics.pixels import PixelCounts
from landslip.models.networks.architecture import min_batch_size, multiple_of
from landslip.models.networks.build import computes_in_bf16
from landslip.models.training.data import Batch, crop_side, training_batches, validation_loader
from landslip.models.training.distributed import (
    SINGLE_PROCESS,
    DistributedSettings,
    TrainingProcess,
    process_group,
    quiet_lightning,
    trainer_settings,
)
from landslip.models.training.module import SegmentationModule, StepSeeding, TrainingCallbacks
from landslip.models.training.recipe import TrainConfig

LOGS, CHECKPOINTS = "logs", "checkpoints"
LAST, BEST = "last.ckpt", "best.ckpt"
_VALIDATION_BATCH_PX = 16 * 256 * 256
_LIGHTNING_PRECISION: dict[str, Literal["bf16-mixed", "16-mixed", "32-true"]] = {
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
    "fp32": "32-true",
}


_PICTURE_TILES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRequest:
    """What is trained on, how, and the folder that keeps the run.

    Attributes:
        threshold: the one to begin with, and to keep where there are no validation tiles.
        resume: go on from the folder's last checkpoint, if there is one.
        process: which of the processes that ``scale`` tells of this is.
    """

    dataset: TileDataset
    normalisation: Normalisation
    config: TrainConfig
    folder: Path
    threshold: float = 0.5
    resume: bool = False
    scale: DistributedSettings = field(default_factory=DistributedSettings)
    process: TrainingProcess = SINGLE_PROCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class BestEpoch:
    """The best epoch, counted from 1, its threshold and counts on validation, and how it ran.

    ``seconds_before`` is what earlier, interrupted tries took up to their last checkpoint. Without
    validation tiles it is the last epoch, at the threshold of `FitRequest`, and counts is None.
    """

    epoch: int
    threshold: float
    counts: PixelCounts | None
    precision: str
    device: str
    seconds_before: float


def fit(job: FitRequest, network: nn.Module, watcher: TrainingCallbacks) -> BestEpoch | None:
    """Train a network in place, up to its best weights.

    Of several processes only the first returns what came of it; the others return None.

    Raises:
        InputError: the network cannot be trained with such crops or batches.
        KeyboardInterrupt: the user stopped it; the run can be resumed.
    """
    tiles = training_loader_of(job)
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = _precision(job.config.precision, device)
    module = SegmentationModule(network, job.config, watcher, job.process)
    module.threshold = job.threshold
    module.to(memory_format=torch.channels_last)
    last = job.folder / CHECKPOINTS / LAST
    with quiet_lightning(), process_group(job.scale):
        trainer = _trainer(job, precision)
        with _interruptible(trainer), torch.random.fork_rng():
            trainer.fit(
                module,
                train_dataloaders=tiles,
                val_dataloaders=_validation(job),
                ckpt_path=last if job.resume and last.exists() else None,
                weights_only=True,
            )
    if not job.process.first:
        return None
    seconds_before = module.seconds_before
    best = _take_best(module, job.folder / CHECKPOINTS / BEST)
    network.cpu().eval()
    validated = bool(job.dataset.positions(Split.VALIDATION))
    return BestEpoch(
        epoch=int(best["epoch"]) + 1,
        threshold=module.threshold,
        counts=PixelCounts(**best["counts"]) if validated else None,
        precision=precision,
        device=job.scale.named(
            torch.cuda.get_device_name() if device.type == "cuda" else device.type
        ),
        seconds_before=seconds_before,
    )


def training_loader_of(job: FitRequest) -> DataLoader[Batch]:
    """Return the loader of training batches.

    Raises:
        InputError: crop or batch are not such as the network takes, or the processes share.
    """
    positions, arch = job.dataset.positions(Split.TRAIN), job.config.arch
    crop = _crop(job, positions)
    loader = training_batches(
        job.dataset, positions, job.normalisation, job.config, crop, job.process
    )
    fewest = min_batch_size(arch)
    batch = (loader.batch_size or 0) * job.process.count
    if batch < fewest:
        raise InputError(
            f"batch_size: {arch.value} is trained on at least {fewest} tiles a step; got "
            f"{batch} ({len(positions)} training tiles, batch_size "
            f"{job.config.batch_size}). Give it more tiles, or take another network"
        )
    return loader


def _crop(job: FitRequest, positions: list[int]) -> int:
    crop, multiple = job.config.crop, multiple_of(job.config.arch)
    if crop is None:
        return crop_side(job.dataset, positions, multiple)
    if crop % multiple:
        raise InputError(
            f"crop: a multiple of {multiple} is needed for {job.config.arch.value}; got {crop}. "
            f"Take {-(-crop // multiple) * multiple}"
        )
    return crop


def _validation(job: FitRequest) -> Any:
    positions = job.dataset.positions(Split.VALIDATION)
    if not positions:
        return None
    return validation_loader(
        job.dataset,
        positions,
        job.normalisation,
        multiple=multiple_of(job.config.arch),
        batch_px=_VALIDATION_BATCH_PX,
        process=job.process,
    )


def _precision(wanted: Precision, device: torch.device) -> str:
    """Return bf16, fp16 or fp32: what was asked for, else what the device is fast in."""
    if wanted is not Precision.AUTO:
        return wanted.value
    if computes_in_bf16(device):
        return "bf16"
    return "fp16" if device.type == "cuda" else "fp32"


def _trainer(job: FitRequest, precision: str) -> lightning.Trainer:
    validation = job.dataset.positions(Split.VALIDATION)
    callbacks: list[lightning.Callback] = [
        StepSeeding(job.config.seed, job.process),
        ModelCheckpoint(
            dirpath=job.folder / CHECKPOINTS,
            filename=Path(BEST).stem,
            monitor="val/f1" if validation else None,
            mode="max",
            save_last=True,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        ),
    ]
    if validation:
        multiple = multiple_of(job.config.arch)
        callbacks.append(ValidationPictures(job.dataset, validation, job.normalisation, multiple))
    return lightning.Trainer(
        **trainer_settings(job.scale),
        precision=_LIGHTNING_PRECISION[precision],
        max_epochs=job.config.epochs,
        callbacks=callbacks,
        logger=TensorBoardLogger(job.folder, name=None, version=LOGS),
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _take_best(module: SegmentationModule, checkpoint: Path) -> dict[str, Any]:
    """Load a checkpoint into the module and return it."""
    best: dict[str, Any] = torch.load(checkpoint, map_location=module.device, weights_only=True)
    module.load_state_dict(best["state_dict"])
    module.on_load_checkpoint(best)
    return best


def keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks: giving them back costs a third of the time on CPUs."""
    if sys.platform.startswith("linux"):
        trim_threshold, mmap_threshold = -1, -3
        libc = ctypes.CDLL(None)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_threshold, 2**30)


@contextmanager
def _interruptible(trainer: lightning.Trainer) -> Iterator[None]:
    """Let Ctrl-C be Ctrl-C: Lightning turns it into an exit and ignores the next one."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as end:
        if trainer.interrupted:
            raise KeyboardInterrupt from end
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, handler)


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
    step = max(1, len(with_landslide) // _PICTURE_TILES)
    return with_landslide[::step][:_PICTURE_TILES]
