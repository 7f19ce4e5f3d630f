"""Plays a job through, event by event: the scheduling of `landslip extract --ray`.

Scenes of a driver are open a few at a time; those opened earlier go first. A machine has at most
two blocks of windows; the sizes of blocks are those that landslip itself gives out. The first
windows of a block are read before anything is computed, the others meanwhile. Of a machine that
dies, windows that are stored stay, and the others are given out again. The driver finishes rows of
windows in order, and rasters and polygons once the last row is there; one that was killed begins
every open scene's finishing from the top.

Left out: traffic of probabilities (about a hundredth of what is read), latency of messages, failed
requests, and all that fails for a reason other than a machine's death.
"""

import heapq
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from country_parts.job import Job
from country_parts.parties import Block, Crew, Link, OpenScene, Tally, Worker
from landslip.inference.cluster.pool import block_size

_BLOCKS_EACH = 2


def simulate(job: Job) -> Tally:
    """Return how a job goes."""
    return _Play(job).to_the_end()


class _Play:
    def __init__(self, job: Job) -> None:
        self._job, self._form, self._driver = job, job.form, job.driver
        # apart, so that jobs with and without failures have the same machines
        self._speeds, self._jitters, self._deaths = (
            np.random.default_rng((job.seed, n)) for n in range(3)
        )
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = itertools.count()
        self._now = 0.0
        self._store = Link(job.store_bytes_per_s)
        self._tally = Tally()
        self._cols = job.form.plan.count[1]
        self._row_s = [
            job.form.row_px(row) * job.driver.row_s_per_px for row in range(job.form.plan.count[0])
        ]
        self._read_bytes: dict[tuple[int, int], float] = {}
        self._crews = [Crew(len(range(n, job.scenes, job.drivers))) for n in range(job.drivers)]
        for crew in self._crews:
            self._begin_driver(crew)
        for n in range(job.machines):
            self._add_worker(self._crews[n % job.drivers])
        self._at_work = sum(not crew.is_done for crew in self._crews)

    def to_the_end(self) -> Tally:
        while self._at_work:
            self._now, _, event, args = heapq.heappop(self._events)
            event(*args)
        self._tally.seconds = self._now
        self._tally.store_s = self._store.busy_s
        return self._tally

    def _after(self, seconds: float, event: Callable[..., None], *args: object) -> None:
        at = self._now + seconds
        heapq.heappush(self._events, (at, next(self._number), event, args))

    # Machines

    def _add_worker(self, crew: Crew) -> None:
        machine = self._job.machine
        speed = machine.px_per_s * _varied(self._speeds, machine.spread)
        worker = Worker(crew, speed, Link(machine.bytes_per_s))
        crew.workers.append(worker)
        self._start(worker)
        self._expect_death(worker)

    def _expect_death(self, worker: Worker) -> None:
        if math.isfinite(self._job.failures.machine_s):
            lasts = float(self._deaths.exponential(self._job.failures.machine_s))
            self._after(lasts, self._died, worker)

    def _start(self, worker: Worker) -> None:
        self._tally.starting_s += self._job.machine.start_s
        self._after(self._job.machine.start_s, self._is_ready, worker, worker.life)

    def _is_ready(self, worker: Worker, life: int) -> None:
        if worker.life == life and worker.crew.alive:
            worker.ready = True
            worker.crew.ready += 1
            self._feed(worker.crew, [worker])

    def _died(self, worker: Worker) -> None:
        if worker.crew.is_done:
            return
        self._tally.deaths += 1
        self._stop(worker)
        worker.there = False
        self._after(self._job.failures.replaced_s, self._replaced, worker)
        self._tally.alive_s -= self._job.failures.replaced_s
        self._feed(worker.crew, worker.crew.workers)

    def _replaced(self, worker: Worker) -> None:
        worker.there = True
        if worker.crew.alive:
            self._start(worker)
        self._expect_death(worker)

    def _stop(self, worker: Worker) -> None:
        """End a machine's work: what is stored stays, the rest goes back."""
        if worker.blocks:
            self._keep_part(worker, worker.blocks.popleft())
        for block in worker.blocks:
            block.scene.waiting.appendleft((block.first, block.count))
        worker.blocks.clear()
        worker.crew.ready -= worker.ready
        worker.scene, worker.ready = None, False
        worker.life += 1

    def _keep_part(self, worker: Worker, block: Block) -> None:
        streams = self._job.machine.streams
        spent = max(0.0, self._now - worker.began_s)
        share = min(1.0, spent / worker.computing_s)
        kept = min(int(math.ceil(block.count / streams) * share) * streams, block.count)
        kept_s = worker.computing_s * kept / block.count
        self._tally.computed_s += kept_s
        self._tally.lost_s += max(0.0, spent - kept_s)
        self._take_in(worker.crew, Block(block.scene, block.first, kept))
        if kept < block.count:
            block.scene.waiting.appendleft((block.first + kept, block.count - kept))

    # Blocks of windows

    def _feed(self, crew: Crew, workers: list[Worker]) -> None:
        if not crew.alive:
            return
        for depth in range(_BLOCKS_EACH):
            for worker in workers:
                if not worker.ready or len(worker.blocks) > depth:
                    continue
                scene = next((scene for scene in crew.scenes if scene.waiting), None)
                if scene is None:
                    return
                self._give(worker, scene)

    def _give(self, worker: Worker, scene: OpenScene) -> None:
        waiting = scene.windows_waiting
        streams = self._job.machine.streams
        size = block_size(waiting, worker.crew.ready, streams)
        if self._driver.is_local:
            size = math.ceil(self._cols / streams) * streams
        worker.blocks.append(Block(scene, *scene.take(size)))
        if len(worker.blocks) == 1:
            self._begin_block(worker)

    def _begin_block(self, worker: Worker) -> None:
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
        px = rounds * streams * self._form.window_px
        jitter = _varied(self._jitters, self._job.machine.jitter)
        if goes_on and self._driver.is_local:
            ahead = begin  # these were read while the block before was computed
        worker.began_s, worker.computing_s = ahead, px / worker.px_per_s * jitter
        end = max(ahead + worker.computing_s, rest)
        self._tally.waited_s += end - self._now - worker.computing_s
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
        self._tally.read_bytes += amount
        return max(
            worker.link.take(self._now, amount),
            self._store.take(self._now, amount),
            begin + amount / self._job.machine.bytes_per_s,
        )

    def _bytes_of(self, first: int, count: int) -> float:
        if (first, count) not in self._read_bytes:
            self._read_bytes[first, count] = self._form.read_bytes(first, count)
        return self._read_bytes[first, count]

    def _block_done(self, worker: Worker, life: int) -> None:
        if worker.life != life:
            return
        block = worker.blocks.popleft()
        self._tally.computed_s += worker.computing_s
        self._take_in(worker.crew, block)
        if worker.blocks:
            self._begin_block(worker)
        self._feed(worker.crew, [worker])

    def _take_in(self, crew: Crew, block: Block) -> None:
        self._tally.windows += block.count
        block.scene.stored(block.first, block.count, self._cols)
        self._line_up(crew, block.scene)

    # Drivers

    def _begin_driver(self, crew: Crew) -> None:
        self._open_scenes(crew)
        if math.isfinite(self._job.failures.driver_s):
            lasts = float(self._deaths.exponential(self._job.failures.driver_s))
            self._after(lasts, self._driver_died, crew, crew.life)

    def _open_scenes(self, crew: Crew) -> None:
        room = self._driver.scenes_at_once - len(crew.scenes) - crew.opening
        for _ in range(min(room, crew.to_come)):
            crew.to_come -= 1
            crew.opening += 1
            self._after(self._driver.open_s, self._opened, crew, crew.life)

    def _opened(self, crew: Crew, life: int) -> None:
        if crew.life != life:
            return
        crew.opening -= 1
        crew.scenes.append(OpenScene.whole(self._form))
        self._feed(crew, crew.workers)

    def _line_up(self, crew: Crew, scene: OpenScene) -> None:
        """Put a row of a scene into the driver's line, or its end, if that is due."""
        if scene.in_line or not crew.alive:
            return
        if scene.row_is_there:
            seconds = self._row_s[scene.next_row]
        elif scene.next_row == len(scene.left):
            seconds = self._form.px * self._driver.end_s_per_px
        else:
            return
        scene.in_line = True
        crew.line.append((scene, seconds))
        self._finish_next(crew)

    def _finish_next(self, crew: Crew) -> None:
        if crew.line and not crew.at_work:
            scene, seconds = crew.line.popleft()
            crew.at_work = True
            self._tally.driver_s += seconds
            self._after(seconds / self._driver.cores_busy, self._ended, crew, crew.life, scene)

    def _ended(self, crew: Crew, life: int, scene: OpenScene) -> None:
        if crew.life != life:
            return
        crew.at_work = False
        scene.in_line = False
        if scene.next_row < len(scene.left):
            scene.next_row += 1
            self._line_up(crew, scene)
        else:
            crew.scenes.remove(scene)
            crew.finished += 1
            self._open_scenes(crew)
            if crew.is_done:
                self._at_work -= 1
                self._tally.alive_s += self._now * len(crew.workers)
        self._finish_next(crew)

    def _driver_died(self, crew: Crew, life: int) -> None:
        if crew.life != life or crew.is_done:
            return
        self._tally.driver_deaths += 1
        crew.life += 1
        for worker in crew.workers:
            self._stop(worker)
        crew.alive = False
        crew.to_come += crew.opening
        crew.opening, crew.at_work = 0, False
        crew.line.clear()
        for scene in crew.scenes:
            scene.next_row, scene.in_line = 0, False
        checking = crew.finished * self._driver.check_s / self._driver.scenes_at_once
        back = self._job.failures.driver_back_s + self._driver.start_s + checking
        self._after(back, self._driver_back, crew)

    def _driver_back(self, crew: Crew) -> None:
        crew.alive = True
        for worker in crew.workers:
            if worker.there:
                self._start(worker)
        self._begin_driver(crew)
        for scene in crew.scenes:
            self._line_up(crew, scene)


def _varied(generator: np.random.Generator, spread: float) -> float:
    """Draw a factor whose mean is 1."""
    return math.exp(generator.normal(-(spread**2) / 2, spread)) if spread else 1.0
