"""The closed sets of words of matching; importing them costs nothing."""

from enum import StrEnum


class Feature(StrEnum):
    """What of two images is laid upon each other to a fraction of a pixel.

    ``gradient``: the strength of edges, what changed left out; for any two images;
    ``intensity``: the pixels up to gain and offset, for images of one instant in like bands.
    """

    INTENSITY = "intensity"
    GRADIENT = "gradient"


class ShiftModel(StrEnum):
    """How shifts may change over an image.

    ``shift``: not at all; ``shift+drift``: linearly from row to row; ``affine``: linearly.
    """

    SHIFT = "shift"
    DRIFT = "shift+drift"
    AFFINE = "affine"

    @property
    def needed(self) -> int:
        """How many tie points fix a model."""
        return {"shift": 1, "shift+drift": 2, "affine": 3}[self.value]


class RegistrationModel(StrEnum):
    """How a scene is moved onto another one.

    ``shift``: as a whole; ``affine``: with rotation, scale and shear; ``local``: affine, and a
    smooth field of small displacements besides where one predicts left-out tie points better.
    """

    SHIFT = "shift"
    AFFINE = "affine"
    LOCAL = "local"
