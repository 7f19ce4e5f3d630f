"""Where an inventory comes from: the folder of an extraction, or a file of polygons."""

import re
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import shapely
from pydantic import TypeAdapter, ValidationError

from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.inference.rasters import PROBABILITY
from landslip.inference.result import SUMMARY, ExtractionSummary
from landslip.inventory.record import ModelRecord, SceneRecord
from landslip.io.raster import SceneOptions, SensorImage
from landslip.models.card import ModelCard
from landslip.models.folder import CARD, open_model

_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_]?([01]\d)[-_]?([0-3]\d)(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionFolder:
    """A finished extraction.

    Attributes:
        path: of the folder.
        summary: what it says of itself.
        grid: of its rasters.
        card: of the model.
    """

    path: Path
    summary: ExtractionSummary
    grid: Grid
    card: ModelCard | None

    @property
    def probability(self) -> Path:
        """The raster of probabilities."""
        return self.path / PROBABILITY

    @property
    def frame(self) -> shapely.Polygon:
        """Outline of the scene, in its coordinate system."""
        return shapely.Polygon(self.grid.corners(self.grid.window))

    @property
    def read_as(self) -> SceneOptions:
        """What was stated about the scene when it was extracted."""
        try:
            return SceneOptions.of_dict(self.summary.read_as)
        except ValueError as error:
            raise InputError(
                f"{self.path / SUMMARY}: read_as: {error}; extract the scene again"
            ) from error

    def mapped_m2(self, frame_m2: float) -> float | None:
        """Return the area with data, from that of the frame; None without a coordinate system."""
        pixels = self.summary.width * self.summary.height
        return None if self.grid.crs is None else frame_m2 * self.summary.valid_px / pixels

    def scene_record(self, stated_date: str | None) -> SceneRecord:
        """Return what is known of the scene."""
        found = self.summary
        return SceneRecord(
            name=found.scene,
            place=found.scene_place,
            date=stated_date or date_in(found.scene),
            bands=tuple(found.bands),
            width=found.width,
            height=found.height,
            resolution_m=found.resolution_m,
        )

    def model_record(self) -> ModelRecord:
        """Return what is known of the model."""
        found = self.summary
        return ModelRecord(
            name=found.model,
            weights_sha256=found.model_weights_sha256,
            threshold=found.threshold,
            calibration=found.calibration,
            engine=found.engine,
            precision=found.precision,
        )


def open_extraction(path: Path) -> ExtractionFolder:
    """Open the folder of a finished extraction.

    Raises:
        InputError: it is none, or is damaged.
    """
    file = path / SUMMARY
    if not file.is_file() or not (path / PROBABILITY).is_file():
        missing = PROBABILITY if file.is_file() else SUMMARY
        raise InputError(
            f"{path}: not the folder of a finished extraction, there is no {missing} in it; give "
            "what `landslip extract` wrote, or a file of polygons"
        )
    try:
        summary = ExtractionSummary.read(file)
        TypeAdapter(ExtractionSummary).validate_python(asdict(summary))
    except ValidationError as error:
        wrong = error.errors()[0]
        raise InputError(
            f"{file}: {wrong['loc'][0]}: {wrong['msg']}; extract the scene again"
        ) from error
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{file}: not the summary of an extraction by this version ({error}); extract the "
            "scene again"
        ) from error
    with SensorImage(path / PROBABILITY) as raster:
        grid = raster.grid
    if grid.shape != (summary.height, summary.width):
        raise InputError(
            f"{path}: {PROBABILITY} has {grid.shape[1]} x {grid.shape[0]} pixels and {SUMMARY} "
            f"says {summary.width} x {summary.height}; they are not of one extraction"
        )
    card = open_model(path).card if (path / CARD).is_file() else None
    return ExtractionFolder(path=path, summary=summary, grid=grid, card=card)


def date_in(name: str) -> str | None:
    """Return the day that a file's name holds, as in ``GF1_PMS1_E103.5_N31.3_20130812``.

    None where it holds none, or more than one.
    """
    days = {found for match in _DAY.finditer(name) if (found := _day(*match.groups()))}
    return days.pop() if len(days) == 1 else None


def _day(year: str, month: str, day: str) -> str | None:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None
