"""Test-time augmentation: a network sees an image and its flips, and the results are averaged.

It is put around an engine, so that it works alike for all of them.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Tta
from landslip.models.engines.base import Engine, EngineCosts, WindowRunner, WindowSpec

_VIEWS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))  # the axes that are reversed
_MEAN_LEVELS = np.rint(np.arange(len(_VIEWS) * 255 + 1) / len(_VIEWS)).astype(np.uint8)
_SUM_BYTES = 2


class FlippedEngine:
    """Averages the probabilities that another engine gives to an image and to its three flips.

    The mean of an image's flip is the flip of the image's mean, exactly, where the engine repeats
    itself. It takes four times the time.
    """

    tta = Tta.FLIPS

    def __init__(self, engine: Engine, window_bytes_per_px: float) -> None:
        """Put it around an engine; a window's stored numbers have so many bytes a pixel."""
        self._engine, self._window_bytes = engine, window_bytes_per_px
        self.name, self.precision = engine.name, engine.precision

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`; the mean of the four probabilities."""
        same, across, down, both = (
            np.flip(self._engine.predict(np.ascontiguousarray(np.flip(batch, axes))), axes)
            for axes in _VIEWS
        )
        # in pairs that a flip exchanges, or exchanges within, so that rounding is the same for all
        total: NDArray[np.float32] = (same + across) + (down + both)
        return total / np.float32(len(_VIEWS))

    def runner(self, spec: WindowSpec, streams: int | None = None) -> "FlippedRunner":
        """See `Engine.runner`."""
        return FlippedRunner(self._engine.runner(spec, streams))

    def costs(self) -> EngineCosts:
        """See `Engine.costs`."""
        costs = self._engine.costs()
        # a flipped copy of the window and its mask, and the sum of the levels
        added = self._window_bytes + 1 + _SUM_BYTES
        return replace(
            costs,
            computing_bytes_per_px=costs.computing_bytes_per_px + added,
            px_per_s=costs.px_per_s / len(_VIEWS),
        )


class FlippedRunner:
    """Averages the levels of a window and of its three flips, rounded to even.

    Each of the four is a whole level already; the mean is within a level (0.004) of that of the
    probabilities.
    """

    def __init__(self, runner: WindowRunner) -> None:
        self._runner = runner
        self.streams = runner.streams

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """See `WindowRunner.run`."""
        total = np.zeros(valid.shape, dtype=np.uint16)
        for axes in _VIEWS:
            levels = self._runner.run(
                np.ascontiguousarray(np.flip(stored, axes)),
                np.ascontiguousarray(np.flip(valid, axes)),
            )
            total += np.flip(levels, axes)
        return _MEAN_LEVELS[total]
