"""The windows that a scene is read in; no pixel is read here."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from landslip.core.errors import InputError, argument
from landslip.core.window import Window
from landslip.models.engines.base import EngineCosts

if TYPE_CHECKING:  # windows are planned on machines without a raster library, too
    from landslip.core.grid import Grid

_SMALLEST_SIDE, _LARGEST_SIDE = 256, 4096
BAND_PX = 4 * 2**20
_SCRATCH_BYTES_PER_BAND_PX = 24
_ROW_BYTES_PER_PX = 3  # finished rows: blended, being written, and their mask
_LONGEST_WINDOW_S = 60.0
_READ_PX_PER_S = _FINISHED_PX_PER_S = 60e6
_SMALLEST_CACHE = 32 * 2**20
_ROUNDING = 0.293  # no simple fraction: origins are often half or a quarter of a pixel off


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPlan:
    """Overlapping windows of one shape, in rows from top to bottom.

    Attributes:
        shape: (height, width) of the scene.
        window: (height, width) of each window in pixels.
        overlap: of neighbours, in pixels.
        corner: (row, col) where the first window starts, at or before the scene's corner.
    """

    shape: tuple[int, int]
    window: tuple[int, int]
    overlap: int
    corner: tuple[int, int]

    @property
    def row_offs(self) -> range:
        """The rows where windows start."""
        return self._offsets(0)

    @property
    def col_offs(self) -> range:
        """The columns where windows start."""
        return self._offsets(1)

    @property
    def count(self) -> tuple[int, int]:
        """(rows, columns) of windows."""
        return len(self.row_offs), len(self.col_offs)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield the index (row, col) of all windows in the order they are computed."""
        rows, cols = self.count
        return ((row, col) for row in range(rows) for col in range(cols))

    def window_at(self, row: int, col: int) -> Window:
        """Return the window with an index; it may extend beyond the scene."""
        height, width = self.window
        return Window(self.col_offs[col], self.row_offs[row], width, height)

    def finished_rows(self, row: int) -> tuple[int, int]:
        """Return the (first, end) rows of the scene that are final after this row of windows."""
        offset, height = self.row_offs[row], self.window[0]
        is_last = row == self.count[0] - 1
        end = self.shape[0] if is_last else offset + height - self.overlap
        return max(offset, 0), min(end, self.shape[0])

    def _offsets(self, axis: int) -> range:
        first, side, length = self.corner[axis], self.window[axis], self.shape[axis]
        if first + side >= length:
            return range(first, first + 1)
        step = side - self.overlap
        count = math.ceil((length - first - self.overlap) / step)
        return range(first, first + count * step, step)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCosts(EngineCosts):
    """What windows cost: an engine, the libraries beside it, and reading for it."""

    reading_bytes_per_px: float
    seconds_per_window: float = 0.01

    def window_seconds(self, window: tuple[int, int]) -> float:
        """Return the seconds that a stream takes for a window (height, width).

        Of a window of ``cached_px`` half of what the layers hand on comes from the processor's
        cache, of larger ones less.
        """
        px = window[0] * window[1]
        uncached_px = px * px / (px + self.cached_px)
        return self.seconds_per_window + px / self.px_per_s + uncached_px * self.uncached_s_per_px


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLayout:
    """The blocks (height, width) of a scene's file, each read whole; bytes are of all bands."""

    block: tuple[int, int]
    bytes_per_px: int

    def cache_bytes(self, plan: WindowPlan) -> int:
        """Return the size of a cache with which no block is read twice for a row of windows.

        Where blocks are as wide as the scene (strips), it holds all strips under a row of windows,
        otherwise the blocks under a window.
        """
        height, width = plan.window
        rows, cols = self.block
        scene_height, scene_width = plan.shape
        cached_cols = scene_width if cols > width else min(width + 2 * cols, scene_width + cols)
        cached_rows = min(height + 2 * rows, scene_height + rows)
        return max(_SMALLEST_CACHE, cached_rows * cached_cols * self.bytes_per_px)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """Everything a plan is made from; lengths in pixels.

    Windows start at ``corner`` (row, col); their sides and overlap are multiples of ``multiple``.
    They may be asked to be ``square``.
    """

    shape: tuple[int, int]
    corner: tuple[int, int]
    multiple: int
    overlap: int
    memory_bytes: int
    costs: WindowCosts
    blocks: BlockLayout
    side: int | None = None
    square: bool = False

    def __post_init__(self) -> None:
        if self.overlap % self.multiple or self.overlap < 0:
            raise InputError(
                f"{argument('overlap')} must be a multiple of {self.multiple} for this model; "
                f"got {self.overlap}"
            )
        if self.side is None:
            return
        if self.side % self.multiple or self.side < self.multiple:
            raise InputError(
                f"{argument('tile')} must be a multiple of {self.multiple} for this model; "
                f"got {self.side}"
            )
        if self.side < 2 * self.overlap:
            raise InputError(
                f"{argument('overlap')} must be at most half of {argument('tile')}; "
                f"got {self.overlap} of {self.side}"
            )


def plan_windows(request: PlanRequest) -> WindowPlan:
    """Choose the windows that take the least time within the memory.

    Large windows lose less to their overlaps, small ones stay in the cache. The sides are such
    that little of the last windows is outside the scene, that all streams are busy to the end, and
    that a crash loses at most a minute. The same request gives the same plan; nothing is measured.

    Raises:
        InputError: tile or overlap cannot be used, or the memory is too small for any window.
    """
    candidates = [
        WindowPlan(
            shape=request.shape,
            window=window,
            overlap=request.overlap,
            corner=request.corner,
        )
        for window in _windows(request)
    ]
    fitting = [plan for plan in candidates if memory_of(plan, request) <= request.memory_bytes]
    if not fitting:
        needed = min(memory_of(plan, request) for plan in candidates)
        stated = "" if request.side is None else f" with {argument('tile', request.side)}"
        raise InputError(
            f"{argument('memory')}: this scene and model need about {_mib(needed)} MiB{stated}; "
            f"got {_mib(request.memory_bytes)} MiB"
        )
    longest = request.costs.px_per_s * _LONGEST_WINDOW_S
    short = [plan for plan in fitting if plan.window[0] * plan.window[1] <= longest]
    return min(short or fitting, key=lambda plan: (seconds_of(plan, request.costs), plan.window))


def memory_of(plan: WindowPlan, request: PlanRequest) -> int:
    """Return the estimated peak memory, in bytes, of an extraction with this plan."""
    costs = request.costs
    px = plan.window[0] * plan.window[1]
    width = plan.shape[1]
    computing = costs.streams * costs.computing_bytes_per_px * px
    reading = (costs.streams + costs.readers) * costs.reading_bytes_per_px * px
    postprocessing = _ROW_BYTES_PER_PX * width * plan.window[0] + (
        _SCRATCH_BYTES_PER_BAND_PX * max(BAND_PX, width)
    )
    cache = request.blocks.cache_bytes(plan)
    return int(costs.resident_bytes + computing + reading + postprocessing + cache)


def seconds_of(plan: WindowPlan, costs: WindowCosts) -> float:
    """Return the estimated seconds of an extraction with this plan.

    Reading the first windows and postprocessing the last row do not overlap with the network.
    """
    rows, cols = plan.count
    height, width = plan.window
    rounds = math.ceil(rows * cols / costs.streams)
    each = costs.window_seconds(plan.window)
    first = min(costs.streams, rows * cols) * height * width / _READ_PX_PER_S
    return first + rounds * each + height * plan.shape[1] / _FINISHED_PX_PER_S


def lattice_corner(grid: "Grid", multiple: int) -> tuple[int, int]:
    """Return the last (row, col) at or before a scene's corner on a lattice fixed to the map.

    The output of a network with strides changes when its input moves by a pixel. Windows that start
    every ``multiple`` pixels from the map's origin give the same result in every crop of a scene.
    """
    col, row = ~grid.transform @ (0.0, 0.0)
    first_row, first_col = (-(math.floor(_ROUNDING - origin) % multiple) for origin in (row, col))
    return first_row, first_col


def _windows(request: PlanRequest) -> list[tuple[int, int]]:
    """Return candidate shapes of windows."""
    rows, cols = _sides(request, 0), _sides(request, 1)
    if not request.square:
        return list(product(rows, cols))
    # a side that covers a narrow scene may be too short for the overlaps along it
    least = max(rows[0], cols[0])
    return [(side, side) for side in sorted({*rows, *cols}) if side >= least]


def _sides(request: PlanRequest, axis: int) -> list[int]:
    """Return candidate sides of windows along an axis."""
    multiple, overlap = request.multiple, request.overlap
    length = request.shape[axis] - request.corner[axis]
    whole = _up(length, multiple)
    if request.side is not None:
        return [min(request.side, max(whole, multiple))]
    smallest = max(_up(_SMALLEST_SIDE, multiple), 2 * overlap)
    if whole <= smallest:
        return [whole]
    sides = set()
    largest = max(_up(_LARGEST_SIDE, multiple), smallest)
    for side in range(smallest, min(largest, whole) + 1, multiple):
        count = max(1, math.ceil((length - overlap) / (side - overlap)))
        even = _up(math.ceil((length + (count - 1) * overlap) / count), multiple)
        sides.add(max(even, smallest))
    return sorted(sides)


def _up(length: int, multiple: int) -> int:
    return math.ceil(length / multiple) * multiple


def _mib(size: float) -> int:
    return math.ceil(size / 2**20)
