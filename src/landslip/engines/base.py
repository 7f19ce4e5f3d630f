"""What every engine offers."""

from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class EngineName(StrEnum):
    """The engines; ``auto`` is torch where it sees a GPU, else OpenVINO."""

    AUTO = "auto"
    OPENVINO = "openvino"
    TORCH = "torch"


class EnginePrecision(StrEnum):
    """Number format the network runs in; ``auto`` is bf16 where the machine computes in it."""

    AUTO = "auto"
    BF16 = "bf16"
    FP32 = "fp32"


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

        Height and width are multiples of the model's.
        """
        ...
