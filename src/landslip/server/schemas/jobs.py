"""Jobs: commands that the server runs."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from landslip.core.records import StrictModel

JobKind = Literal["extract", "inventory", "corrected", "report", "sample", "improve"]
JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
_Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_OptionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
_OptionText = Annotated[str, StringConstraints(max_length=200)]
_OptionNumber = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
_OptionCount = Annotated[int, Field(ge=-(2**53), le=2**53)]


class JobRequest(StrictModel):
    """A command to run; ``out`` is a name in the served folder, no path."""

    kind: JobKind
    out: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    scene_id: _Id | None = None
    model_id: _Id | None = None
    inventory_id: _Id | None = None
    sample_id: _Id | None = None
    options: Annotated[
        dict[_OptionName, bool | _OptionCount | _OptionNumber | _OptionText], Field(max_length=40)
    ] = Field(default_factory=dict)


class JobResult(StrictModel):
    """Ids of what a job made."""

    rasters: tuple[str, ...]
    inventories: tuple[str, ...]
    models: tuple[str, ...]
    samples: tuple[str, ...]


class Job(StrictModel):
    """A job; ``progress`` is from 0 to 1, None where it is not known."""

    id: str
    kind: JobKind
    out: str
    state: JobState
    progress: float | None
    stage: str | None
    created: str
    started: str | None
    ended: str | None
    log: tuple[str, ...]
    error: str | None
    result: JobResult | None
    summary: dict[str, Any] | None
