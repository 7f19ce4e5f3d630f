import numpy as np
import pytest

from landslip.cli.demo.baseline import best_threshold


def test_the_best_threshold_is_found_from_either_side() -> None:
    values = np.array([1, 2, 2, 3, 4, 5], dtype=np.float32)
    low = np.array([True, True, False, False, False, False])
    # <= 2 finds both of the low ones and one more: 2 * 2 / (2 * 2 + 1)
    assert best_threshold(values, low).f1 == pytest.approx(0.8)
    assert best_threshold(-values, low).f1 == pytest.approx(0.8)
