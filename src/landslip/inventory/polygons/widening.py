"""Rings widened or narrowed until they enclose an area."""

import numpy as np
from numpy.typing import NDArray

from landslip.inventory.polygons.rings import shifted
from landslip.inventory.polygons.thinning import Chain


def widened(
    chain: Chain, areas: NDArray[np.float64], limit_px: float
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Move loose points square to each ring, all by one distance, so that it has its area."""
    rings = chain.rings
    sizes = np.diff(rings)
    outward = _normals(chain.places, rings) * chain.loose
    # near 0, so that products keep their digits
    places = chain.places - np.repeat(chain.places[rings[:-1]], sizes)
    missing = signed_areas(places, rings) - areas
    linear = _half_cross_sum(places, outward, rings) + _half_cross_sum(outward, places, rings)
    square = _half_cross_sum(outward, outward, rings)
    root = np.sqrt(np.maximum(linear**2 - 4 * square * missing, 0))
    below = linear + np.copysign(root, linear)
    distance = np.divide(-2 * missing, below, out=np.zeros(len(below)), where=below != 0)
    distance = np.clip(distance, -limit_px, limit_px)
    return chain.places + outward * np.repeat(distance, sizes), distance


def _normals(places: NDArray[np.complex128], rings: NDArray[np.int64]) -> NDArray[np.complex128]:
    """Return the unit vector square to the line at each point; 0 where there is none."""
    along = shifted(places, rings, 1) - places
    unit = _units(along)
    return -1j * _units(unit + shifted(unit, rings, -1))


def _units(vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
    length = np.abs(vectors)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-12)


def signed_areas(places: NDArray[np.complex128], rings: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what rings enclose; negative where they turn from rows to columns."""
    near = places - np.repeat(places[rings[:-1]], np.diff(rings))
    return _half_cross_sum(near, near, rings)


def _half_cross_sum(
    first: NDArray[np.complex128], second: NDArray[np.complex128], rings: NDArray[np.int64]
) -> NDArray[np.float64]:
    following = shifted(second, rings, 1)
    cross = first.real * following.imag - first.imag * following.real
    sums: NDArray[np.float64] = np.add.reduceat(cross, rings[:-1]) / 2
    return sums
