"""Rectangles of made-up ground that are looked at several times, and two ready ones."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely

from landslip.core.choices import Units
from landslip.core.errors import InputError
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import OutputBand, write_scene
from landslip.synthetic.camera import Attitude
from landslip.synthetic.ground_model import GROUND_BANDS, DemFormat, GroundModel, write_dem
from landslip.synthetic.landscape import LandscapeSettings, SyntheticLandscape, make_landscape
from landslip.synthetic.landslides import in_map_coordinates, visible_landslides
from landslip.synthetic.overpass import ImageTarget, Overpass, target_over
from landslip.synthetic.product import ProductRequest, write_product
from landslip.synthetic.sensor import SensorModel


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyArea:
    """A rectangle of ground that is looked at several times.

    Attributes:
        plan: the land; the shape that it names is that of the study area.
        looks: in order of time.
        margin_px: how much more land is made on each side; beyond, it goes on as its mirror image.
        sensor: how light becomes counts.
        dem: what the elevation model is like; its margin is seen to.
        seed: of all draws.
        keeps_reflectance: whether the land's reflectance is written too, as a scene.
    """

    plan: LandscapeSettings
    looks: tuple[Overpass, ...]
    margin_px: int = 256
    sensor: SensorModel = field(default_factory=SensorModel)
    dem: DemFormat = field(default_factory=DemFormat)
    seed: int = 0
    keeps_reflectance: bool = True

    def __post_init__(self) -> None:
        days = [look.beijing_time.date() for look in self.looks]
        if not days or days != sorted(set(days)):
            raise InputError(
                "a study area is looked at once at least, and on other days in order of time; "
                f"got {', '.join(map(str, days)) or 'no looks'}"
            )

    @property
    def land_plan(self) -> LandscapeSettings:
        """The land to be made, margins and all."""
        height, width = (size + 2 * self.margin_px for size in self.plan.shape)
        return replace(self.plan, shape=(height, width))

    @property
    def middle(self) -> ImageTarget:
        """A target in the middle, whose size does not matter: where the sun is asked for."""
        lon, lat = self.plan.centre_deg
        return ImageTarget(lon_deg=lon, lat_deg=lat, height_m=0.0, mss_shape=(1, 1))

    def window_on(self, grid: Grid) -> Window:
        """Return where the study area lies on the land's grid."""
        height, width = self.plan.shape
        col_off, row_off = (grid.shape[1] - width) // 2, (grid.shape[0] - height) // 2
        return Window(col_off, row_off, width, height)


def wenchuan_area(seed: int = 0) -> StudyArea:
    """Return 7.2 x 8.2 km near Wenchuan, seen in 2013, 2014 and 2015: 224 tiles of 256 px a date.

    Pointing is wrong by 38 to 46 m, and the multispectral images lie up to a pixel beside.
    """
    looks = (
        _overpass(datetime(2013, 8, 12, 3, 52, 10), 1, 7.5, ((31.0, -22.0), (0.6, -0.4))),
        _overpass(datetime(2014, 10, 2, 3, 58, 41), 2, -14.0, ((-38.0, 17.0), (-0.3, 0.8))),
        _overpass(datetime(2015, 8, 5, 3, 47, 26), 1, 2.0, ((24.0, 39.0), (0.2, 0.5))),
    )
    plan = LandscapeSettings(centre_deg=(103.48, 31.30), epsg=32648, shape=(4096, 3584))
    return StudyArea(plan=plan, looks=looks, seed=seed)


def small_area(seed: int = 0) -> StudyArea:
    """Return 1 x 1.3 km of the same kind, seen twice, for tests."""
    large = wenchuan_area(seed)
    return replace(
        large,
        plan=replace(large.plan, shape=(640, 512)),
        margin_px=32,
        looks=(large.looks[0], large.looks[2]),
    )


def _overpass(
    utc: datetime,
    camera: int,
    roll_deg: float,
    wrong: tuple[tuple[float, float], tuple[float, float]],
) -> Overpass:
    """Return an overpass; ``wrong`` are its bias in metres and its shift in pixels."""
    return Overpass(
        utc=utc,
        camera=camera,
        attitude=Attitude(roll_deg=roll_deg, wobble_urad=0.5),
        bias_m=wrong[0],
        shift_px=wrong[1],
        drift_px=(0.2, -0.15),
    )


_REFLECTANCE_SCALE = 0.0001


def write_area(grid: Grid, window: Window, path: Path) -> None:
    """Write a window's outline as a GeoPackage of one polygon."""
    _write_polygons({"id": [1]}, [shapely.Polygon(grid.corners(window))], grid, path)


def write_landslides(land: SyntheticLandscape, day: date, path: Path) -> int:
    """Write the landslides that can be seen on a day, and return how many there are."""
    landslides = in_map_coordinates(visible_landslides(land.slides, day), land.grid)
    outlines = [one.outline for one in landslides]
    columns = {
        "id": np.arange(1, len(outlines) + 1),
        "area_m2": shapely.area(outlines),
        "freshness": [one.freshness for one in landslides],
    }
    _write_polygons(columns, outlines, land.grid, path)
    return len(outlines)


def write_reflectance(ground: GroundModel, window: Window, path: Path) -> None:
    """Write the lit ground of a window, as if there were no air, as reflectance x 10000."""
    rows, cols = window.slices_in(ground.grid.window)
    stored = np.clip(np.rint(ground.reflectance[:, rows, cols] / _REFLECTANCE_SCALE), 1, 65_535)
    layers = tuple(
        OutputBand(
            description=name,
            dtype="uint16",
            nodata=0,
            scale=_REFLECTANCE_SCALE,
            units=Units.REFLECTANCE.value,
        )
        for name in GROUND_BANDS
    )
    write_scene(path, stored.astype(np.uint16), ground.grid.at(window), layers)


def overpass_facts(overpass: Overpass) -> dict[str, Any]:
    """Return how the satellite looked and how wrong its metadata are, for a JSON file."""
    return asdict(overpass) | {"utc": overpass.utc.isoformat()}


def _write_polygons(
    columns: dict[str, Any], polygons: list[shapely.Polygon], grid: Grid, path: Path
) -> None:
    crs = grid.crs.to_wkt() if grid.crs is not None else None
    frame = geopandas.GeoDataFrame(columns, geometry=geopandas.GeoSeries(polygons, crs=crs))
    frame.to_file(path, driver="GPKG", layer=path.stem, engine="pyogrio")


DEM, AREA, FACTS = "dem.tif", "study_area.gpkg", "truth.json"
_DEM_MARGIN_M = 4000.0
_FIRST_ID = 1_000_000

StepCallback = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDate:
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

    def moved(self, folder: Path) -> "SyntheticDate":
        """Return the same with paths in another folder."""
        kept = None if self.reflectance is None else folder / self.reflectance.name
        return replace(
            self,
            product=folder / self.product.name,
            landslides=folder / self.landslides.name,
            reflectance=kept,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticSeries:
    """What was written of a study area."""

    dem: Path
    area: Path
    facts: Path
    dates: tuple[SyntheticDate, ...]


def write_series(
    area: StudyArea, out: Path, *, tell: StepCallback = lambda _line: None
) -> SyntheticSeries:
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
    land = make_landscape(area.land_plan, area.seed, middle.sun(area.middle))
    with atomic_directory(out, overwrite=False) as stage:
        write_area(land.grid, area.window_on(land.grid), stage / AREA)
        write_landscape_dem(land, area.dem, stage / DEM)
        made = []
        for number, look in enumerate(area.looks):
            tell(f"{look.beijing_time:%Y-%m-%d} ...")
            made.append(_write_date(area, land, number, stage))
        _write_facts(area.looks, made, stage / FACTS)
    dates = tuple(one.moved(out) for one in made)
    return SyntheticSeries(dem=out / DEM, area=out / AREA, facts=out / FACTS, dates=dates)


def write_landscape_dem(land: SyntheticLandscape, style: DemFormat, path: Path) -> None:
    """Write the elevation model, wide enough for all that images show."""
    blank = np.zeros((len(GROUND_BANDS), *land.grid.shape), dtype=np.float32)
    ground = GroundModel(reflectance=blank, height_m=land.height_m, grid=land.grid, mirrored=True)
    write_dem(path, ground, replace(style, margin_m=_DEM_MARGIN_M))


def _write_date(
    area: StudyArea, land: SyntheticLandscape, number: int, stage: Path
) -> SyntheticDate:
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
    return SyntheticDate(
        day=day,
        product=write_product(request, stage),
        landslides=landslides,
        reflectance=reflectance,
        count=write_landslides(land, day, landslides),
    )


def _write_facts(looks: tuple[Overpass, ...], made: list[SyntheticDate], path: Path) -> None:
    facts = [
        {"product": one.product.name, "landslides": one.count} | overpass_facts(look)
        for one, look in zip(made, looks, strict=True)
    ]
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
