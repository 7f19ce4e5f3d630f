"""What a network draws while it is trained, as dropout does, from seed, epoch and step alone."""

from typing import Any

import lightning
import numpy as np
import torch

_STEP_STREAM = 4


class SeededSteps(lightning.Callback):
    """Seeds torch's own generator before each step, so that a resumed run draws the same."""

    def __init__(self, seed: int) -> None:
        """Derive all seeds from ``seed``."""
        self._seed = seed

    def on_train_batch_start(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,
    ) -> None:
        """Seed the step."""
        draw = (self._seed, _STEP_STREAM, trainer.current_epoch, batch_idx)
        state = np.random.SeedSequence(draw).generate_state(1, np.uint64)[0] >> np.uint64(1)
        torch.manual_seed(int(state))
