"""What is extracted: the options, the planned windows, and the identity of the job."""

import hashlib
import json
import math
import re
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from landslip import __version__
from landslip.core.choices import Tta
from landslip.core.errors import InputError, argument
from landslip.core.messages import Message, message
from landslip.inference.plan import (
    BlockLayout,
    PlanRequest,
    WindowCosts,
    WindowPlan,
    lattice_corner,
    plan_windows,
)
from landslip.inference.plausibility import MinimumArea
from landslip.io.raster import Scene, SceneOptions
from landslip.io.raster.fingerprint import Fingerprint
from landslip.io.raster.validity import undeclared_fill
from landslip.models.card import ModelCard
from landslip.models.engines.base import Engine, WindowSpec
from landslip.models.folder import ModelFolder, check_compatible, check_values
from landslip.preprocessing.stack.scene import StackSources

DEFAULT_OVERLAP_PX = 64
DEFAULT_MEMORY_BYTES = 2 * 2**30
_STORE_SCHEMES = ("s3", "gs", "az")
_RESOLUTION_RATIO = 1.5
_REMOTE_READERS = 2
_LIBRARIES_BYTES = 280 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionOptions:
    """How a scene is read and extracted.

    Attributes:
        scene: how the scene is read.
        sources: of bands besides the scene's own.
        tile: side of windows in pixels; None lets the plan choose.
        overlap: of windows, in pixels.
        threshold: probability from which a pixel is landslide; None takes the model's.
        min_area_m2: minimum mapping unit of the polygons (not of the mask); None takes the model's,
            which is in pixels of its training data.
        memory_bytes: bound on the memory of the process.
        workers: windows computed at once (with Ray: processes); None takes what suits the machine.
        ray: address of a Ray cluster, ``auto`` for the local one, started if there is none; None
            computes in this process.
        store: URL or folder for finished windows, in which each output has its own subfolder; None
            takes a folder beside the output.
        skip_finished: an existing result of the same job is kept.
        overwrite: an existing result or unfinished work is replaced.
        force: bands and values that do not look like the model's training data are only warned of.
    """

    scene: SceneOptions = field(default_factory=SceneOptions)
    sources: StackSources = field(default_factory=StackSources)
    tile: int | None = None
    overlap: int = DEFAULT_OVERLAP_PX
    threshold: float | None = None
    min_area_m2: float | None = None
    memory_bytes: int = DEFAULT_MEMORY_BYTES
    workers: int | None = None
    ray: str | None = None
    store: str | None = None
    skip_finished: bool = False
    overwrite: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise InputError(
                f"{argument('threshold')} must be over 0 and at most 1; got {self.threshold}"
            )
        if self.min_area_m2 is not None and not self.min_area_m2 >= 0:
            raise InputError(
                f"{argument('min_area')} must be 0 or more square metres; got {self.min_area_m2}"
            )
        if self.workers is not None and self.workers < 1:
            raise InputError(f"{argument('workers')} must be at least 1; got {self.workers}")
        scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", self.store or "")
        if self.store is None or scheme is None:
            return
        if scheme[1] not in (*_STORE_SCHEMES, "file"):
            raise InputError(
                f"{argument('store')} must be a folder, or an address that starts with file://, "
                f"s3://, gs:// or az://; got {scheme[1]}://"
            )
        if re.search(r"[@?]", self.store):
            raise InputError(
                f"{argument('store')} must not hold passwords or signatures; object stores find "
                "theirs in the environment (AWS_ACCESS_KEY_ID and so on)"
            )

    def store_for(self, out: Path) -> str | None:
        """Return where the finished windows of an output are; None: beside the output."""
        if self.store is None:
            return None
        scheme, name = urlsplit(self.store).scheme, f"{out.name}.windows.zarr"
        if scheme in _STORE_SCHEMES:
            return f"{self.store.rstrip('/')}/{name}"
        folder = url2pathname(urlsplit(self.store).path) if scheme == "file" else self.store
        return str((Path(folder) / name).absolute())


def check_compatibility(
    scene: Scene, card: ModelCard, min_area_m2: float | None, *, force: bool = False
) -> list[Message]:
    """Refuse a scene that the model cannot be used on; return warnings.

    Raises:
        ModelError: bands, units or values are not the model's; values that only look wrong are
            passed with ``force``.
        InputError: a minimum area is given and the scene has no coordinate system.
    """
    name = str(scene.path)
    check_compatible(card, scene.bands, scene.radiometry, name)
    sample = scene.sample(card.bands)
    warnings = check_values(
        card,
        scene.radiometry_of(card.bands).values(sample),
        scene.bands,
        name,
        contradicted=scene.contradicts_descriptions,
        force=force,
    )
    if scene.grid.crs is None and min_area_m2:
        raise InputError(
            f"{name}: {argument('min_area')} is in square metres and the scene has no coordinate "
            "system; omit it, or georeference the scene"
        )
    if scene.grid.crs is None:
        warnings.append(message("scene.no_crs"))
    warnings += filter(None, [undeclared_fill(sample[list(card.bands.own)])])
    warnings += scene.validity.notes
    trained, found = card.input.resolution_m, scene.grid.resolution_m
    if trained and found and not 1 / _RESOLUTION_RATIO < found / trained < _RESOLUTION_RATIO:
        warnings.append(message("scene.resolution", found=found, trained=trained))
    return warnings


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionJob:
    """A scene, a model, and the windows in which the model is applied to the scene.

    The model's card is that of the engine's test-time augmentation.
    """

    scene: Scene
    model: ModelFolder
    engine: Engine
    options: ExtractionOptions
    request: PlanRequest
    plan: WindowPlan
    fingerprint: Future[Fingerprint]

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is landslide; a calibrated one, where the model is."""
        stated = self.options.threshold
        card = self.model.card
        return card.calibrated_threshold if stated is None else stated

    @property
    def tta_warnings(self) -> list[Message]:
        """What of the model was fitted without, or with, the engine's test-time augmentation."""
        card, tta = self.model.card, self.engine.tta
        is_stated = self.options.threshold is not None
        unchosen = None if is_stated else card.threshold_warning(tta)
        return [note for note in (unchosen, card.calibration_warning(tta)) if note is not None]

    @property
    def min_area(self) -> MinimumArea:
        """The minimum area of polygons: as stated, or of a few pixels of the training data."""
        card, grid, stated = self.model.card, self.scene.grid, self.options.min_area_m2
        if grid.crs is None:
            px = card.min_area_px if stated is None else 1
            return MinimumArea(m2=0.0, px=px, is_default=stated is None)
        side_m = card.input.resolution_m or grid.resolution_m or 0.0
        m2 = card.min_area_px * side_m**2 if stated is None else stated
        pixel_m2 = grid.pixel_area_m2  # None where pixels differ in area
        px = 1 if pixel_m2 is None else max(1, math.ceil(m2 / pixel_m2 - 1e-6))
        return MinimumArea(m2=m2, px=px, is_default=stated is None)

    @property
    def window_spec(self) -> WindowSpec:
        """What the windows have in common."""
        card = self.model.card
        return WindowSpec(
            shape=self.plan.window,
            normalisation=card.normalisation_of(self.scene.radiometry, self.scene.bands),
        )

    @property
    def read_as(self) -> dict[str, str | None]:
        """How the scene is read, as JSON holds it; other sources by their files' names."""
        files = self.options.sources.files.items()
        return self.options.scene.as_dict() | {name: path.name for name, path in files}

    @property
    def cache_mib(self) -> int:
        """Memory for the blocks of the scene's file."""
        return self.request.blocks.cache_bytes(self.plan) // 2**20

    @property
    def identity(self) -> dict[str, Any]:
        """Everything the result depends on, as JSON; waits until the scene's files are hashed."""
        options, plan = self.options, self.plan
        return {
            "scene": self.fingerprint.result(),
            "read_as": self.read_as,
            # has its files' digests; scores change no map
            "model": json_digest(
                self.model.card.model_dump(mode="json", exclude={"metrics", "evaluations"})
            ),
            "engine": self.engine.name,
            "precision": self.engine.precision,
            "tta": self.engine.tta.value,
            "threshold": options.threshold,
            "min_area_m2": options.min_area_m2,
            "windows": {
                "px": list(plan.window),
                "overlap_px": plan.overlap,
                "corner": list(plan.corner),
            },
            "code_version": __version__,
        }

    @property
    def digest(self) -> str:
        """The sha256 of the identity."""
        return json_digest(self.identity)

    def check_identity(self, other: dict[str, Any], location: str) -> None:
        """Refuse the unfinished windows of another job.

        Raises:
            InputError: its identity differs; the message names what.
        """
        names = {
            "scene": "the scene",
            "read_as": f"how the scene is read ({_arguments('bands', 'units', 'nodata')})",
            "model": "the model",
            "engine": argument("engine"),
            "precision": argument("precision"),
            "tta": argument("tta"),
            "threshold": argument("threshold"),
            "min_area_m2": argument("min_area"),
            "windows": f"the windows ({_arguments('tile', 'overlap', 'memory', 'workers')})",
            "code_version": "the version of landslip",
        }
        identity = self.identity
        changed = [name for key, name in names.items() if other.get(key) != identity[key]]
        if changed:
            raise InputError(
                f"{location}: holds an unfinished extraction, and {', '.join(changed)} changed "
                "since; use the same options as before to continue, or "
                f"{argument('overwrite', True)} to drop it"
            )


def _arguments(*names: str) -> str:
    return ", ".join(argument(name) for name in names)


def json_digest(content: dict[str, Any]) -> str:
    """Return the sha256 of what JSON can hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def plan_extraction(
    scene: Scene,
    model: ModelFolder,
    engine: Engine,
    options: ExtractionOptions,
    fingerprint: "Future[Fingerprint]",
) -> ExtractionJob:
    """Plan the windows of a scene; nothing is computed.

    Raises:
        InputError: an option does not fit the scene or the model.
    """
    card, costs = model.card.with_tta(engine.tta), engine.costs()
    costs = replace(costs, resident_bytes=_LIBRARIES_BYTES + costs.resident_bytes)
    # Ray's workers are processes, and their number must not change the windows
    if options.workers and options.ray is None:
        costs = replace(costs, streams=options.workers)
    if scene.path.is_remote:  # servers answer several requests at once
        costs = replace(costs, readers=max(costs.readers, _REMOTE_READERS))
    multiple = card.input.multiple
    request = PlanRequest(
        shape=scene.grid.shape,
        corner=lattice_corner(scene.grid, multiple),
        multiple=multiple,
        overlap=-(-options.overlap // multiple) * multiple,
        memory_bytes=options.memory_bytes,
        costs=WindowCosts(
            **asdict(costs),
            # numbers, the mask of each band, and the valid mask
            reading_bytes_per_px=len(card.bands) * (np.dtype(scene.radiometry.dtype).itemsize + 1)
            + 2,
        ),
        blocks=BlockLayout(block=scene.block, bytes_per_px=scene.stored_bytes_per_px),
        side=options.tile,
        square=engine.tta is Tta.DIHEDRAL,
    )
    return ExtractionJob(
        scene=scene,
        model=replace(model, card=card),
        engine=engine,
        options=options,
        request=request,
        plan=plan_windows(request),
        fingerprint=fingerprint,
    )
