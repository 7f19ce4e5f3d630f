"""A real WorldView-2 pair, read in place; skipped where it is absent."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from landslip.core.choices import PansharpeningMethod
from landslip.preprocessing.pansharpening.fusion import FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.image_pair import ImagePair
from landslip.preprocessing.pansharpening.multiresolution import degrade, upsample
from landslip.preprocessing.pansharpening.quality import reduce_scale, reference_quality

SHARED = Path(__file__).parents[4] / "shared"
WV2 = Path(os.environ.get("LANDSLIP_DATA", SHARED / "data")) / "wv2" / "imgWV2.mat"
BLUE_GREEN_RED_NIR = [1, 2, 4, 6]

pytestmark = pytest.mark.skipif(not WV2.exists(), reason=f"needs {WV2.name} (set LANDSLIP_DATA)")


@pytest.fixture(scope="module")
def pair() -> ImagePair:
    images = loadmat(WV2)
    ms = images["I_MS"].transpose(2, 0, 1)[BLUE_GREEN_RED_NIR].astype(np.float32)
    return ImagePair.aligned(ms, images["I_PAN"].astype(np.float32), 4)


@pytest.mark.parametrize(
    ("method", "ergas", "sam_deg", "q4"),
    [
        (PansharpeningMethod.BROVEY, 5.215, 6.06, 0.870),
        (PansharpeningMethod.GSA, 5.449, 7.29, 0.818),
        (PansharpeningMethod.GLP, 5.183, 6.05, 0.872),
    ],
)
def test_scores_are_those_of_the_results_page(
    pair: ImagePair, method: PansharpeningMethod, ergas: float, sam_deg: float, q4: float
) -> None:
    settings = FusionSettings(method=method)
    reduced = reduce_scale(pair, settings)[0]
    fusion = fit_fusion(settings, reduced.samples(settings.sigma_px))
    found = reference_quality(reduced.fuse(fusion), pair.ms, 4)
    assert found.ergas == pytest.approx(ergas, abs=0.03)
    assert found.sam_deg == pytest.approx(sam_deg, abs=0.05)
    assert found.q2n == pytest.approx(q4, abs=0.004)
    plain = reference_quality(upsample(degrade(pair.ms, 4), 4), pair.ms, 4)
    assert plain.ergas is not None
    assert ergas < 0.7 * plain.ergas


def test_both_images_begin_at_one_corner(pair: ImagePair) -> None:
    """Degraded PAN resembles the bands most where nothing is displaced."""
    sum_of_bands = pair.ms.mean(axis=0)[4:-4, 4:-4].ravel()
    found = {}
    for row in (-2, -1, 0, 1, 2):
        for col in (-2, -1, 0, 1, 2):
            coarse = degrade(np.roll(pair.pan, (row, col), axis=(0, 1)), 4)[4:-4, 4:-4]
            found[row, col] = np.corrcoef(coarse.ravel(), sum_of_bands)[0, 1]
    assert max(found, key=lambda place: found[place]) == (0, 0)
