"""Synthetic study areas, seen on several dates: products, elevation model and ground truth."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
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
from landslip.synthetic.camera import Attitude
from landslip.synthetic.ground_model import GROUND_BANDS, DemFormat, GroundModel, write_dem
from landslip.synthetic.landscape import LandscapeSettings, SyntheticLandscape, make_landscape
from landslip.synthetic.landslides import in_map_coordinates, visible_landslides
from landslip.synthetic.overpass import ImageTarget, Overpass, target_over
from landslip.synthetic.product import ProductRequest, write_product
from landslip.synthetic.sensor import SensorModel

DEM, AREA, FACTS = "dem.tif", "study_area.gpkg", "truth.json"
_DEM_MARGIN_M = 4000.0
_FIRST_ID = 1_000_000
_REFLECTANCE_SCALE = 0.0001


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyArea:
    """A rectangle of ground that is imaged several times, in order of time.

    Attributes:
        landscape: its shape is that of the study area.
        margin_px: how much more landscape is made on each side; beyond, it is mirrored.
        dem: format of the elevation model; its margin is set.
        writes_reflectance: whether the ground's reflectance is written too, as a scene.
    """

    landscape: LandscapeSettings
    overpasses: tuple[Overpass, ...]
    margin_px: int = 256
    sensor: SensorModel = field(default_factory=SensorModel)
    dem: DemFormat = field(default_factory=DemFormat)
    seed: int = 0
    writes_reflectance: bool = True

    def __post_init__(self) -> None:
        days = [one.beijing_time.date() for one in self.overpasses]
        if not days or days != sorted(set(days)):
            raise InputError(
                "a study area must have one overpass at least, on different days in order of time; "
                f"got {', '.join(map(str, days)) or 'none'}"
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


def wenchuan_area(seed: int = 0) -> StudyArea:
    """Return 7.2 x 8.2 km near Wenchuan, seen in 2013, 2014 and 2015: 224 tiles of 256 px a date.

    Pointing is wrong by 38 to 46 m, and the multispectral images are displaced by up to a pixel.
    """
    overpasses = [
        Overpass(
            utc=utc,
            camera=camera,
            attitude=Attitude(roll_deg=roll_deg, wobble_urad=0.5),
            bias_m=bias_m,
            shift_px=shift_px,
            drift_px=(0.2, -0.15),
        )
        for utc, camera, roll_deg, bias_m, shift_px in (
            (datetime(2013, 8, 12, 3, 52, 10), 1, 7.5, (31.0, -22.0), (0.6, -0.4)),
            (datetime(2014, 10, 2, 3, 58, 41), 2, -14.0, (-38.0, 17.0), (-0.3, 0.8)),
            (datetime(2015, 8, 5, 3, 47, 26), 1, 2.0, (24.0, 39.0), (0.2, 0.5)),
        )
    ]
    landscape = LandscapeSettings(centre_deg=(103.48, 31.30), epsg=32648, shape=(4096, 3584))
    return StudyArea(landscape=landscape, overpasses=tuple(overpasses), seed=seed)


def small_area(seed: int = 0) -> StudyArea:
    """Return 1 x 1.3 km of the same kind, seen twice, for tests."""
    large = wenchuan_area(seed)
    return replace(
        large,
        landscape=replace(large.landscape, shape=(640, 512)),
        margin_px=32,
        overpasses=(large.overpasses[0], large.overpasses[2]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDate:
    """Files of one date (in Beijing), and the number of landslides that can be seen.

    ``reflectance`` is of the lit ground without atmosphere; None where it is not written.
    """

    day: date
    product: Path
    landslides: Path
    reflectance: Path | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticSeries:
    """Files of a study area."""

    dem: Path
    area: Path
    facts: Path
    dates: tuple[SyntheticDate, ...]


@checked()
def write_series(
    area: StudyArea, out: PathArgument, *, log: Callable[[str], None] = lambda _line: None
) -> SyntheticSeries:
    """Write products, truth of every date, and an elevation model into a new folder.

    ``landslides_DATE.gpkg`` holds the landslides that can be seen on a date,
    ``reflectance_DATE.tif`` the lit ground without atmosphere, ``study_area.gpkg`` the area that
    all of them cover, and ``truth.json`` the errors of each product's metadata.

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
        dates, facts = [], []
        for number, overpass in enumerate(area.overpasses):
            day = overpass.beijing_time.date()
            log(f"{day} ...")
            ground = land.ground_on(day, overpass.sun(area.middle))
            request = ProductRequest(
                ground=ground,
                overpass=overpass,
                target=target_over(ground, overpass, window),
                sensor=area.sensor,
                seed=area.seed + number,
                product_id=_FIRST_ID + number,
            )
            landslides = f"landslides_{day:%Y%m%d}.gpkg"
            reflectance = f"reflectance_{day:%Y%m%d}.tif"
            if area.writes_reflectance:
                write_reflectance(ground, window, stage / reflectance)
            product = write_product(request, stage).name
            count = write_landslides(land, day, stage / landslides)
            dates.append(
                SyntheticDate(
                    day=day,
                    product=out / product,
                    landslides=out / landslides,
                    reflectance=out / reflectance if area.writes_reflectance else None,
                    count=count,
                )
            )
            facts.append(
                {"product": product, "landslides": count}
                | asdict(overpass)
                | {"utc": overpass.utc.isoformat()}
            )
        (stage / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return SyntheticSeries(dem=out / DEM, area=out / AREA, facts=out / FACTS, dates=tuple(dates))


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
    stored = np.clip(np.rint(ground.reflectance[:, rows, cols] / _REFLECTANCE_SCALE), 1, 65_535)
    radiometry = Radiometry(dtype="uint16", scale=_REFLECTANCE_SCALE, units=Units.REFLECTANCE)
    bands = output_bands(GROUND_BANDS, radiometry, 0)
    write_scene(path, stored.astype(np.uint16), ground.grid.at(window), bands)


def _write_polygons(
    columns: dict[str, Any], polygons: list[shapely.Polygon], grid: Grid, path: Path
) -> None:
    crs = grid.crs.to_wkt() if grid.crs is not None else None
    frame = geopandas.GeoDataFrame(columns, geometry=geopandas.GeoSeries(polygons, crs=crs))
    frame.to_file(path, driver="GPKG", layer=path.stem, engine="pyogrio")
