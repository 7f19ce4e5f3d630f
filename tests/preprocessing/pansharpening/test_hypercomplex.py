import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.preprocessing.pansharpening.hypercomplex import (
    as_numbers,
    conjugate,
    modulus_squared,
    product,
)


def unit(at: int) -> NDArray[np.float64]:
    number = np.zeros(4)
    number[at] = 1
    return number


def test_two_parts_are_complex_numbers() -> None:
    generator = np.random.default_rng(0)
    left, right = generator.normal(size=(2, 2, 50))
    expected = (left[0] + 1j * left[1]) * (right[0] + 1j * right[1])
    assert np.allclose(product(left, right), [expected.real, expected.imag])


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [(1, 2, unit(3)), (2, 3, unit(1)), (3, 1, unit(2)), (2, 1, -unit(3)), (1, 1, -unit(0))],
    ids=["ij=k", "jk=i", "ki=j", "ji=-k", "ii=-1"],
)
def test_four_parts_are_hamiltons(left: int, right: int, expected: NDArray[np.float64]) -> None:
    assert np.array_equal(product(unit(left), unit(right)), expected)


@pytest.mark.parametrize("parts", [1, 2, 4, 8])
def test_moduli_multiply_up_to_octonions(parts: int) -> None:
    left, right = np.random.default_rng(1).normal(size=(2, parts, 30))
    whole = modulus_squared(product(left, right))
    assert np.allclose(whole, modulus_squared(left) * modulus_squared(right))


@pytest.mark.parametrize("parts", [1, 2, 4, 8, 16])
def test_a_number_times_its_conjugate_is_its_squared_modulus(parts: int) -> None:
    number = np.random.default_rng(2).normal(size=(parts, 30))
    whole = product(number, conjugate(number))
    assert np.allclose(whole[0], modulus_squared(number))
    assert np.allclose(whole[1:], 0)


@pytest.mark.parametrize(("bands", "parts"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (8, 8)])
def test_bands_are_filled_up_to_a_power_of_two(bands: int, parts: int) -> None:
    numbers = as_numbers(np.ones((bands, 3)))
    assert numbers.shape == (parts, 3)
    assert numbers.sum() == 3 * bands
