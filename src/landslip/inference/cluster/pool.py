"""Gives the windows of scenes to workers, and takes back what those leave who die."""

import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from landslip.core.errors import LandslipError
from landslip.inference.cluster.crew import Block, Crew, Member, nodes_alive
from landslip.inference.cluster.scene import SceneJob, SceneWork
from landslip.inference.cluster.session import first_line
from landslip.inference.cluster.shares import block_size
from landslip.inference.pipeline import WindowIndex, WindowResult

_BLOCKS_EACH = 2
_LOOK_EVERY_S = 2.0
_LONGEST_WAIT_S = 600.0
_TICK_S = 0.1


class Pool:
    """Workers that several scenes share; a thread of its own looks after them.

    Scenes that are begun earlier go first.
    """

    def __init__(self, crew: Crew) -> None:
        """Begin the workers.

        Args:
            crew: that nobody else uses.
        """
        self._crew = crew
        self._scenes: list[SceneWork] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._looked_s = -_LOOK_EVERY_S
        self._last_ready_s = time.monotonic()
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="cluster", daemon=True)
        self._thread.start()

    def computed(self, job: SceneJob, todo: Sequence[WindowIndex]) -> Generator[WindowResult]:
        """Have windows computed; yield each once it is in the store, in any order.

        Several threads may ask at once.

        Raises:
            LandslipError: what a worker says that the user can mend, or workers die of a window.
        """
        scene = SceneWork(job, todo)
        with self._lock:
            if self.failure is not None:
                raise self.failure
            self._scenes.append(scene)
        try:
            for _ in todo:
                found = scene.results.get()
                if isinstance(found, Exception):
                    raise found
                yield found
        finally:
            self._drop(scene)

    def close(self) -> None:
        """End the workers; who waits for windows is told so."""
        self._closing.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            while not self._closing.is_set():
                self._look()
                self._hand_out()
                self._gather()
            self._fail(LandslipError("--ray: stopped; the same command goes on from here"))
        except Exception as error:
            self._fail(error)
        self._crew.dismiss()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = now
        for member in self._crew.look():
            self._lost(member, "its node has gone")
        if self._crew.ready:
            self._last_ready_s = now
        elif now - self._last_ready_s > _LONGEST_WAIT_S:
            raise LandslipError(
                f"--ray: no worker could begin within {_LONGEST_WAIT_S:.0f} s; see in `ray status` "
                "whether the cluster has cores that are free"
            )

    def _hand_out(self) -> None:
        ready = self._crew.ready
        for depth in range(_BLOCKS_EACH):
            for member in ready:
                if len(member.blocks) <= depth and (scene := self._next_scene()) is not None:
                    _give(member, scene, len(ready))

    def _next_scene(self) -> SceneWork | None:
        with self._lock:
            return next((scene for scene in self._scenes if scene.waiting), None)

    def _gather(self) -> None:
        """Take what has come from workers, or wait a little."""
        import ray

        sources: dict[Any, Member] = {}
        for member in self._crew.members:
            if member.opening is not None:
                sources[member.opening] = member
            elif member.blocks:
                sources[member.blocks[0].results] = member
        if not sources:
            time.sleep(_TICK_S)
            return
        came, _ = ray.wait(list(sources), num_returns=1, timeout=_TICK_S)
        for source in came:
            self._take(sources[source])

    def _take(self, member: Member) -> None:
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            if member.opening is not None:
                self._crew.opened(member, ray.get(member.opening))
            else:
                self._take_window(member)
        except RayTaskError as error:  # a fault of the program
            if member.opening is not None:
                raise
            self._end(member.blocks[0].scene, error)
        except RayError as error:
            self._lost(member, first_line(error))

    def _take_window(self, member: Member) -> None:
        import ray

        block = member.blocks[0]
        try:
            found: WindowResult | Exception = ray.get(next(block.results))
        except StopIteration:
            member.blocks.popleft()
            return
        if isinstance(found, Exception):
            self._end(block.scene, found)
            return
        block.places.remove(found.place)
        # clocks of machines differ
        block.scene.done(replace(found, began_s=time.monotonic() + found.began_s))

    def _lost(self, member: Member, cause: str) -> None:
        """Give what a worker has left to others."""
        blocks = list(member.blocks)
        for block in reversed(blocks[1:]):
            block.scene.give_back(block.places)
        if blocks:
            self._give_back_running(blocks[0], member.node_id)
        self._crew.lost(member, cause)
        self._looked_s -= _LOOK_EVERY_S  # another may begin at once

    def _give_back_running(self, block: Block, node_id: str) -> None:
        if all(node.node_id != node_id for node in nodes_alive()):
            block.scene.give_back(block.places)  # the node has gone, whatever was computed there
            return
        try:
            block.scene.give_back_suspects(block.places)
        except LandslipError as error:
            self._end(block.scene, error)

    def _end(self, scene: SceneWork, error: Exception) -> None:
        self._drop(scene)
        scene.failed(error)

    def _drop(self, scene: SceneWork) -> None:
        with self._lock:
            if scene in self._scenes:
                self._scenes.remove(scene)

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self.failure = error
            for scene in self._scenes:
                scene.failed(error)
            self._scenes.clear()


def _give(member: Member, scene: SceneWork, workers: int) -> None:
    streams = min(member.streams, scene.job.streams)
    places = scene.take(block_size(scene.waiting, workers, streams))
    results = member.actor.compute.remote(scene.job, places)
    member.blocks.append(Block(scene=scene, places=places, results=results))
