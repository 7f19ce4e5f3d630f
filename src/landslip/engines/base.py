"""What every engine offers."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


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
