"""A product's two images, open, and what is counted in them beforehand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from landslip.core.window import Window
from landslip.io.raster.readers import SensorImage
from landslip.preprocessing.orthorectification.views import CameraImage
from landslip.preprocessing.product.open import MSS_BANDS, PAN_BANDS, Product
from landslip.preprocessing.radiometry.dark import Histogram

FILL = 0
_STRIP_ROWS = 64
_PAN_EVERY = 4


@dataclass(frozen=True, slots=True)
class Sources:
    """The multispectral and the panchromatic image of a product."""

    ms: CameraImage
    pan: CameraImage


@contextmanager
def open_sources(product: Product) -> Iterator[Sources]:
    """Open both images; 0 is fill in them."""
    with SensorImage(product.mss.tiff, FILL) as ms, SensorImage(product.pan.tiff, FILL) as pan:
        yield Sources(ms=CameraImage(ms, product.mss.rpc), pan=CameraImage(pan, product.pan.rpc))


def count_values(sources: Sources) -> dict[str, Histogram]:
    """Return histograms of counts by band: of all multispectral pixels, and of PAN's every fourth.

    Strips of rows are counted, so that a file in strips is read once.
    """
    histograms = {band: Histogram() for band in (*PAN_BANDS, *MSS_BANDS)}
    for source, bands, every in (
        (sources.ms, MSS_BANDS, 1),
        (sources.pan, PAN_BANDS, _PAN_EVERY),
    ):
        height, width = source.image.shape
        for row in range(0, height, _STRIP_ROWS * every):
            strip = Window(0, row, width, min(_STRIP_ROWS, height - row))
            stored = source.image.read(strip)
            valid = source.image.holds(stored)
            for band, values in zip(bands, stored, strict=True):
                histograms[band].add(values, valid)
    return histograms
