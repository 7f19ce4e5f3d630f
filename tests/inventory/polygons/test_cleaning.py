import math
from typing import Any

import pytest

from landslip.core.errors import InputError
from landslip.inventory.polygons.cleaning import Cleaning


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"low": 0.0}, "--low is above 0 and at most 1; got 0.0"),
        ({"low": math.nan}, "--low is above 0 and at most 1; got nan"),
        ({"low": 0.6}, "--high is at least --low and at most 1; got 0.5, 0.6"),
        ({"high": 1.1}, "--high is at least --low and at most 1; got 1.1, 0.3"),
        ({"min_area_m2": -1.0}, "--min-area is 0 or more square metres; got -1.0"),
        ({"min_area_m2": math.inf}, "--min-area is 0 or more square metres; got inf"),
        ({"max_shift_m": -0.1}, "--max-shift is 0 or more metres; got -0.1"),
        ({"max_shift_m": math.nan}, "--max-shift is 0 or more metres; got nan"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^{message}$"):
        Cleaning(**({"low": 0.3, "high": 0.5} | given))


def test_equal_thresholds_are_one_threshold() -> None:
    assert Cleaning(low=0.4, high=0.4).max_shift_m is None
