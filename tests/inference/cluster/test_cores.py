import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from landslip.inference.cluster.cores import keep_to_cores

CORES = sorted(os.sched_getaffinity(0))
TELL = (
    "import json, os, sys; from pathlib import Path; "
    "from landslip.inference.cluster.cores import *; "
    "marks = keep_to_cores(1, Path(sys.argv[1])); "
    "print(json.dumps(sorted(os.sched_getaffinity(0))), flush=True); sys.stdin.read()"
)
needs_two = pytest.mark.skipif(len(CORES) < 2, reason="needs two cores")


def begun(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", TELL, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@needs_two
def test_workers_of_a_machine_have_cores_of_their_own(tmp_path: Path) -> None:
    first, its_cores = begun(tmp_path)
    second, other_cores = begun(tmp_path)
    assert (its_cores, other_cores) == ([CORES[0]], [CORES[1]])
    ended(first)
    third, cores = begun(tmp_path)
    assert cores == its_cores, "cores of the dead are not free"
    ended(second)
    ended(third)


@needs_two
def test_more_workers_than_cores_share_them(tmp_path: Path) -> None:
    workers = [begun(tmp_path) for _ in range(len(CORES) + 1)]
    assert [cores for _, cores in workers] == [[core] for core in [*CORES, CORES[0]]]
    for process, _ in workers:
        ended(process)


def test_a_worker_with_all_cores_is_not_bound(tmp_path: Path) -> None:
    assert keep_to_cores(len(CORES), tmp_path / "none") == []
    assert sorted(os.sched_getaffinity(0)) == CORES
    assert not (tmp_path / "none").exists()
