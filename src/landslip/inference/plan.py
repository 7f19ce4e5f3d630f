"""Which windows a scene is read in; no pixel is read here."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.window import Window

SMALLEST_SIDE, LARGEST_SIDE = 256, 4096
BAND_PX = 4 * 2**20
_SCRATCH_BYTES_PER_BAND_PX = 24
_BYTES_PER_LEFT_OUT_PX = 3  # finished rows: blended, being written, and their mask
_LONGEST_WINDOW_S = 60.0
_READ_PX_PER_S = _FINISHED_PX_PER_S = 60e6
_SMALLEST_CACHE = 32 * 2**20
_CLOSE_TO_ALIKE = 0.293  # no simple fraction: origins lie halves or quarters of a pixel off


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPlan:
    """Windows of one shape that overlap, in rows from top to bottom.

    Attributes:
        shape: of the scene.
        window: (height, width) of each window in pixels.
        overlap: how far neighbours overlap.
        corner: (row, col) where the first window begins; not inside the scene.
    """

    shape: tuple[int, int]
    window: tuple[int, int]
    overlap: int
    corner: tuple[int, int]

    @property
    def row_offs(self) -> range:
        """The rows where windows begin."""
        return self._offsets(0)

    @property
    def col_offs(self) -> range:
        """The columns where windows begin."""
        return self._offsets(1)

    @property
    def count(self) -> tuple[int, int]:
        """How many rows of windows there are, and how many windows in each."""
        return len(self.row_offs), len(self.col_offs)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield (row, col) of all windows, counted from 0, in the order they are computed."""
        rows, cols = self.count
        return ((row, col) for row in range(rows) for col in range(cols))

    def window_at(self, row: int, col: int) -> Window:
        """Return a window by its place; it may reach past the scene."""
        height, width = self.window
        return Window(self.col_offs[col], self.row_offs[row], width, height)

    def finished_rows(self, row: int) -> tuple[int, int]:
        """Return the (first, end) rows of the scene that are done once this row of windows is."""
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
class WindowCosts:
    """What windows cost on a machine: memory, and time as it was measured.

    Attributes:
        resident_bytes: what is held whatever the windows: libraries, weights.
        computing_bytes_per_px: of a window while it is computed.
        reading_bytes_per_px: of a window as it is read.
        streams: how many windows are computed at once.
        readers: how many are read at once.
        px_per_s: speed of one stream.
        seconds_per_window: what every window takes on top.
    """

    resident_bytes: int
    computing_bytes_per_px: float
    reading_bytes_per_px: float
    streams: int = 1
    readers: int = 1
    px_per_s: float = 1e6
    seconds_per_window: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockLayout:
    """How a file holds a scene: blocks that are read whole.

    Attributes:
        block: (height, width) of a block.
        bytes_per_px: of all bands.
    """

    block: tuple[int, int]
    bytes_per_px: int

    def cache_bytes(self, plan: WindowPlan) -> int:
        """Return how much of the file must be kept so that no block is read twice in a row.

        A block may be as wide as the scene (a strip); then all strips under a row of windows are
        kept until the row is done, else those under a window.
        """
        height, width = plan.window
        rows, cols = self.block
        scene_height, scene_width = plan.shape
        is_wide = cols > width
        reach = scene_width if is_wide else min(width + 2 * cols, scene_width + cols)
        kept = min(height + 2 * rows, scene_height + rows) * reach * self.bytes_per_px
        return max(_SMALLEST_CACHE, kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """All that a plan is made from.

    Attributes:
        shape: of the scene.
        corner: where windows begin at the earliest, see `lattice_corner`.
        multiple: sides and overlap of windows are multiples of this.
        overlap: how far neighbours overlap.
        memory_bytes: bound on all memory of the process.
        side: of windows, where the user states it.
    """

    shape: tuple[int, int]
    corner: tuple[int, int]
    multiple: int
    overlap: int
    memory_bytes: int
    costs: WindowCosts
    storage: BlockLayout
    side: int | None = None

    def __post_init__(self) -> None:
        if self.overlap % self.multiple or self.overlap < 0:
            raise InputError(
                f"--overlap is a multiple of {self.multiple} for this model; got {self.overlap}"
            )
        if self.side is None:
            return
        if self.side % self.multiple or self.side < self.multiple:
            raise InputError(
                f"--tile is a multiple of {self.multiple} for this model; got {self.side}"
            )
        if self.side < 2 * self.overlap:
            raise InputError(
                f"--overlap is at most half of --tile; got {self.overlap} of {self.side}"
            )


def plan_windows(request: PlanRequest) -> WindowPlan:
    """Choose the windows that take the least time within the memory.

    Large windows lose less to their overlaps; the sides are chosen so that little of the last ones
    lies beyond the scene, that all streams have work to the end, and that a crash loses at most a
    minute. The same request gives the same plan, and nothing is measured here.

    Raises:
        InputError: tile or overlap cannot be used, or the memory is too small for any window.
    """
    candidates = [
        WindowPlan(
            shape=request.shape,
            window=(height, width),
            overlap=request.overlap,
            corner=request.corner,
        )
        for height in _sides(request, 0)
        for width in _sides(request, 1)
    ]
    fitting = [plan for plan in candidates if memory_of(plan, request) <= request.memory_bytes]
    if not fitting:
        least = min(memory_of(plan, request) for plan in candidates)
        raise InputError(
            f"--memory: this scene and model need about {_mib(least)} MiB"
            f"{'' if request.side is None else f' with --tile {request.side}'}; "
            f"got {_mib(request.memory_bytes)} MiB"
        )
    longest = request.costs.px_per_s * _LONGEST_WINDOW_S
    short = [plan for plan in fitting if plan.window[0] * plan.window[1] <= longest]
    return min(short or fitting, key=lambda plan: (seconds_of(plan, request.costs), plan.window))


def memory_of(plan: WindowPlan, request: PlanRequest) -> int:
    """Return about how many bytes an extraction by this plan holds at most."""
    costs = request.costs
    px = plan.window[0] * plan.window[1]
    width = plan.shape[1]
    computing = costs.streams * costs.computing_bytes_per_px * px
    reading = (costs.streams + costs.readers) * costs.reading_bytes_per_px * px
    finishing = _BYTES_PER_LEFT_OUT_PX * width * plan.window[0] + (
        _SCRATCH_BYTES_PER_BAND_PX * max(BAND_PX, width)
    )
    return int(
        costs.resident_bytes + computing + reading + finishing + request.storage.cache_bytes(plan)
    )


def seconds_of(plan: WindowPlan, costs: WindowCosts) -> float:
    """Return about how long an extraction by this plan takes.

    The network waits for its first windows to be read, and is waited for no more when the last row
    is being finished.
    """
    rows, cols = plan.count
    height, width = plan.window
    rounds = math.ceil(rows * cols / costs.streams)
    each = costs.seconds_per_window + height * width / costs.px_per_s
    first = min(costs.streams, rows * cols) * height * width / _READ_PX_PER_S
    return first + rounds * each + height * plan.shape[1] / _FINISHED_PX_PER_S


def lattice_corner(grid: Grid, multiple: int) -> tuple[int, int]:
    """Return the last (row, col) at or before a scene's corner on a lattice fixed to the map.

    A network with strides sees a scene another way when it is moved by a pixel. Windows that begin
    on lines every ``multiple`` pixels from the map's own origin see the same ground the same way in
    every cut-out of a scene.
    """
    col, row = ~grid.transform @ (0.0, 0.0)
    return _before(row, multiple), _before(col, multiple)


def _before(origin: float, multiple: int) -> int:
    return -(math.floor(_CLOSE_TO_ALIKE - origin) % multiple)


def _sides(request: PlanRequest, axis: int) -> list[int]:
    """Return the sides of windows along an axis that are worth a thought."""
    multiple, overlap = request.multiple, request.overlap
    length = request.shape[axis] - request.corner[axis]
    whole = _up(length, multiple)
    if request.side is not None:
        return [min(request.side, max(whole, multiple))]
    smallest = max(_up(SMALLEST_SIDE, multiple), 2 * overlap)
    if whole <= smallest:
        return [whole]
    found = set()
    largest = max(_up(LARGEST_SIDE, multiple), smallest)
    for side in range(smallest, min(largest, whole) + 1, multiple):
        count = max(1, math.ceil((length - overlap) / (side - overlap)))
        even = _up(math.ceil((length + (count - 1) * overlap) / count), multiple)
        found.add(max(even, smallest))
    return sorted(found)


def _up(length: int, multiple: int) -> int:
    return math.ceil(length / multiple) * multiple


def _mib(size: float) -> int:
    return math.ceil(size / 2**20)
