"""What every engine offers."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from landslip.datasets.normalisation import Normalisation
from landslip.models.calibration.curve import CalibrationCurve

PROBABILITY_LEVELS = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpec:
    """What the windows of a scene have in common.

    Attributes:
        shape: (height, width) of every window, multiples of the model's.
        normalisation: of the scene's stored numbers; tells their dtype and how many bands.
        calibration: of the network's probabilities; None leaves them as they are.
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
    """What an engine takes of a machine; for planning, so that nothing is measured for it.

    Attributes:
        resident_bytes: main memory held whatever the windows: the engine itself, weights.
        computing_bytes_per_px: main memory of a window while it is computed.
        streams: how many windows are best computed at once.
        readers: how many threads should read for them.
        px_per_s: speed of one stream, in its order of magnitude.
    """

    resident_bytes: int
    computing_bytes_per_px: float
    streams: int
    readers: int
    px_per_s: float


class WindowRunner(Protocol):
    """An engine set up for windows of one form.

    Attributes:
        streams: how many threads may call `run` at once.
    """

    streams: int

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return ``round(250 * probability)`` (height, width) of a window.

        The probability is the calibrated one where the form has a calibration.

        Args:
            stored: numbers as the scene holds them (bands, height, width).
            valid: (height, width); what is said of a pixel that is not valid means nothing.
        """
        ...


class Engine(Protocol):
    """A network ready to run.

    Attributes:
        name: which engine it is.
        precision: the number format it runs in.
    """

    name: str
    precision: str

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities (n, height, width) for normalised pixels (n, bands, height, width).

        They are the network's own, never calibrated. Height and width are multiples of the model's.
        """
        ...

    def runner(self, form: WindowSpec, streams: int | None = None) -> WindowRunner:
        """Set the network up for windows of one form.

        Args:
            form: of the windows.
            streams: how many windows are computed at once; None takes what suits the machine.
        """
        ...

    def costs(self) -> EngineCosts:
        """Return what it takes of this machine."""
        ...


class BatchRunner:
    """Runs windows through `Engine.predict`, one at a time."""

    streams = 1

    def __init__(self, engine: Engine, form: WindowSpec) -> None:
        """Take an engine as it is."""
        self._engine = engine
        self._form = form

    def run(self, stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """See `WindowRunner.run`."""
        batch = self._form.normalisation.apply(stored, valid)[np.newaxis]
        probability, curve = self._engine.predict(batch)[0], self._form.calibration
        return quantise_probability(
            probability if curve is None else curve.probabilities(probability)
        )


def quantise_probability(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return probabilities as whole steps of 1/250, halves to the even one."""
    steps: NDArray[np.uint8] = np.rint(probability * np.float32(PROBABILITY_LEVELS)).astype(
        np.uint8
    )
    return steps
