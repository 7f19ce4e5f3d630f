"""Relative vegetation and recovery rates, by hand."""

import numpy as np
import pytest

from landslip.multitemporal.recovery.rates import (
    RecoveryClass,
    classes_of,
    latest,
    recovery_rates,
    relative_vegetation,
)

NAN = np.nan


def test_the_season_of_the_neighbours_is_removed() -> None:
    # half as much over bare ground as the neighbours, in summer and in winter; then under snow
    ndvi = np.array([[0.45, 0.25, 0.1]])
    found = relative_vegetation(ndvi, np.array([0.8, 0.4, 0.12]))
    np.testing.assert_allclose(found, [[0.5, 0.5, NAN]])


def test_rates_by_hand() -> None:
    before = np.array([True, True, False, False, False])
    relative = np.array(
        [
            [0.9, 0.8, 0.05, 0.45, 0.85],  # before 0.85, after 0.05
            [NAN, NAN, 0.20, 0.60, 1.00],  # no date before: the neighbours' 1
            [0.9, 0.9, 0.80, 0.80, 0.90],  # lost no vegetation
            [0.9, NAN, NAN, 0.10, 0.50],  # not seen on the first date after
            [0.9, 0.9, 0.40, 0.20, NAN],  # declining
        ]
    )
    found = recovery_rates(relative, before, np.full(5, 2))
    expected = [
        [NAN, NAN, 0, 0.5, 1],
        [NAN, NAN, 0, 0.5, 1],
        [NAN] * 5,
        [NAN, NAN, NAN, 0, 0.5],
        [NAN, NAN, 0, -0.4, NAN],
    ]
    np.testing.assert_allclose(found, expected)
    rates, dates = latest(found)
    np.testing.assert_allclose(rates, [1, 1, NAN, 0.5, -0.4])
    assert dates.tolist() == [4, 4, -1, 4, 3]


def test_a_start_of_its_own_for_each() -> None:
    relative = np.array([[1.0, 0.0, 0.5], [0.0, 0.5, 1.0]])
    before = np.array([[True, False, False], [False, False, False]])
    found = recovery_rates(relative, before, np.array([1, 0]))
    np.testing.assert_allclose(found, [[NAN, 0, 0.5], [0, 0.5, 1]])


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (-0.11, RecoveryClass.DECLINING),
        (-0.1, RecoveryClass.BARE),
        (0.2, RecoveryClass.RECOVERING),
        (0.8, RecoveryClass.RECOVERED),
        (1.3, RecoveryClass.RECOVERED),
        (NAN, RecoveryClass.UNKNOWN),
    ],
)
def test_limits_of_classes(rate: float, expected: RecoveryClass) -> None:
    assert classes_of(np.array([rate]))[0] == expected
