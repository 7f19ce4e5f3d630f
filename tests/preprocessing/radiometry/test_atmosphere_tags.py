import numpy as np
import pytest

from landslip.core.choices import AtmosphericCorrection
from landslip.core.errors import InputError
from landslip.preprocessing.radiometry.atmosphere_tags import (
    atmosphere_tags,
    correction_in,
    kept_tags,
)
from landslip.preprocessing.radiometry.six_s import SurfaceCorrection

BANDS = ("blue", "red")
CORRECTION = SurfaceCorrection({"blue": (1.298503, 0.088793, 0.148363), "red": (1.0, 0.03, 0.0)})


def test_what_was_corrected_is_undone() -> None:
    tags = atmosphere_tags(AtmosphericCorrection.SIX_S, CORRECTION) | {"AREA_OR_POINT": "Area"}
    assert tags["ATMOSPHERE"] == "6s"
    assert set(kept_tags(tags)) == set(tags) - {"AREA_OR_POINT"}
    found = correction_in(tags, BANDS)
    assert found is not None
    toa = np.linspace(0.05, 0.8, 24, dtype=np.float32).reshape(2, 3, 4)
    np.testing.assert_allclose(found.undo(CORRECTION.apply(toa, BANDS), BANDS), toa, rtol=1e-5)


@pytest.mark.parametrize("tags", [{}, {"ATMOSPHERE": "toa"}])
def test_nothing_was_corrected(tags: dict[str, str]) -> None:
    assert correction_in(tags, BANDS) is None


@pytest.mark.parametrize("text", ["", "1 2", "1 2 3 4", "1 x 3", "0 1 2", "nan 1 2"])
def test_other_tags_are_refused(text: str) -> None:
    tags = {"ATMOSPHERE": "dos", "ATMOSPHERE_BLUE": text, "ATMOSPHERE_RED": "1 0 0"}
    with pytest.raises(InputError, match="the tag ATMOSPHERE_BLUE holds three numbers"):
        correction_in(tags, BANDS)
