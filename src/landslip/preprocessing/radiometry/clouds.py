"""Thick clouds by brightness and whiteness.

A test of single pixels with a filter by size; it knows nothing of texture or temperature. Snow,
salt, bright roofs and fresh bare debris, landslides among them, may be taken for cloud where they
are as bright, white and wide; thin cloud and the shadows of clouds are missed. So it serves to
leave out most of what is useless, not to make a scene clean. `omnicloud` is the better way.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError

CLOUD_BANDS = ("blue", "green", "red", "nir")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudTest:
    """What makes a pixel cloud; reflectances at the top of the atmosphere.

    Attributes:
        min_blue: a cloud's least reflectance in blue.
        min_haze_index: least ``blue - 0.5 red``, a form of the haze-optimised transform
            (Zhang et al. 2002, doi 10.1016/S0034-4257(02)00034-2; this form and its 0.08 from Zhu
            and Woodcock 2012, doi 10.1016/j.rse.2011.10.028, equation 3): bare ground, which
            brightens towards red, stays under it.
        max_spread: most ``(max - min) / mean`` of blue, green and red: a cloud is white.
        max_ndvi: a cloud is not green.
        min_area_m2: smaller groups of pixels are roofs and rocks, and dropped.
        buffer_m: by how much what is left is widened.
    """

    min_blue: float = 0.25
    min_haze_index: float = 0.08
    max_spread: float = 0.35
    max_ndvi: float = 0.2
    min_area_m2: float = 40_000.0
    buffer_m: float = 50.0

    def __post_init__(self) -> None:
        thresholds = (self.min_blue, self.min_haze_index, self.max_spread, self.max_ndvi)
        if not all(map(math.isfinite, thresholds)):
            raise InputError(f"the thresholds of the cloud test are finite; got {thresholds}")
        if not (0 <= self.min_area_m2 < math.inf and 0 <= self.buffer_m < math.inf):
            raise InputError(
                f"a cloud's least area and its buffer are 0 or more; "
                f"got {self.min_area_m2} m2 and {self.buffer_m} m"
            )


def cloudy_pixels(
    reflectance: NDArray[np.float32], valid: NDArray[np.bool_], test: CloudTest
) -> NDArray[np.bool_]:
    """Judge each pixel by itself.

    Args:
        reflectance: (4, height, width) at the top of the atmosphere, in the order `CLOUD_BANDS`.
        valid: (height, width); other pixels are not cloud.
        test: the thresholds.
    """
    if reflectance.ndim != 3 or len(reflectance) != len(CLOUD_BANDS):
        raise InputError(
            f"clouds are sought in {','.join(CLOUD_BANDS)}; got an array of {reflectance.shape}"
        )
    blue, _, red, nir = reflectance
    visible = reflectance[:3]
    cloudy = valid & (blue >= test.min_blue)
    cloudy &= blue - 0.5 * red >= test.min_haze_index
    spread = visible.max(axis=0) - visible.min(axis=0)
    cloudy &= spread <= test.max_spread * visible.mean(axis=0)
    cloudy &= nir - red <= test.max_ndvi * (nir + red)
    return np.asarray(cloudy, dtype=np.bool_)


def find_clouds(
    reflectance: NDArray[np.float32],
    valid: NDArray[np.bool_],
    test: CloudTest,
    *,
    resolution_m: float,
) -> NDArray[np.bool_]:
    """Return where a scene, or an overview of it, is under thick cloud: (height, width).

    Groups of pixels are filtered by size within the array, so it should be the whole scene at a
    coarse resolution (10 to 20 m is enough) and not one window of many.

    Args:
        reflectance: (4, height, width) at the top of the atmosphere, in the order `CLOUD_BANDS`.
        valid: (height, width); other pixels are not cloud, also inside the buffer.
        test: thresholds, least area and buffer.
        resolution_m: a pixel's side.
    """
    if not 0 < resolution_m < math.inf:
        raise InputError(f"a pixel's side is above 0 m; got {resolution_m}")
    cloudy = cloudy_pixels(reflectance, valid, test)
    wide = _drop_small(cloudy, test.min_area_m2 / resolution_m**2)
    return _widen(wide, test.buffer_m / resolution_m) & valid


def _drop_small(cloudy: NDArray[np.bool_], min_px: float) -> NDArray[np.bool_]:
    """Drop groups of pixels, joined at sides or corners, that are smaller."""
    _, groups, statistics, _ = cv2.connectedComponentsWithStats(
        cloudy.astype(np.uint8), connectivity=8
    )
    kept = statistics[:, cv2.CC_STAT_AREA] >= min_px
    kept[0] = False
    result: NDArray[np.bool_] = kept[groups]
    return result


def _widen(cloudy: NDArray[np.bool_], radius_px: float) -> NDArray[np.bool_]:
    """Add all pixels whose centre lies within a radius of a cloudy one's."""
    if radius_px < 1 or not cloudy.any():
        return cloudy
    distance = cv2.distanceTransform((~cloudy).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    widened: NDArray[np.bool_] = distance <= radius_px
    return widened
