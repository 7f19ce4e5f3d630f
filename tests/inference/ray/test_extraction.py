"""Whole extractions on Ray clusters of one machine, while workers and nodes come and go."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.inference.ray.factories import children, contents, make_model, scene_job, write_scene
from tests.inference.ray.fatal_window import die_at_a_window

from landslip.core.choices import EngineName, Precision
from landslip.core.errors import LandslipError, ModelError
from landslip.core.progress import Progress, no_progress
from landslip.inference.job import ExtractionOptions
from landslip.inference.ray import pool as pool_module
from landslip.inference.ray.pool import ray_worker_pool
from landslip.inference.result import ExtractionSummary
from landslip.inference.run import extract, extract_all, scene_tasks
from landslip.inference.store import WorkFolder
from landslip.models.engines.choose import open_engine
from landslip.models.folder import ModelFolder

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray leaves its logs open
]

HERE = ExtractionOptions(tile=64, overlap=32)
THERE = replace(HERE, ray="auto")
SHAPE = (300, 400)


@dataclass(frozen=True)
class Given:
    """A scene, and what comes of it without a cluster."""

    model: ModelFolder
    scene: Path
    expected: dict[str, bytes]

    def extracted(
        self, out: Path, options: ExtractionOptions = THERE, progress: Progress = no_progress
    ) -> ExtractionSummary:
        engine = open_engine(self.model, EngineName.OPENVINO, Precision.FP32)
        return extract(self.scene, self.model, engine, out, options, progress=progress)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    folder = tmp_path_factory.mktemp("given")
    model = make_model(folder / "model")
    given = Given(model, write_scene(folder / "scene.tif", SHAPE), {})
    given.extracted(folder / "out", HERE)
    given.expected.update(contents(folder / "out"))
    return given


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Give a cluster of one node with one core, which this process has joined."""
    import ray  # noqa: PLC0415 - it takes seconds
    from ray._private import ray_constants  # noqa: PLC0415
    from ray.cluster_utils import Cluster  # noqa: PLC0415

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)
        cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
        )
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def second(cluster: Any) -> Iterator[Any]:
    """Give a second node, and remove it."""
    node = cluster.add_node(num_cpus=1)
    yield node
    if node in cluster.worker_nodes:
        cluster.remove_node(node)


def workers_of(node: Any) -> list[int]:
    raylet = node.all_processes["raylet"][0].process.pid
    return children(raylet, "ray::compute_block")


def worker_of(node: Any) -> int:
    """Return the worker of a node; between two blocks there is none for a moment."""
    deadline = time.monotonic() + 60
    while not (workers := workers_of(node)):
        assert time.monotonic() < deadline, "no worker computes"
        time.sleep(0.01)
    return workers[0]


class Events:
    """Does something once so many windows are done."""

    def __init__(self, **events: Callable[[], object]) -> None:
        self.left = {int(name.removeprefix("at_")): event for name, event in events.items()}

    def __call__(self, done: float, total: float) -> None:
        for percent in [one for one in self.left if 100 * done >= one * total]:
            self.left.pop(percent)()


def test_the_result_is_that_of_one_process(given: Given, second: Any, tmp_path: Path) -> None:
    summary = given.extracted(tmp_path / "out")
    assert contents(tmp_path / "out") == given.expected
    assert (summary.windows, summary.engine_busy_share) == (108, None)
    assert not WorkFolder(tmp_path / "out").path.exists()


def test_killed_workers_are_replaced(given: Given, cluster: Any, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill() -> None:
        worker = worker_of(cluster.head_node)
        os.kill(worker, signal.SIGKILL)
        killed.append(worker)

    given.extracted(tmp_path / "out", progress=Events(at_3=kill, at_50=kill))
    assert contents(tmp_path / "out") == given.expected
    assert len(set(killed)) == 2


@pytest.mark.slow
def test_a_node_that_joins_gets_work(given: Given, cluster: Any, tmp_path: Path) -> None:
    joined: list[Any] = []

    def join() -> None:
        stopped.append(worker_of(cluster.head_node))
        os.kill(stopped[0], signal.SIGSTOP)
        joined.append(cluster.add_node(num_cpus=1))

    stopped: list[int] = []
    # half of the windows are more than the first worker has been given
    events = Events(at_3=join, at_50=lambda: os.kill(stopped[0], signal.SIGCONT))
    try:
        given.extracted(tmp_path / "out", progress=events)
        assert contents(tmp_path / "out") == given.expected
    finally:
        cluster.remove_node(joined[0])


@pytest.mark.slow
def test_a_node_that_goes_is_done_without(
    given: Given, cluster: Any, second: Any, tmp_path: Path
) -> None:
    events = Events(at_10=lambda: cluster.remove_node(second, allow_graceful=False))
    given.extracted(tmp_path / "out", progress=events)
    assert contents(tmp_path / "out") == given.expected
    assert not events.left


def test_scenes_share_the_workers(given: Given, cluster: Any, tmp_path: Path) -> None:
    scenes = [given.scene, *(write_scene(tmp_path / f"{n}.tif", (150, 200), n) for n in range(2))]
    for scene in scenes:
        engine = open_engine(given.model, EngineName.OPENVINO, Precision.FP32)
        extract(scene, given.model, engine, tmp_path / "here" / scene.stem, HERE)
    orders = scene_tasks(
        [str(scene) for scene in [*scenes, tmp_path / "no.tif"]], [], tmp_path / "m"
    )
    options = replace(THERE, store=f"file://{tmp_path / 'store'}")
    found = dict(extract_all(orders, given.model, engine, options))
    for scene in scenes:
        assert contents(tmp_path / "m" / scene.stem) == contents(tmp_path / "here" / scene.stem)
    assert [str(one) for one in found.values() if not isinstance(one, ExtractionSummary)] == [
        f"{tmp_path / 'no.tif'}: no such file"
    ]
    assert list((tmp_path / "store").iterdir()) == []


def test_an_interrupted_run_goes_on(given: Given, cluster: Any, tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        given.extracted(tmp_path / "out", progress=Events(at_30=interrupt))
    summary = given.extracted(tmp_path / "out")
    assert contents(tmp_path / "out") == given.expected
    assert 0.3 <= summary.kept_windows_share < 1
    deadline = time.monotonic() + 60  # Ray ends them in its own time
    while workers_of(cluster.head_node):
        assert time.monotonic() < deadline, "workers outlive the command"
        time.sleep(0.1)


def test_what_a_worker_finds_wrong_is_told_in_a_sentence(
    given: Given, cluster: Any, tmp_path: Path
) -> None:
    shutil.copytree(given.model.path, tmp_path / "model")
    model = replace(given.model, path=tmp_path / "model")
    engine = open_engine(model, EngineName.OPENVINO, Precision.FP32)
    (tmp_path / "model" / "model.json").unlink()
    with (
        pytest.raises(ModelError, match=r"^.*model: not a model folder, it has no model\.json"),
        ray_worker_pool(model, engine, "auto", 1),
    ):
        pass


@pytest.mark.slow
def test_a_window_that_kills_its_workers_ends_in_an_error(
    given: Given, cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "compute_block", die_at_a_window)
    monkeypatch.setattr(pool_module, "MAX_RETRIES", 1)  # each death costs seconds
    engine = open_engine(given.model, EngineName.OPENVINO, Precision.FP32)
    job = replace(scene_job(given.scene), store=str(tmp_path / "deaths"))
    with (
        ray_worker_pool(given.model, engine, "auto", 1) as pool,
        pytest.raises(LandslipError, match="2 workers died while computing the window at row 0, c"),
    ):
        list(pool.compute(job, [(0, 0), (0, 1), (1, 0), (1, 1), *[(2, 2)] * 20]))
    deaths = (tmp_path / "deaths").read_text().split()
    assert len(deaths) == 4
    assert deaths[2:] == ["1", "1"]
