"""Synthetic study areas, seen on several dates: products, elevation model and ground truth."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely

from landslip.core.arguments import PathArgument, checked
from landslip.core.bands import Radiometry
from landslip.core.choices import Units
from landslip.core.errors import InputError
from landslip.core.files import atomic_directory, refuse_existing
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import write_scene
from landslip.io.raster.output import output_bands
from landslip.synthetic.ground_model import GROUND_BANDS, DemFormat, GroundModel, write_dem
from landslip.synthetic.histories import visible_landslides
from landslip.synthetic.landscape import LandscapeSettings, SyntheticLandscape, make_landscape
from landslip.synthetic.landslides import Outline, in_map_coordinates
from landslip.synthetic.observation import REFLECTANCE_SCALE, SceneConditions
from landslip.synthetic.overpass import ImageTarget, Overpass, target_over
from landslip.synthetic.product import ProductRequest, write_product
from landslip.synthetic.sensor import SensorModel
from landslip.synthetic.series_truth import HISTORIES, SeriesTruth, scene_name

DEM, AREA, FACTS = "dem.tif", "study_area.gpkg", "truth.json"
_DEM_MARGIN_M = 4000.0
_FIRST_ID = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyArea:
    """A rectangle of ground that is imaged several times, in order of time.

    Attributes:
        landscape: its shape is that of the study area.
        margin_px: how much more landscape is made on each side; beyond, it is mirrored.
        dem: format of the elevation model; its margin is set.
        conditions: of the scene of each overpass; without any, no scenes and histories are made.
    """

    landscape: LandscapeSettings
    overpasses: tuple[Overpass, ...]
    margin_px: int = 256
    sensor: SensorModel = field(default_factory=SensorModel)
    dem: DemFormat = field(default_factory=DemFormat)
    seed: int = 0
    conditions: tuple[SceneConditions, ...] = ()

    def __post_init__(self) -> None:
        days = [one.beijing_time.date() for one in self.overpasses]
        if not days or days != sorted(set(days)):
            raise InputError(
                "a study area must have one overpass at least, on different days in order of time; "
                f"got {', '.join(map(str, days)) or 'none'}"
            )
        if self.conditions and len(self.conditions) != len(self.overpasses):
            raise InputError(
                "a study area must have the conditions of every overpass or of none; got "
                f"{len(self.conditions)} for {len(self.overpasses)}"
            )

    @property
    def landscape_with_margin(self) -> LandscapeSettings:
        """The landscape to be made."""
        height, width = (size + 2 * self.margin_px for size in self.landscape.shape)
        return replace(self.landscape, shape=(height, width))

    @property
    def middle(self) -> ImageTarget:
        """A target in the middle, whose size does not matter: for the position of the sun."""
        lon, lat = self.landscape.centre_deg
        return ImageTarget(lon_deg=lon, lat_deg=lat, height_m=0.0, mss_shape=(1, 1))

    def window_on(self, grid: Grid) -> Window:
        """Return the window of the study area on the landscape's grid."""
        height, width = self.landscape.shape
        col_off, row_off = (grid.shape[1] - width) // 2, (grid.shape[0] - height) // 2
        return Window(col_off, row_off, width, height)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDate:
    """Files of one date (in Beijing), and the number of landslides that can be seen.

    ``reflectance`` is of the lit ground without atmosphere and clouds; ``product`` is None where
    none was asked for, ``scene`` where the study area has no conditions of scenes.
    """

    day: date
    product: Path | None
    landslides: Path
    reflectance: Path
    scene: Path | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticSeries:
    """Files of a study area; ``histories`` is None where it has no conditions of scenes."""

    dem: Path
    area: Path
    facts: Path
    histories: Path | None
    dates: tuple[SyntheticDate, ...]


@checked()
def write_series(
    area: StudyArea,
    out: PathArgument,
    *,
    products: bool = True,
    log: Callable[[str], None] = lambda _line: None,
) -> SyntheticSeries:
    """Write products, truth of every date, and an elevation model into a new folder.

    ``landslides_DATE.gpkg`` holds the landslides that can be seen on a date,
    ``reflectance_DATE.tif`` the lit ground without atmosphere, ``study_area.gpkg`` the area that
    all of them cover, and ``truth.json`` the errors of each product's metadata. A study area with
    conditions of scenes also gets ``scene_DATE.tif``, and the truth that docs/synthetic_series.md
    describes.

    Args:
        area: what is made.
        out: the new folder.
        products: whether raw products are made too, which takes most of the time.
        log: receives a line for each date.

    Raises:
        OutputExistsError: ``out`` exists.
    """
    out = Path(out)
    refuse_existing(out, overwrite=False)
    log("landscape ...")
    middle = area.overpasses[len(area.overpasses) // 2]
    land = make_landscape(area.landscape_with_margin, area.seed, middle.sun(area.middle))
    with atomic_directory(out, overwrite=False) as stage:
        window = area.window_on(land.grid)
        write_area(land.grid, window, stage / AREA)
        write_landscape_dem(land, area.dem, stage / DEM)
        truth = SeriesTruth(area.conditions, land, window, stage) if area.conditions else None
        dates, facts = [], []
        for number, overpass in enumerate(area.overpasses):
            day, sun = overpass.beijing_time.date(), overpass.sun(area.middle)
            log(f"{day} ...")
            surface = land.surface_on(day, sun)
            ground = land.lit(surface, sun)
            landslides = f"landslides_{day:%Y%m%d}.gpkg"
            reflectance = f"reflectance_{day:%Y%m%d}.tif"
            write_reflectance(ground, window, stage / reflectance)
            fact: dict[str, Any] = {}
            if truth is None:
                count = write_landslides(land, day, stage / landslides)
            else:
                clouded = truth.write_date(number, day, sun, surface, ground)
                ground, count, fact = clouded.ground, clouded.count, clouded.facts
            product = None
            if products:
                request = ProductRequest(
                    ground=ground,
                    overpass=overpass,
                    target=target_over(ground, overpass, window),
                    sensor=area.sensor,
                    seed=area.seed + number,
                    product_id=_FIRST_ID + number,
                )
                product = write_product(request, stage).name
            dates.append(
                SyntheticDate(
                    day=day,
                    product=out / product if product else None,
                    landslides=out / landslides,
                    reflectance=out / reflectance,
                    scene=out / scene_name(day) if truth else None,
                    count=count,
                )
            )
            facts.append(
                {"product": product, "landslides": count}
                | asdict(overpass)
                | {"utc": overpass.utc.isoformat()}
                | fact
            )
        if truth is not None:
            truth.write_histories()
        (stage / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return SyntheticSeries(
        dem=out / DEM,
        area=out / AREA,
        facts=out / FACTS,
        histories=out / HISTORIES if truth else None,
        dates=tuple(dates),
    )


def write_landscape_dem(land: SyntheticLandscape, dem: DemFormat, path: Path) -> None:
    """Write the elevation model, wide enough for all that images show."""
    blank = np.zeros((len(GROUND_BANDS), *land.grid.shape), dtype=np.float32)
    ground = GroundModel(reflectance=blank, height_m=land.height_m, grid=land.grid, mirrored=True)
    write_dem(path, ground, replace(dem, margin_m=_DEM_MARGIN_M))


def write_area(grid: Grid, window: Window, path: Path) -> None:
    """Write a window's outline as a GeoPackage of one polygon."""
    _write_polygons({"id": [1]}, [shapely.Polygon(grid.corners(window))], grid, path)


def write_landslides(land: SyntheticLandscape, day: date, path: Path) -> int:
    """Write the landslides that can be seen on a day, and return how many there are."""
    landslides = in_map_coordinates(visible_landslides(land.landslides, day), land.grid)
    outlines = [one.outline for one in landslides]
    columns = {
        "id": np.arange(1, len(outlines) + 1),
        "area_m2": shapely.area(outlines),
        "freshness": [one.freshness for one in landslides],
    }
    _write_polygons(columns, outlines, land.grid, path)
    return len(outlines)


def write_reflectance(ground: GroundModel, window: Window, path: Path) -> None:
    """Write the lit ground of a window, without atmosphere, as reflectance x 10000."""
    rows, cols = window.slices_in(ground.grid.window)
    stored = np.clip(np.rint(ground.reflectance[:, rows, cols] / REFLECTANCE_SCALE), 1, 65_535)
    radiometry = Radiometry(dtype="uint16", scale=REFLECTANCE_SCALE, units=Units.REFLECTANCE)
    bands = output_bands(GROUND_BANDS, radiometry, 0)
    write_scene(path, stored.astype(np.uint16), ground.grid.at(window), bands)


def _write_polygons(
    columns: dict[str, Any], polygons: list[Outline], grid: Grid, path: Path
) -> None:
    crs = grid.crs.to_wkt() if grid.crs is not None else None
    frame = geopandas.GeoDataFrame(columns, geometry=geopandas.GeoSeries(polygons, crs=crs))
    frame.to_file(path, driver="GPKG", layer=path.stem, engine="pyogrio")
