"""The Lightning module: training steps, validation, optimiser."""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim import Optimizer

from landslip.core.progress import Progress, no_progress
from landslip.metrics.pixels import PixelCounts, ThresholdCurve
from landslip.models.training.augment import augment
from landslip.models.training.data import Batch
from landslip.models.training.distributed import SINGLE_PROCESS, SyncBatchNorm, TrainingProcess
from landslip.models.training.loss import segmentation_loss
from landslip.models.training.recipe import TrainConfig

_AUGMENT_STREAM = 3
_STEP_STREAM = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """Losses, threshold and validation scores of an epoch; None without validation tiles."""

    epoch: int
    epochs: int
    train_loss: float
    validation_loss: float | None = None
    threshold: float = 0.5
    counts: PixelCounts | None = None
    average_precision: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCallbacks:
    """Called at the end of each epoch and of each step."""

    on_epoch: Callable[[EpochResult], None] = lambda _result: None
    on_step: Progress = no_progress


class DistributedThresholdCurve(ThresholdCurve):
    """A threshold curve over the tiles of all processes."""

    def synchronise(self, process: TrainingProcess, device: torch.device) -> None:
        """Add the counts of the other processes."""
        counts = torch.from_numpy(np.stack([self._landslide, self._other]))
        self._landslide, self._other = process.all_reduce(counts.to(device)).cpu().numpy()


class SegmentationModule(lightning.LightningModule):
    """A network and the recipe that trains it."""

    def __init__(
        self,
        network: nn.Module,
        config: TrainConfig,
        callbacks: TrainingCallbacks,
        process: TrainingProcess = SINGLE_PROCESS,
    ) -> None:
        """Train ``network`` by ``config``; only the main process calls ``callbacks``."""
        super().__init__()
        self.network, self.config, self._process = network, config, process
        self.threshold = 0.5
        self._reports = callbacks if process.is_main else TrainingCallbacks()
        self._curve = DistributedThresholdCurve()
        self._losses: list[Tensor] = []
        self._validation_losses: list[Tensor] = []
        self._validation_loss: float | None = None
        self._validated = False
        self.seconds_before = 0.0
        self._started = time.monotonic()

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (n, height, width)."""
        logits: Tensor = self.network(image.contiguous(memory_format=torch.channels_last))
        return logits[:, 0]

    def on_train_epoch_start(self) -> None:
        """Reset the epoch's losses."""
        self._losses = []
        self._validated = False
        self._validation_loss = None

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of an augmented batch."""
        image, label, counted = self.augmented(batch, batch_idx)
        is_alone = self._process.world_size == 1
        with nullcontext() if is_alone else SyncBatchNorm(self._process):
            logits = self(image)
        loss = segmentation_loss(
            logits, label, counted, dice_over=self.config.dice_over, process=self._process
        )
        images = len(image) * self._process.world_size
        self._losses.append(loss.detach() / images)
        self.log("train/loss", loss / images)
        return loss

    def augmented(self, batch: Batch, batch_idx: int) -> Batch:
        """Return a batch augmented by seed, epoch and number; unchanged unless on the fly."""
        if self.config.augmentation_mode != "on_the_fly":
            return batch
        draw = (self.config.seed, _AUGMENT_STREAM, self.current_epoch, batch_idx)
        generator = torch.Generator().manual_seed(step_seed(draw, self._process))
        with torch.autocast(self.device.type, enabled=False):
            return augment(*batch, self.config.augmentation, generator)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Report the step."""
        self._reports.on_step(self.global_step, self.trainer.estimated_stepping_batches)

    def on_validation_epoch_start(self) -> None:
        """Reset the curve."""
        self._curve = DistributedThresholdCurve()
        self._validation_losses = []

    def validation_step(self, batch: Batch | None) -> None:
        """Add a batch of tiles to the curve; None where only other processes have one."""
        if batch is None:
            return
        image, label, counted = batch
        logits = self(image).float()
        loss = segmentation_loss(logits, label, counted, dice_over=self.config.dice_over)
        self._validation_losses.append(loss / len(image))
        self._curve.add(
            torch.sigmoid(logits).cpu().numpy(), (label == 1).cpu().numpy(), counted.cpu().numpy()
        )

    def on_validation_epoch_end(self) -> None:
        """Choose the threshold of the epoch and log its scores."""
        self._validated = True
        self._curve.synchronise(self._process, self.device)
        losses = [float(loss) for loss in self._validation_losses]
        sums = torch.tensor([math.fsum(losses), len(losses)], device=self.device)
        total, batches = self._process.all_reduce(sums)
        self._validation_loss = float(total / batches)
        self.threshold = self._curve.best_threshold()
        counts = self._curve.counts(self.threshold)
        self.log("val/average_precision", self._curve.average_precision() or 0.0)
        for name in ("precision", "recall", "f1", "iou"):
            self.log(f"val/{name}", float(getattr(counts, name) or 0.0))
        self.log("val/threshold", self.threshold)
        self.log("val/loss", self._validation_loss)

    def on_train_epoch_end(self) -> None:
        """Report the epoch."""
        loss = float(torch.stack(self._losses).mean()) if self._losses else math.nan
        counts = self._curve.counts(self.threshold) if self._validated else None
        self._reports.on_epoch(
            EpochResult(
                epoch=self.current_epoch + 1,
                epochs=self.config.epochs,
                train_loss=loss,
                validation_loss=self._validation_loss,
                threshold=self.threshold,
                counts=counts,
                average_precision=self._curve.average_precision() if self._validated else None,
            )
        )

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """SGD; the learning rate follows half a cosine over all steps, or is constant."""
        config = self.config
        optimizer: Optimizer = torch.optim.SGD(
            self.network.parameters(),
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )
        steps = max(int(self.trainer.estimated_stepping_batches), 1)

        def factor(step: int) -> float:
            if config.schedule == "constant":
                return 1.0
            return 0.5 * (1.0 + math.cos(math.pi * min(step, steps) / steps))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save threshold, counts, spread and elapsed time with the weights."""
        checkpoint["threshold"] = self.threshold
        checkpoint["seconds"] = self.seconds_before + time.monotonic() - self._started
        checkpoint["counts"] = asdict(self._curve.counts(self.threshold))
        checkpoint["average_precision"] = self._curve.average_precision()
        checkpoint["spread"] = self._curve.spread().model_dump()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore threshold and elapsed time."""
        self.threshold = float(checkpoint["threshold"])
        self.seconds_before = float(checkpoint["seconds"])


class StepSeeding(lightning.Callback):
    """Seeds torch's global generator, which dropout uses, before each step.

    A resumed run then draws the same.
    """

    def __init__(self, seed: int, process: TrainingProcess) -> None:
        """Derive all seeds from ``seed``, different ones in each process."""
        self._seed, self._process = seed, process

    def on_train_batch_start(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,
    ) -> None:
        """Seed the step."""
        draw = (self._seed, _STEP_STREAM, trainer.current_epoch, batch_idx)
        torch.manual_seed(step_seed(draw, self._process))


def step_seed(draw: tuple[int, ...], process: TrainingProcess) -> int:
    """Return the seed of a step; the main process has that of a single process."""
    own = draw if process.is_main else (*draw, process.rank)
    return int(np.random.SeedSequence(own).generate_state(1, np.uint64)[0] >> np.uint64(1))
