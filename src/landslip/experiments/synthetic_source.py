"""Scenes of made-up ground: products of all its dates, and of each date a scene when it is needed.

All is kept in a folder of its own until the data sets are cut. What is not finished is begun again.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from landslip.core.choices import StudyPreset
from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.datasets.scene import SceneRequest, dataset_from_scene
from landslip.experiments.config import SyntheticSource
from landslip.experiments.source_plan import UNDIVIDED, SourcePlan
from landslip.experiments.source_record import Origins
from landslip.preprocessing.orthorectification.camera_refinement import RefinementRequest
from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference
from landslip.preprocessing.pipeline.run import PreprocessRequest, ProgressCallbacks, preprocess
from landslip.synthetic.series import AREA, DEM, StudyArea, small_area, wenchuan_area, write_series

_PRODUCTS, _SCENES = "products", "scenes"
_AREAS = {StudyPreset.WENCHUAN: wenchuan_area, StudyPreset.SMALL: small_area}


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeGround:
    """Made-up ground in a folder that is made when it is first needed.

    Attributes:
        folder: of its own.
        area: the ground and its dates.
        tell: told of each step.
        progress: told how far the writing of a scene is.
    """

    folder: Path
    area: StudyArea
    tell: Callable[[str], None] = lambda _line: None
    progress: Progress = no_progress

    def scene_request(self, date: str, tile: int) -> SceneRequest:
        """Return how the tiles of one date are cut; products and scene are made before.

        The camera of every date is corrected by the ground's reflectance on the first one, so that
        dates lie pixel on pixel, and tiles show the same ground at all of them.
        """
        products = self.folder / _PRODUCTS
        if not products.exists():
            write_series(self.area, products, tell=self.tell)
        request = PreprocessRequest(
            dem=DemRequest(path=products / DEM, heights=HeightReference()),
            reference=RefinementRequest(path=products / f"reflectance_{_dates(self.area)[0]}.tif"),
        )
        product = next(products.glob(f"GF1_*_{date}_*.tar.gz"))
        watch = ProgressCallbacks(
            tell=lambda line: self.tell(f"{date}: {line}"), progress=self.progress
        )
        made = preprocess(product, self.folder / _SCENES, request, watch)
        return SceneRequest(
            scene=made.scene,
            labels=products / f"landslides_{date}.gpkg",
            area=products / AREA,
            tile=tile,
            plan=UNDIVIDED,
        )

    def remove(self) -> None:
        """Remove products and scenes: they can be made again from the seed."""
        shutil.rmtree(self.folder, ignore_errors=True)


def synthetic_plan(source: SyntheticSource, ground: MadeGround) -> SourcePlan:
    """Plan a data set of one date of made-up ground.

    Raises:
        InputError: the ground is not seen on that date.
    """
    if source.date not in _dates(ground.area):
        raise InputError(
            f"the preset {source.preset} is seen on {', '.join(_dates(ground.area))}; "
            f"got {source.date}"
        )
    settings = {"kind": "synthetic", **source.model_dump(mode="json")}

    def make(out: Path) -> tuple[str, ...]:
        request = ground.scene_request(source.date, source.tile)
        made = dataset_from_scene(request, out, progress=ground.progress)
        whence = f"made-up ground: preset {source.preset}, seed {source.seed}, {source.date}"
        return (whence, *made.notes)

    return SourcePlan(origins=Origins(settings=settings, files={}), make=make)


def study_area(source: SyntheticSource) -> StudyArea:
    """Return the ground that a source names."""
    return _AREAS[source.preset](source.seed)


def _dates(area: StudyArea) -> list[str]:
    return [f"{look.beijing_time:%Y%m%d}" for look in area.looks]
