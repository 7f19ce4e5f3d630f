"""What Lightning runs: steps, validation, optimiser."""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
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
    """How an epoch went; scores are None where no validation tile holds a landslide."""

    epoch: int
    epochs: int
    train_loss: float
    validation_loss: float | None = None
    threshold: float = 0.5
    counts: PixelCounts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCallbacks:
    """Who is told how training goes: of each epoch as it ends, and of each step."""

    on_epoch: Callable[[EpochResult], None] = lambda _result: None
    on_step: Progress = no_progress


class DistributedThresholdCurve(ThresholdCurve):
    """A curve that processes fill together, each with tiles of its own."""

    def join(self, process: TrainingProcess, device: torch.device) -> None:
        """Take in what the other processes have counted."""
        counts = torch.from_numpy(np.stack([self._landslide, self._other]))
        joined = process.total(counts.to(device)).cpu().numpy()
        self._landslide, self._other = joined


class SegmentationModule(lightning.LightningModule):
    """A network with the recipe that trains it."""

    def __init__(
        self,
        network: nn.Module,
        config: TrainConfig,
        watcher: TrainingCallbacks,
        process: TrainingProcess = SINGLE_PROCESS,
    ) -> None:
        """Train ``network`` by ``config``; of several processes the first tells the watcher."""
        super().__init__()
        self.network = network
        self.config = config
        self.threshold = 0.5
        self._process = process
        self._watcher = watcher if process.first else TrainingCallbacks()
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
        """Begin the epoch's sums."""
        self._losses = []
        self._validated = False
        self._validation_loss = None

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch, varied."""
        image, label, counted = self.varied(batch, batch_idx)
        with self._one_batch():
            logits = self(image)
        loss = segmentation_loss(
            logits, label, counted, dice_over=self.config.dice_over, process=self._process
        )
        images = len(image) * self._process.count
        self._losses.append(loss.detach() / images)
        self.log("train/loss", loss / images)
        return loss

    def _one_batch(self) -> AbstractContextManager[object]:
        return nullcontext() if self._process.count == 1 else SyncBatchNorm(self._process)

    def varied(self, batch: Batch, batch_idx: int) -> Batch:
        """Return a batch varied as seed, epoch and its number say; as it is where that is asked."""
        if self.config.augmentation_mode != "on_the_fly":
            return batch
        draw = (self.config.seed, _AUGMENT_STREAM, self.current_epoch, batch_idx)
        generator = torch.Generator().manual_seed(step_seed(draw, self._process))
        with torch.autocast(self.device.type, enabled=False):
            return augment(*batch, self.config.augmentation, generator)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Tell of the step."""
        self._watcher.on_step(self.global_step, self.trainer.estimated_stepping_batches)

    def on_validation_epoch_start(self) -> None:
        """Begin the curve anew."""
        self._curve = DistributedThresholdCurve()
        self._validation_losses = []

    def validation_step(self, batch: Batch | None) -> None:
        """Add a batch of whole tiles to the curve; None where only other processes have one."""
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
        self._curve.join(self._process, self.device)
        self._validation_loss = self._mean_over_batches()
        self.threshold = self._curve.best_threshold()
        counts = self._curve.counts(self.threshold)
        for name in ("precision", "recall", "f1", "iou"):
            self.log(f"val/{name}", float(getattr(counts, name) or 0.0))
        self.log("val/threshold", self.threshold)
        self.log("val/loss", self._validation_loss)

    def _mean_over_batches(self) -> float:
        losses = [float(loss) for loss in self._validation_losses]
        sums = torch.tensor([math.fsum(losses), len(losses)], device=self.device)
        total, batches = self._process.total(sums)
        return float(total / batches)

    def on_train_epoch_end(self) -> None:
        """Tell of the epoch."""
        loss = float(torch.stack(self._losses).mean()) if self._losses else math.nan
        counts = self._curve.counts(self.threshold) if self._validated else None
        self._watcher.on_epoch(
            EpochResult(
                epoch=self.current_epoch + 1,
                epochs=self.config.epochs,
                train_loss=loss,
                validation_loss=self._validation_loss,
                threshold=self.threshold,
                counts=counts,
            )
        )

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """SGD; the learning rate follows half a cosine over all steps, or stays."""
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
        """Keep the threshold, and the counts it gave, with the weights it was chosen for."""
        checkpoint["threshold"] = self.threshold
        checkpoint["seconds"] = self.seconds_before + time.monotonic() - self._started
        checkpoint["counts"] = asdict(self._curve.counts(self.threshold))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the threshold back, and the time that the run had taken until then."""
        self.threshold = float(checkpoint["threshold"])
        self.seconds_before = float(checkpoint["seconds"])


class StepSeeding(lightning.Callback):
    """Seeds torch's own generator before each step, so that a resumed run draws the same."""

    def __init__(self, seed: int, process: TrainingProcess) -> None:
        """Derive all seeds from ``seed``, each process its own."""
        self._seed = seed
        self._process = process

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
    """Return a seed of a step; each process has its own, the first the one of a process alone."""
    own = draw if process.first else (*draw, process.rank)
    return int(np.random.SeedSequence(own).generate_state(1, np.uint64)[0] >> np.uint64(1))
