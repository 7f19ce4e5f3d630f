"""Runs Lightning over a dataset, with checkpoints and TensorBoard logs in a folder."""

import ctypes
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import nn

from landslip.choices import Precision, Split
from landslip.dataset.format import TileDataset
from landslip.metrics import Counts
from landslip.networks.hardware import computes_in_bf16
from landslip.networks.linknet import STRIDE
from landslip.normalise import Normalisation
from landslip.training.data import (
    EpochSampler,
    TrainingTiles,
    crop_side,
    training_loader,
    validation_loader,
)
from landslip.training.module import SegmentationModule, Watcher
from landslip.training.pictures import ValidationPictures
from landslip.training.recipe import TrainConfig

LOGS, CHECKPOINTS = "logs", "checkpoints"
LAST, BEST = "last.ckpt", "best.ckpt"
_VALIDATION_BATCH_PX = 16 * 256 * 256
_LIGHTNING_PRECISION: dict[str, Literal["bf16-mixed", "16-mixed", "32-true"]] = {
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
    "fp32": "32-true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What is trained on, how, and the folder that keeps the run."""

    dataset: TileDataset
    normalisation: Normalisation
    config: TrainConfig
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best epoch, counted from 1, its threshold and counts on validation, and how it ran.

    Without validation tiles it is the last epoch, at a threshold of 0.5, and counts is None.
    """

    epoch: int
    threshold: float
    counts: Counts | None
    precision: str
    device: str


def fit(job: Fit, network: nn.Module, watcher: Watcher) -> Best:
    """Train a network in place, up to its best weights; goes on where an earlier run stopped.

    Raises:
        KeyboardInterrupt: the user stopped it; the run can be resumed.
    """
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = _precision(job.config.precision, device)
    module = SegmentationModule(network, job.config, watcher)
    module.to(memory_format=torch.channels_last)
    last = job.folder / CHECKPOINTS / LAST
    with _quiet_lightning():
        trainer = _trainer(job, precision)
        with _interruptible(trainer):
            trainer.fit(
                module,
                train_dataloaders=_training(job),
                val_dataloaders=_validation(job),
                ckpt_path=last if last.exists() else None,
                weights_only=True,
            )
    best = _take_best(module, job.folder / CHECKPOINTS / BEST)
    network.cpu().eval()
    validated = bool(job.dataset.positions(Split.VALIDATION))
    return Best(
        epoch=int(best["epoch"]) + 1,
        threshold=module.threshold,
        counts=Counts(**best["counts"]) if validated else None,
        precision=precision,
        device=torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
    )


def _training(job: Fit) -> Any:
    positions = job.dataset.positions(Split.TRAIN)
    crop = job.config.crop or crop_side(job.dataset, positions, STRIDE)
    return training_loader(
        TrainingTiles(job.dataset, job.normalisation, crop=crop, seed=job.config.seed),
        EpochSampler(positions, job.config.seed),
        batch_size=job.config.batch_size,
        workers=job.config.workers,
    )


def _validation(job: Fit) -> Any:
    positions = job.dataset.positions(Split.VALIDATION)
    if not positions:
        return None
    return validation_loader(
        job.dataset,
        positions,
        job.normalisation,
        multiple=STRIDE,
        batch_px=_VALIDATION_BATCH_PX,
    )


def _precision(wanted: Precision, device: torch.device) -> str:
    """Return bf16, fp16 or fp32: what was asked for, else what the device is fast in."""
    if wanted is not Precision.AUTO:
        return wanted.value
    if computes_in_bf16(device):
        return "bf16"
    return "fp16" if device.type == "cuda" else "fp32"


def _trainer(job: Fit, precision: str) -> lightning.Trainer:
    validation = job.dataset.positions(Split.VALIDATION)
    callbacks: list[lightning.Callback] = [
        ModelCheckpoint(
            dirpath=job.folder / CHECKPOINTS,
            filename=Path(BEST).stem,
            monitor="val/f1" if validation else None,
            mode="max",
            save_last=True,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )
    ]
    if validation:
        callbacks.append(ValidationPictures(job.dataset, validation, job.normalisation))
    return lightning.Trainer(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=1,
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


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning's advice about workers, logging steps and hardware to itself."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        yield
