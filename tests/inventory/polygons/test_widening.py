import numpy as np
import pytest

from landslip.inventory.polygons.thinning import Chain, thinned
from landslip.inventory.polygons.widening import signed_areas, widened


def chain(places: np.ndarray, **columns: np.ndarray) -> Chain:
    count = len(places)
    usual = {
        "keys": np.arange(count),
        "rings": np.array([0, count]),
        "errors": np.zeros(count),
        "tolerance": np.full(count, 0.1),
        "fixed": np.zeros(count, dtype=np.bool_),
        "loose": np.ones(count, dtype=np.bool_),
        "shared": np.zeros(count, dtype=np.bool_),
    }
    return Chain(places=places, **(usual | columns))


def circle(count: int, radius: float = 10.0) -> np.ndarray:
    angles = 2 * np.pi * np.arange(count) / count
    return np.asarray(radius * np.exp(1j * angles) + 1000 + 2000j)


def test_areas_have_the_sign_of_the_turn() -> None:
    square = np.array([0, 2, 2 + 2j, 2j]) + 1e6
    both = np.concatenate([square, square[::-1]])

    assert signed_areas(both, np.array([0, 4, 8])).tolist() == [4, -4]


@pytest.mark.parametrize("turn", [1, -1])
def test_a_ring_gets_the_area_asked_for(turn: int) -> None:
    ring = chain(circle(90)[::turn])
    area = np.array([turn * 330.0])

    places, distance = widened(ring, area, 1.0)

    np.testing.assert_allclose(signed_areas(places, ring.rings), area, rtol=1e-12)
    assert abs(distance[0]) == pytest.approx(np.sqrt(330 / np.pi) - 10, abs=0.01)


def test_no_farther_than_the_limit_and_only_what_is_loose() -> None:
    ring = chain(circle(90), loose=np.arange(90) < 30)

    places, distance = widened(ring, np.array([500.0]), 0.25)

    assert abs(distance[0]) == 0.25
    np.testing.assert_allclose(np.abs(places - ring.places)[:30], 0.25)
    assert (places[30:] == ring.places[30:]).all()


def test_thinning_stays_within_its_tolerance() -> None:
    ring = thinned(chain(circle(400)))

    # the arc between two points of a circle of 10 is 0.1 off their line at 0.28 rad
    assert 2 * np.pi / 0.283 <= len(ring) < 70
    middles = (ring.places + np.roll(ring.places, -1)) / 2
    assert 10 - np.abs(middles - 1000 - 2000j).min() <= 0.1
    assert ring.errors.max() <= 0.1


def test_thinning_keeps_what_is_fixed() -> None:
    fixed = np.arange(400) % 100 == 7
    ring = thinned(chain(circle(400), fixed=fixed))

    assert np.isin(circle(400)[fixed], ring.places).all()


def test_thinning_does_not_depend_on_where_a_ring_starts_or_how_it_turns() -> None:
    places, keys = circle(400), np.random.default_rng(1).permutation(400)
    there = thinned(chain(places, keys=keys))
    back = thinned(chain(np.roll(places, 37)[::-1], keys=np.roll(keys, 37)[::-1]))

    assert sorted(there.keys.tolist()) == sorted(back.keys.tolist())
