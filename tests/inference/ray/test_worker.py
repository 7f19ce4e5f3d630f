import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from landslip.inference.ray.worker import reserve_cores

CORES = sorted(os.sched_getaffinity(0))
SCRIPT = (
    "import json, os, sys; from pathlib import Path; "
    "from landslip.inference.ray.worker import *; "
    "locks = reserve_cores(1, Path(sys.argv[1])); "
    "print(json.dumps(sorted(os.sched_getaffinity(0))), flush=True); sys.stdin.read()"
)
needs_two = pytest.mark.skipif(len(CORES) < 2, reason="needs two cores")


def start(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@needs_two
def test_workers_of_a_machine_have_cores_of_their_own(tmp_path: Path) -> None:
    first, its_cores = start(tmp_path)
    second, other_cores = start(tmp_path)
    assert (its_cores, other_cores) == ([CORES[0]], [CORES[1]])
    end(first)
    third, cores = start(tmp_path)
    assert cores == its_cores, "cores of the dead are not free"
    end(second)
    end(third)


@needs_two
def test_more_workers_than_cores_share_them(tmp_path: Path) -> None:
    workers = [start(tmp_path) for _ in range(len(CORES) + 1)]
    assert [cores for _, cores in workers] == [[core] for core in [*CORES, CORES[0]]]
    for process, _ in workers:
        end(process)


def test_a_worker_with_all_cores_is_not_bound(tmp_path: Path) -> None:
    assert reserve_cores(len(CORES), tmp_path / "none") == []
    assert sorted(os.sched_getaffinity(0)) == CORES
    assert not (tmp_path / "none").exists()
