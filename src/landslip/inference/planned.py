"""A scene and a model made ready: how the one is taken through the other."""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np

from landslip.inference.job import job_of
from landslip.inference.options import ExtractionOptions
from landslip.inference.plan import (
    Costs,
    Plan,
    PlanRequest,
    Storage,
    lattice_corner,
    plan_windows,
)
from landslip.io.raster import Scene
from landslip.io.raster.fingerprint import Fingerprint
from landslip.models.engines.base import Engine, WindowForm
from landslip.models.folder import Model

_REMOTE_READERS = 2
_LIBRARIES_BYTES = 280 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """A scene, a model, and how the one is taken through the other."""

    scene: Scene
    model: Model
    engine: Engine
    options: ExtractionOptions
    request: PlanRequest
    plan: Plan
    facts: Future[Fingerprint]

    @property
    def job(self) -> dict[str, Any]:
        """All that the result depends on; waits until the scene's files have been digested."""
        return job_of(self.facts.result(), self.model, self.engine, self.plan, self.options)

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is landslide; calibrated, where the model is."""
        stated = self.options.threshold
        return self.model.card.calibrated_threshold if stated is None else stated

    @property
    def form(self) -> WindowForm:
        """What the windows have in common."""
        card = self.model.card
        return WindowForm(
            shape=self.plan.window,
            normalisation=card.normalisation_of(self.scene.radiometry),
            calibration=card.curve,
        )


def planned(
    scene: Scene,
    model: Model,
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
        storage=Storage(block=scene.block, bytes_per_px=scene.stored_bytes_per_px),
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


def _costs(scene: Scene, model: Model, engine: Engine, options: ExtractionOptions) -> Costs:
    known, bands = engine.costs(), len(model.card.bands)
    # with Ray, workers are processes, and how many there are must not change the windows
    streams = known.streams if options.ray is not None else options.workers or known.streams
    return Costs(
        resident_bytes=_LIBRARIES_BYTES + known.resident_bytes,
        computing_bytes_per_px=known.computing_bytes_per_px,
        # numbers, the mask of each band, and what is valid
        reading_bytes_per_px=bands * (np.dtype(scene.radiometry.dtype).itemsize + 1) + 2,
        streams=streams,
        # a server answers several at once
        readers=max(known.readers, _REMOTE_READERS) if scene.path.is_remote else known.readers,
        px_per_s=known.px_per_s,
    )
