"""`landslip extract --ray` on one node and on two, and with a worker killed in the middle.

    python benchmarks/extract_ray.py [--scene SCENE --model MODEL] [--out PAGE.md]
        [--side 4096] [--tile 1024] [--precision auto] [--cores 1] [--rounds 3] [--seed 0]

All nodes are on this machine, each with so many cores; workers keep to cores of their own. The
command itself, which blends, writes and finds polygons, takes a share of a core beside them. The
cases take turns in each round. Mask, probabilities and polygons of all are compared with those of a
run without Ray.

Without a scene and a model, both are made from the seed; the model is a LinkNet-ResNet-18.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extract_parts.comparison import log
from extract_parts.inputs import add_options, scene_and_model
from extract_parts.kills import COMPARED, digests
from extract_parts.page import environment_lines, table_head
from extract_parts.processes import environment, extract_command

ALONE, ONE, TWO = "one process, all cores", "Ray, one node", "Ray, two nodes"
KILLED = "Ray, two nodes, a worker killed in the middle"
CASES = (ALONE, ONE, TWO, KILLED)
_NODES = {ONE: 1, TWO: 2, KILLED: 2}
_POLL_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterCase:
    """What is mapped, by what, and how."""

    scene: Path
    model: Path
    out: Path
    words: list[str]

    @property
    def windows(self) -> Path:
        """Where finished windows are."""
        return self.out.with_name(f".{self.out.name}.work") / "windows.zarr"


@dataclass(slots=True)
class CaseTimings:
    """What a case took in each round, and how many of its results are as they should be.

    Attributes:
        seconds: of whole commands.
        rates: MPix/s as the summaries state them, without the program's start.
        identical: results in which every file is that of the run without Ray.
    """

    seconds: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    identical: int = 0


def main() -> None:
    """Run all cases in turn, and print the table."""
    options = parsed()
    found = {case: CaseTimings() for case in CASES}
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        given = cluster_case(options, Path(folder))
        expected: dict[str, str] = {}
        for at in range(options.rounds):
            for case in CASES:
                log(f"round {at + 1}: {case}")
                run(case, given, options.cores, found[case])
                expected = expected or digests(given.out)
                now = digests(given.out)
                found[case].identical += all(now[name] == expected[name] for name in COMPARED)
                shutil.rmtree(given.out)
    lines = page(found, options)
    print("\n".join(lines))
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n")
    if any(one.identical != options.rounds for one in found.values()):
        sys.exit("not all results are identical")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--tile", type=int, default=1024)
    parser.add_argument("--cores", type=int, default=1, help="of each node")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def cluster_case(options: argparse.Namespace, work: Path) -> ClusterCase:
    """Take or make scene and model."""
    scene, model = scene_and_model(options, work)
    words = ["--precision", options.precision, "--tile", str(options.tile)]
    return ClusterCase(scene=scene, model=model, out=work / "map", words=words)


def run(case: str, given: ClusterCase, cores: int, found: CaseTimings) -> None:
    """Run a case once; a cluster is begun for it and ended."""
    if case not in _NODES:
        _timed(given, [], found, None)
        return
    with cluster(_NODES[case], cores) as (address, raylet):
        _timed(given, ["--ray", address], found, raylet if case == KILLED else None)


@contextmanager
def cluster(nodes: int, cores: int) -> Iterator[tuple[str, int]]:
    """Have a cluster on this machine; give its address and the process of the last node."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # ports on 127.0.0.1 only
    from ray.cluster_utils import Cluster

    known: Any = Cluster(
        initialize_head=True, head_node_args={"num_cpus": cores, "include_dashboard": False}
    )
    try:
        last = known.head_node
        for _ in range(nodes - 1):
            last = known.add_node(num_cpus=cores)
        yield known.address, last.all_processes["raylet"][0].process.pid
    finally:
        known.shutdown()


def _timed(given: ClusterCase, words: list[str], found: CaseTimings, raylet: int | None) -> None:
    """Run the command; kill a worker of a node once half of the windows are there."""
    command = extract_command(given.scene, given.model, given.out, *given.words, *words)
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, env=environment(), stdout=output, stderr=output)
        if raylet is not None:
            _kill_in_the_middle(process, given, raylet)
        if process.wait() != 0:
            output.seek(0)
            sys.exit(output.read())
    found.seconds.append(time.perf_counter() - started)
    found.rates.append(json.loads((given.out / "summary.json").read_text())["mpix_per_s"])


def _kill_in_the_middle(
    process: "subprocess.Popen[bytes]", given: ClusterCase, raylet: int
) -> None:
    while process.poll() is None:
        there = len(list(given.windows.glob("c/*/*/*/*")))
        # between two tasks no worker has the name of one
        if there and 2 * there >= _windows(given) and (workers := _workers(raylet)):
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
                log(f"worker killed at {there} windows")
            return
        time.sleep(_POLL_S)
    sys.exit("no worker was killed")


def _windows(given: ClusterCase) -> int:
    rows, cols = json.loads((given.windows / "zarr.json").read_text())["shape"][:2]
    return int(rows * cols)


def _workers(raylet: int) -> list[int]:
    """Return the processes of a node's workers."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == raylet and (folder / "cmdline").read_text().startswith(
                "ray::compute_block"
            ):
                found.append(int(folder.name))
        except (OSError, IndexError):
            continue
    return found


def page(found: dict[str, CaseTimings], options: argparse.Namespace) -> list[str]:
    """Return the lines of the page."""
    form = f"windows of {options.tile} px, precision {options.precision}"
    lines = [
        *environment_lines(options.seed),
        f"- nodes of {options.cores} core(s), {form}, {options.rounds} rounds; medians",
        "",
        *table_head("case", "whole command, s", "MPix/s", "times one node", "results identical"),
    ]
    base = statistics.median(found[ONE].rates)
    for case, one in found.items():
        rate = statistics.median(one.rates)
        lines.append(
            f"| {case} | {statistics.median(one.seconds):.1f} | {rate:.3f} | {rate / base:.2f} "
            f"| {one.identical} of {len(one.seconds)} |"
        )
    return lines


if __name__ == "__main__":
    main()
