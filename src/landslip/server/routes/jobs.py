"""Routes of jobs: commands that the server runs, one at a time."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, status
from fastapi import Path as PathParameter

from landslip.server import schemas
from landslip.server.catalogue.folder import ServedFolder
from landslip.server.job_requests import work_of
from landslip.server.job_work import JobWork
from landslip.server.jobs import JobStatus
from landslip.server.state import State

router = APIRouter(prefix="/jobs", tags=["jobs"])
JobId = Annotated[str, PathParameter(max_length=64)]


@router.get("")
def jobs(state: State) -> tuple[schemas.Job, ...]:
    """Return the jobs of this server, the newest first."""
    return tuple(_shown(one) for one in state.jobs.all())


@router.get("/{job_id}")
def job(job_id: JobId, state: State) -> schemas.Job:
    """Return a job as it is now."""
    return _shown(state.jobs.get(job_id))


@router.post("", status_code=status.HTTP_201_CREATED)
def start(request: schemas.JobRequest, state: State) -> schemas.Job:
    """Start a job, or let it wait for those before it."""
    return _shown(state.jobs.submit(work_of(request, state.folder, state.reviews)))


@router.delete("/{job_id}")
def cancel(job_id: JobId, state: State) -> schemas.Job:
    """Stop a job; what it has begun to write is removed."""
    return _shown(state.jobs.cancel(job_id))


def find_result(work: JobWork, folder: ServedFolder) -> dict[str, tuple[str, ...]]:
    """Return the ids of what a job made."""
    catalogue = folder.catalogue(now=True)

    def made(path: Path) -> bool:
        is_reported = work.kind == "report" and path.parent == work.source
        return path == work.out or work.out in path.parents or is_reported

    return {
        "rasters": tuple(key for key, one in catalogue.rasters.items() if made(one.path)),
        "inventories": tuple(key for key, one in catalogue.inventories.items() if made(one.path)),
        "models": tuple(key for key, one in catalogue.models.items() if made(one.path)),
        "samples": tuple(key for key, one in catalogue.samples.items() if made(one.path)),
    }


def _shown(status: JobStatus) -> schemas.Job:
    return schemas.Job.model_validate(
        {
            "id": status.id,
            "kind": status.work.kind,
            "out": status.work.out.name,
            "state": status.state,
            "progress": status.progress,
            "stage": status.stage,
            "created": status.created,
            "started": status.started,
            "ended": status.ended,
            "log": status.log,
            "error": status.error,
            "result": status.result,
            "summary": status.summary,
        }
    )
