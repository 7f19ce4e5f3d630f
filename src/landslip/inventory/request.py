"""What an inventory is asked for."""

import math
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from landslip.core.choices import Language
from landslip.core.errors import InputError
from landslip.io.raster import SceneOptions

USUAL_MIN_AREA_M2 = 100.0
USUAL_DRAWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningOptions:
    """How polygons are made of probabilities; None leaves it to what suits the extraction.

    Attributes:
        low: probability from which a pixel belongs to a landslide; None: the extraction's own.
        high: probability that a landslide reaches somewhere; None: midway from ``low`` to 1.
        min_area_m2: smaller landslides are left out; None: 100 of an extraction, 0 of polygons.
        max_shift_m: how far cleaning may move an outline; None: the side of a pixel.
        smooth: outlines are smoothed.
        split: landslides that touch are divided.
    """

    low: float | None = None
    high: float | None = None
    min_area_m2: float | None = None
    max_shift_m: float | None = None
    smooth: bool = True
    split: bool = True

    def __post_init__(self) -> None:
        if self.min_area_m2 is not None and not 0 <= self.min_area_m2 < math.inf:
            raise InputError(f"--min-area is 0 or more square metres; got {self.min_area_m2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuxiliaryData:
    """What the user knows beside the map.

    Attributes:
        dem: elevation model, in any coordinate system.
        scene: the mapped scene, where it is not where the extraction found it.
        read_as: what is stated about that scene.
        use_scene: whether a scene is looked at, at all.
        date: when it was taken.
        water: polygons of rivers and lakes.
        roads: lines of roads.
        area: the ground that was searched, of a polygon file.
        sample: points whose true class somebody looked up.
        errors: what ``landslip evaluate --json`` printed of the model.
    """

    dem: Path | None = None
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
            _check_date(self.date)
        if self.sample is not None and self.errors is not None:
            raise InputError(
                "--sample and --errors both say how wrong the map is; give the one that is of this "
                "map's own ground"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryRequest:
    """An inventory to be made.

    Attributes:
        source: folder of an extraction, or a file of polygons.
        out: folder to write.
        layer: of the polygon file.
        name: of the inventory; None: that of the scene or file.
        cleaned: how polygons are made of probabilities.
        known: what is known beside the map.
        language: of labels and words for people in the files.
        cell_m: side of the density layer's cells; None: chosen by the number of landslides.
        draws: for bootstrap intervals.
        seed: of every draw.
        overwrite: replace an inventory that is there.
    """

    source: Path
    out: Path
    layer: str | None = None
    name: str | None = None
    cleaned: CleaningOptions = field(default_factory=CleaningOptions)
    known: AuxiliaryData = field(default_factory=AuxiliaryData)
    language: Language = Language.ENGLISH
    cell_m: float | None = None
    draws: int = USUAL_DRAWS
    seed: int = 0
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.draws < 0:
            raise InputError(f"--draws is 0 (no intervals) or more; got {self.draws}")
        if self.seed < 0:
            raise InputError(f"--seed is 0 or more; got {self.seed}")
        if self.cell_m is not None and not self.cell_m > 0:
            raise InputError(f"--cell is over 0 metres; got {self.cell_m:g}")


def _check_date(text: str) -> None:
    try:
        right = date.fromisoformat(text).isoformat() == text
    except ValueError:
        right = False
    if not right:
        raise InputError(f"--date is written YYYY-MM-DD, like 2013-08-12; got {text!r}")
