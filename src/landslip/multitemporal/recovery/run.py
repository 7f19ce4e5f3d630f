"""Recovery of the landslides of a series, from polygons to tables and rasters."""

import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas
import numpy as np

from landslip.core.choices import Language
from landslip.core.errors import InputError
from landslip.core.messages import Message, message, sentences
from landslip.core.progress import Progress, no_progress, sub_progress
from landslip.core.resources import peak_memory_mb
from landslip.io.raster import bounded_cache
from landslip.multitemporal.recovery.files import write_files
from landslip.multitemporal.recovery.landslides import read_landslides
from landslip.multitemporal.recovery.measures import LandslideRecovery, measure
from landslip.multitemporal.recovery.rasters import CLASSES, RATES, write_rasters
from landslip.multitemporal.recovery.rates import BEYOND_RATE
from landslip.multitemporal.recovery.record import RECORD, SURVIVAL, RecoveryRecord
from landslip.multitemporal.recovery.survival import SurvivalCurve, survival_curve
from landslip.multitemporal.recovery.tables import (
    class_name,
    landslides_table,
    survival_table,
    trajectories_table,
)
from landslip.multitemporal.series.folder import Series, open_series
from landslip.multitemporal.vegetation_index import has_ndvi


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRequest:
    """Recovery to be measured.

    Attributes:
        landslides: histories, an inventory, or a file of polygons.
        series: folder of the series.
        failed: day on which all landslides failed; None: as the landslides say.
        language: of the labels in the files.
        draws: bootstrap samples for the intervals of half-lives.
        seed: of the draws.
    """

    landslides: Path
    series: Path
    failed: date | None = None
    language: Language = Language.ENGLISH
    draws: int = 200
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryResult:
    """What was measured: the record, both tables, and the survival curve (None: no landslide)."""

    record: RecoveryRecord
    landslides: geopandas.GeoDataFrame
    trajectories: geopandas.GeoDataFrame
    survival: SurvivalCurve | None


def measure_recovery(
    request: RecoveryRequest, stage: Path, progress: Progress = no_progress
) -> RecoveryResult:
    """Measure recovery and write its rasters and tables into a folder.

    Raises:
        InputError: the series has no red or nir or one date, or no landslide is in its footprint.
    """
    started = time.monotonic()
    with bounded_cache(), open_series(request.series) as series:
        check_series(series)
        landslides = read_landslides(request.landslides, series.grid, request.failed)
        measured = measure(
            series,
            landslides,
            draws=request.draws,
            seed=request.seed,
            progress=sub_progress(progress, 0, 45, 100),
        )
        pixels = write_rasters(
            series, landslides, measured, stage, sub_progress(progress, 45, 100, 100)
        )
        days, grid = series.days, series.grid
    table = landslides_table(landslides, measured, days, grid)
    dates = trajectories_table(landslides, measured, days, grid)
    known = [one for one in measured if np.isfinite(one.years)]
    survival = None
    if known:
        survival = survival_curve(
            np.array([one.years for one in known]), np.array([one.recovered for one in known])
        )
        survival_table(survival).to_csv(stage / SURVIVAL, index=False, lineterminator="\n")
    files = write_files(table, dates, stage, request.language)
    notes = [*landslides.notes, *_notes(measured)]
    half_lives = table["half_life_years"].dropna()
    record = RecoveryRecord(
        landslides_source=str(request.landslides),
        series=str(request.series),
        days=tuple(map(str, days)),
        landslides=len(measured),
        measured=sum(one.last is not None for one in measured),
        recovered=sum(one.recovered for one in measured),
        median_years=_known(None if survival is None else survival.median_years),
        median_half_life=_known(half_lives.median() if len(half_lives) else None),
        pixels={class_name(code): int(count) for code, count in enumerate(pixels)},
        classes={str(name): int(count) for name, count in table["class"].value_counts().items()},
        draws=request.draws,
        seed=request.seed,
        files=(RATES, CLASSES, *([] if survival is None else [SURVIVAL]), *files),
        seconds=round(time.monotonic() - started, 2),
        memory_peak_mb=peak_memory_mb(),
        warnings=sentences(note for note in notes if note.is_warning),
        messages=tuple(notes),
    )
    (stage / RECORD).write_text(record.model_dump_json(indent=2) + "\n")
    return RecoveryResult(record=record, landslides=table, trajectories=dates, survival=survival)


def check_series(series: Series) -> None:
    """Refuse a series in which no recovery can be seen.

    Raises:
        InputError: it has one date, or no red or no nir.
    """
    if len(series.days) < 2:
        raise InputError(
            f"{series.path}: has one date, {series.days[0]}, and recovery needs two at least; make "
            "a series of more scenes"
        )
    if not has_ndvi(series):
        raise InputError(
            f"{series.path}: recovery is measured by NDVI, which needs the bands red and nir, and "
            f"the series has {series.bands}; make a series of scenes with both"
        )


def _known(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 4)


def _notes(measured: list[LandslideRecovery]) -> list[Message]:
    notes, total = [], len(measured)
    for key, count in (
        ("recovery.no_before", sum(not one.has_before for one in measured)),
        ("recovery.no_date", sum(not one.is_stated for one in measured)),
        ("recovery.no_neighbours", sum(not np.isfinite(one.neighbours).any() for one in measured)),
        ("recovery.not_measured", sum(one.last is None for one in measured)),
        ("recovery.beyond", sum(one.rate > BEYOND_RATE for one in measured)),
    ):
        if count:
            notes.append(message(key, count=count, total=total))
    if all(one.last is None for one in measured):
        notes.append(message("warning.recovery_none", total=total))
    return notes
