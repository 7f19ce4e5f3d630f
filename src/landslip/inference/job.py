"""What an extraction is made from: told apart from any other, so that nothing is mixed."""

import hashlib
import json
from typing import Any

from landslip import __version__
from landslip.core.errors import InputError
from landslip.inference.options import ExtractionOptions
from landslip.inference.plan import Plan
from landslip.models.engines.base import Engine
from landslip.models.folder import Model

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


def job_of(
    scene: dict[str, Any], model: Model, engine: Engine, plan: Plan, options: ExtractionOptions
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


def refuse_other(found: dict[str, Any], job: dict[str, Any], place: str) -> None:
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
