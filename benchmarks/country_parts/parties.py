"""Those who take part in a simulated job: scenes, machines, drivers, and the store."""

import math
from collections import deque
from dataclasses import dataclass, field

from country_parts.job import SceneForm


@dataclass(slots=True)
class Link:
    """Bandwidth that is given out in the order in which it is asked for."""

    bytes_per_s: float
    free_s: float = 0.0
    busy_s: float = 0.0

    def take(self, now: float, amount: float) -> float:
        """Return when an amount has come through."""
        needed = amount / self.bytes_per_s
        self.free_s = max(self.free_s, now) + needed
        self.busy_s += needed
        return self.free_s


@dataclass(slots=True, eq=False)
class OpenScene:
    """A scene that its driver has open.

    Attributes:
        waiting: (first, count) of windows that nobody has been given.
        left: windows that are not there yet, a row.
        next_row: that is to be finished.
        in_line: whether the driver has work of it in line.
    """

    waiting: deque[tuple[int, int]]
    left: list[int]
    next_row: int = 0
    in_line: bool = False

    @classmethod
    def whole(cls, form: SceneForm) -> "OpenScene":
        """Return a scene of which nothing has been computed."""
        rows, cols = form.plan.count
        return cls(waiting=deque([(0, form.windows)]), left=[cols] * rows)

    @property
    def windows_waiting(self) -> int:
        """How many windows nobody has been given."""
        return sum(count for _, count in self.waiting)

    def take(self, most: int) -> tuple[int, int]:
        """Take consecutive windows out: (first, count)."""
        first, count = self.waiting.popleft()
        if count > most:
            self.waiting.appendleft((first + most, count - most))
        return first, min(count, most)

    def stored(self, first: int, count: int, cols: int) -> None:
        """Note that windows are there."""
        while count > 0:
            row, col = divmod(first, cols)
            here = min(count, cols - col)
            self.left[row] -= here
            first, count = first + here, count - here

    @property
    def row_is_there(self) -> bool:
        """Whether the next row can be finished."""
        return self.next_row < len(self.left) and self.left[self.next_row] == 0


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive windows of a scene."""

    scene: OpenScene
    first: int
    count: int


@dataclass(slots=True, eq=False)
class Worker:
    """A machine; ``life`` counts how often it was begun.

    Attributes:
        blocks: that it has been given; it is at work on the first.
        began_s, computing_s: when the first block's network began, and how long it takes.
    """

    crew: "Crew"
    px_per_s: float
    link: Link
    life: int = 0
    there: bool = True
    ready: bool = False
    blocks: deque[Block] = field(default_factory=deque)
    scene: OpenScene | None = None
    began_s: float = 0.0
    computing_s: float = 0.0


@dataclass(slots=True, eq=False)
class Crew:
    """A driver with its machines and scenes.

    Attributes:
        to_come: scenes that are not open yet.
        opening: scenes that are being opened.
        line: work of the driver that waits: a scene, and seconds.
        at_work: whether a piece of it is being done.
        life: how often the driver was begun.
        ready: how many machines can be given work.
    """

    to_come: int
    workers: list[Worker] = field(default_factory=list)
    scenes: list[OpenScene] = field(default_factory=list)
    opening: int = 0
    finished: int = 0
    line: deque[tuple[OpenScene | None, float]] = field(default_factory=deque)
    at_work: bool = False
    life: int = 0
    alive: bool = True
    ready: int = 0

    @property
    def is_done(self) -> bool:
        """Whether all of its scenes are finished."""
        return not self.to_come and not self.opening and not self.scenes


@dataclass(slots=True)
class Tally:
    """Where the time went, in seconds of all machines together.

    Attributes:
        seconds: until the last scene was finished.
        computed_s: computing what was kept.
        lost_s: computing what was lost.
        waited_s: for the first pixels of blocks, and to turn to other scenes.
        starting_s: starting machines.
        alive_s: that machines were there.
        driver_s: finishing, of all drivers.
        read_bytes: of scenes.
        deaths: of machines.
    """

    seconds: float = 0.0
    computed_s: float = 0.0
    lost_s: float = 0.0
    waited_s: float = 0.0
    starting_s: float = 0.0
    alive_s: float = 0.0
    driver_s: float = 0.0
    store_s: float = 0.0
    read_bytes: float = 0.0
    deaths: int = 0
    driver_deaths: int = 0
    windows: int = 0

    @property
    def lost_share(self) -> float:
        """Share of all computing that was lost."""
        return self.lost_s / max(self.lost_s + self.computed_s, math.ulp(0))
