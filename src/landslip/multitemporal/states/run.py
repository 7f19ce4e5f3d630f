"""The states of a series: window by window from its scenes and maps to rasters."""

import itertools
import math
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.messages import Message, message, sentences
from landslip.core.progress import Progress, no_progress
from landslip.core.resources import parallel_map, peak_memory_mb
from landslip.core.window import Window, tile_windows
from landslip.io.raster import bounded_cache
from landslip.models.engines.base import PROBABILITY_LEVELS
from landslip.multitemporal.series.folder import Series, open_series
from landslip.multitemporal.states.day_vegetation import sampled_vegetation
from landslip.multitemporal.states.emissions import (
    DayVegetation,
    ProbabilityEmission,
    VegetationEmission,
    probability_likelihood,
    vegetation_likelihood,
)
from landslip.multitemporal.states.hidden_markov import (
    FRESH,
    STATES,
    Likelihood,
    TransitionRates,
    posterior_states,
)
from landslip.multitemporal.states.maps import ProbabilityMap, ProbabilityReader, match_maps
from landslip.multitemporal.states.rasters import (
    NODATA,
    Codes,
    StateRasters,
    posterior_name,
    state_name,
)
from landslip.multitemporal.states.record import MAPS, RECORD, StatesDate, StatesRecord
from landslip.multitemporal.vegetation_index import has_ndvi, read_ndvi

_WINDOW_BYTES = 64 * 2**20
_BYTES_PER_STATE = 20  # of a pixel and date: likelihood, posterior, and what they are made of
_LARGEST_PX, _SMALLEST_PX = 512, 64
_LEAST_UNMAPPED = 0.01  # share that is worth a warning


@dataclass(frozen=True, slots=True, kw_only=True)
class StatesRequest:
    """States to be found.

    Attributes:
        series: folder of the series.
        maps: folders of extractions, or ``DATE=FOLDER``.
        out: folder to write; it may hold the folder of the maps already.
        triggers: days on which ground may have failed.
        prior: see `match_maps`.
        rates: of the transitions.
        overwrite: replace an earlier result.
    """

    series: Path
    maps: tuple[str, ...]
    out: Path
    triggers: tuple[date, ...] = ()
    prior: float | None = None
    rates: TransitionRates = field(default_factory=TransitionRates)
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatesModel:
    """All that the states of a window depend on besides its pixels."""

    days: tuple[date, ...]
    vegetation: tuple[DayVegetation, ...]
    priors: tuple[float, ...]
    triggers: tuple[date, ...]
    rates: TransitionRates
    by_probability: ProbabilityEmission = field(default_factory=ProbabilityEmission)
    by_vegetation: VegetationEmission = field(default_factory=VegetationEmission)

    def posterior(self, ndvi: NDArray[np.float32], probability: NDArray[np.float32]) -> Likelihood:
        """Return the probability (dates, 4, n) of states by NDVI and map (dates, n), NaN unseen."""
        has_map = [not math.isnan(prior) for prior in self.priors]
        likelihoods = vegetation_likelihood(ndvi, self.vegetation, self.by_vegetation, has_map)
        for at, prior in enumerate(self.priors):
            if has_map[at]:
                likelihoods[at] *= probability_likelihood(
                    probability[at], prior, self.by_probability
                )
        return posterior_states(self.days, likelihoods, self.rates, self.triggers)


def find_states(request: StatesRequest, progress: Progress = no_progress) -> StatesRecord:
    """Write the posterior of each date and the most likely states, and return what was done.

    Raises:
        InputError: the series has one date, nothing was seen, or maps do not fit it.
        OutputExistsError: ``request.out`` exists.
    """
    refuse_existing_states(request.out, overwrite=request.overwrite)
    started = time.monotonic()
    with bounded_cache(), open_series(request.series) as series, ExitStack() as stack:
        check_dates(series)
        maps = match_maps(request.maps, series, request.prior)
        readers = [None if one is None else ProbabilityReader(one, series) for one in maps]
        for reader in readers:
            if reader is not None:
                stack.callback(reader.close)
        model = StatesModel(
            days=series.days,
            vegetation=sampled_vegetation(series, readers, VegetationEmission()),
            priors=tuple(math.nan if one is None else one.prior for one in maps),
            triggers=request.triggers,
            rates=request.rates,
        )
        job = _StatesJob(series=series, maps=maps, readers=tuple(readers), model=model)
        with atomic_directory(request.out, overwrite=True) as stage:
            counts = _write_rasters(job, stage, progress)
            record = _record(job, counts, time.monotonic() - started)
            (stage / RECORD).write_text(record.model_dump_json(indent=2) + "\n")
    return record


def check_dates(series: Series) -> None:
    """Refuse a series of one date.

    Raises:
        InputError: it is one.
    """
    if len(series.days) < 2:
        raise InputError(
            f"{series.path}: has one date, {series.days[0]}, and what changes through time needs "
            "two at least; make a series of more scenes"
        )


def refuse_existing_states(out: Path, *, overwrite: bool) -> None:
    """Refuse an output folder with anything but the folder of maps.

    Raises:
        OutputExistsError: it has.
    """
    if out.is_dir() and {entry.name for entry in out.iterdir()} <= {MAPS}:
        return
    refuse_existing(out, overwrite=overwrite)


@dataclass(frozen=True, slots=True, kw_only=True)
class _StatesJob:
    """An open series, the map of each date and its open file, and the model."""

    series: Series
    maps: tuple[ProbabilityMap | None, ...]
    readers: tuple[ProbabilityReader | None, ...]
    model: StatesModel


@dataclass(frozen=True, slots=True, kw_only=True)
class _StateCounts:
    """Pixels by most likely state (dates, 4) and its changes (dates - 1, from, to).

    ``seen`` (dates,) is of each date, ``unmapped`` those of them where its map has no data.
    """

    seen: NDArray[np.int64]
    unmapped: NDArray[np.int64]
    states: NDArray[np.int64]
    flows: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _WindowStates:
    """Levels of the posterior (dates, 4, height, width), states (dates, height, width), counts."""

    levels: Codes
    states: Codes
    seen: NDArray[np.int64]
    unmapped: NDArray[np.int64]


def _window_states(job: _StatesJob, window: Window) -> _WindowStates:
    series, model = job.series, job.model
    dates, pixels = len(model.days), window.width * window.height
    ndvi, probability = np.full((2, dates, pixels), np.nan, dtype=np.float32)
    seen = np.zeros((dates, pixels), dtype=np.bool_)
    unmapped = np.zeros(dates, dtype=np.int64)
    for at, reader in enumerate(job.readers):
        ndvi[at], seen[at] = (part.ravel() for part in read_ndvi(series, at, window))
        if reader is not None:
            probability[at] = np.where(seen[at], reader.read(window).ravel(), np.nan)
            unmapped[at] = np.isnan(probability[at][seen[at]]).sum()
    known = seen.any(axis=0)
    levels = np.full((dates, len(STATES), pixels), NODATA, dtype=np.uint8)
    states = np.full((dates, pixels), NODATA, dtype=np.uint8)
    if known.any():
        posterior = model.posterior(ndvi[:, known], probability[:, known])
        levels[..., known] = np.rint(posterior * PROBABILITY_LEVELS).astype(np.uint8)
        states[:, known] = posterior.argmax(axis=1).astype(np.uint8)
    return _WindowStates(
        levels=levels.reshape(dates, len(STATES), *window.shape),
        states=states.reshape(dates, *window.shape),
        seen=seen.sum(axis=1),
        unmapped=unmapped,
    )


def _write_rasters(job: _StatesJob, stage: Path, progress: Progress) -> _StateCounts:
    series, model = job.series, job.model
    dates, side = len(model.days), _LARGEST_PX
    while side > _SMALLEST_PX and dates * len(STATES) * _BYTES_PER_STATE * side**2 > _WINDOW_BYTES:
        side //= 2
    kinds = len(STATES)
    seen, unmapped = np.zeros((2, dates), dtype=np.int64)
    states = np.zeros((dates, kinds), dtype=np.int64)
    flows = np.zeros((dates - 1, kinds, kinds), dtype=np.int64)
    done, total = 0, math.prod(series.grid.shape)
    with ExitStack() as stack:
        rasters = StateRasters(stage, model.days, series.grid, side)
        stack.callback(rasters.close)

        def work(window: Window) -> _WindowStates:
            return _window_states(job, window)

        clipped = (one.clipped(series.grid.shape) for one in tile_windows(series.grid.shape, side))
        for window, found in parallel_map(work, [one for one in clipped if one is not None]):
            rasters.write(found.levels, found.states, window)
            seen += found.seen
            unmapped += found.unmapped
            codes = found.states.reshape(dates, -1)
            codes = codes[:, codes[0] != NODATA].astype(np.int64)
            for at, state in enumerate(codes):
                states[at] += np.bincount(state, minlength=kinds)
            for at, (earlier, later) in enumerate(itertools.pairwise(codes)):
                pairs = np.bincount(kinds * earlier + later, minlength=kinds**2)
                flows[at] += pairs.reshape(kinds, kinds)
            done += window.width * window.height
            progress(done, total)
        rasters.finish()
    return _StateCounts(seen=seen, unmapped=unmapped, states=states, flows=flows)


def _record(job: _StatesJob, counts: _StateCounts, seconds: float) -> StatesRecord:
    series, model = job.series, job.model
    pixels, area_m2 = math.prod(series.grid.shape), series.grid.pixel_area_m2
    notes = _notes(job, counts)
    dates = [
        StatesDate(
            date=str(day),
            posterior=posterior_name(day),
            state=state_name(day),
            map=None if one is None else str(one.folder),
            model=None if one is None else one.model,
            prior=None if one is None else one.prior,
            vegetated_ndvi=None if math.isnan(vegetation.level) else round(vegetation.level, 4),
            vegetated=vegetation.vegetated,
            bare=vegetation.bare,
            seen_share=int(seen) / pixels,
            pixels=states,
            area_m2=None if area_m2 is None else [int(count) * area_m2 for count in states],
        )
        for day, one, vegetation, seen, states in zip(
            series.days,
            job.maps,
            model.vegetation,
            counts.seen,
            counts.states.tolist(),
            strict=True,
        )
    ]
    return StatesRecord(
        series=str(series.path),
        triggers=tuple(str(day) for day in sorted(set(model.triggers))),
        rates=asdict(model.rates),
        emissions=asdict(model.by_probability) | asdict(model.by_vegetation),
        dates=tuple(dates),
        flows=counts.flows.tolist(),
        seconds=round(seconds, 2),
        seconds_per_mpix=round(seconds / pixels * 1e6, 3),
        memory_peak_mb=peak_memory_mb(),
        warnings=sentences(note for note in notes if note.is_warning),
        messages=tuple(notes),
    )


def _notes(job: _StatesJob, counts: _StateCounts) -> list[Message]:
    """Return what should be known of the result."""
    notes = [note for one in job.maps if one is not None for note in one.notes]
    uses_ndvi = has_ndvi(job.series)
    if not uses_ndvi:
        notes.append(message("warning.states_no_ndvi"))
    for day, one, vegetation, seen, unmapped in zip(
        job.series.days,
        job.maps,
        job.model.vegetation,
        counts.seen.tolist(),
        counts.unmapped.tolist(),
        strict=True,
    ):
        if one is None:
            notes.append(message("states.no_map", date=str(day)))
        elif unmapped >= _LEAST_UNMAPPED * max(seen, 1):
            percent = 100 * unmapped / seen
            notes.append(message("warning.states_map_gaps", date=str(day), percent=percent))
        if not seen:
            notes.append(message("warning.states_unseen", date=str(day)))
        elif uses_ndvi and math.isnan(vegetation.level):
            notes.append(message("warning.states_no_vegetation", date=str(day)))
    last = max(job.series.days)
    notes += [
        message("warning.states_late_trigger", date=str(day), last=str(last))
        for day in sorted(set(job.model.triggers))
        if day > last
    ]
    if not counts.states[:, FRESH].any():
        notes.append(message("warning.states_no_landslide"))
    return notes
