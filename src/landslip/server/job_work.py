"""What a job does: one call of the Python API for each kind."""

import glob
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import landslip
from landslip.core.files import refuse_existing, remove_stale_stages
from landslip.core.progress import Progress, sub_progress

if TYPE_CHECKING:
    from landslip.models.training.module import EpochResult

Arguments = Mapping[str, Any]
_INVENTORY_SHARE = 0.9
_REPORT_OPTIONS = ("report", "lang")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWork:
    """A job as it is sent to its process.

    Attributes:
        kind: see `landslip.server.schemas.jobs.JobKind`.
        out: folder or file that it makes.
        source: what it is made of: a scene, a map, an inventory or a model.
        arguments: of the function of the API, by name.
    """

    kind: str
    out: Path
    source: Path
    arguments: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what JSON holds."""
        return {
            "kind": self.kind,
            "out": str(self.out),
            "source": str(self.source),
            "arguments": {
                name: str(value) if isinstance(value, Path) else value
                for name, value in self.arguments.items()
            },
        }

    @classmethod
    def of_json(cls, content: dict[str, Any]) -> "JobWork":
        """Return what `as_json` returned."""
        return cls(
            kind=content["kind"],
            out=Path(content["out"]),
            source=Path(content["source"]),
            arguments=content["arguments"],
        )

    @property
    def is_begun(self) -> bool:
        """Whether something is where the job writes, finished or not; what crashes left goes."""
        remove_stale_stages(self.out.parent, glob.escape(self.out.name))
        return self.out.exists() or self.out.is_symlink() or any(self._unfinished("*"))

    def remove_unfinished(self, process: int) -> None:
        """Remove what an interrupted process left of the output."""
        for path in self._unfinished(str(process)):
            shutil.rmtree(path, ignore_errors=True)

    def _unfinished(self, process: str) -> Iterable[Path]:
        """Yield folders in which the output is until it is complete."""
        name = self.out.name
        with suppress(OSError):
            for path in self.out.parent.iterdir():
                begins = path.name.startswith(f".{name}.")
                is_own = path.name in {f".{name}.work", f".{name}.{process}.partial"}
                if begins and (is_own or (process == "*" and path.name.endswith(".partial"))):
                    yield path


class JobReport(Protocol):
    """What a job reports its progress to."""

    def stage(self, name: str) -> Progress:
        """Begin a stage, and return its progress."""

    def note(self, text: str) -> None:
        """Say a line."""


def do_job(work: JobWork, report: JobReport) -> dict[str, Any] | None:
    """Do a job, and return its summary where it has one.

    Raises:
        LandslipError: see the functions of the API.
    """
    return _KINDS[work.kind](work, report)


def _extract(work: JobWork, report: JobReport) -> None:
    extraction = landslip.extract(
        work.source, out=work.out, progress=report.stage("extract"), **work.arguments
    )
    _say(report, extraction.summary.warnings)


def _inventory(work: JobWork, report: JobReport) -> None:
    arguments = dict(work.arguments)
    page = {name: arguments.pop(name) for name in _REPORT_OPTIONS if name in arguments}
    with_report = bool(page.pop("report", False))
    progress = report.stage("inventory")
    if with_report:
        progress = sub_progress(progress, 0, _INVENTORY_SHARE, 1)
    made = landslip.make_inventory(
        work.source, out=work.out, progress=progress, **page, **arguments
    )
    _say(report, made.record.notes)
    if with_report:
        report.stage("report")
        landslip.report(made, **page)


def _report(work: JobWork, report: JobReport) -> None:
    report.stage("report")
    in_folder = work.out.parent == work.source
    landslip.report(work.source, out=None if in_folder else work.out, **work.arguments)


def _sample(work: JobWork, report: JobReport) -> None:
    landslip.sample(work.source, out=work.out, progress=report.stage("sample"), **work.arguments)


def _improve(work: JobWork, report: JobReport) -> dict[str, Any]:
    # what is not finished is hidden from those who look at the folder
    stage = work.out.with_name(f".{work.out.name}.{os.getpid()}.partial")
    stage.mkdir()
    try:
        found = landslip.improve(
            work.source,
            out=stage / work.out.name,
            progress=report.stage("improve"),
            on_epoch=lambda epoch: report.note(_epoch_line(epoch)),
            **work.arguments,
        )
        if found.path is not None:
            refuse_existing(work.out, overwrite=False)
            found.path.rename(work.out)
        return {
            **found.as_dict(),
            "is_better": found.is_better,
            "sentence": found.sentence,
        }
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _epoch_line(epoch: "EpochResult") -> str:
    part = "all ground" if epoch.fold is None else f"fold {epoch.fold}/{epoch.folds}"
    return f"{part}, epoch {epoch.epoch}/{epoch.epochs}: loss {epoch.train_loss:.4f}"


def _say(report: JobReport, notes: Iterable[str]) -> None:
    for note in notes:
        report.note(note)


_KINDS: dict[str, Callable[[JobWork, JobReport], dict[str, Any] | None]] = {
    "extract": _extract,
    "inventory": _inventory,
    "corrected": _inventory,  # of the folder of a review
    "report": _report,
    "sample": _sample,
    "improve": _improve,
}
