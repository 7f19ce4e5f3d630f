"""How a scene is extracted."""

import hashlib
import json
import re
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
from numpy.typing import NDArray

from landslip import __version__
from landslip.core.errors import InputError
from landslip.core.messages import Message, message
from landslip.core.window import Window
from landslip.inference.plan import (
    BlockLayout,
    PlanRequest,
    WindowCosts,
    WindowPlan,
    lattice_corner,
    plan_windows,
)
from landslip.io.raster import Scene, SceneOptions
from landslip.io.raster.fingerprint import Fingerprint
from landslip.models.card import ModelCard
from landslip.models.engines.base import Engine, WindowSpec
from landslip.models.folder import ModelFolder, check_compatible, check_value_range

USUAL_OVERLAP = 64
USUAL_MEMORY_BYTES = 2 * 2**30
_STORES = ("s3", "gs", "az")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionOptions:
    """How a scene is read and what is kept.

    Attributes:
        threshold: probability from which a pixel is landslide; None takes the model's.
        min_area_m2: landslides smaller than this are left out of the polygons (not of the mask).
        tile: side of windows in pixels; None lets the plan choose.
        overlap: of windows, in pixels.
        memory_bytes: bound on the memory of the whole process.
        workers: how many windows are computed at once (with Ray: by how many processes); None
            takes what suits the machine.
        ray: address of a Ray cluster, ``auto`` for one that runs here or is begun here; None
            computes in this process.
        skip_finished: a result that is there and that this would make again is left as it is.
        store: URL or folder for finished windows, in which each output has a place of its own;
            None takes a folder beside the output.
    """

    scene: SceneOptions = field(default_factory=SceneOptions)
    tile: int | None = None
    overlap: int = USUAL_OVERLAP
    threshold: float | None = None
    min_area_m2: float = 0.0
    memory_bytes: int = USUAL_MEMORY_BYTES
    workers: int | None = None
    ray: str | None = None
    store: str | None = None
    skip_finished: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise InputError(f"--threshold is over 0 and at most 1; got {self.threshold}")
        if not self.min_area_m2 >= 0:
            raise InputError(f"--min-area is 0 or more square metres; got {self.min_area_m2}")
        if self.workers is not None and self.workers < 1:
            raise InputError(f"--workers is at least 1; got {self.workers}")
        if self.store is not None:
            _check_store(self.store)

    def store_for(self, out: Path) -> str | None:
        """Return where the finished windows of an output are; None where no store is stated."""
        if self.store is None:
            return None
        kind, name = urlsplit(self.store).scheme, f"{out.name}.windows.zarr"
        if kind in _STORES:
            return f"{self.store.rstrip('/')}/{name}"
        folder = url2pathname(urlsplit(self.store).path) if kind == "file" else self.store
        return str((Path(folder) / name).absolute())


def _check_store(store: str) -> None:
    known = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", store)
    if known is None:
        return
    if known[1] not in (*_STORES, "file"):
        raise InputError(
            f"--store is a folder, or an address that begins with file://, s3://, gs:// or az://; "
            f"got {known[1]}://"
        )
    if re.search(r"[@?]", store):
        raise InputError(
            "--store takes no passwords or signatures; object stores find theirs in the "
            "environment (AWS_ACCESS_KEY_ID and so on)"
        )


_WORDS = {
    "scene": "the scene",
    "read_as": "how the scene is read (--bands, --units, --nodata)",
    "model": "the model",
    "engine": "--engine",
    "precision": "--precision",
    "threshold": "--threshold",
    "min_area_m2": "--min-area",
    "windows": "the windows (--tile, --overlap, --memory, --workers)",
    "code_version": "the version of landslip",
}


def describe_job(
    scene: dict[str, Any],
    model: ModelFolder,
    engine: Engine,
    plan: WindowPlan,
    options: ExtractionOptions,
) -> dict[str, Any]:
    """Return all that the result of an extraction depends on, as JSON holds it.

    Args:
        scene: what the scene's files are known by.
        model: its description holds the digests of its files.
        engine: that runs it.
        plan: of the windows.
        options: as the user gave them.
    """
    return {
        "scene": scene,
        "read_as": options.scene.as_dict(),
        "model": digest_of(model.card.model_dump(mode="json")),
        "engine": engine.name,
        "precision": engine.precision,
        "threshold": options.threshold,
        "min_area_m2": options.min_area_m2,
        "windows": {
            "px": list(plan.window),
            "overlap_px": plan.overlap,
            "corner": list(plan.corner),
        },
        "code_version": __version__,
    }


def digest_of(job: dict[str, Any]) -> str:
    """Return the sha256 of something that JSON can hold."""
    return hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()


def check_same_job(found: dict[str, Any], job: dict[str, Any], place: str) -> None:
    """Stop where unfinished windows are those of another extraction.

    Raises:
        InputError: they are; what differs is named.
    """
    differing = [name for name in _WORDS if found.get(name) != job[name]]
    if not differing:
        return
    changed = ", ".join(_WORDS[name] for name in differing)
    raise InputError(
        f"{place}: an unfinished extraction is here, and {changed} changed since; go on with what "
        "it was begun with, or drop it with --overwrite"
    )


_RESOLUTION_RATIO = 1.5
_SAMPLES_PER_AXIS, _SAMPLE_PX = 3, 64


def check_compatibility(scene: Scene, card: ModelCard, min_area_m2: float) -> list[Message]:
    """Refuse a scene that does not fit a model; return what is merely worth a warning.

    Raises:
        ModelError: bands, units or values are not the model's.
        InputError: areas are asked for and the scene has no coordinate system.
    """
    name = str(scene.path)
    check_compatible(card, scene.bands, scene.radiometry, name)
    check_value_range(card, sample_values(scene, card), name)
    if scene.grid.crs is None and min_area_m2 > 0:
        raise InputError(
            f"{name}: --min-area is in square metres and the scene has no coordinate system; "
            "leave the option out, or georeference the scene"
        )
    notes = []
    if scene.grid.crs is None:
        notes.append(message("scene.no_crs"))
    trained, found = card.input.resolution_m, scene.grid.resolution_m
    if trained and found and not 1 / _RESOLUTION_RATIO < found / trained < _RESOLUTION_RATIO:
        notes.append(message("scene.resolution", found=found, trained=trained))
    return notes


def sample_values(scene: Scene, card: ModelCard) -> NDArray[np.float32]:
    """Return valid values (bands, n) of small windows spread over the scene, in its units."""
    height, width = scene.grid.shape
    spread = (np.arange(_SAMPLES_PER_AXIS) + 0.5) / _SAMPLES_PER_AXIS
    found = []
    for row in spread * height:
        for col in spread * width:
            window = Window(int(col), int(row), _SAMPLE_PX, _SAMPLE_PX)
            stored, valid = scene.read(window, card.bands)
            found.append(scene.radiometry.values(stored[:, valid]))
    return np.concatenate(found, axis=1)


_REMOTE_READERS = 2
_LIBRARIES_BYTES = 280 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """A scene, a model, and how the one is taken through the other."""

    scene: Scene
    model: ModelFolder
    engine: Engine
    options: ExtractionOptions
    request: PlanRequest
    plan: WindowPlan
    facts: Future[Fingerprint]

    @property
    def job(self) -> dict[str, Any]:
        """All that the result depends on; waits until the scene's files have been digested."""
        return describe_job(self.facts.result(), self.model, self.engine, self.plan, self.options)

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is landslide; calibrated, where the model is."""
        stated = self.options.threshold
        return self.model.card.calibrated_threshold if stated is None else stated

    @property
    def form(self) -> WindowSpec:
        """What the windows have in common."""
        card = self.model.card
        return WindowSpec(
            shape=self.plan.window,
            normalisation=card.normalisation_of(self.scene.radiometry),
            calibration=card.curve,
        )


def plan_extraction(
    scene: Scene,
    model: ModelFolder,
    engine: Engine,
    options: ExtractionOptions,
    facts: "Future[Fingerprint]",
) -> Extraction:
    """Plan the windows of a scene; nothing is computed.

    Args:
        scene: to be extracted.
        model: for it.
        engine: that runs the model.
        options: as the user gave them.
        facts: what the scene's files are known by.

    Raises:
        InputError: an option does not fit the scene or the model.
    """
    multiple = model.card.input.multiple
    request = PlanRequest(
        shape=scene.grid.shape,
        corner=lattice_corner(scene.grid, multiple),
        multiple=multiple,
        overlap=-(-options.overlap // multiple) * multiple,
        memory_bytes=options.memory_bytes,
        costs=_costs(scene, model, engine, options),
        storage=BlockLayout(block=scene.block, bytes_per_px=scene.stored_bytes_per_px),
        side=options.tile,
    )
    return Extraction(
        scene=scene,
        model=model,
        engine=engine,
        options=options,
        request=request,
        plan=plan_windows(request),
        facts=facts,
    )


def _costs(
    scene: Scene, model: ModelFolder, engine: Engine, options: ExtractionOptions
) -> WindowCosts:
    known, bands = engine.costs(), len(model.card.bands)
    # with Ray, workers are processes, and how many there are must not change the windows
    streams = known.streams if options.ray is not None else options.workers or known.streams
    return WindowCosts(
        resident_bytes=_LIBRARIES_BYTES + known.resident_bytes,
        computing_bytes_per_px=known.computing_bytes_per_px,
        # numbers, the mask of each band, and what is valid
        reading_bytes_per_px=bands * (np.dtype(scene.radiometry.dtype).itemsize + 1) + 2,
        streams=streams,
        # a server answers several at once
        readers=max(known.readers, _REMOTE_READERS) if scene.path.is_remote else known.readers,
        px_per_s=known.px_per_s,
    )
