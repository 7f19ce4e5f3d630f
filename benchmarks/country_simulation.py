"""Simulates a job on many machines event by event, with the scheduling of `landslip extract`.

Scenes of a driver are open a few at a time; earlier ones go first. A machine has at most two blocks
of windows, sized by landslip's own function. The first windows of a block are read before anything
is computed, the others meanwhile. When a machine dies, its stored windows stay and the others are
assigned again. The driver postprocesses rows in order, then rasters and polygons; one that was
killed starts the postprocessing of its open scenes again.
"""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from landslip.inference.plan import WindowPlan
from landslip.inference.ray.pool import block_size

FILE_BLOCK_PX = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSpec:
    """Scenes of one size and plan."""

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
class MachineSpec:
    """A machine that computes windows."""

    px_per_s: float
    streams: int
    start_s: float
    bytes_per_s: float
    spread: float = 0.0
    jitter: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSpec:
    """The process that gives windows out and finishes scenes."""

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
class FailureRates:
    """How long machines and drivers last, on average, in seconds; infinite is never dying."""

    machine_s: float = math.inf
    replaced_s: float = 180.0
    driver_s: float = math.inf
    driver_back_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedJob:
    """All of a job."""

    scene_spec: SceneSpec
    scenes: int
    machines: int
    machine: MachineSpec
    drivers: int
    driver: DriverSpec
    store_bytes_per_s: float
    failures: FailureRates = FailureRates()
    seed: int = 0


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
    """A scene that its driver has open."""

    waiting: deque[tuple[int, int]]
    left: list[int]
    next_row: int = 0
    is_queued: bool = False

    @classmethod
    def whole(cls, scene_spec: SceneSpec) -> "OpenScene":
        """Return a scene of which nothing has been computed."""
        rows, cols = scene_spec.plan.count
        return cls(waiting=deque([(0, scene_spec.windows)]), left=[cols] * rows)

    @property
    def waiting_windows(self) -> int:
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
    def row_is_complete(self) -> bool:
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
    """A machine; ``life`` counts how often it was begun."""

    cluster: "Cluster"
    px_per_s: float
    link: Link
    life: int = 0
    there: bool = True
    ready: bool = False
    blocks: deque[Block] = field(default_factory=deque)
    scene: OpenScene | None = None
    started_s: float = 0.0
    computing_s: float = 0.0


@dataclass(slots=True, eq=False)
class Cluster:
    """A driver with its machines and scenes."""

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
class TimeTotals:
    """Where the time went, in seconds of all machines together."""

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
    def lost_fraction(self) -> float:
        """Share of all computing that was lost."""
        return self.lost_s / max(self.lost_s + self.computed_s, math.ulp(0))


_BLOCKS_EACH = 2


def simulate(job: SimulatedJob) -> TimeTotals:
    """Return how a job goes."""
    return _Simulation(job).run()


class _Simulation:
    def __init__(self, job: SimulatedJob) -> None:
        self._job, self._scene, self._driver = job, job.scene_spec, job.driver
        # apart, so that jobs with and without failures have the same machines
        self._speeds, self._jitters, self._deaths = (
            np.random.default_rng((job.seed, n)) for n in range(3)
        )
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = itertools.count()
        self._now = 0.0
        self._store = Link(job.store_bytes_per_s)
        self._totals = TimeTotals()
        self._cols = job.scene_spec.plan.count[1]
        self._row_s = [
            job.scene_spec.row_px(row) * job.driver.row_s_per_px
            for row in range(job.scene_spec.plan.count[0])
        ]
        self._read_bytes: dict[tuple[int, int], float] = {}
        self._clusters = [
            Cluster(len(range(n, job.scenes, job.drivers))) for n in range(job.drivers)
        ]
        for cluster in self._clusters:
            self._start_driver(cluster)
        for n in range(job.machines):
            self._add_worker(self._clusters[n % job.drivers])
        self._at_work = sum(not cluster.is_done for cluster in self._clusters)

    def run(self) -> TimeTotals:
        while self._at_work:
            self._now, _, event, args = heapq.heappop(self._events)
            event(*args)
        self._totals.seconds = self._now
        self._totals.store_s = self._store.busy_s
        return self._totals

    def _after(self, seconds: float, event: Callable[..., None], *args: object) -> None:
        at = self._now + seconds
        heapq.heappush(self._events, (at, next(self._number), event, args))

    # Machines

    def _add_worker(self, cluster: Cluster) -> None:
        machine = self._job.machine
        speed = machine.px_per_s * _vary(self._speeds, machine.spread)
        worker = Worker(cluster, speed, Link(machine.bytes_per_s))
        cluster.workers.append(worker)
        self._start(worker)
        self._expect_death(worker)

    def _expect_death(self, worker: Worker) -> None:
        if math.isfinite(self._job.failures.machine_s):
            lasts = float(self._deaths.exponential(self._job.failures.machine_s))
            self._after(lasts, self._died, worker)

    def _start(self, worker: Worker) -> None:
        self._totals.starting_s += self._job.machine.start_s
        self._after(self._job.machine.start_s, self._is_ready, worker, worker.life)

    def _is_ready(self, worker: Worker, life: int) -> None:
        if worker.life == life and worker.cluster.alive:
            worker.ready = True
            worker.cluster.ready += 1
            self._assign_blocks(worker.cluster, [worker])

    def _died(self, worker: Worker) -> None:
        if worker.cluster.is_done:
            return
        self._totals.deaths += 1
        self._stop(worker)
        worker.there = False
        self._after(self._job.failures.replaced_s, self._replaced, worker)
        self._totals.alive_s -= self._job.failures.replaced_s
        self._assign_blocks(worker.cluster, worker.cluster.workers)

    def _replaced(self, worker: Worker) -> None:
        worker.there = True
        if worker.cluster.alive:
            self._start(worker)
        self._expect_death(worker)

    def _stop(self, worker: Worker) -> None:
        """End a machine's work: what is stored stays, the rest goes back."""
        if worker.blocks:
            self._keep_stored(worker, worker.blocks.popleft())
        for block in worker.blocks:
            block.scene.waiting.appendleft((block.first, block.count))
        worker.blocks.clear()
        worker.cluster.ready -= worker.ready
        worker.scene, worker.ready = None, False
        worker.life += 1

    def _keep_stored(self, worker: Worker, block: Block) -> None:
        streams = self._job.machine.streams
        spent = max(0.0, self._now - worker.started_s)
        share = min(1.0, spent / worker.computing_s)
        kept = min(int(math.ceil(block.count / streams) * share) * streams, block.count)
        kept_s = worker.computing_s * kept / block.count
        self._totals.computed_s += kept_s
        self._totals.lost_s += max(0.0, spent - kept_s)
        self._store_block(worker.cluster, Block(block.scene, block.first, kept))
        if kept < block.count:
            block.scene.waiting.appendleft((block.first + kept, block.count - kept))

    # Blocks of windows

    def _assign_blocks(self, cluster: Cluster, workers: list[Worker]) -> None:
        if not cluster.alive:
            return
        for depth in range(_BLOCKS_EACH):
            for worker in workers:
                if not worker.ready or len(worker.blocks) > depth:
                    continue
                scene = next((scene for scene in cluster.scenes if scene.waiting), None)
                if scene is None:
                    return
                self._assign(worker, scene)

    def _assign(self, worker: Worker, scene: OpenScene) -> None:
        waiting = scene.waiting_windows
        streams = self._job.machine.streams
        size = block_size(waiting, worker.cluster.ready, streams)
        if self._driver.is_local:
            size = math.ceil(self._cols / streams) * streams
        worker.blocks.append(Block(scene, *scene.take(size)))
        if len(worker.blocks) == 1:
            self._start_block(worker)

    def _start_block(self, worker: Worker) -> None:
        block, streams = worker.blocks[0], self._job.machine.streams
        goes_on = worker.scene is block.scene
        switching = 0.0 if goes_on else self._driver.switch_s
        worker.scene = block.scene
        begin = self._now + switching
        ahead = self._read(worker, begin, block.first, min(streams, block.count))
        rest = self._read(
            worker, begin, block.first + streams, block.count - streams, already=block
        )
        rounds = math.ceil(block.count / streams)
        px = rounds * streams * self._scene.window_px
        jitter = _vary(self._jitters, self._job.machine.jitter)
        if goes_on and self._driver.is_local:
            ahead = begin  # these were read while the block before was computed
        worker.started_s, worker.computing_s = ahead, px / worker.px_per_s * jitter
        end = max(ahead + worker.computing_s, rest)
        self._totals.waited_s += end - self._now - worker.computing_s
        self._after(end - self._now, self._block_done, worker, worker.life)

    def _read(
        self, worker: Worker, begin: float, first: int, count: int, already: Block | None = None
    ) -> float:
        """Return when windows have been read; what was read for a block before is not again."""
        if count <= 0:
            return begin
        amount = self._bytes_of(first, count)
        if already is not None:
            ahead = already.count - count
            whole = self._bytes_of(already.first, already.count)
            amount = whole - self._bytes_of(already.first, ahead)
        self._totals.read_bytes += amount
        return max(
            worker.link.take(self._now, amount),
            self._store.take(self._now, amount),
            begin + amount / self._job.machine.bytes_per_s,
        )

    def _bytes_of(self, first: int, count: int) -> float:
        if (first, count) not in self._read_bytes:
            self._read_bytes[first, count] = self._scene.read_bytes(first, count)
        return self._read_bytes[first, count]

    def _block_done(self, worker: Worker, life: int) -> None:
        if worker.life != life:
            return
        block = worker.blocks.popleft()
        self._totals.computed_s += worker.computing_s
        self._store_block(worker.cluster, block)
        if worker.blocks:
            self._start_block(worker)
        self._assign_blocks(worker.cluster, [worker])

    def _store_block(self, cluster: Cluster, block: Block) -> None:
        self._totals.windows += block.count
        block.scene.stored(block.first, block.count, self._cols)
        self._queue_row(cluster, block.scene)

    # Drivers

    def _start_driver(self, cluster: Cluster) -> None:
        self._open_scenes(cluster)
        if math.isfinite(self._job.failures.driver_s):
            lasts = float(self._deaths.exponential(self._job.failures.driver_s))
            self._after(lasts, self._driver_died, cluster, cluster.life)

    def _open_scenes(self, cluster: Cluster) -> None:
        room = self._driver.scenes_at_once - len(cluster.scenes) - cluster.opening
        for _ in range(min(room, cluster.to_come)):
            cluster.to_come -= 1
            cluster.opening += 1
            self._after(self._driver.open_s, self._opened, cluster, cluster.life)

    def _opened(self, cluster: Cluster, life: int) -> None:
        if cluster.life != life:
            return
        cluster.opening -= 1
        cluster.scenes.append(OpenScene.whole(self._scene))
        self._assign_blocks(cluster, cluster.workers)

    def _queue_row(self, cluster: Cluster, scene: OpenScene) -> None:
        """Put a row of a scene into the driver's line, or its end, if that is due."""
        if scene.is_queued or not cluster.alive:
            return
        if scene.row_is_complete:
            seconds = self._row_s[scene.next_row]
        elif scene.next_row == len(scene.left):
            seconds = self._scene.px * self._driver.end_s_per_px
        else:
            return
        scene.is_queued = True
        cluster.line.append((scene, seconds))
        self._finish_next(cluster)

    def _finish_next(self, cluster: Cluster) -> None:
        if cluster.line and not cluster.at_work:
            scene, seconds = cluster.line.popleft()
            cluster.at_work = True
            self._totals.driver_s += seconds
            self._after(
                seconds / self._driver.cores_busy, self._ended, cluster, cluster.life, scene
            )

    def _ended(self, cluster: Cluster, life: int, scene: OpenScene) -> None:
        if cluster.life != life:
            return
        cluster.at_work = False
        scene.is_queued = False
        if scene.next_row < len(scene.left):
            scene.next_row += 1
            self._queue_row(cluster, scene)
        else:
            cluster.scenes.remove(scene)
            cluster.finished += 1
            self._open_scenes(cluster)
            if cluster.is_done:
                self._at_work -= 1
                self._totals.alive_s += self._now * len(cluster.workers)
        self._finish_next(cluster)

    def _driver_died(self, cluster: Cluster, life: int) -> None:
        if cluster.life != life or cluster.is_done:
            return
        self._totals.driver_deaths += 1
        cluster.life += 1
        for worker in cluster.workers:
            self._stop(worker)
        cluster.alive = False
        cluster.to_come += cluster.opening
        cluster.opening, cluster.at_work = 0, False
        cluster.line.clear()
        for scene in cluster.scenes:
            scene.next_row, scene.is_queued = 0, False
        checking = cluster.finished * self._driver.check_s / self._driver.scenes_at_once
        back = self._job.failures.driver_back_s + self._driver.start_s + checking
        self._after(back, self._driver_back, cluster)

    def _driver_back(self, cluster: Cluster) -> None:
        cluster.alive = True
        for worker in cluster.workers:
            if worker.there:
                self._start(worker)
        self._start_driver(cluster)
        for scene in cluster.scenes:
            self._queue_row(cluster, scene)


def _vary(generator: np.random.Generator, spread: float) -> float:
    """Draw a factor whose mean is 1."""
    return math.exp(generator.normal(-(spread**2) / 2, spread)) if spread else 1.0
