"""What the ground is painted on, and the colours of things."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.synthetic.landscape.noise import Field

Colour = tuple[float, float, float, float]

FOREST: Colour = (0.022, 0.042, 0.027, 0.25)
DARK_FOREST: Colour = (0.018, 0.032, 0.022, 0.17)
SHRUB: Colour = (0.038, 0.066, 0.056, 0.26)
DRY_GRASS: Colour = (0.060, 0.095, 0.105, 0.24)
CROP: Colour = (0.035, 0.075, 0.042, 0.38)
STUBBLE: Colour = (0.080, 0.115, 0.140, 0.24)
BARE_SOIL: Colour = (0.072, 0.110, 0.166, 0.256)
DEBRIS: Colour = (0.124, 0.156, 0.190, 0.226)
ROCK: Colour = (0.092, 0.105, 0.115, 0.140)
GRAVEL: Colour = (0.155, 0.180, 0.195, 0.220)
WATER: Colour = (0.075, 0.098, 0.078, 0.035)
CONCRETE: Colour = (0.170, 0.190, 0.205, 0.230)
ROOFS: tuple[Colour, ...] = (
    (0.130, 0.135, 0.145, 0.17),
    (0.100, 0.110, 0.170, 0.23),
    (0.190, 0.175, 0.150, 0.19),
    (0.270, 0.280, 0.290, 0.31),
)


@dataclass(slots=True)
class Canvas:
    """A scene in the making, changed in place.

    Attributes:
        reflectance: (4: blue, green, red, nir, height, width) of lit level ground.
        relief_m: (height, width) what stands on the ground or is cut into it, for shading.
    """

    reflectance: NDArray[np.float32]
    relief_m: Field

    @classmethod
    def of(cls, shape: tuple[int, int], colour: Colour) -> "Canvas":
        """Return a level canvas of one colour."""
        reflectance = np.empty((4, *shape), dtype=np.float32)
        reflectance[:] = np.reshape(colour, (4, 1, 1))
        return cls(reflectance, np.zeros(shape, dtype=np.float32))

    def paint(self, weight: Field, colour: Colour, texture: Field | float = 0.0) -> None:
        """Lay a colour over the ground, and level what stood there.

        Args:
            weight: (height, width) 0 where nothing changes, 1 where nothing of the old is left.
            colour: reflectance by band.
            texture: change of brightness by pixel, 0.1 being a tenth more.
        """
        brightness = np.maximum(1 + np.asarray(texture, dtype=np.float32), 0.2)
        for at, value in enumerate(colour):
            band = self.reflectance[at]
            band += weight * (np.float32(value) * brightness - band)
        self.relief_m *= 1 - weight
