"""Quality without a reference, at full scale: QNR."""

from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np

from landslip.core.errors import InputError
from landslip.preprocessing.pansharpening.quality import BLOCK_PX, Image, Valid, uqi


@dataclass(frozen=True, slots=True, kw_only=True)
class FullScaleQuality:
    """Distortions of spectrum and space, both 0 at best, 0 to 1, and what they leave of 1."""

    d_lambda: float
    d_s: float

    @property
    def qnr(self) -> float:
        """``(1 - D_lambda) (1 - D_s)``: 1 is perfect."""
        return (1 - self.d_lambda) * (1 - self.d_s)

    def as_dict(self) -> dict[str, float]:
        """Return the scores by name."""
        return asdict(self) | {"qnr": self.qnr}


@dataclass(frozen=True, slots=True, kw_only=True)
class FullScaleImages:
    """What is compared at full scale, all of the same ground.

    Attributes:
        fused: (bands, height, width).
        pan: (height, width).
        ms: the original multispectral image, (bands, height / ratio, width / ratio).
        pan_coarse: PAN degraded to the original's pixels.
        valid: fused pixels that count; None counts all.
        valid_coarse: original pixels that count.
    """

    fused: Image
    pan: Image
    ms: Image
    pan_coarse: Image
    valid: Valid | None = None
    valid_coarse: Valid | None = None

    def __post_init__(self) -> None:
        fine, coarse = self.pan.shape, self.pan_coarse.shape
        bands = len(self.ms)
        if self.fused.shape != (bands, *fine) or self.ms.shape != (bands, *coarse):
            raise InputError(
                "full-scale quality compares bands on PAN's pixels with as many on coarser ones; "
                f"got {self.fused.shape} on {fine} and {self.ms.shape} on {coarse}"
            )


def full_scale_quality(images: FullScaleImages) -> FullScaleQuality | None:
    """Return the quality with no reference (Alparone et al. 2008, doi 10.14358/PERS.74.2.193).

    D_lambda is the mean over pairs of bands of ``|Q(fused_i, fused_j) - Q(ms_i, ms_j)|``, D_s the
    mean over bands of ``|Q(fused_i, PAN) - Q(ms_i, PAN degraded)|``, both exponents 1. Q is the
    universal quality index of whole valid blocks: of 32 px in the fused image and of the same
    ground in the original. None where no block is valid; D_lambda of a single band is 0.
    """
    ratio = images.pan.shape[0] / images.pan_coarse.shape[0]
    coarse_px = max(round(BLOCK_PX / ratio), 2)
    fused = [*images.fused, images.pan]
    original = [*images.ms, images.pan_coarse]
    differences: dict[tuple[int, int], float] = {}
    for i, j in combinations(range(len(fused)), 2):
        fine = uqi(fused[i], fused[j], images.valid)
        coarse = uqi(original[i], original[j], images.valid_coarse, coarse_px)
        if fine is None or coarse is None:
            return None
        differences[i, j] = abs(fine - coarse)
    bands = len(images.ms)
    between = [value for (_, j), value in differences.items() if j < bands]
    with_pan = [value for (_, j), value in differences.items() if j == bands]
    return FullScaleQuality(
        d_lambda=float(np.mean(between)) if between else 0.0, d_s=float(np.mean(with_pan))
    )
