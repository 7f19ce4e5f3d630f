"""What one threshold on one number a pixel can do, with the answer in hand."""

import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import Bands
from landslip.metrics.pixels import PixelCounts


def best_threshold(values: NDArray[np.float32], landslide: NDArray[np.bool_]) -> PixelCounts:
    """Return the counts of the threshold with the highest F1, over or under it as is better.

    It is chosen by the truth itself (n,), so that no threshold of the values (n,) can do better.
    """
    both = (_best_over(sign * values, landslide) for sign in (1, -1))
    return max(both, key=lambda counts: counts.f1 or 0.0)


def single_thresholds(
    reflectance: NDArray[np.float32], bands: Bands, landslide: NDArray[np.bool_]
) -> dict[str, float]:
    """Return the best F1 of a threshold on each band (bands, n) and on NDVI, by name."""
    red, nir = reflectance[list(bands.positions_of(Bands(("red", "nir"))))]
    ndvi = (nir - red) / np.maximum(nir + red, 1e-6)  # 0 where both are 0
    numbers = dict(zip(bands, reflectance, strict=True)) | {"ndvi": ndvi}
    return {name: best_threshold(of, landslide).f1 or 0.0 for name, of in numbers.items()}


def _best_over(values: NDArray[np.float32], landslide: NDArray[np.bool_]) -> PixelCounts:
    order = np.argsort(-values, kind="stable")
    tp = np.cumsum(landslide[order])
    found = np.arange(1, len(tp) + 1)
    last_of_equals = np.append(np.diff(values[order]) != 0, True)
    f1 = np.where(last_of_equals, 2 * tp / (found + tp[-1]), 0)
    best = int(np.argmax(f1))
    fp = found[best] - tp[best]
    return PixelCounts(
        tp=int(tp[best]),
        fp=int(fp),
        fn=int(tp[-1] - tp[best]),
        tn=int(len(tp) - tp[-1] - fp),
    )
