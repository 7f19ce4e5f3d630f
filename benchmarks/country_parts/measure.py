"""Measures the figures of this machine: `landslip extract` on made-up scenes, and its parts."""

import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from country_parts.cases import SCENE_BYTES, SHAPE
from country_parts.figures import Bytes, Figures, Finishing, Opening, Speed
from extract_parts.made import SceneForm, make_ground, write_scene
from extract_parts.openvino_runs import cores
from extract_parts.processes import extract_command, measured
from landslip.core.choices import EngineName, Precision
from landslip.core.errors import InputError
from landslip.experiments.assembly import machine
from landslip.inference.job import ExtractionOptions, plan_extraction
from landslip.inference.plan import WindowPlan
from landslip.inference.postprocessing import Postprocessor
from landslip.inference.run import extract
from landslip.inference.store import NODATA, WindowStore
from landslip.io.raster import Scene
from landslip.io.raster.fingerprint import scene_fingerprint
from landslip.models.engines.choose import open_engine
from landslip.models.engines.openvino import default_streams
from landslip.models.folder import open_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """What is measured.

    Attributes:
        sides: of the two scenes whose times are compared, in pixels.
        work: for temporary files.
        provisional: to be said of the figures.
    """

    model: Path
    precisions: tuple[str, ...]
    sides: tuple[int, int]
    rounds: int
    seed: int
    work: Path
    provisional: bool


def measure(what: Measuring) -> Figures:
    """Measure all figures but those of runs on a cluster."""
    small, large = scenes = [what.work / f"{side}.tif" for side in what.sides]
    ground = make_ground(what.seed)
    for scene, side in zip(scenes, what.sides, strict=True):
        write_scene(scene, ground, SceneForm(shape=(side, side)), what.seed)
    whole = what.work / "whole.tif"
    write_scene(whole, ground, SceneForm(shape=SHAPE, filled_share=0.0), what.seed)
    speeds = tuple(_speed(what, precision, small, large) for precision in what.precisions)
    out = what.work / f"{large.stem}_{what.precisions[0]}"
    finishing, size = _finishing(what, out)
    plan = _plan(what, whole)
    return Figures(
        speeds=tuple(_without_finishing(speed, finishing) for speed in speeds),
        finishing=finishing,
        bytes=size,
        opening=_opening(what, large, out),
        window_px=plan.window,
        overlap_px=plan.overlap,
    )


def _where(what: Measuring, more: str) -> dict[str, Any]:
    return {"where": f"{machine()}; {more}", "provisional": what.provisional}


def _speed(what: Measuring, precision: str, small: Path, large: Path) -> Speed:
    """Fit seconds = start + pixels of windows / speed through two scenes."""
    times: dict[Path, list[float]] = {small: [], large: []}
    px: dict[Path, float] = {}
    for _ in range(what.rounds):
        for scene, found in times.items():
            out = what.work / f"{scene.stem}_{precision}"
            shutil.rmtree(out, ignore_errors=True)
            command = extract_command(scene, what.model, out, "--precision", precision)
            found.append(measured(command).seconds)
            summary = json.loads((out / "summary.json").read_text())
            height, width = summary["window_px"]
            px[scene] = summary["windows"] * height * width
            _tell(f"{precision} {scene.stem}: {found[-1]:.1f} s")
    first, second = (statistics.median(found) for found in times.values())
    per_px = (second - first) / (px[large] - px[small])
    if per_px <= 0:
        raise InputError(
            f"--sides: the larger scene has to take longer; {large.stem} px took {second:.1f} s "
            f"and {small.stem} px {first:.1f} s; give sides that differ more, or a quieter machine"
        )
    sides = " and ".join(f"{side} px" for side in what.sides)
    network = open_model(what.model).card.architecture
    return Speed(
        engine="openvino",
        precision=precision,
        cores=cores(),
        streams=default_streams(cores()),
        mpix_per_s=1e-6 / per_px,
        start_s=max(first - px[small] * per_px, 0.0),
        **_where(what, f"{network.title} {network.encoder}, whole process on scenes of {sides}"),
    )


def _without_finishing(speed: Speed, finishing: Finishing) -> Speed:
    """Take finishing out of a speed: rows take turns with the network, the end follows after it."""
    seconds = 1 / speed.mpix_per_s - finishing.row_s_per_mpix / speed.cores
    seconds -= finishing.end_s_per_mpix / finishing.cores_busy
    return speed.model_copy(update={"mpix_per_s": 1 / seconds})


def _finishing(what: Measuring, out: Path) -> tuple[Finishing, Bytes]:
    with rasterio.open(out / "probability.tif") as file:
        steps: NDArray[np.uint8] = file.read(1)
    summary = json.loads((out / "summary.json").read_text())
    height, width = summary["window_px"]
    plan = WindowPlan(
        shape=steps.shape, window=(height, width), overlap=summary["overlap_px"], corner=(0, 0)
    )
    stores = [_stored(what.work / f"windows_{n}", plan, steps) for n in range(2)]
    with Scene(what.work / f"{what.sides[1]}.tif") as scene:
        kept = {"grid": scene.grid, "threshold": summary["threshold"], "min_area_m2": 0.0}
    _finished(what.work / "stage", plan, stores[0], kept)  # imports and caches
    stage = what.work / "stage"
    each = [_finished(stage, plan, stores[0], kept) for _ in range(what.rounds)]
    rows, end = (statistics.median(found) for found in zip(*each, strict=True))
    busy = [_cores_busy(what.work, plan, stores, kept) for _ in range(what.rounds)]
    mpix = steps.size / 1e6
    files = sum(file.stat().st_size for file in (what.work / "windows_0").rglob("*"))
    results = sum(file.stat().st_size for file in out.iterdir())
    where = _where(
        what, f"processor time, a scene of {what.sides[1]} px, {summary['landslides']} landslides"
    )
    finishing = Finishing(
        row_s_per_mpix=rows / mpix,
        end_s_per_mpix=end / mpix,
        cores_busy=statistics.median(busy),
        **where,
    )
    size = Bytes(
        window_bytes_per_px=files / steps.size, result_bytes_per_px=results / steps.size, **where
    )
    return finishing, size


def _stored(folder: Path, plan: WindowPlan, steps: NDArray[np.uint8]) -> WindowStore:
    """Write the windows that a scene's probabilities come from."""
    height, width = plan.window
    padded = np.pad(steps, ((0, height), (0, width)), constant_values=NODATA)
    store = WindowStore(str(folder))
    store.create(plan, {})
    for place in plan:
        window = plan.window_at(*place)
        rows = slice(window.row_off, window.row_off + height)
        store.write(place, padded[rows, window.col_off : window.col_off + width])
    return store


def _finished(
    stage: Path, plan: WindowPlan, store: WindowStore, kept: dict[str, Any]
) -> tuple[float, float]:
    """Return processor seconds of rows and of the end."""
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    started = time.process_time()
    finisher = Postprocessor(plan, store, stage, **kept)
    finisher.process(np.ones(plan.count, dtype=np.bool_))
    rows = time.process_time()
    finisher.finish()
    return rows - started, time.process_time() - rows


def _cores_busy(
    work: Path, plan: WindowPlan, stores: list[WindowStore], kept: dict[str, Any]
) -> float:
    """Return processor seconds for each second while two scenes are finished at once."""
    stages = [work / "stage_0", work / "stage_1"]
    clock, started = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: _finished(stages[n], plan, stores[n], kept), range(2)))
    return (time.process_time() - started) / (time.perf_counter() - clock)


def _plan(what: Measuring, whole: Path) -> WindowPlan:
    """Return the plan of a whole scene, of which nothing is read."""
    model = open_model(what.model)
    engine = open_engine(model, EngineName.OPENVINO, Precision(what.precisions[0]))
    with Scene(whole) as scene:
        return plan_extraction(scene, model, engine, ExtractionOptions(), Future()).plan


def _opening(what: Measuring, scene: Path, out: Path) -> Opening:
    """Time what is done of a finished scene; its digest grows with the file."""
    model = open_model(what.model)
    engine = open_engine(model, EngineName.OPENVINO, Precision(what.precisions[0]))
    options = replace(ExtractionOptions(), skip_finished=True)
    store = WindowStore(str(what.work / "windows_0"))

    def check() -> None:
        extract(scene, model, engine, out, options)

    def turn_to() -> None:
        with Scene(scene):
            store.identity()

    digest = statistics.median(_seconds(lambda: scene_fingerprint(scene), what.rounds))
    checking = statistics.median(_seconds(check, what.rounds))
    larger = digest * (SCENE_BYTES / scene.stat().st_size - 1)
    return Opening(
        driver_s=checking + larger,
        check_s=checking + larger,
        worker_s=statistics.median(_seconds(turn_to, what.rounds)),
        **_where(what, "local files, digest scaled to a whole scene's"),
    )


def _seconds(work: Callable[[], object], rounds: int) -> Iterator[float]:
    work()  # imports and caches
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        yield time.perf_counter() - started


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
