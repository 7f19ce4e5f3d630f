"""How a cluster's cores are shared out among workers; nothing of Ray here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine of a cluster, as far as Ray tells.

    Attributes:
        node_id: Ray's name for it.
        cores: that may be used.
        gpus: that may be used.
    """

    node_id: str
    cores: int
    gpus: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The workers of a node.

    Attributes:
        node_id: Ray's name for it.
        workers: how many there should be.
        cores: of each.
        gpus: of each.
    """

    node_id: str
    workers: int
    cores: int
    gpus: int = 0


def shares(nodes: Sequence[Node], workers: int | None, *, by_gpu: bool = False) -> list[Share]:
    """Share nodes out among workers; nodes without any are left out.

    Args:
        nodes: that are there.
        workers: how many there are to be in all; None is one for each node (or GPU).
        by_gpu: whether each worker needs a GPU.
    """
    most = {node.node_id: node.gpus if by_gpu else node.cores for node in nodes if node.cores > 0}
    usual = {name: limit if by_gpu else min(limit, 1) for name, limit in most.items()}
    counts = usual if workers is None else _spread(most, workers)
    return [
        Share(
            node_id=node.node_id,
            workers=counts[node.node_id],
            cores=max(node.cores // counts[node.node_id], 1),
            gpus=int(by_gpu),
        )
        for node in nodes
        if counts.get(node.node_id, 0) > 0
    ]


def block_size(left: int, workers: int, streams: int) -> int:
    """Return how many windows a worker is given at once.

    Many while many are left, for a worker has nothing read ahead when it begins with a block; few
    near the end, so that all workers end at about the same time.

    Args:
        left: windows that nobody has been given yet.
        workers: that are at work.
        streams: windows that the worker computes at once.
    """
    fair = left / (4 * max(workers, 1))
    # as many for each stream, so that none is idle while another ends the block
    return max(1, min(math.ceil(fair / streams) * streams, 8 * streams, left))


def _spread(most: dict[str, int], workers: int) -> dict[str, int]:
    """Give each worker in turn to the node that has most for it."""
    counts = dict.fromkeys(most, 0)
    for _ in range(min(workers, sum(most.values()))):
        open_to_more = [name for name in most if counts[name] < most[name]]
        counts[max(open_to_more, key=lambda name: most[name] / (counts[name] + 1))] += 1
    return counts
