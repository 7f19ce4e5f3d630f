"""Windows of a training tile's size, spread over a scene or a larger tile."""

from collections.abc import Iterator

import numpy as np

from landslip.core.window import Window

_STEPS = (0.7548776662466927, 0.5698402909980532)  # 1 / p and 1 / p**2, p**3 = p + 1


def pieces(shape: tuple[int, int], side: int) -> list[list[Window]]:
    """Return rows of squares that cover a raster of ``shape`` and overlap as little as they can.

    Of a raster smaller than a square they reach past its lower and right edge.
    """
    rows, cols = (_offsets(length, side) for length in shape)
    return [[Window(col, row, side, side) for col in cols] for row in rows]


def spread_pieces(shape: tuple[int, int], side: int, most: int) -> Iterator[Window]:
    """Yield at most ``most`` of the squares of a raster, the first few of them already spread.

    In the order of the additive recurrence R2, of low discrepancy in two dimensions.
    """
    rows, cols = (_offsets(length, side) for length in shape)
    most = min(most, len(rows) * len(cols))
    seen: set[tuple[int, int]] = set()
    at = 0
    while len(seen) < most:
        row = rows[int((0.5 + at * _STEPS[0]) % 1 * len(rows))]
        col = cols[int((0.5 + at * _STEPS[1]) % 1 * len(cols))]
        at += 1
        if (row, col) not in seen:
            seen.add((row, col))
            yield Window(col, row, side, side)


def _offsets(length: int, side: int) -> list[int]:
    count = max(1, -(-length // side))
    return [int(at) for at in np.linspace(0, max(0, length - side), count).round()]
