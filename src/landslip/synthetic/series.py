"""Writes products of several dates over one land, with all that is known of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from landslip.core.files import atomic_directory, refuse_existing
from landslip.synthetic.coverage import target_over
from landslip.synthetic.dem import DemStyle, write_dem
from landslip.synthetic.ground import GROUND_BANDS, Ground
from landslip.synthetic.land import Land, make_land
from landslip.synthetic.overpass import Overpass
from landslip.synthetic.product import ProductRequest, write_product
from landslip.synthetic.study_area import StudyArea
from landslip.synthetic.truth import (
    overpass_facts,
    write_area,
    write_landslides,
    write_reflectance,
)

DEM, AREA, FACTS = "dem.tif", "study_area.gpkg", "truth.json"
_DEM_MARGIN_M = 4000.0
_FIRST_ID = 1_000_000

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeDate:
    """What was written of one date.

    Attributes:
        day: in Beijing.
        product: the archive.
        landslides: GeoPackage of those that can be seen.
        reflectance: the lit ground without air; None where it is not kept.
        count: number of landslides.
    """

    day: date
    product: Path
    landslides: Path
    reflectance: Path | None
    count: int

    def moved(self, folder: Path) -> "MadeDate":
        """Return the same with paths in another folder."""
        kept = None if self.reflectance is None else folder / self.reflectance.name
        return replace(
            self,
            product=folder / self.product.name,
            landslides=folder / self.landslides.name,
            reflectance=kept,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeSeries:
    """What was written of a study area."""

    dem: Path
    area: Path
    facts: Path
    dates: tuple[MadeDate, ...]


def write_series(area: StudyArea, out: Path, *, tell: Tell = lambda _line: None) -> MadeSeries:
    """Write products, truth of every date, and an elevation model into a new folder.

    ``landslides_DATE.gpkg`` holds the landslides that can be seen on a date,
    ``reflectance_DATE.tif`` the lit ground without air, ``study_area.gpkg`` the area that all of
    them cover, and ``truth.json`` how far the metadata of each product are wrong.

    Raises:
        OutputExistsError: ``out`` is there already.
    """
    refuse_existing(out, overwrite=False)
    tell("land ...")
    middle = area.looks[len(area.looks) // 2]
    land = make_land(area.land_plan, area.seed, middle.sun(area.middle))
    with atomic_directory(out, overwrite=False) as stage:
        write_area(land.grid, area.window_on(land.grid), stage / AREA)
        write_heights(land, area.dem, stage / DEM)
        made = []
        for number, look in enumerate(area.looks):
            tell(f"{look.beijing_time:%Y-%m-%d} ...")
            made.append(_write_date(area, land, number, stage))
        _write_facts(area.looks, made, stage / FACTS)
    dates = tuple(one.moved(out) for one in made)
    return MadeSeries(dem=out / DEM, area=out / AREA, facts=out / FACTS, dates=dates)


def write_heights(land: Land, style: DemStyle, path: Path) -> None:
    """Write the elevation model, wide enough for all that images show."""
    blank = np.zeros((len(GROUND_BANDS), *land.grid.shape), dtype=np.float32)
    ground = Ground(reflectance=blank, height_m=land.height_m, grid=land.grid, mirrored=True)
    write_dem(path, ground, replace(style, margin_m=_DEM_MARGIN_M))


def _write_date(area: StudyArea, land: Land, number: int, stage: Path) -> MadeDate:
    """Write the product and the truth of one look."""
    look = area.looks[number]
    day = look.beijing_time.date()
    ground = land.ground_on(day, look.sun(area.middle))
    window = area.window_on(land.grid)
    request = ProductRequest(
        ground=ground,
        overpass=look,
        target=target_over(ground, look, window),
        sensor=area.sensor,
        seed=area.seed + number,
        product_id=_FIRST_ID + number,
    )
    landslides = stage / f"landslides_{day:%Y%m%d}.gpkg"
    reflectance = stage / f"reflectance_{day:%Y%m%d}.tif" if area.keeps_reflectance else None
    if reflectance is not None:
        write_reflectance(ground, window, reflectance)
    return MadeDate(
        day=day,
        product=write_product(request, stage),
        landslides=landslides,
        reflectance=reflectance,
        count=write_landslides(land, day, landslides),
    )


def _write_facts(looks: tuple[Overpass, ...], made: list[MadeDate], path: Path) -> None:
    facts = [
        {"product": one.product.name, "landslides": one.count} | overpass_facts(look)
        for one, look in zip(made, looks, strict=True)
    ]
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
