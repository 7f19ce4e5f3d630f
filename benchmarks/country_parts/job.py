"""What a job consists of: scenes, machines, and how they are shared out; nothing is drawn here."""

import math
from dataclasses import dataclass

from landslip.inference.plan import WindowPlan

FILE_BLOCK_PX = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneForm:
    """Scenes of one size and plan.

    Attributes:
        plan: of the windows.
        bytes_per_px: of the scene's file, compressed, all bands.
    """

    plan: WindowPlan
    bytes_per_px: float

    @property
    def px(self) -> int:
        """Pixels of a scene."""
        return self.plan.shape[0] * self.plan.shape[1]

    @property
    def window_px(self) -> int:
        """Pixels of a window."""
        return self.plan.window[0] * self.plan.window[1]

    @property
    def windows(self) -> int:
        """How many windows a scene has."""
        return math.prod(self.plan.count)

    def row_px(self, row: int) -> int:
        """Return how many pixels are done once a row of windows is."""
        first, end = self.plan.finished_rows(row)
        return max(end - first, 0) * self.plan.shape[1]

    def read_bytes(self, first: int, count: int) -> float:
        """Return what is read of the file for consecutive windows: whole blocks, each once."""
        cols = self.plan.count[1]
        total = 0
        while count > 0:
            row, col = divmod(first, cols)
            here = min(count, cols - col)
            start = self.plan.window_at(row, col)
            last = self.plan.window_at(row, col + here - 1)
            height = _in_blocks(start.row_off, start.row_off + start.height, self.plan.shape[0])
            width = _in_blocks(start.col_off, last.col_off + last.width, self.plan.shape[1])
            total += height * width
            first, count = first + here, count - here
        return total * self.bytes_per_px


def _in_blocks(begin: int, end: int, length: int) -> int:
    first = max(begin, 0) // FILE_BLOCK_PX * FILE_BLOCK_PX
    return min(math.ceil(min(end, length) / FILE_BLOCK_PX) * FILE_BLOCK_PX, length) - first


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine that computes windows.

    Attributes:
        px_per_s: of windows, on all its cores.
        streams: windows that are computed at once.
        start_s: from its start until it computes.
        bytes_per_s: that its network takes.
        spread: standard deviation of the logarithm of machines' speeds.
        jitter: the same of blocks on one machine.
    """

    px_per_s: float
    streams: int
    start_s: float
    bytes_per_s: float
    spread: float = 0.0
    jitter: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """The process that gives windows out and finishes scenes.

    Attributes:
        scenes_at_once: that it has open.
        row_s_per_px, end_s_per_px: of finishing, on one core.
        cores_busy: how many cores finishing keeps busy.
        open_s: until a scene's windows can be given out.
        switch_s: what a worker takes to turn to another scene.
        start_s: of the process.
        check_s: for each finished scene after a restart.
        is_local: whether it is the machine's own process, which reads ahead over a whole scene.
    """

    scenes_at_once: int
    row_s_per_px: float
    end_s_per_px: float
    cores_busy: float
    open_s: float = 0.0
    switch_s: float = 0.0
    start_s: float = 0.0
    check_s: float = 0.0
    is_local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """How long machines and drivers last, on average, in seconds; infinite is never dying.

    Attributes:
        replaced_s: until another machine has been begun in a dead one's place.
        driver_back_s: until a dead driver is started again.
    """

    machine_s: float = math.inf
    replaced_s: float = 180.0
    driver_s: float = math.inf
    driver_back_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All of a job.

    Attributes:
        scenes: how many.
        machines: in all; a share of them belongs to each driver.
        drivers: each has a list of scenes of its own.
        store_bytes_per_s: what the store of the scenes gives to all machines together.
        seed: of speeds and failures.
    """

    form: SceneForm
    scenes: int
    machines: int
    machine: Machine
    drivers: int
    driver: Driver
    store_bytes_per_s: float
    failures: Failures = Failures()
    seed: int = 0
