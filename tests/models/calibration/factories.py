"""Pixels whose labels are drawn by a known curve from the logits of a network."""

import numpy as np
from numpy.typing import NDArray

from landslip.models.calibration.curve import CalibrationCurve, logit, sigmoid
from landslip.models.calibration.metrics import LogitCounts, count_logits

TRUTH = CalibrationCurve.line(0.5, -1.0)


def drawn(
    seed: int, pixels: int = 200_000, truth: CalibrationCurve = TRUTH
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return a network's probabilities (1, pixels), and labels drawn from what is true of them."""
    generator = np.random.default_rng(seed)
    raw = sigmoid(generator.normal(-1, 3, (1, pixels))).astype(np.float32)
    return raw, generator.random(raw.shape) < sigmoid(truth.logits(logit(raw)))


def counted(seed: int, pixels: int = 200_000, truth: CalibrationCurve = TRUTH) -> LogitCounts:
    """Return such pixels counted by logit."""
    raw, labels = drawn(seed, pixels, truth)
    return count_logits(raw, labels, np.ones(raw.shape, dtype=np.bool_))
