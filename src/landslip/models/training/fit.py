"""Runs Lightning over a dataset, with checkpoints and TensorBoard logs in a folder."""

import ctypes
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray
from torch import nn

from landslip.core.choices import Precision, Split
from landslip.core.errors import InputError
from landslip.datasets.band_groups import BandGroups
from landslip.datasets.batches import whole_tile
from landslip.datasets.format import LANDSLIDE, TileDataset
from landslip.datasets.normalisation import Normalisation
from landslip.io.visualization import rgb_composite
from landslip.metrics.pixels import PixelCounts
from landslip.metrics.spread import ProbabilitySpread
from landslip.models.networks.architecture import min_batch_size, multiple_of
from landslip.models.networks.build import computes_in_bf16
from landslip.models.training.data import (
    TrainingBatches,
    crop_side,
    training_loader,
    validation_loader,
)
from landslip.models.training.distributed import (
    SINGLE_PROCESS,
    DistributedSettings,
    TrainingProcess,
    process_group,
    quiet_lightning,
    trainer_settings,
)
from landslip.models.training.module import SegmentationModule, StepSeeding, TrainingCallbacks
from landslip.models.training.objects import MeasuredObjects, measure_objects
from landslip.models.training.recipe import TrainConfig

LOGS, CHECKPOINTS = "logs", "checkpoints"
LAST, BEST = "last.ckpt", "best.ckpt"
_VALIDATION_BATCH_PX = 16 * 256 * 256
_LOGGED_TILES = 4
_LIGHTNING_PRECISION: dict[str, Literal["bf16-mixed", "16-mixed", "32-true"]] = {
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
    "fp32": "32-true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRequest:
    """Data and settings of a fit, and the folder of its checkpoints and logs.

    Attributes:
        threshold: initial one, and the final one if there are no validation tiles.
        last_epoch: stop after this one, from 1, of the epochs that the learning rate follows; None:
            the last of all.
        snapshots: epochs, from 1, whose weights and validation curve are kept in the folder.
        resume: continue from the folder's last checkpoint, if there is one.
        process: which of the processes of ``distributed`` this is.
    """

    dataset: TileDataset
    normalisation: Normalisation
    config: TrainConfig
    folder: Path
    threshold: float = 0.5
    last_epoch: int | None = None
    snapshots: tuple[int, ...] = ()
    resume: bool = False
    distributed: DistributedSettings = field(default_factory=DistributedSettings)
    process: TrainingProcess = SINGLE_PROCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class BestEpoch:
    """The epoch of the highest average precision on validation tiles, from 1, and how it ran.

    Average precision needs no threshold. F1 at the best threshold is the highest of many noisy
    numbers in every epoch, and with few validation tiles the epoch of the luckiest would win.
    ``seconds_before`` is the time of earlier, interrupted runs up to their last checkpoint. Without
    validation tiles it is the last epoch, at the request's threshold, and counts and the spread of
    probabilities are None.
    """

    epoch: int
    threshold: float
    counts: PixelCounts | None
    spread: ProbabilitySpread | None
    precision: str
    device: str
    seconds_before: float
    objects: MeasuredObjects
    average_precision: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedEpochs:
    """A network after its last epoch, and what it was trained in and on."""

    module: SegmentationModule
    precision: str
    device: str


def fit(
    request: FitRequest,
    network: nn.Module,
    callbacks: TrainingCallbacks,
    teacher: nn.Module | None = None,
) -> BestEpoch | None:
    """Train a network in place and load its best weights.

    Only the main process returns the result; others return None. See `train_epochs` for
    ``teacher``.

    Raises:
        InputError: the network cannot be trained with such crops or batches.
        KeyboardInterrupt: the user stopped it; the run can be resumed.
    """
    trained = train_epochs(request, network, callbacks, teacher)
    if not request.process.is_main:
        return None
    module, validates = trained.module, bool(request.dataset.positions(Split.VALIDATION))
    seconds_before = module.seconds_before
    file = request.folder / CHECKPOINTS / BEST
    best = torch.load(file, map_location=module.device, weights_only=True)
    module.load_state_dict(best["state_dict"])
    module.on_load_checkpoint(best)
    module.adopt_average()
    objects = measure_objects(
        network.eval(),
        request.dataset,
        request.normalisation,
        multiple=multiple_of(request.config.arch),
        threshold=module.threshold,
    )
    network.cpu()
    return BestEpoch(
        epoch=int(best["epoch"]) + 1,
        threshold=module.threshold,
        counts=PixelCounts(**best["counts"]) if validates else None,
        spread=ProbabilitySpread(**best["spread"]) if validates and "spread" in best else None,
        precision=trained.precision,
        device=trained.device,
        seconds_before=seconds_before,
        objects=objects,
        average_precision=best.get("average_precision"),
    )


def train_epochs(
    request: FitRequest,
    network: nn.Module,
    callbacks: TrainingCallbacks,
    teacher: nn.Module | None = None,
) -> TrainedEpochs:
    """Train a network in place to its last epoch; ``teacher``: learn its probabilities instead.

    Raises:
        InputError: the network cannot be trained with such crops or batches.
        KeyboardInterrupt: the user stopped it; the run can be resumed.
    """
    tiles, config = training_tiles(request), request.config
    keep_freed_memory()
    device, precision = _device_and_precision(config)
    module = SegmentationModule(
        network,
        config,
        callbacks,
        request.process,
        margin=tiles.margin,
        background=tiles.background,
    )
    module.groups = BandGroups.of(request.dataset.bands)
    if teacher is not None:
        module.learn_from(teacher.to(device).eval())
    module.threshold = request.threshold
    module.to(memory_format=torch.channels_last)
    checkpoints = request.folder / CHECKPOINTS
    has_checkpoint = request.resume and (checkpoints / LAST).exists()
    validation, loader = request.dataset.positions(Split.VALIDATION), None
    if validation:
        loader = validation_loader(
            request.dataset,
            validation,
            request.normalisation,
            multiple=multiple_of(config.arch),
            batch_px=_VALIDATION_BATCH_PX,
            process=request.process,
        )
    with quiet_lightning(), process_group(request.distributed):
        trainer = _trainer(request, precision, validates=bool(validation))
        with _interruptible(trainer), torch.random.fork_rng():
            trainer.fit(
                module,
                train_dataloaders=tiles.loader,
                val_dataloaders=loader,
                ckpt_path=checkpoints / LAST if has_checkpoint else None,
                weights_only=True,
            )
    return TrainedEpochs(
        module=module, precision=precision, device=request.distributed.named(_name_of(device))
    )


def untrained(request: FitRequest, network: nn.Module, epoch: int) -> BestEpoch:
    """Describe a network whose weights were not learnt in epochs of its own.

    ``epoch`` is that of the networks which they come from.
    """
    device, precision = _device_and_precision(request.config)
    objects = measure_objects(
        network.eval(),
        request.dataset,
        request.normalisation,
        multiple=multiple_of(request.config.arch),
        threshold=request.threshold,
    )
    return BestEpoch(
        epoch=epoch,
        threshold=request.threshold,
        counts=None,
        spread=None,
        precision=precision,
        device=_name_of(device),
        seconds_before=0.0,
        objects=objects,
    )


def _device_and_precision(config: TrainConfig) -> tuple[torch.device, str]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if config.precision is not Precision.AUTO:
        return device, config.precision.value
    half = "fp16" if device.type == "cuda" else "fp32"
    return device, "bf16" if computes_in_bf16(device) else half


def _name_of(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else device.type


def training_tiles(request: FitRequest) -> TrainingBatches:
    """Return the loader of training batches.

    Raises:
        InputError: the crop does not suit the network, or the batch network or processes.
    """
    config, positions = request.config, request.dataset.positions(Split.TRAIN)
    crop, multiple = config.crop, multiple_of(config.arch)
    if crop is None:
        crop = crop_side(request.dataset, positions, multiple)
    elif crop % multiple:
        raise InputError(
            f"crop: {config.arch.value} needs a multiple of {multiple}; got {crop}. Use "
            f"{-(-crop // multiple) * multiple}"
        )
    data = request.dataset, positions, request.normalisation
    tiles = training_loader(*data, config, crop, request.process)
    smallest = min_batch_size(config.arch)
    batch = (tiles.loader.batch_size or 0) * request.process.world_size
    if batch < smallest:
        raise InputError(
            f"batch_size: {config.arch.value} needs at least {smallest} tiles per step; got "
            f"{batch} ({len(positions)} training tiles, batch_size {config.batch_size}). Use more "
            "tiles, or another network"
        )
    return tiles


def _trainer(request: FitRequest, precision: str, *, validates: bool) -> lightning.Trainer:
    callbacks: list[lightning.Callback] = [
        StepSeeding(request.config.seed, request.process),
        ModelCheckpoint(
            dirpath=request.folder / CHECKPOINTS,
            filename=Path(BEST).stem,
            monitor="val/average_precision" if validates else None,
            mode="max",
            save_last=True,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        ),
    ]
    if validates:
        callbacks.append(ValidationPictures(request))
    if request.last_epoch is not None:
        callbacks.append(StopAfter(request.last_epoch))
    if request.snapshots:
        callbacks.append(EpochSnapshots(request.folder, request.snapshots))
    return lightning.Trainer(
        **trainer_settings(request.distributed),
        precision=_LIGHTNING_PRECISION[precision],
        max_epochs=request.config.epochs,
        callbacks=callbacks,
        logger=TensorBoardLogger(request.folder, name=None, version=LOGS),
        log_every_n_steps=1,
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks: returning them costs a third of the time on CPUs."""
    if sys.platform.startswith("linux"):
        trim_threshold, mmap_threshold = -1, -3
        libc = ctypes.CDLL(None)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(mmap_threshold, 2**30)


@contextmanager
def _interruptible(trainer: lightning.Trainer) -> Iterator[None]:
    """Keep Ctrl-C a KeyboardInterrupt: Lightning exits on it and ignores the next one."""
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


class StopAfter(lightning.Callback):
    """Ends the training after an epoch, counted from 1, also where that is resumed from."""

    def __init__(self, epoch: int) -> None:
        """Stop after ``epoch``."""
        self._epoch = epoch

    def on_train_start(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002
    ) -> None:
        """Stop before the first step where the epoch has been reached."""
        trainer.should_stop = trainer.current_epoch >= self._epoch

    def on_train_epoch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002
    ) -> None:
        """Stop after the epoch."""
        trainer.should_stop = trainer.current_epoch + 1 >= self._epoch


class EpochSnapshots(lightning.Callback):
    """Keeps the weights that were validated, and the validation curve, of some epochs.

    They are written before the checkpoint of the epoch, so that none is missing where a run is
    resumed.
    """

    def __init__(self, folder: Path, epochs: Sequence[int]) -> None:
        """Keep ``epochs``, counted from 1, in files of ``folder``."""
        self._folder, self._epochs = folder, set(epochs)

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Write a snapshot."""
        epoch = trainer.current_epoch + 1
        if epoch not in self._epochs or not isinstance(pl_module, SegmentationModule):
            return
        file = snapshot_file(self._folder, epoch)
        stage = file.with_suffix(".partial")
        weights = {name: one.cpu() for name, one in pl_module.evaluated.state_dict().items()}
        histograms = torch.from_numpy(pl_module.curve.histograms)
        kept = {"weights": weights, "histograms": histograms, "seconds": pl_module.seconds}
        torch.save(kept, stage)
        stage.replace(file)


def snapshot_file(folder: Path, epoch: int) -> Path:
    """Return the file of an epoch's weights in the folder of a training."""
    return folder / f"epoch{epoch}.pt"


class ValidationPictures(lightning.Callback):
    """Logs an image per epoch to TensorBoard: tiles in rows, image | label | probability."""

    def __init__(self, request: FitRequest) -> None:
        """Choose tiles with landslides, evenly spaced over the validation set."""
        self._dataset, self._normalisation = request.dataset, request.normalisation
        self._multiple = multiple_of(request.config.arch)
        positions = request.dataset.positions(Split.VALIDATION)
        landslide_px = request.dataset.index["landslide_px"]
        candidates = [at for at in positions if landslide_px[at] > 0] or positions
        step = max(1, len(candidates) // _LOGGED_TILES)
        self._positions = candidates[::step][:_LOGGED_TILES]

    def on_validation_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Log the image."""
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
