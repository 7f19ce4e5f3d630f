"""The interface of engines, which run a network over pixels."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Tta
from landslip.datasets.normalisation import Normalisation

PROBABILITY_LEVELS = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpec:
    """Properties shared by all windows of a scene.

    ``shape`` (height, width) are multiples of the model's. ``normalisation`` is of the scene's
    stored numbers.
    """

    shape: tuple[int, int]
    normalisation: Normalisation

    @property
    def bands(self) -> int:
        """The number of bands."""
        return len(self.normalisation.mean)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCosts:
    """Estimated memory and speed of an engine on this machine, for planning.

    ``resident_bytes`` are of main memory whatever the windows, ``computing_bytes_per_px`` of a
    window during inference. ``streams`` is the best number of concurrent windows, ``readers`` that
    of the threads that read for them, ``px_per_s`` the order of magnitude of one stream's speed
    in small windows. In windows of ``cached_px`` a pixel takes half of ``uncached_s_per_px`` more,
    in larger ones up to all of it, since their activations do not stay in the processor's cache.
    """

    resident_bytes: int
    computing_bytes_per_px: float
    streams: int
    readers: int
    px_per_s: float
    cached_px: float = 1e6
    uncached_s_per_px: float = 0.0


class WindowRunner(Protocol):
    """An engine prepared for the windows of a scene; ``streams`` threads may call `run` at once."""

    streams: int

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return ``round(250 * probability)`` (height, width); the probability is uncalibrated.

        ``stored`` (bands, height, width) are numbers as stored in the scene; where ``valid``
        (height, width) is False, the result is undefined.
        """
        ...


class Engine(Protocol):
    """A network ready to run; ``name`` is one of `EngineName`, ``precision`` of the computation.

    ``tta`` is the test-time augmentation that its probabilities are the mean of.
    """

    name: str
    precision: str
    tta: Tta

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
        self._engine, self._spec = engine, spec

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """See `WindowRunner.run`."""
        batch = self._spec.normalisation.apply(stored, valid)[np.newaxis]
        return quantise_probability(self._engine.predict(batch)[0])


def quantise_probability(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return probabilities in levels of 1/250, halves rounded to even."""
    levels: NDArray[np.float32] = np.rint(probability * np.float32(PROBABILITY_LEVELS))
    return levels.astype(np.uint8)


def threshold_level(threshold: float) -> int:
    """Return the lowest level of 1/250 whose probability reaches a threshold."""
    return math.ceil(threshold * PROBABILITY_LEVELS - 1e-6)
