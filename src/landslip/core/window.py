"""Integer windows into a scene, and tilings of it; no pixel is read here."""

from collections.abc import Iterator
from dataclasses import dataclass

from landslip.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of pixels; it may reach outside the scene."""

    col_off: int
    row_off: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise InputError(f"a window is at least 1 x 1 px; got {self.width} x {self.height}")

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def row_end(self) -> int:
        """One past the last row."""
        return self.row_off + self.height

    @property
    def col_end(self) -> int:
        """One past the last column."""
        return self.col_off + self.width

    def clipped(self, shape: tuple[int, int]) -> "Window | None":
        """Return the part inside a raster of ``shape``, or None where there is none."""
        row, col = max(self.row_off, 0), max(self.col_off, 0)
        height, width = min(self.row_end, shape[0]) - row, min(self.col_end, shape[1]) - col
        return Window(col, row, width, height) if height > 0 and width > 0 else None

    def slices_in(self, outer: "Window") -> tuple[slice, slice]:
        """Return the (rows, columns) slices of this window in an array that covers ``outer``."""
        row, col = self.row_off - outer.row_off, self.col_off - outer.col_off
        return slice(row, row + self.height), slice(col, col + self.width)

    def translated(self, cols: int, rows: int) -> "Window":
        """Return the window translated by whole pixels."""
        return Window(self.col_off + cols, self.row_off + rows, self.width, self.height)

    def scaled(self, times: int) -> "Window":
        """Return the window of the same ground on pixels a ``times``-th as wide."""
        return Window(
            *(times * value for value in (self.col_off, self.row_off, self.width, self.height))
        )

    def padded(self, margin: int) -> "Window":
        """Return the window with a margin on each side."""
        return Window(
            self.col_off - margin,
            self.row_off - margin,
            self.width + 2 * margin,
            self.height + 2 * margin,
        )

    def __str__(self) -> str:
        return f"column {self.col_off}, row {self.row_off}, {self.width} x {self.height} px"


def tile_windows(
    shape: tuple[int, int], tile: int, corner: tuple[int, int] = (0, 0)
) -> Iterator[Window]:
    """Cover a raster of ``shape`` with squares that touch and never overlap, row by row.

    The squares at the edge may reach past it. ``corner`` is a (row, col) where corners of squares
    meet; it may be outside.
    """
    first_row, first_col = (place % tile for place in corner)
    for row in range(first_row - tile if first_row else 0, shape[0], tile):
        for col in range(first_col - tile if first_col else 0, shape[1], tile):
            yield Window(col, row, tile, tile)
