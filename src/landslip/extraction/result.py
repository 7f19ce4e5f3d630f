"""What an extraction writes: two rasters, polygons and a summary."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.engines.base import PROBABILITY_STEPS
from landslip.errors import LandslipError
from landslip.extraction.blend import NODATA, Steps
from landslip.grid import Grid
from landslip.raster import Layer, RasterOutput, sum_of_bytes
from landslip.window import Window

PROBABILITY, MASK = "probability.tif", "mask.tif"
LANDSLIDES, SUMMARY = "landslides.gpkg", "summary.json"

_PROBABILITY_LAYER = Layer(
    description="probability of landslide", nodata=NODATA, scale=1 / PROBABILITY_STEPS
)
_MASK_LAYER = Layer(description="landslide", nodata=NODATA)


class ResultRasters:
    """The probability and mask rasters of a scene, written in rows from the top.

    ``probability.tif`` holds whole steps of probability with a scale tag of 0.004, ``mask.tif``
    0 and 1; in both, 255 is nodata and marks every pixel that was not valid in the scene.
    """

    def __init__(self, folder: Path, grid: Grid) -> None:
        """Create both in a folder."""
        self._folder = folder
        self._probability = RasterOutput(folder / ".probability.tif", grid, (_PROBABILITY_LAYER,))
        self._mask = RasterOutput(folder / ".mask.tif", grid, (_MASK_LAYER,))
        self._sums = {PROBABILITY: 0, MASK: 0}

    def write(self, steps: Steps, found: NDArray[np.bool_], window: Window) -> None:
        """Write a window of both."""
        mask = found.astype(np.uint8)
        mask[steps == NODATA] = NODATA
        self._probability.write(steps, window)
        self._mask.write(mask, window)
        self._sums[PROBABILITY] += int(steps.sum())
        self._sums[MASK] += int(mask.sum())

    def finish(self) -> None:
        """Turn both into COGs.

        Raises:
            LandslipError: not all of it could be written.
        """
        self._probability.finish(self._folder / PROBABILITY, overviews="average")
        self._mask.finish(self._folder / MASK, overviews="mode")
        for name, expected in self._sums.items():
            if sum_of_bytes(self._folder / name) != expected:
                raise LandslipError(
                    f"{self._folder / name}: a part of the raster could not be written; see that "
                    "there is room on the disk and run the same command again"
                )

    def close(self) -> None:
        """Close both as they are."""
        self._probability.close()
        self._mask.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What ``summary.json`` says.

    Attributes:
        skipped_windows_share: of all windows, those without data, which the network did not see.
        kept_windows_share: of all windows, those that an earlier, interrupted run had finished.
        engine_busy_share: of the time from the network's first window to its last, how long its
            streams were at work; None where nothing was computed.
        seconds: of this run, from the opened scene to the written files.
        mpix_per_s: pixels of the windows that this run computed or skipped, overlaps not counted
            twice, by ``seconds``.
        memory_peak_mb: the most that this process ever held.
        job_sha256: of all that the result depends on.
    """

    scene: str
    model: str
    model_weights_sha256: str
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
    memory_peak_mb: float
    job_sha256: str
    warnings: list[str]
    code_version: str

    @classmethod
    def read(cls, path: Path) -> "Summary":
        """Read what `write` wrote."""
        return cls(**json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        """Write as JSON."""
        found: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        path.write_text(json.dumps(found, indent=2) + "\n")


def job_written(folder: Path) -> str | None:
    """Return the digest of what a finished extraction was made from; None where there is none."""
    try:
        found = json.loads((folder / SUMMARY).read_text())
    except (OSError, ValueError):
        return None
    digest = found.get("job_sha256") if isinstance(found, dict) else None
    return digest if isinstance(digest, str) else None
