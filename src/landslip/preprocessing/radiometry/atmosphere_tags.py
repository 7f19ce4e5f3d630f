"""Tags by which a scene's file says how its atmosphere was corrected, so that it can be undone.

``ATMOSPHERE`` is toa, dos or 6s; ``ATMOSPHERE_BLUE`` and so on are the coefficients xap, xb and xc
of a band, see `landslip.preprocessing.radiometry.six_s.SurfaceCorrection`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from landslip.core.choices import AtmosphericCorrection
from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.six_s import SurfaceCorrection

_TAG = "ATMOSPHERE"
_COUNT = 3


def atmosphere_tags(
    atmosphere: AtmosphericCorrection, correction: SurfaceCorrection | None
) -> dict[str, str]:
    """Return the tags of a scene; at the top of the atmosphere nothing was corrected."""
    tags = {_TAG: atmosphere.value}
    if correction is not None:
        for band, numbers in correction.coefficients.items():
            tags[f"{_TAG}_{band.upper()}"] = " ".join(f"{number:.8g}" for number in numbers)
    return tags


def kept_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return those of a file's tags that hold for a raster made of the same reflectance."""
    return {name: text for name, text in tags.items() if name.split("_", 1)[0] == _TAG}


def correction_in(tags: Mapping[str, str], bands: Sequence[str]) -> SurfaceCorrection | None:
    """Return what a file's tags say was corrected in some bands; None for nothing.

    Raises:
        InputError: a band's coefficients are missing, or no numbers.
    """
    if tags.get(_TAG, AtmosphericCorrection.TOA.value) == AtmosphericCorrection.TOA.value:
        return None
    coefficients = {}
    for band in bands:
        text = tags.get(f"{_TAG}_{band.upper()}", "")
        try:
            xap, xb, xc = numbers = [float(part) for part in text.split()[: _COUNT + 1]]
        except ValueError:
            numbers = []
        if not numbers or not np.all(np.isfinite(numbers)) or xap == 0:
            raise InputError(
                f"the tag {_TAG}_{band.upper()} holds three numbers, the first not 0; "
                f"got {text[:80]!r}"
            )
        coefficients[band] = (xap, xb, xc)
    return SurfaceCorrection(coefficients)
