import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.server.served import ids_of

import landslip
from landslip.core.errors import InputError, OutputExistsError
from landslip.server import job_work
from landslip.server.job_options import OPTIONS, checked_options
from landslip.server.job_requests import checked_name
from landslip.server.job_work import JobWork
from landslip.server.jobs import MAX_WAITING, JobQueue, JobStatus
from landslip.server.problems import UnavailableError


def until(wanted: Callable[[], Any], seconds: float = 60) -> Any:
    """Return the first value that is true, or fail."""
    end = time.monotonic() + seconds
    while not (value := wanted()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return value


def start(client: TestClient, kind: str, out: str, status: int = 201, **body: Any) -> Any:
    answer = client.post("/api/jobs", json={"kind": kind, "out": out, **body})
    assert answer.status_code == status, answer.text
    return answer.json()


def ended(client: TestClient, job: dict[str, Any]) -> Any:
    def job_now() -> Any:
        now = client.get(f"/api/jobs/{job['id']}").json()
        return now if now["state"] in {"done", "failed", "cancelled"} else None

    return until(job_now)


def hidden(folder: Path) -> list[str]:
    names = [one.name for one in folder.iterdir()]
    return [name for name in names if name.startswith(".") and name != ".landslip"]


@pytest.mark.slow
def test_a_job_makes_an_inventory_that_appears(client: TestClient, folder: Path) -> None:
    ids = ids_of(client)
    first = start(
        client,
        "inventory",
        "第二 again",
        inventory_id=ids["inventories map"],
        sample_id=None,
        options={"dem_id": ids["rasters dem.tif"], "split": False, "min_area": 10, "lang": "zh"},
    )
    assert (first["state"], first["out"]) in {("waiting", "第二 again"), ("running", "第二 again")}
    second = start(
        client,
        "sample",
        "points",
        inventory_id=ids["inventories map"],
        options={"size": 40, "min_per_stratum": 5},
    )
    assert second["out"] == "points.gpkg"
    done = ended(client, first)
    assert done["state"] == "done", done
    assert (done["progress"], done["error"]) == (1.0, None)
    assert done["created"] <= done["started"] <= done["ended"]
    assert any("date 2024-08-12" in line for line in done["log"])
    now = ids_of(client)
    assert done["result"]["inventories"] == [now["inventories 第二 again"]]
    inventory = landslip.open_inventory(folder / "第二 again")
    assert inventory.record.dem is not None
    done = ended(client, second)
    assert done["result"]["samples"] == [ids_of(client)["samples points.gpkg"]]
    assert [one["id"] for one in client.get("/api/jobs").json()] == [second["id"], first["id"]]
    assert hidden(folder) == []


@pytest.mark.slow
def test_a_job_that_fails_says_why_without_the_folders(client: TestClient, folder: Path) -> None:
    ids = ids_of(client)
    mask = folder / "map" / "mask.tif"
    mask.write_bytes(mask.read_bytes()[:-100])
    job = start(client, "sample", "points", inventory_id=ids["inventories map"])
    done = ended(client, job)
    assert (done["state"], done["result"]) == ("failed", None)
    assert "mask.tif" in done["error"]
    assert str(folder.parent) not in json.dumps(done)
    assert not (folder / "points.gpkg").exists()


@pytest.mark.slow
def test_requests_are_checked_before_anything_runs(client: TestClient, folder: Path) -> None:
    ids = ids_of(client)
    inventory, scene = ids["inventories map"], ids["rasters PL_20240812.tif"]
    for kind, body, problem in (
        ("sample", {}, "sample needs inventory_id"),
        ("sample", {"inventory_id": inventory, "scene_id": scene}, "takes no scene_id"),
        ("sample", {"inventory_id": inventory, "options": {"area": "x"}}, "no option 'area'"),
        ("sample", {"inventory_id": inventory, "options": {"size": 1}}, "a whole number from 2"),
        ("sample", {"inventory_id": inventory, "options": {"size": 2.5}}, "a whole number from 2"),
        ("sample", {"inventory_id": inventory, "options": {"size": True}}, "a whole number from"),
        ("inventory", {"inventory_id": inventory, "options": {"smooth": 1}}, "true or false"),
        ("inventory", {"inventory_id": inventory, "options": {"lang": "fr"}}, "one of en, zh"),
        ("inventory", {"inventory_id": inventory, "options": {"dem_id": "a/b"}}, "id of a raster"),
        (
            "inventory",
            {"inventory_id": inventory, "options": {"dem_id": scene}},
            "an elevation model has one band; it has 2",
        ),
        (
            "inventory",
            {"inventory_id": inventory, "options": {"dem_id": ids["rasters map/mask.tif"]}},
            "is of the kind mask; give the id of an elevation model",
        ),
        ("report", {"inventory_id": inventory}, "a report is of an inventory"),
        ("corrected", {"inventory_id": inventory}, "has no review yet"),
    ):
        answer = start(client, kind, "new", 422, **body)
        assert problem in answer["detail"], answer
        assert str(folder) not in answer["detail"]
    start(client, "inventory", "new", 404, inventory_id="none")
    start(client, "inventory", "map", 409, inventory_id=inventory)
    assert client.get("/api/jobs").json() == []
    assert client.get("/api/jobs/none").status_code == 404
    assert client.delete("/api/jobs/none").status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "../x", "a/b", "/etc/x", "..", ".", ".hidden", "", " x", "x ", "x.", "a\x00b", "a\nb",
        "x" * 150, "reviews", "Reviews", "a\\b", "-rf", "~x", "con", "LPT1", "x:y", "a?b",
        "/vsimem/x", "字" * 80, "%2e%2e", "a%2fb",
    ],
)  # fmt: skip
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InputError, match="out is a name of letters"):
        checked_name("extract", name)


def test_names_that_are_some() -> None:
    for name in ("map", "Map 2 (new)", "a.b-c_d", "滑坡 2024", "1", "control"):
        assert checked_name("extract", name) == name
    assert checked_name("sample", "s") == "s.gpkg"
    assert checked_name("sample", "S.GPKG") == "S.GPKG"
    assert checked_name("report", "report") == "report.html"


def test_options_are_those_of_the_functions() -> None:
    assert checked_options("extract", {"threshold": 0.4, "tta": "flips"}) == {
        "threshold": 0.4,
        "tta": "flips",
    }
    assert checked_options("sample", {"size": 40.0})["size"] == 40
    for bad in (float("nan"), float("inf"), -1, 2, "0.5", True):
        with pytest.raises(InputError, match="threshold of extract is a number from 0 to 1"):
            checked_options("extract", {"threshold": bad})
    assert {*OPTIONS} == {*job_work._KINDS}


SCRIPTED = """
import sys
from landslip.server import job_process, job_work

def do(work, report):
    names = {"work": work, "report": report}
    exec(work.arguments["body"], names)
    return names.get("summary")

job_work._KINDS["script"] = do
job_process.main()
"""
STARTS_TO_WRITE = """
import atexit, time
atexit.register(time.sleep, 60)  # as long as Python takes to clean up after a training
from landslip.core.files import atomic_directory
with atomic_directory(work.out, overwrite=False) as stage:
    (stage / "half").write_text("half")
    (work.out.parent / f".{work.out.name}.work").mkdir()
    report.note("writing")
    time.sleep(60)
"""


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[JobQueue]:
    """Give a queue whose processes run scripts, as jobs of the kind ``script``."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "scripted.py").write_text(SCRIPTED)
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'modules'}:{known}")
    (tmp_path / "served").mkdir()

    def result(work: JobWork) -> dict[str, tuple[str, ...]]:
        return {"inventories": (work.out.name,)}

    with JobQueue(result, lambda text: text.replace(f"{tmp_path}/", ""), "scripted") as queue:
        yield queue


def run_script(queue: JobQueue, tmp_path: Path, name: str, body: str) -> JobStatus:
    folder = tmp_path / "served"
    work = JobWork(kind="script", out=folder / name, source=folder, arguments={"body": body})
    return queue.submit(work)


def is_writing(queue: JobQueue, job: JobStatus) -> Callable[[], bool]:
    return lambda: "writing" in queue.get(job.id).log


def test_a_cancelled_job_leaves_nothing(queue: JobQueue, tmp_path: Path) -> None:
    job = run_script(queue, tmp_path, "one", STARTS_TO_WRITE)
    waiting = run_script(queue, tmp_path, "two", STARTS_TO_WRITE)
    with pytest.raises(OutputExistsError, match="one: already exists, finished or not"):
        run_script(queue, tmp_path, "one", "")
    until(is_writing(queue, job))
    assert len([*(tmp_path / "served").iterdir()]) == 2
    assert queue.cancel(waiting.id).state == "cancelled"
    began = time.monotonic()
    queue.cancel(job.id)
    queue.cancel(job.id)  # twice does no harm
    assert queue.wait(job.id, 30).state == "cancelled"
    assert time.monotonic() - began < 10
    assert [*(tmp_path / "served").iterdir()] == []
    assert queue.cancel(job.id).state == "cancelled"


@pytest.mark.slow
def test_how_jobs_end(queue: JobQueue, tmp_path: Path) -> None:
    bodies = {
        "done": "report.stage('thinking')(1, 2)\nprint('a line')\nsummary = {'at': str(work.out)}",
        "refused": "from landslip.core.errors import InputError\n"
        "raise InputError(f'{work.source}/x.tif: is not good; take another')",
        "bug": "1 / 0",
        "killed": "import os\nos.kill(os.getpid(), 9)",
        "gone": "import os\nos._exit(3)",
    }
    jobs = {name: run_script(queue, tmp_path, name, body) for name, body in bodies.items()}
    ends = {name: queue.wait(job.id, 60) for name, job in jobs.items()}
    done = ends["done"]
    assert (done.state, done.stage, done.progress) == ("done", "thinking", 1.0)
    assert done.log == ("a line",)
    assert done.result == {"inventories": ("done",)}
    assert done.summary == {"at": "served/done"}
    states = {name: (one.state, one.error) for name, one in ends.items() if name != "done"}
    assert states["refused"] == ("failed", "served/x.tif: is not good; take another")
    assert states["bug"][1] is not None
    assert "this is a bug of landslip (ZeroDivisionError" in states["bug"][1]
    assert states["killed"][1] is not None
    assert "too little memory" in states["killed"][1]
    assert states["gone"][0] == "failed"
    assert [one.work.out.name for one in queue.all()] == [*bodies][::-1]
    started = [ends[name].started for name in bodies]
    assert started == sorted(str(one) for one in started)


@pytest.mark.slow
def test_a_job_that_does_not_stop_is_killed(
    queue: JobQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landslip.server.jobs.GRACE_S", 1.0)
    body = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
report.note(f"child {{child.pid}}")
while True:
    try:
        exec({STARTS_TO_WRITE!r}, {{"work": work, "report": report}})
    except BaseException:
        report.note("goes on")
        (work.out.parent / f".{{work.out.name}}.work").rmdir()
"""
    job = run_script(queue, tmp_path, "one", body)
    until(is_writing(queue, job))
    queue.cancel(job.id)
    ended_job = queue.wait(job.id, 30)
    assert ended_job.state == "cancelled"
    assert "goes on" in ended_job.log
    assert [*(tmp_path / "served").iterdir()] == []
    child = int(next(line for line in ended_job.log if line.startswith("child")).split()[1])
    until(lambda: not is_running(child))


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.slow
def test_too_many_jobs_wait(queue: JobQueue, tmp_path: Path) -> None:
    for number in range(MAX_WAITING + 1):
        run_script(queue, tmp_path, f"job {number}", "import time; time.sleep(60)")
    with pytest.raises(UnavailableError, match="20 jobs are waiting already"):
        run_script(queue, tmp_path, "one more", "")
    queue.close()
    assert {one.state for one in queue.all()} == {"cancelled"}
    with pytest.raises(UnavailableError, match="the server is stopping"):
        run_script(queue, tmp_path, "late", "")


SERVER = """
import signal, sys, time
from pathlib import Path
from landslip.server.jobs import JobQueue
from landslip.server.job_work import JobWork
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as of a shell's background process
served, body = Path(sys.argv[1]), sys.argv[2]
queue = JobQueue(lambda work: {}, str, "scripted")
arguments = {"body": body}
job = queue.submit(JobWork(kind="script", out=served / "one", source=served, arguments=arguments))
while "writing" not in queue.get(job.id).log:
    time.sleep(0.05)
print("writing", queue._running.process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_a_killed_server_takes_its_job_along(queue: JobQueue, tmp_path: Path) -> None:
    served = tmp_path / "served"
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(served), STARTS_TO_WRITE],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    with server.stdout as lines:
        word, process = lines.readline().split()
    assert word == "writing"
    assert is_running(int(process))
    server.send_signal(signal.SIGKILL)
    server.wait()
    until(lambda: not is_running(int(process)), 25)
    assert [*served.iterdir()] == []
