"""An engine that is many: each worker of a cluster has one like it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import EngineName
from landslip.inference.cluster.crew import Crew, nodes_alive
from landslip.inference.cluster.pool import Pool
from landslip.inference.cluster.session import connected
from landslip.inference.cluster.worker import Tools
from landslip.models.engines.base import Engine, EngineCosts, WindowRunner, WindowSpec
from landslip.models.folder import ModelFolder


class ClusterEngine:
    """An engine of this machine, and the workers that have the same one.

    Attributes:
        name: of the engine.
        precision: that it runs in.
        pool: the workers; they compute the windows of scenes.
    """

    def __init__(self, engine: Engine, pool: Pool) -> None:
        """Take both as they are."""
        self.name, self.precision, self.pool = engine.name, engine.precision, pool
        self._engine = engine

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`; on this machine."""
        return self._engine.predict(batch)

    def runner(self, form: WindowSpec, streams: int | None = None) -> WindowRunner:
        """See `Engine.runner`; on this machine."""
        return self._engine.runner(form, streams)

    def costs(self) -> EngineCosts:
        """See `Engine.costs`; workers are taken to be like this machine."""
        return self._engine.costs()


@contextmanager
def on_cluster(
    model: ModelFolder, engine: Engine, address: str, workers: int | None
) -> Iterator[ClusterEngine]:
    """Have workers with a model and an engine while the body runs.

    Args:
        model: in a folder that all nodes reach.
        engine: opened here.
        address: of the cluster, see `connected`.
        workers: how many there are to be; None is one a node.

    Raises:
        InputError: no cluster answers at the address.
        MissingDependencyError: Ray is not installed.
    """
    if isinstance(engine, ClusterEngine):
        yield engine
        return
    tools = Tools.of(model, engine)
    with connected(address):
        has_gpus = any(node.gpus for node in nodes_alive())
        by_gpu = tools.engine is EngineName.TORCH and has_gpus
        with closing(Pool(Crew(tools, workers, by_gpu=by_gpu))) as pool:
            yield ClusterEngine(engine, pool)
