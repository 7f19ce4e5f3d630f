from typing import Any

import numpy as np
import pytest

from landslip.core.errors import InputError
from landslip.inventory.fields import FLAGS
from landslip.inventory.flags import FlagColumns, FlagRules, flags

NAN = float("nan")
LANDSLIDE = {
    "slope_deg": 30.0,
    "length_m": 80.0,
    "width_m": 25.0,
    "downslope": True,
    "water_near": 0.0,
    "beside_water": NAN,
    "on_road": NAN,
    "bright_share": 0.0,
}


def judged(name: str, rules: FlagRules | None = None, **known: Any) -> bool | None:
    """Return a flag of a landslide of which some figures are others."""
    values = LANDSLIDE | known
    columns = FlagColumns(
        **{
            key: np.array([value], dtype=bool if key == "downslope" else np.float64)
            for key, value in values.items()
        }
    )
    found = flags(columns, rules or FlagRules())[name]
    assert found.dtype == object
    value = found[0]
    assert value is None or isinstance(value, bool)
    return value


def test_flags_are_the_columns_of_an_inventory() -> None:
    columns = FlagColumns(
        **{
            key: np.array([value, value], dtype=bool if key == "downslope" else np.float64)
            for key, value in LANDSLIDE.items()
        }
    )
    found = flags(columns)
    assert tuple(found) == FLAGS
    assert all(column.tolist() == [False, False] for column in found.values())


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"slope_deg": 5.0, "water_near": 0.3}, True),
        ({"slope_deg": 7.99, "water_near": 0.1}, True),
        ({"slope_deg": 8.0, "water_near": 0.3}, False),
        ({"slope_deg": 5.0, "water_near": 0.09}, False),
        ({"slope_deg": 5.0, "water_near": 0.0, "beside_water": 1.0}, True),
        ({"slope_deg": 5.0, "water_near": NAN, "beside_water": 1.0}, True),
        ({"slope_deg": 5.0, "water_near": NAN, "beside_water": 0.0}, False),
        ({"slope_deg": 5.0, "water_near": NAN}, None),
        ({"slope_deg": 30.0, "water_near": NAN}, False),
        ({"slope_deg": NAN, "water_near": 0.3}, None),
        ({"slope_deg": NAN, "water_near": 0.0, "beside_water": 0.0}, False),
        ({"slope_deg": 5.0, "water_near": 0.0}, False),
    ],
)
def test_a_river_flat_is_gentle_and_beside_water(known: dict[str, Any], expected: Any) -> None:
    assert judged("flag_river_flat", **known) is expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"length_m": 12.0, "width_m": 40.0}, True),
        ({"length_m": 20.0, "width_m": 100.0}, False),
        ({"length_m": 16.0, "width_m": 40.0}, False),
        ({"length_m": 40.0, "width_m": 12.0}, False),
        ({"length_m": 12.0, "width_m": 40.0, "downslope": False}, None),
        ({"length_m": NAN, "width_m": NAN}, None),
        ({"length_m": 12.0, "width_m": 40.0, "on_road": 0.0}, False),
        ({"on_road": 0.6}, True),
        ({"on_road": 0.59}, False),
        ({"on_road": 0.9, "downslope": False}, True),
    ],
)
def test_a_road_is_one_of_a_layer_or_narrow_across_the_slope(
    known: dict[str, Any], expected: Any
) -> None:
    assert judged("flag_road", **known) is expected


@pytest.mark.parametrize(("share", "expected"), [(0.5, True), (0.49, False), (NAN, None)])
def test_a_cloud_is_bright_for_the_most_part(share: float, expected: Any) -> None:
    assert judged("flag_cloud", bright_share=share) is expected


def test_rules_can_be_others() -> None:
    rules = FlagRules(cloud_min_share=0.1, river_max_slope_deg=40.0)
    assert judged("flag_cloud", rules, bright_share=0.2) is True
    assert judged("flag_river_flat", rules, water_near=0.5) is True


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"cloud_min_share": 1.1}, r"cloud_min_share is over 0 and at most 1; got 1.1"),
        ({"river_max_slope_deg": 0.0}, r"river_max_slope_deg is over 0; got 0"),
        ({"water_reach_m": float("inf")}, r"water_reach_m is over 0; got inf"),
        ({"road_min_share": NAN}, r"road_min_share is over 0 and at most 1; got nan"),
    ],
)
def test_rules_that_mean_nothing_are_refused(rule: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        FlagRules(**rule)
