import numpy as np
import pytest
from tests.inventory.polygons.pixel_shapes import (
    ANGLE,
    BRIDGED,
    DISCS,
    HORSESHOE,
    HOURGLASS,
    RING,
    TONGUE,
    TONGUES,
    Mask,
    outlines_of,
    winding,
)

from landslip.inventory.polygons.boundary import exterior_vertices
from landslip.inventory.polygons.constrictions import Constriction, find_constrictions


def necks_of(mask: Mask, reach: float = 6.0, min_part_px: float = 25) -> list[Constriction]:
    ring = exterior_vertices(outlines_of(mask), 0)
    return find_constrictions(ring, max_aspect=3.0, reach=reach, min_part_px=min_part_px)


def test_the_neck_of_two_tongues_is_where_they_touch() -> None:
    best = necks_of(TONGUES)[0]

    ends = sorted([best.start, best.end], key=lambda point: point[1])
    assert [row for _, row in ends] == [35, 45]
    assert all(34 <= col <= 36 for col, _ in ends)
    assert best.length_px == pytest.approx(10, abs=0.2)
    # the tongues go on for 25 px up and down
    assert best.overhang_px == pytest.approx(25, abs=1)


def test_the_neck_of_an_hourglass() -> None:
    best = necks_of(HOURGLASS)[0]

    assert best.length_px == pytest.approx(6, abs=0.1)
    assert sorted([best.start[0], best.end[0]]) == [37, 43]
    # radius less half the neck
    assert best.overhang_px == pytest.approx(15 - 3, abs=1)


@pytest.mark.parametrize("shape", [TONGUE, RING, ANGLE, HORSESHOE, winding()])
def test_one_landslide_has_no_narrow_neck(shape: Mask) -> None:
    assert necks_of(shape) == []


def test_a_long_bridge_needs_reach() -> None:
    assert necks_of(BRIDGED, reach=1.0) == []
    best = necks_of(BRIDGED)[0]
    assert best.length_px == pytest.approx(3, abs=0.2)
    assert best.overhang_px > 10
    assert best.overhang_near_px < 1


def test_small_sides_are_no_candidates() -> None:
    assert necks_of(DISCS)
    assert necks_of(DISCS, min_part_px=1000) == []


def test_limits_are_kept_and_the_narrowest_comes_first() -> None:
    found = necks_of(DISCS)

    ratios = [neck.length_px / neck.overhang_px for neck in found]
    assert ratios == sorted(ratios)
    assert max(ratios) <= 3
    assert found[0].length_px == np.count_nonzero(DISCS[:, 26])


def test_turning_a_landslide_turns_its_necks() -> None:
    def lengths(mask: Mask) -> list[float]:
        return sorted({round(neck.length_px, 6) for neck in necks_of(mask)[:2]})

    assert lengths(np.ascontiguousarray(TONGUES[::-1, ::-1])) == lengths(TONGUES)
