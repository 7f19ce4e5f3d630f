"""Rings with fewer points.

All sums are the same whichever way a ring turns, so what two rings share stays shared.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.inference.outlines import offsets
from landslip.inventory.polygons.rings import shifted

_LEAST_POINTS = 8  # half of them may go at once, and a ring needs four
_SCATTER = 0x5851F42D4C957F2D


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Points on closed rings from which some may be left out.

    Attributes:
        errors: how far what was left out lies from the side to the next point.
        tolerance: up to which a point may be left out.
        fixed: points that stay.
        loose: points that may be moved.
        shared: points that are on another ring too.
    """

    places: NDArray[np.complex128]
    keys: NDArray[np.int64]
    rings: NDArray[np.int64]
    errors: NDArray[np.float64]
    tolerance: NDArray[np.float64]
    fixed: NDArray[np.bool_]
    loose: NDArray[np.bool_]
    shared: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.places)


def thinned(chain: Chain) -> Chain:
    """Leave out points that the line from the one before to the one after comes near to."""
    while True:
        errors, leave = _to_leave_out(chain)
        if not leave.any():
            return chain
        before = shifted(leave, chain.rings, 1)
        merged = np.where(before, shifted(errors, chain.rings, 1), chain.errors)
        kept = ~leave
        count = np.add.reduceat(kept, chain.rings[:-1], dtype=np.int64)
        chain = Chain(
            places=chain.places[kept],
            keys=chain.keys[kept],
            rings=offsets(count),
            errors=merged[kept],
            tolerance=chain.tolerance[kept],
            fixed=chain.fixed[kept],
            loose=chain.loose[kept],
            shared=chain.shared[kept],
        )


def _to_leave_out(chain: Chain) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the error that leaving out each point makes, and which go: no two neighbours."""
    rings = chain.rings
    sizes = np.diff(rings)
    errors = _distance_to_chord(chain)
    errors += np.maximum(chain.errors, shifted(chain.errors, rings, -1))
    # how many points the other ring has left must not matter for what is shared
    enough = np.repeat(sizes >= _LEAST_POINTS, sizes) | chain.shared
    may = (errors <= chain.tolerance) & ~chain.fixed & enough
    # equal errors stand in an order that does not follow the ring
    rank = chain.keys * np.int64(_SCATTER)
    leave = may.copy()
    for side in (-1, 1):
        other, other_rank = shifted(errors, rings, side), shifted(rank, rings, side)
        first = (errors < other) | ((errors == other) & (rank < other_rank))
        leave &= first | ~shifted(may, rings, side)
    return errors, leave


def _distance_to_chord(chain: Chain) -> NDArray[np.float64]:
    """Return each point's distance from the line between its neighbours."""
    before, after = (shifted(chain.places, chain.rings, by) for by in (-1, 1))
    key_before, key_after = (shifted(chain.keys, chain.rings, by) for by in (-1, 1))
    # the same sums whichever way the ring turns
    turned = key_before > key_after
    start, end = np.where(turned, after, before), np.where(turned, before, after)
    along, to = end - start, chain.places - start
    square = along.real**2 + along.imag**2
    inner = to.real * along.real + to.imag * along.imag
    part = np.clip(np.divide(inner, square, out=np.zeros(len(chain)), where=square > 0), 0, 1)
    distance: NDArray[np.float64] = np.abs(to - part * along)
    return distance
