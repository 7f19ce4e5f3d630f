"""What a network draws while it is trained, as dropout does, from seed, epoch and step alone."""

from typing import Any

import lightning
import numpy as np
import torch

from landslip.models.training.process import Process

_STEP_STREAM = 4


class SeededSteps(lightning.Callback):
    """Seeds torch's own generator before each step, so that a resumed run draws the same."""

    def __init__(self, seed: int, process: Process) -> None:
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


def step_seed(draw: tuple[int, ...], process: Process) -> int:
    """Return a seed of a step; each process has its own, the first the one of a process alone."""
    own = draw if process.first else (*draw, process.rank)
    return int(np.random.SeedSequence(own).generate_state(1, np.uint64)[0] >> np.uint64(1))
