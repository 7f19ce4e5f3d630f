"""The summary of an extraction."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from landslip.core.choices import Tta
from landslip.core.errors import InputError
from landslip.core.messages import Message, renderable
from landslip.core.text import first_problem, read_json

LANDSLIDES, SUMMARY = "landslides.gpkg", "summary.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionSummary:
    """The content of ``summary.json``.

    Attributes:
        scene_place: where the scene was read from, without credentials.
        read_as: what was stated about it: bands, units, nodata.
        threshold: probability from which a pixel is landslide, on the scale of the rasters.
        min_area_m2: minimum mapping unit of the polygons; 0 without a coordinate system.
        min_area_px: the same in pixels of the scene; None where pixels differ in area, as on a
            grid in degrees, and in files of earlier versions.
        min_area_is: ``stated``, or the model's ``default``.
        regions: connected regions of the mask, small ones too; None in files of earlier versions,
            as the next four.
        single_px_regions_share: fraction of them that is one pixel.
        near_threshold_share: fraction of the pixels with data within 0.02 of the threshold.
        highest_probability: of the map; None also without data.
        tta: test-time augmentation, see `landslip.core.choices.Tta`; ``none`` in files of earlier
            versions.
        calibration: method by which probabilities are calibrated; None: as the network gives them.
        skipped_windows_share: fraction of windows without data, which the network did not see.
        kept_windows_share: fraction of windows that an earlier, interrupted run had finished.
        engine_busy_share: fraction of the time from the network's first window to its last in
            which its streams were busy; None where nothing was computed, or on a cluster.
        seconds: of this run, from the opened scene to the written files.
        mpix_per_s: pixels of the windows that this run computed or skipped, overlaps not counted
            twice, divided by ``seconds``.
        memory_peak_mb: peak memory of this process.
        job_sha256: of everything the result depends on.
        warnings: in English.
        messages: the same as values; from files of earlier versions, the sentences themselves.
    """

    scene: str
    scene_place: str
    read_as: dict[str, str | None]
    model: str
    model_weights_sha256: str
    calibration: str | None
    bands: list[str]
    crs: str | None
    width: int
    height: int
    resolution_m: float | None
    threshold: float
    min_area_m2: float
    area_method: str | None
    landslides: int
    landslide_area_m2: float | None
    landslide_px: int
    valid_px: int
    engine: str
    precision: str
    window_px: list[int]
    overlap_px: int
    windows: int
    skipped_windows_share: float
    kept_windows_share: float
    engine_busy_share: float | None
    seconds: float
    mpix_per_s: float
    memory_peak_mb: int
    job_sha256: str
    warnings: list[str]
    messages: list[Message] = field(default_factory=list)
    min_area_px: int | None = None
    min_area_is: str | None = None
    regions: int | None = None
    single_px_regions_share: float | None = None
    near_threshold_share: float | None = None
    highest_probability: float | None = None
    tta: str = Tta.NONE.value
    code_version: str

    @classmethod
    def read(cls, path: Path) -> "ExtractionSummary":
        """Read what `write` wrote.

        Raises:
            InputError: it is no such file.
        """
        content = read_json(path)
        if isinstance(content, dict):
            content["messages"] = renderable(content.get("messages"), content.get("warnings"))
        try:
            return TypeAdapter(cls).validate_python(content)
        except ValidationError as error:
            raise InputError(
                f"{path}: not the summary of an extraction by this version "
                f"({first_problem(error)}); extract the scene again"
            ) from error

    def write(self, path: Path) -> None:
        """Write as JSON."""
        content: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        content["messages"] = [one.model_dump() for one in self.messages]
        path.write_text(json.dumps(content, indent=2) + "\n")


def finished_job_digest(folder: Path) -> str | None:
    """Return the digest of the job whose result is in a folder; None if there is no result."""
    try:
        content = read_json(folder / SUMMARY)
    except InputError:
        return None
    digest = content.get("job_sha256") if isinstance(content, dict) else None
    return digest if isinstance(digest, str) else None
