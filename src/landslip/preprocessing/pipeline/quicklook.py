"""A small picture of a scene."""

from pathlib import Path

from PIL import Image

from landslip.core.bands import Bands
from landslip.io.raster.readers import SensorImage
from landslip.io.visualization import rgb_composite
from landslip.preprocessing.product.open import MSS_BANDS

_LONGEST_PX = 1400


def write_quicklook(scene: Path, path: Path) -> None:
    """Write a PNG of a scene in natural colours, from its overviews."""
    with SensorImage(scene) as image:
        stored = image.read_small(_LONGEST_PX)
        valid = image.holds(stored)
    Image.fromarray(rgb_composite(stored, valid, Bands(MSS_BANDS))).save(path)
