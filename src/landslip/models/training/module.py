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

from landslip.core.progress import Progress, no_progress
from landslip.datasets.band_groups import BandGroups
from landslip.metrics.pixels import PixelCounts, ThresholdCurve
from landslip.models.training.augment import augment, drop_sources
from landslip.models.training.data import Batch, TrainingBatch
from landslip.models.training.distributed import SINGLE_PROCESS, SyncBatchNorm, TrainingProcess
from landslip.models.training.loss import cross_entropies, segmentation_loss
from landslip.models.training.optimisation import averaged_copy, optimizer_of, rate_factor
from landslip.models.training.presence import PresenceHead
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.sampling import HardBackground

_AUGMENT_STREAM = 3
_STEP_STREAM = 4
_DROP_STREAM = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """Losses, threshold and validation scores of an epoch; None without validation tiles.

    ``fold``, from 1, of ``folds`` that are trained one after another; None: a training of its own.
    """

    epoch: int
    epochs: int
    train_loss: float
    validation_loss: float | None = None
    threshold: float = 0.5
    counts: PixelCounts | None = None
    average_precision: float | None = None
    fold: int | None = None
    folds: int = 1


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
        *,
        margin: int = 0,
        background: HardBackground | None = None,
    ) -> None:
        """Train ``network`` by ``config``; only the main process calls ``callbacks``.

        Images to augment have ``margin`` pixels more on each side; ``background`` gets the losses.
        The bands' ``groups`` may be set; None: all are a scene's own.
        """
        super().__init__()
        self.network, self.config, self._process = network, config, process
        self._margin, self._background = margin, background
        self.groups: BandGroups | None = None
        self.average = (
            None if config.ema_decay is None else averaged_copy(network, config.ema_decay)
        )
        self.presence = PresenceHead(network) if config.presence_weight > 0 else None
        self.threshold = 0.5
        self._teach: Callable[[Tensor], Tensor] | None = None
        self._reports = callbacks if process.is_main else TrainingCallbacks()
        self._curve = DistributedThresholdCurve()
        self._losses: list[Tensor] = []
        self._validation_losses: list[Tensor] = []
        self._validation_loss: float | None = None
        self._validated = False
        self.seconds_before = 0.0
        self._started = time.monotonic()

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (n, height, width), in validation those of the averaged weights if any."""
        network = self.network if self.training or self.average is None else self.average
        logits: Tensor = network(image.contiguous(memory_format=torch.channels_last))
        return logits[:, 0]

    @property
    def evaluated(self) -> nn.Module:
        """The network that validation tiles are predicted by: of the averaged weights if any."""
        if self.average is None:
            return self.network
        averaged: nn.Module = self.average.module
        return averaged

    @property
    def curve(self) -> ThresholdCurve:
        """The threshold curve of the last validation."""
        return self._curve

    def learn_from(self, teacher: nn.Module) -> None:
        """Learn the probabilities of another network, in evaluation mode, instead of labels.

        Hinton et al. 2015, doi 10.48550/arXiv.1503.02531, at temperature 1.
        """

        def probabilities(image: Tensor) -> Tensor:
            with torch.no_grad():
                return torch.sigmoid(teacher(image).float())[:, 0]

        self._teach = probabilities  # not a submodule, which checkpoints would hold

    def on_train_epoch_start(self) -> None:
        """Reset the epoch's losses."""
        self._losses = []
        self._validated = False
        self._validation_loss = None

    def training_step(self, batch: TrainingBatch, batch_idx: int) -> Tensor:
        """Return the loss of an augmented batch."""
        *tiles, positions = batch
        image, label, counted = self.augmented((tiles[0], tiles[1], tiles[2]), batch_idx)
        is_alone, presence = self._process.world_size == 1, self.presence
        with (
            nullcontext() if is_alone else SyncBatchNorm(self._process),
            nullcontext() if presence is None else presence.reading(self.network),
        ):
            logits = self(image)
        truth = label if self._teach is None else self._teach(image)
        loss = segmentation_loss(
            logits, truth, counted, dice_over=self.config.dice_over, process=self._process
        )
        if presence is not None:
            own = presence.loss(label, counted)
            loss = loss + self.config.presence_weight * self._process.differentiable_sum(own)
        if self._background is not None:
            self._background.record(positions, cross_entropies(logits, label, counted))
        images = len(image) * self._process.world_size
        self._losses.append(loss.detach() / images)
        self.log("train/loss", loss / images)
        return loss

    def augmented(self, batch: Batch, batch_idx: int) -> Batch:
        """Return a batch augmented by seed, epoch and number; unchanged unless on the fly.

        In any mode some images lose the bands of other sources.
        """
        if self.config.augmentation_mode == "on_the_fly":
            generator = self._generator(_AUGMENT_STREAM, batch_idx)
            with torch.autocast(self.device.type, enabled=False):
                batch = augment(
                    *batch, self.config.augmentation, generator, self._margin, groups=self.groups
                )
        if self.groups is None or not (self.groups.auxiliary and self.config.drop_sources > 0):
            return batch
        image, *others = batch
        generator = self._generator(_DROP_STREAM, batch_idx)
        image = drop_sources(image, self.groups, self.config.drop_sources, generator)
        return image, others[0], others[1]

    def _generator(self, stream: int, batch_idx: int) -> torch.Generator:
        draw = (self.config.seed, stream, self.current_epoch, batch_idx)
        return torch.Generator().manual_seed(step_seed(draw, self._process))

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Average the weights and report the step."""
        if self.average is not None:
            self.average.update_parameters(self.network)
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
        """Weigh the background tiles and report the epoch."""
        if self._background is not None:
            self._background.end_epoch(self._process, self.device)
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
        """Return the optimiser and its learning rate's schedule."""
        heads = [self.network] if self.presence is None else [self.network, self.presence]
        optimizer = optimizer_of(heads, self.config)
        steps = max(int(self.trainer.estimated_stepping_batches), 1)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate_factor(self.config, steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def adopt_average(self) -> None:
        """Give the network the averaged weights and buffers, if they are averaged."""
        if self.average is not None:
            self.network.load_state_dict(self.average.module.state_dict())

    @property
    def seconds(self) -> float:
        """Time of the training up to now, in this run and before."""
        return self.seconds_before + time.monotonic() - self._started

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save threshold, counts, spread and elapsed time with the weights."""
        checkpoint["threshold"] = self.threshold
        if self._background is not None:
            checkpoint["background"] = self._background.state()
        checkpoint["seconds"] = self.seconds
        checkpoint["counts"] = asdict(self._curve.counts(self.threshold))
        checkpoint["average_precision"] = self._curve.average_precision()
        checkpoint["spread"] = self._curve.spread().model_dump()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore threshold and elapsed time."""
        self.threshold = float(checkpoint["threshold"])
        self.seconds_before = float(checkpoint["seconds"])
        if self._background is not None:
            self._background.load_state(checkpoint["background"])


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
