"""Which windows a scene is read in; no pixel is read here."""

from collections.abc import Iterator
from dataclasses import dataclass

from landslip.dataset.batches import padded_shape
from landslip.errors import InputError
from landslip.window import Window, overlapping_offsets


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Square windows that overlap, in rows from top to bottom.

    Attributes:
        shape: of the scene.
        tile: side of each window in pixels.
        overlap: how far neighbours overlap, an even number.
        row_offs: the rows where windows begin; the first ones lie before the scene.
        col_offs: the same for columns.
    """

    shape: tuple[int, int]
    tile: int
    overlap: int
    row_offs: tuple[int, ...]
    col_offs: tuple[int, ...]

    def row_windows(self, row_off: int) -> Iterator[Window]:
        """Yield the windows of one row, from left to right."""
        for col_off in self.col_offs:
            yield Window(col_off, row_off, self.tile, self.tile)

    def finished_rows(self, row_off: int) -> tuple[int, int]:
        """Return the (first, end) rows of the scene that no later row of windows touches."""
        is_last = row_off == self.row_offs[-1]
        end = self.shape[0] if is_last else row_off + self.tile - self.overlap
        return max(row_off, 0), min(end, self.shape[0])


def plan_windows(shape: tuple[int, int], *, tile: int, overlap: int, multiple: int) -> Plan:
    """Plan windows of at most ``tile`` pixels; small scenes get windows no larger than needed.

    Raises:
        InputError: tile or overlap cannot be used.
    """
    if tile % multiple or tile < multiple:
        raise InputError(f"--tile is a multiple of {multiple} for this model; got {tile}")
    if overlap % 2 or not 0 <= overlap <= tile // 2:
        raise InputError(
            f"--overlap is an even number of pixels up to half of --tile; got {overlap} of {tile}"
        )
    largest = max(max(shape) + overlap, 2 * overlap)
    tile = min(tile, padded_shape((largest, largest), multiple)[0])
    rows, cols = (tuple(overlapping_offsets(side, tile, overlap)) for side in shape)
    return Plan(shape=shape, tile=tile, overlap=overlap, row_offs=rows, col_offs=cols)
