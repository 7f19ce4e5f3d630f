import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from landslip.metrics.objects import (
    SIZES_PX,
    ObjectCounts,
    area_m2,
    count_objects,
    right_object_maxima,
    searched_km2,
    size_classes_px,
    whole_object_sizes,
)

FLAGS = hnp.arrays(np.bool_, (7, 8))


def mask(*rows: str) -> NDArray[np.bool_]:
    """Return True where a row has a hash."""
    return np.array([[at == "#" for at in row] for row in rows])


def everywhere(like: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.ones_like(like)


def test_objects_touch_by_sides_and_corners() -> None:
    label = mask(
        "##..#",
        "..#..",
        ".....",
        "#...#",
    )
    counts = count_objects(~everywhere(label), label, everywhere(label))
    assert counts.landslides == (4, 0, 0, 0, 0)
    assert counts.detected == (0,) * 5
    assert (counts.found, counts.false, counts.searched_px) == (0, 0, 20)


@pytest.mark.parametrize(
    ("result", "detected", "false"),
    [
        pytest.param("####......", 1, 0, id="all"),
        pytest.param("##........", 1, 0, id="half of the landslide"),
        pytest.param("#.........", 0, 0, id="a quarter of it: missed, and not false"),
        pytest.param("#.#.......", 1, 0, id="half of it, in two parts"),
        pytest.param("..####....", 1, 0, id="half of the object lies on it"),
        pytest.param("..#####...", 1, 1, id="two of five pixels lie on it: detected and false"),
        pytest.param("...###....", 0, 1, id="a quarter, and a third of the object"),
        pytest.param("......##.#", 0, 2, id="beside it"),
    ],
)
def test_half_of_its_pixels_decides(result: str, detected: int, false: int) -> None:
    label = mask("####......")
    counts = count_objects(mask(result), label, everywhere(label))
    assert counts.landslides[0] == 1
    assert counts.detected[0] == detected
    assert counts.false == false


def test_one_object_may_detect_several_landslides() -> None:
    label, result = mask("##.##..#"), mask("#####...")
    counts = count_objects(result, label, everywhere(label))
    assert (counts.landslides[0], counts.detected[0]) == (3, 2)
    assert (counts.found, counts.false) == (1, 0)


def test_pixels_not_counted_belong_to_no_object() -> None:
    label = mask("#####.###")
    result = mask("###......")
    counted = mask("##.##.#..")
    counts = count_objects(result, label, counted)
    assert counts.landslides[0] == 3  # cut in two by what is not counted, and the one on the right
    assert counts.detected[0] == 1
    assert (counts.found, counts.false, counts.searched_px) == (1, 0, 5)


@pytest.mark.parametrize(
    ("side", "size_class"),
    [
        ((1, 1), 0),
        ((9, 11), 0),
        ((10, 10), 1),
        ((19, 21), 1),
        ((20, 20), 2),
        ((40, 40), 3),
        ((79, 81), 3),
        ((80, 80), 4),
    ],
)
def test_size_classes_begin_where_they_say(side: tuple[int, int], size_class: int) -> None:
    label = np.zeros((90, 90), dtype=bool)
    label[3 : 3 + side[0], 2 : 2 + side[1]] = True
    counts = count_objects(label, label, everywhere(label))
    assert counts.landslides == counts.detected
    assert counts.landslides == tuple(int(at == size_class) for at in range(len(SIZES_PX)))


def test_the_last_size_class_has_no_end() -> None:
    assert size_classes_px()[:2] == [(1, 100), (100, 400)]
    assert size_classes_px()[-1] == (6400, None)


@given(label=FLAGS, result=FLAGS, counted=FLAGS)
def test_sums_agree_with_a_search_by_hand(
    label: NDArray[np.bool_], result: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> None:
    counts = count_objects(result, label, counted)
    known, found = objects_by_hand(label & counted), objects_by_hand(result & counted)
    known_px, found_px = set().union(*known), set().union(*found)
    assert sum(counts.landslides) == len(known)
    assert counts.found == len(found)
    assert sum(counts.detected) == sum(len(one & found_px) >= len(one) / 2 for one in known)
    assert counts.false == sum(len(one & known_px) < len(one) / 2 for one in found)


def objects_by_hand(pixels: NDArray[np.bool_]) -> list[set[tuple[int, int]]]:
    """Return connected pixels, by spreading from one to the next."""
    left = {(int(row), int(col)) for row, col in zip(*np.nonzero(pixels), strict=True)}
    objects = []
    while left:
        spread, one = [left.pop()], set()
        while spread:
            row, col = spread.pop()
            one.add((row, col))
            near = {(row + down, col + right) for down in (-1, 0, 1) for right in (-1, 0, 1)} & left
            left -= near
            spread += near
        objects.append(one)
    return objects


def test_tiles_add_up() -> None:
    label, result = mask("##.#"), mask("##..")
    one = count_objects(result, label, everywhere(label))
    assert one + one + ObjectCounts() == ObjectCounts(
        landslides=(4, 0, 0, 0, 0),
        detected=(2, 0, 0, 0, 0),
        found_by_size=(2, 0, 0, 0, 0),
        searched_px=8,
    )


def test_objects_of_the_result_are_counted_by_their_own_size() -> None:
    result = np.zeros((40, 60), dtype=np.bool_)
    result[:10, :10] = True  # 100 px, half of it on a landslide of 50
    result[:10, 20:60] = True  # 400 px, beside it
    result[20:31, :9] = True  # 99 px, beside it
    label = np.zeros_like(result)
    label[:10, :5] = True
    counts = count_objects(result, label, everywhere(label))
    assert counts.landslides == counts.detected == (1, 0, 0, 0, 0)
    assert counts.found_by_size == (1, 1, 1, 0, 0)
    assert counts.false_by_size == (1, 0, 1, 0, 0)
    assert (counts.found, counts.false) == (3, 2)


def test_areas() -> None:
    assert area_m2(100, 2.0) == 400
    assert searched_km2(500_000, 2.0) == pytest.approx(2.0)


def test_maxima_of_objects_that_are_right() -> None:
    probability = np.array(
        [
            [0.6, 0.9, 0.0, 0.7, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0],
            [0.8, 0.5, 0.5, 0.0, 0.95],
        ]
    )
    landslide = mask(
        "##...",
        ".....",
        "#....",
    )
    counted = mask(
        "#####",
        "#####",
        "##.##",
    )
    # (0, 0) is right; (0, 3) and (2, 4) are false; of (2, 0) half of what is counted is right
    found = right_object_maxima(probability, 0.5, landslide, counted)
    assert found.tolist() == [0.9, 0.8]


def test_sizes_of_objects_that_no_edge_cuts() -> None:
    label = mask(
        "##....",
        "..#...",
        "....#.",
        "...#..",
        "......",
    )
    assert whole_object_sizes(label).tolist() == [2]
    assert whole_object_sizes(everywhere(label)).tolist() == []
