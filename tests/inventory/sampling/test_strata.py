import numpy as np
import pytest

from landslip.core.choices import BufferSide
from landslip.inventory.sampling.strata import OUTSIDE, MapPixels, Stratification


def row_of(landslide: str, searched: str | None = None) -> MapPixels:
    """Return a map of one row: ``x`` is landslide; of ``searched``, ``.`` is not."""
    return MapPixels(
        landslide=np.array([[one == "x" for one in landslide]]),
        searched=np.array([[one == "s" for one in searched or "s" * len(landslide)]]),
    )


@pytest.mark.parametrize(
    ("side", "reach_m", "expected"),
    [
        (BufferSide.BOTH, 1.0, "1111220022111"),
        (BufferSide.BOTH, 2.9, "1111220022111"),
        (BufferSide.BOTH, 3.0, "1112222222211"),
        (BufferSide.OUTSIDE, 1.0, "1111200002111"),
        (BufferSide.OUTSIDE, 3.0, "1112200002211"),
    ],
)
def test_the_buffer_reaches_from_the_edge(side: BufferSide, reach_m: float, expected: str) -> None:
    # centres of pixels of 2 m are 1, 3, ... m from the edge
    codes = Stratification(buffer_m=reach_m, side=side).codes(row_of("_____xxxx____"), (2.0, 2.0))
    assert "".join(map(str, codes[0])) == expected


def test_where_data_end_is_no_edge() -> None:
    pixels = row_of("xxxx____", "ssss.sss")
    codes = Stratification(buffer_m=1.0, side=BufferSide.BOTH).codes(pixels, (2.0, 2.0))
    np.testing.assert_array_equal(codes[0], [0, 0, 0, 0, OUTSIDE, 1, 1, 1])


def test_pixels_that_are_wider_than_high_have_their_own_reach() -> None:
    landslide = np.zeros((5, 5), dtype=bool)
    landslide[2, 2] = True
    pixels = MapPixels(landslide=landslide, searched=np.ones_like(landslide))
    codes = Stratification(buffer_m=2.0, side=BufferSide.OUTSIDE).codes(pixels, (1.0, 4.0))
    assert codes[:, 2].tolist() == [2, 2, 0, 2, 2]
    assert codes[2].tolist() == [1, 2, 0, 2, 1]


def test_classes_of_probability_divide_both_classes() -> None:
    pixels = MapPixels(
        landslide=np.array([[False, False, True, True]]),
        searched=np.ones((1, 4), dtype=bool),
        probability=np.array([[0.05, 0.1, 0.5, 0.9]], dtype=np.float32),
    )
    found = Stratification(buffer_m=None, side=BufferSide.BOTH, limits=(0.1, 0.6))
    assert found.strata[3:] == [
        ("background", 0.0, 0.1),
        ("background", 0.1, 0.6),
        ("background", 0.6, 1.0),
    ]
    np.testing.assert_array_equal(found.codes(pixels, (1.0, 1.0))[0], [3, 4, 1, 2])


def test_a_map_of_one_class_has_no_edge() -> None:
    found = Stratification(buffer_m=9.0, side=BufferSide.BOTH)
    assert (found.codes(row_of("____"), (1.0, 1.0)) == 1).all()
    assert (found.codes(row_of("xxxx"), (1.0, 1.0)) == 0).all()
