"""What an inventory is asked for."""

import math
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from landslip.core.choices import DemTime, Language
from landslip.core.errors import InputError, argument
from landslip.core.messages import Message
from landslip.inventory.record import ReviewOutcome
from landslip.io.raster import SceneOptions

if TYPE_CHECKING:
    from landslip.inventory.correction import EarlierInventory
    from landslip.inventory.detections import ExtractionFolder

DEFAULT_MIN_AREA_M2 = 100.0
DEFAULT_DRAWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningOptions:
    """How polygons are made of probabilities.

    Attributes:
        low: pixels from this probability on belong to a landslide; None: the threshold of the
            extraction, 0.5 of a raster alone.
        high: a landslide has at least one pixel from this probability on (hysteresis); None:
            midway from ``low`` to what right landslides reach, see
            `landslip.inventory.polygons.hysteresis`.
        min_area_m2: minimum mapping unit: smaller landslides are left out, and none is split into
            smaller ones. Holes that are smaller are filled if no point in them is farther from
            the hole's outline than ``max_shift_m``. None: that of the extraction, and with a
            coordinate system at least 100; 0 of polygon files.
        max_shift_m: no outline is moved farther; None: one pixel's longer side.
        smooth: the staircase of pixels becomes a smooth line.
        split: landslides that touch are split.
    """

    low: float | None = None
    high: float | None = None
    min_area_m2: float | None = None
    max_shift_m: float | None = None
    smooth: bool = True
    split: bool = True

    def __post_init__(self) -> None:
        if self.low is not None and not 0 < self.low <= 1:
            raise InputError(f"{argument('low')} must be above 0 and at most 1; got {self.low}")
        if self.high is not None and not (self.low or 0) <= self.high <= 1:
            above = f"at least {argument('low')} ({self.low})" if self.low else "at least 0"
            raise InputError(f"{argument('high')} must be {above} and at most 1; got {self.high}")
        for name, value, unit in (
            ("min_area", self.min_area_m2, "square metres"),
            ("max_shift", self.max_shift_m, "metres"),
        ):
            if value is not None and not 0 <= value < math.inf:
                raise InputError(f"{argument(name)} must be 0 or more {unit}; got {value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuxiliaryData:
    """Data beside the map.

    Attributes:
        dem: elevation model, in any coordinate system.
        scene: the mapped scene, if it is not where the extraction found it.
        read_as: bands, units and nodata stated for that scene.
        use_scene: whether the scene is read at all.
        date: of the scene, as YYYY-MM-DD.
        water: polygons of rivers and lakes.
        roads: lines of roads.
        area: polygons of the mapped area, of a polygon file.
        dem_time: whether the elevation model is from before or after the landslides; None:
            unknown.
        sample: points whose true class somebody looked up.
        errors: output of ``landslip evaluate --json`` for the model.
    """

    dem: Path | None = None
    dem_time: DemTime | None = None
    scene: str | None = None
    read_as: SceneOptions = field(default_factory=SceneOptions)
    use_scene: bool = True
    date: str | None = None
    water: Path | None = None
    roads: Path | None = None
    area: Path | None = None
    sample: Path | None = None
    errors: Path | None = None

    def __post_init__(self) -> None:
        if self.date is not None:
            try:
                is_date = date.fromisoformat(self.date).isoformat() == self.date
            except ValueError:
                is_date = False
            if not is_date:
                raise InputError(
                    f"{argument('date')} must be YYYY-MM-DD, like 2013-08-12; got {self.date!r}"
                )
        if self.dem_time is not None and self.dem is None:
            raise InputError(
                f"{argument('dem_time')} is about the elevation model; give that with "
                f"{argument('dem')}"
            )
        if self.sample is not None and self.errors is not None:
            raise InputError(
                f"{argument('sample')} and {argument('errors')} both state the map's errors; give "
                "the one that describes this map's own area"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedPolygons:
    """The polygons that a review leaves, in place of those in the source's folder.

    Attributes:
        file: with the polygons, known by the columns of an inventory.
        earlier: what was reviewed, as an inventory.
        outcome: of the review.
        extraction: whose scene is read where none is stated; None: not known.
        notes: on what was left out, or not looked at.
    """

    file: Path
    earlier: "EarlierInventory"
    outcome: ReviewOutcome
    extraction: "ExtractionFolder | None" = None
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryRequest:
    """An inventory to be made.

    Attributes:
        source: folder of an extraction or inventory, or a file of polygons.
        others: further ones of the same kind, see `landslip.inventory.several`.
        out: folder to write.
        layer: of the polygon file.
        date_column: of the polygon file, whose dates become those of the landslides; None: one
            named ``date``.
        original: folder of the inventory that the polygons are a corrected copy of; None: known
            by the file itself, or by what is beside it.
        reviewed: of a source that is the folder of a review.
        name: of the inventory; None: that of the scene or file.
        cleaning: how polygons are made of probabilities.
        auxiliary: data beside the map.
        language: of labels and text in the files.
        cell_m: side of the density layer's cells; None: chosen by the number of landslides.
        draws: for bootstrap intervals.
        seed: of every draw.
        datum_shift: the one that is in use, for the record.
        overwrite: replace an existing inventory.
    """

    source: Path
    out: Path
    others: tuple[Path, ...] = ()
    layer: str | None = None
    date_column: str | None = None
    original: Path | None = None
    reviewed: ReviewedPolygons | None = None
    name: str | None = None
    cleaning: CleaningOptions = field(default_factory=CleaningOptions)
    auxiliary: AuxiliaryData = field(default_factory=AuxiliaryData)
    language: Language = Language.ENGLISH
    cell_m: float | None = None
    draws: int = DEFAULT_DRAWS
    seed: int = 0
    datum_shift: str | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.draws < 0:
            raise InputError(
                f"{argument('draws')} must be 0 (no intervals) or more; got {self.draws}"
            )
        if self.seed < 0:
            raise InputError(f"{argument('seed')} must be 0 or more; got {self.seed}")
        if self.cell_m is not None and not self.cell_m > 0:
            raise InputError(f"{argument('cell')} must be over 0 metres; got {self.cell_m:g}")
