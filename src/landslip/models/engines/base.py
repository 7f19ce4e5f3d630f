"""The interface of engines, which run a network over pixels."""

import os
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from landslip.datasets.normalisation import Normalisation
from landslip.models.calibration.curve import CalibrationCurve

PROBABILITY_LEVELS = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpec:
    """Properties shared by all windows of a scene.

    Attributes:
        shape: (height, width) of every window, multiples of the model's.
        normalisation: of the scene's stored numbers; gives their dtype and the number of bands.
        calibration: of the network's probabilities; None leaves them uncalibrated.
    """

    shape: tuple[int, int]
    normalisation: Normalisation
    calibration: CalibrationCurve | None = None

    @property
    def bands(self) -> int:
        """The number of bands."""
        return len(self.normalisation.mean)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCosts:
    """Estimated memory and speed of an engine on this machine, for planning.

    Attributes:
        resident_bytes: main memory independent of the windows: engine and weights.
        computing_bytes_per_px: main memory of a window during inference.
        streams: best number of concurrent windows.
        readers: number of threads that should read for them.
        px_per_s: order of magnitude of one stream's speed.
    """

    resident_bytes: int
    computing_bytes_per_px: float
    streams: int
    readers: int
    px_per_s: float


class WindowRunner(Protocol):
    """An engine prepared for the windows of a scene.

    Attributes:
        streams: number of threads that may call `run` concurrently.
    """

    streams: int

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return ``round(250 * probability)`` (height, width), calibrated if the spec says how.

        ``stored`` (bands, height, width) are numbers as stored in the scene; where ``valid``
        (height, width) is False, the result is undefined.
        """
        ...


class Engine(Protocol):
    """A network ready to run.

    Attributes:
        name: one of `EngineName`.
        precision: the number format of the computation.
    """

    name: str
    precision: str

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities (n, height, width) for normalised pixels (n, bands, height, width).

        They are uncalibrated. Height and width are multiples of the model's.
        """
        ...

    def runner(self, spec: WindowSpec, streams: int | None = None) -> WindowRunner:
        """Prepare the network for ``streams`` concurrent windows; None: as suits the machine."""
        ...

    def costs(self) -> EngineCosts:
        """Return estimates of memory and speed on this machine."""
        ...


class BatchRunner:
    """Runs windows through `Engine.predict`, one at a time."""

    streams = 1

    def __init__(self, engine: Engine, spec: WindowSpec) -> None:
        """Wrap an engine."""
        self._engine, self._spec = engine, spec

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """See `WindowRunner.run`."""
        batch = self._spec.normalisation.apply(stored, valid)[np.newaxis]
        probability, curve = self._engine.predict(batch)[0], self._spec.calibration
        return quantise_probability(
            probability if curve is None else curve.probabilities(probability)
        )


def quantise_probability(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return probabilities in levels of 1/250, halves rounded to even."""
    levels: NDArray[np.float32] = np.rint(probability * np.float32(PROBABILITY_LEVELS))
    return levels.astype(np.uint8)


def available_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))
