import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from landslip.core.errors import InputError
from landslip.core.image_correction import ImageCorrection

POINTS = np.array([[0.0, 0.0], [1000.0, 0.0], [0.0, 1000.0], [-300.0, 700.0]])
SHIFTS = st.floats(-500, 500)
SLOPES = st.floats(-0.2, 0.2)


@st.composite
def corrections(draw: st.DrawFn) -> ImageCorrection:
    a, b, d, e = (draw(SLOPES) for _ in range(4))
    assume(abs((1 + a) * (1 + e) - b * d) > 0.1)
    return ImageCorrection(coefficients=(1 + a, b, draw(SHIFTS), d, 1 + e, draw(SHIFTS)))


@given(corrections())
def test_undo_undoes_apply(one: ImageCorrection) -> None:
    np.testing.assert_allclose(one.undo(one.apply(POINTS)), POINTS, atol=1e-8)
    np.testing.assert_allclose(one.apply(one.undo(POINTS)), POINTS, atol=1e-8)


@given(corrections(), corrections())
def test_then_is_one_after_the_other(first: ImageCorrection, second: ImageCorrection) -> None:
    expected = second.apply(first.apply(POINTS))
    np.testing.assert_allclose(first.then(second).apply(POINTS), expected, atol=1e-7)


@given(corrections(), corrections(), corrections())
def test_order_of_joining_does_not_matter(
    one: ImageCorrection, two: ImageCorrection, three: ImageCorrection
) -> None:
    left, right = one.then(two).then(three), one.then(two.then(three))
    np.testing.assert_allclose(left.coefficients, right.coefficients, atol=1e-7)


def test_by_hand() -> None:
    """col' = 2 col + 3 row + 5, row' = -1 col + 4 row + 7 at (10, 100)."""
    one = ImageCorrection(coefficients=(2, 3, 5, -1, 4, 7))
    assert one.apply(np.array([[10.0, 100.0]])).tolist() == [[325.0, 397.0]]


def test_a_shift_moves_columns_by_its_first_number() -> None:
    moved = ImageCorrection.shift(3.5, -2.0).apply(np.array([[10.0, 20.0]]))
    assert moved.tolist() == [[13.5, 18.0]]
    assert not ImageCorrection.shift(3.5, -2.0).is_identity
    assert ImageCorrection().is_identity
    assert ImageCorrection.shift(3.5, -2.0).then(ImageCorrection.shift(-3.5, 2.0)).is_identity


@pytest.mark.parametrize(
    "coefficients",
    [(1, 1, 0, 1, 1, 0), (0, 0, 0, 0, 0, 0), (1, 0, np.nan, 0, 1, 0), (1, 0, np.inf, 0, 1, 0)],
)
def test_what_cannot_be_undone_is_refused(coefficients: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="a correction in image space is finite and reversible"):
        ImageCorrection(coefficients=coefficients)  # type: ignore[arg-type]
