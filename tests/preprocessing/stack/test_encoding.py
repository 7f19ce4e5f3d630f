import numpy as np
import pytest

from landslip.core.bands import Radiometry
from landslip.preprocessing.stack.encoding import terrain_radiometry


@pytest.mark.parametrize(
    ("dtype", "nodata", "step_deg", "step"),
    [
        ("uint8", 0.0, 0.36, 0.008),
        ("uint16", 0.0, 0.01, 1e-4),
        ("int16", -9999.0, 0.01, 1e-4),
        ("float32", float("nan"), 1e-5, 1e-6),
    ],
)
def test_values_come_back_within_a_step(
    dtype: str, nodata: float, step_deg: float, step: float
) -> None:
    values = {
        "slope": np.array([[0.0, 12.3456, 90.0, np.nan]], dtype=np.float32),
        "eastness": np.array([[-1.0, 0.0, 1.0, np.nan]], dtype=np.float32),
    }
    for name, tolerance in (("slope", step_deg), ("eastness", step)):
        band = terrain_radiometry(name, dtype, nodata)
        stored = band.stored(values[name], dtype)
        assert stored.dtype == dtype
        found = Radiometry.of_bands(dtype, [band]).values(stored[np.newaxis])[0]
        np.testing.assert_allclose(found, values[name], atol=1.01 * tolerance)
        # only the unknown is missing: 0 degrees, stored as nodata would be, is moved by a step
        np.testing.assert_array_equal(np.isnan(found), np.isnan(values[name]))


def test_level_ground_has_a_whole_number_so_that_mirrored_directions_are_exact() -> None:
    for dtype in ("uint8", "uint16", "int16"):
        band = terrain_radiometry("northness", dtype, 0.0)
        assert (-band.offset / band.scale) == pytest.approx(round(-band.offset / band.scale))
