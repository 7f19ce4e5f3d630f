"""Computes the windows of scenes in Ray tasks.

Ray schedules the tasks, retries them where a process or node dies, and uses nodes that join. Our
own part is what Ray lacks: windows are grouped into blocks that shrink towards the end, so that all
workers end together; no more tasks are submitted than ``workers`` may run; and a window that kills
its worker every time is found and named.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any

from landslip.core.choices import EngineName
from landslip.core.errors import LandslipError, argument
from landslip.core.files import Closeable
from landslip.inference.pipeline import WindowIndex, WindowResult
from landslip.inference.ray.session import connected, first_line
from landslip.inference.ray.worker import SceneJob, WorkerSpec, compute_block, open_worker
from landslip.models.engines.base import Engine
from landslip.models.folder import ModelFolder

MAX_RETRIES = 2
_START_TIMEOUT_S = 600.0
_STOP_TIMEOUT_S = 60.0
_NODES_EVERY_S = 1.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterNode:
    """The resources of a machine of a cluster."""

    cores: int
    gpus: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """How many workers run at once on a cluster, and the resources of each."""

    workers: int
    cores: int
    gpus: int = 0


def allocate(
    nodes: Sequence[ClusterNode], workers: int | None, *, by_gpu: bool = False
) -> Allocation:
    """Divide the cores of a cluster among workers.

    None is one worker for each node as large as the smallest, or for each GPU.
    """
    nodes = [node for node in nodes if node.cores > 0 and (node.gpus or not by_gpu)]
    if not nodes:
        return Allocation(workers=0, cores=1, gpus=int(by_gpu))
    if by_gpu:
        cores, room = min(node.cores // node.gpus for node in nodes), sum(n.gpus for n in nodes)
        return Allocation(workers=min(workers or room, room), cores=max(cores, 1), gpus=1)
    cores = min(node.cores for node in nodes)
    if workers is not None:
        cores = max(node.cores for node in nodes)
        while cores > 1 and sum(node.cores // cores for node in nodes) < workers:
            cores -= 1
    room = sum(node.cores // cores for node in nodes)
    return Allocation(workers=min(workers or room, room), cores=cores)


def block_size(waiting: int, workers: int, streams: int) -> int:
    """Return how many windows the next task gets.

    Many at first, since a task starts with nothing read ahead; few near the end, so that all
    workers end at about the same time.
    """
    fair = waiting / (4 * max(workers, 1))
    # as many for each stream, so that none is idle while another ends the block
    return max(1, min(math.ceil(fair / streams) * streams, 8 * streams, waiting))


class SceneQueue:
    """The windows of a scene that wait for a task, and the results of those that are stored."""

    def __init__(self, job: SceneJob, todo: Sequence[WindowIndex]) -> None:
        """Queue windows in order."""
        self.job = job
        self.results: SimpleQueue[WindowResult | Exception] = SimpleQueue()
        self._waiting = deque(todo)
        self._suspects: deque[WindowIndex] = deque()

    @property
    def waiting(self) -> int:
        """How many windows no task has."""
        return len(self._waiting) + len(self._suspects)

    def take(self, count: int) -> list[WindowIndex]:
        """Return the next windows; those whose block killed its workers come first, one by one."""
        if self._suspects:
            return [self._suspects.popleft()]
        return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]

    def return_failed(self, block: list[WindowIndex], cause: str) -> None:
        """Return the windows of a task whose workers died on every attempt.

        Raises:
            LandslipError: it was a single window.
        """
        if len(block) > 1:
            self._suspects.extend(block)
            return
        (row, col), attempts = block[0], MAX_RETRIES + 1
        raise LandslipError(
            f"{self.job.location}: {attempts} workers died while computing the window at row "
            f"{row}, column {col} ({self.job.plan.window_at(row, col)}): {cause}; if memory is "
            f"short, use a smaller {argument('tile')} or fewer {argument('workers')}"
        )


class RayWorkerPool(Closeable):
    """Workers of a cluster, shared by several scenes; those that started earlier go first.

    A worker is a process of Ray that holds the model; Ray ends it when this process leaves the
    cluster.
    """

    def __init__(self, spec: WorkerSpec, workers: int | None, *, by_gpu: bool = False) -> None:
        """Open the model on one worker.

        Raises:
            LandslipError: no worker can start, or the model cannot be opened there.
        """
        import ray

        self._spec, self._workers, self._by_gpu = spec, workers, by_gpu
        self._scenes: list[SceneQueue] = []
        self._running: dict[Any, tuple[SceneQueue, list[WindowIndex]]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self.failure: Exception | None = None
        self._update_allocation()
        opening = self._submit(open_worker)
        try:
            self._streams = int(ray.get(opening, timeout=_START_TIMEOUT_S))
        except ray.exceptions.GetTimeoutError as error:
            ray.cancel(opening)
            raise LandslipError(
                f"{argument('ray')}: no worker could start within {_START_TIMEOUT_S:.0f} s; see "
                "`ray status` for free cores"
            ) from error
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except ray.exceptions.RayError as error:
            raise LandslipError(
                f"{argument('ray')}: workers die when they start ({first_line(error)})"
            ) from error
        self._thread = threading.Thread(target=self._dispatch, name="cluster", daemon=True)
        self._thread.start()

    def compute(self, job: SceneJob, todo: Sequence[WindowIndex]) -> Generator[WindowResult]:
        """Compute windows; yield each once it is stored, in any order.

        Several threads may call it at once.

        Raises:
            LandslipError: from a worker, or workers die of a window.
        """
        scene = SceneQueue(job, todo)
        with self._lock:
            if self.failure is not None:
                raise self.failure
            self._scenes.append(scene)
        try:
            for _ in todo:
                result = scene.results.get()
                if isinstance(result, Exception):
                    raise result
                yield result
        finally:
            self._remove(scene)

    def close(self) -> None:
        """Cancel what is running; who waits for windows gets an error."""
        self._closing.set()
        self._thread.join()

    def _dispatch(self) -> None:
        import ray

        failure: Exception = LandslipError(
            f"{argument('ray')}: stopped; run the same command again to continue"
        )
        try:
            while not self._closing.is_set():
                self._submit_blocks()
                self._collect_results()
        except Exception as error:
            failure = error
        with self._lock:
            self.failure = failure
            for scene in self._scenes:
                scene.results.put(failure)
        for task in self._running:
            ray.cancel(task)  # not by force, on which Ray 2.60 may abort this process
        # each ends after the window it is at, and must not write into the store of a later run
        if tasks := list(self._running):
            ray.wait(tasks, num_returns=len(tasks), timeout=_STOP_TIMEOUT_S)

    def _submit_blocks(self) -> None:
        while scene := next((scene for scene in list(self._scenes) if scene.waiting), None):
            if time.monotonic() - self._allocated_s > _NODES_EVERY_S:
                self._update_allocation()
            workers = self._allocation.workers
            if len(self._running) >= workers:
                return
            streams = min(self._streams, scene.job.streams)
            block = scene.take(block_size(scene.waiting, workers, streams))
            self._running[self._submit(compute_block, scene.job, block)] = scene, block

    def _collect_results(self) -> None:
        import ray

        if not self._running:
            time.sleep(_POLL_S)
            return
        finished, _ = ray.wait(list(self._running), num_returns=1, timeout=_POLL_S)
        for task in finished:
            scene, block = self._running.pop(task)
            try:
                for result in ray.get(task):
                    scene.results.put(result)
            except ray.exceptions.RayTaskError as error:
                self._fail(scene, error.cause)
            except ray.exceptions.RayError as error:  # every attempt
                try:
                    scene.return_failed(block, first_line(error))
                except LandslipError as poisonous:
                    self._fail(scene, poisonous)

    def _submit(self, function: Any, *args: object) -> Any:
        import ray

        allocation = self._allocation
        task: Any = ray.remote(function).options(
            num_cpus=allocation.cores, num_gpus=allocation.gpus, max_retries=MAX_RETRIES
        )
        return task.remote(replace(self._spec, cores=allocation.cores), *args)

    def _update_allocation(self) -> None:
        self._allocation = allocate(_nodes(), self._workers, by_gpu=self._by_gpu)
        self._allocated_s = time.monotonic()

    def _fail(self, scene: SceneQueue, error: Exception) -> None:
        self._remove(scene)
        scene.results.put(error)

    def _remove(self, scene: SceneQueue) -> None:
        with self._lock:
            if scene in self._scenes:
                self._scenes.remove(scene)


def _nodes() -> list[ClusterNode]:
    import ray

    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [
        ClusterNode(cores=int(one.get("CPU", 0)), gpus=int(one.get("GPU", 0))) for one in resources
    ]


@contextmanager
def ray_worker_pool(
    model: ModelFolder, engine: Engine, address: str, workers: int | None
) -> Iterator[RayWorkerPool]:
    """Have workers with a model and an engine while the body runs; None is one for each node.

    Raises:
        InputError: no cluster answers at the address.
        MissingDependencyError: Ray is not installed.
    """
    spec = WorkerSpec.of(model, engine)
    with connected(address):
        by_gpu = spec.engine is EngineName.TORCH and any(node.gpus for node in _nodes())
        with closing(RayWorkerPool(spec, workers, by_gpu=by_gpu)) as pool:
            yield pool
