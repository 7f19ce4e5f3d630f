"""The workers of a cluster: begun where there is room, missed when they die."""

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from landslip.core.errors import LandslipError
from landslip.inference.cluster.scene import SceneWork
from landslip.inference.cluster.shares import Node, Share, shares
from landslip.inference.cluster.worker import Tools, Worker
from landslip.inference.pipeline import WindowIndex

if TYPE_CHECKING:
    from ray import ObjectRef, ObjectRefGenerator

_MOST_FAILED_STARTS = 3


@dataclass(slots=True, eq=False)
class Block:
    """Windows that a worker has been given.

    Attributes:
        scene: whose they are.
        places: those that are not there yet.
        results: what comes of them.
    """

    scene: SceneWork
    places: list[WindowIndex]
    results: "ObjectRefGenerator"


@dataclass(slots=True, eq=False)
class Member:
    """A worker.

    Attributes:
        actor: Ray's handle.
        node_id: where it is.
        opening: told when its model is open; None when that has been seen.
        streams: how many windows it computes at once.
        blocks: that it has been given; it is at work on the first.
    """

    actor: Any
    node_id: str
    opening: "ObjectRef[int | Exception] | None"
    streams: int = 1
    blocks: deque[Block] = field(default_factory=deque)


class Crew:
    """The workers that are there, and those to be begun."""

    def __init__(self, tools: Tools, workers: int | None, *, by_gpu: bool = False) -> None:
        """Take note of what is wanted; nobody is begun yet.

        Args:
            tools: what workers need.
            workers: how many there are to be; None is one a node (or GPU).
            by_gpu: whether each needs a GPU.
        """
        self._tools, self._workers, self._by_gpu = tools, workers, by_gpu
        self._failed_starts: Counter[str] = Counter()
        self.members: list[Member] = []

    @property
    def ready(self) -> list[Member]:
        """Those who can be given work."""
        return [member for member in self.members if member.opening is None]

    def look(self) -> list[Member]:
        """Begin workers where there is room for them; return those whose node has gone."""
        nodes = nodes_alive()
        here = {node.node_id for node in nodes}
        gone = [member for member in self.members if member.node_id not in here]
        usable = [n for n in nodes if self._failed_starts[n.node_id] < _MOST_FAILED_STARTS]
        free = math.inf if self._workers is None else self._workers - len(self.members)
        there = Counter(member.node_id for member in self.members)
        for share in shares(usable, self._workers, by_gpu=self._by_gpu):
            for _ in range(int(min(share.workers - there[share.node_id], free))):
                self.members.append(self._begun(share))
                free -= 1
        return gone

    def opened(self, member: Member, answer: int | Exception) -> None:
        """Note that a worker is ready.

        Raises:
            LandslipError: it cannot work there.
            OSError: the same.
        """
        if isinstance(answer, Exception):
            raise answer
        member.opening, member.streams = None, answer

    def lost(self, member: Member, cause: str) -> None:
        """Strike out a worker that has died.

        Raises:
            LandslipError: workers die at their start wherever they are begun.
        """
        import ray

        self.members.remove(member)
        ray.kill(member.actor)  # one that is merely out of reach must not come back
        if member.opening is None:
            return
        self._failed_starts[member.node_id] += 1
        times = self._failed_starts[member.node_id]
        if times >= _MOST_FAILED_STARTS and not self.members:
            raise LandslipError(f"--ray: workers die at their start ({cause})")

    def dismiss(self) -> None:
        """End all."""
        import ray

        for member in self.members:
            ray.kill(member.actor)
        self.members.clear()

    def _begun(self, share: Share) -> Member:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        options: dict[str, Any] = {
            "num_cpus": share.cores,
            "num_gpus": share.gpus,
            "max_restarts": 0,
            "max_task_retries": 0,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(share.node_id, soft=False),
        }
        actor: Any = ray.remote(Worker).options(**options).remote(self._tools, share.cores)
        return Member(actor=actor, node_id=share.node_id, opening=actor.open.remote())


def nodes_alive() -> list[Node]:
    """Return the machines of the cluster."""
    import ray

    known: Any = ray
    return [
        Node(
            node_id=node["NodeID"],
            cores=int(node["Resources"].get("CPU", 0)),
            gpus=int(node["Resources"].get("GPU", 0)),
        )
        for node in known.nodes()
        if node["Alive"]
    ]
