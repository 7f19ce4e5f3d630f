"""Hypercomplex numbers of 2^n parts: pixels as numbers, one part a band."""

import numpy as np
from numpy.typing import NDArray

Parts = NDArray[np.float64]


def as_numbers(bands: Parts) -> Parts:
    """Return bands (b, ...) with bands of 0 appended, so that their number is a power of 2."""
    wanted = 1 << (len(bands) - 1).bit_length()
    if wanted == len(bands):
        return bands
    return np.concatenate([bands, np.zeros((wanted - len(bands), *bands.shape[1:]))])


def conjugate(number: Parts) -> Parts:
    """Return the conjugate of (2^n, ...): all parts but the first change their sign."""
    return np.concatenate([number[:1], -number[1:]])


def product(left: Parts, right: Parts) -> Parts:
    """Multiply (2^n, ...) part-wise stored numbers by the Cayley-Dickson construction.

    ``(a, b)(c, d) = (a c - d* b, d a + b c*)``: real, complex, quaternion, octonion and further.
    """
    if len(left) == 1:
        return left * right
    half = len(left) // 2
    a, b, c, d = left[:half], left[half:], right[:half], right[half:]
    first = product(a, c) - product(conjugate(d), b)
    second = product(d, a) + product(b, conjugate(c))
    return np.concatenate([first, second])


def modulus_squared(number: Parts) -> Parts:
    """Return ``|z|^2`` of (2^n, ...)."""
    squared: Parts = np.sum(number**2, axis=0)
    return squared
