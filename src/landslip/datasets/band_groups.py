"""Which bands of a tile are of which source, and how directions turn with an image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.bands import BEFORE, TERRAIN_UNITS, Bands, Radiometry
from landslip.core.errors import InputError

DIRECTIONS = ("eastness", "northness")

Matrix = NDArray[np.float64]
"""(2, 2) of pixel coordinates (x right, y down), from an image to the turned image."""
MIRROR, FLIP = np.diag([-1.0, 1.0]), np.diag([1.0, -1.0])
"""Left to right, and upside down."""
TRANSPOSE = np.array([[0.0, 1.0], [1.0, 0.0]])
QUARTER_TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])
"""Counter-clockwise, as `numpy.rot90` turns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandGroups:
    """Positions of bands by their source: the scene's own, those of another date, and terrain.

    ``directions`` are those of eastness and northness, which turn with the image; None without.
    """

    own: tuple[int, ...]
    before: tuple[int, ...]
    terrain: tuple[int, ...]
    directions: tuple[int, int] | None

    @classmethod
    def of(cls, bands: Bands) -> "BandGroups":
        """Return the groups of bands.

        Raises:
            InputError: there is only one of eastness and northness.
        """
        names = list(enumerate(bands))
        before = tuple(at for at, name in names if name.startswith(BEFORE))
        terrain = tuple(at for at, name in names if name in TERRAIN_UNITS)
        own = tuple(at for at, _ in names if at not in (*before, *terrain))
        return cls(own=own, before=before, terrain=terrain, directions=directions_of(bands))

    @property
    def auxiliary(self) -> tuple[tuple[int, ...], ...]:
        """The groups besides the own bands that there are."""
        return tuple(group for group in (self.before, self.terrain) if group)


def directions_of(bands: Bands) -> tuple[int, int] | None:
    """Return the positions of eastness and northness; None where there are none.

    Raises:
        InputError: there is only one of them.
    """
    found = [name for name in DIRECTIONS if name in bands.names]
    if not found:
        return None
    if len(found) < len(DIRECTIONS):
        raise InputError(
            f"{' and '.join(DIRECTIONS)} are the two parts of one direction, which turns with the "
            f"image; got {bands}: take both or none"
        )
    east, north = (bands.names.index(name) for name in DIRECTIONS)
    return east, north


def turned(
    image: NDArray[np.float32], directions: tuple[int, int] | None, matrix: Matrix
) -> NDArray[np.float32]:
    """Return a normalised image (..., bands, height, width) whose directions are turned.

    Their places are not: turn the image too. North is where rows come from.
    """
    if directions is None:
        return image
    east, north = directions
    x, y = image[..., east, :, :], -image[..., north, :, :]
    found = image.copy()
    found[..., east, :, :] = matrix[0, 0] * x + matrix[0, 1] * y
    found[..., north, :, :] = -(matrix[1, 0] * x + matrix[1, 1] * y)
    return found


def turned_stored(
    stored: NDArray[Any],
    radiometry: Radiometry,
    directions: tuple[int, int] | None,
    matrix: Matrix,
) -> NDArray[Any]:
    """Do the same with stored numbers (bands, height, width)."""
    if directions is None:
        return stored
    return _changed_directions(
        stored, radiometry, directions, lambda values: turned(values, (0, 1), matrix)
    )


def _changed_directions(
    stored: NDArray[Any],
    radiometry: Radiometry,
    directions: tuple[int, int],
    change: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> NDArray[Any]:
    """Return stored numbers of which the values (2, height, width) of directions are changed."""
    own = radiometry.select(directions)
    values = change(own.values(stored[list(directions)]))
    found = stored.copy()
    for at, value, band in zip(directions, values, own.each(len(directions)), strict=True):
        found[at] = band.stored(value, stored.dtype.name)
    return found


def flip_matrix(version: int) -> Matrix:
    """Return how variant ``version % 8`` turns: mirrored first from 4 on, then quarter turns."""
    turns: Matrix = np.linalg.matrix_power(QUARTER_TURN, version % 4)
    return turns @ MIRROR if version % 8 >= 4 else turns


@dataclass(frozen=True, slots=True)
class MirroredSide:
    """Places along a side that is mirrored at both its ends, the last pixel repeated first.

    Attributes:
        index: (n,) of the pixels that are there, from 0.
        is_mirrored: (n,) whether they are there in reverse order.
    """

    index: NDArray[np.intp]
    is_mirrored: NDArray[np.bool_]

    @classmethod
    def of(cls, start: int, length: int, side: int) -> "MirroredSide":
        """Return ``length`` places from ``start`` of ``side`` pixels."""
        folded = np.arange(start, start + length) % (2 * side)
        is_mirrored = folded >= side
        return cls(np.where(is_mirrored, 2 * side - 1 - folded, folded), is_mirrored)


def mirrored(
    image: NDArray[np.float32],
    rows: MirroredSide,
    cols: MirroredSide,
    directions: tuple[int, int] | None,
) -> NDArray[np.float32]:
    """Return places of a normalised image (bands, height, width); directions are mirrored too."""
    found = image[:, rows.index[:, None], cols.index]
    if directions is not None:
        found = _with_signs(found, directions, rows, cols)
    return found


def mirrored_stored(
    stored: NDArray[Any],
    radiometry: Radiometry,
    rows: MirroredSide,
    cols: MirroredSide,
    directions: tuple[int, int] | None,
) -> NDArray[Any]:
    """Do the same with stored numbers (bands, height, width)."""
    found = stored[:, rows.index[:, None], cols.index]
    if directions is None:
        return found
    return _changed_directions(
        found, radiometry, directions, lambda values: _with_signs(values, (0, 1), rows, cols)
    )


def _with_signs(
    image: NDArray[np.float32],
    directions: tuple[int, int],
    rows: MirroredSide,
    cols: MirroredSide,
) -> NDArray[np.float32]:
    east, north = directions
    found = image.copy()
    found[east] *= np.where(cols.is_mirrored, np.float32(-1), np.float32(1))
    found[north] *= np.where(rows.is_mirrored, np.float32(-1), np.float32(1))[:, None]
    return found
