"""Scenes of a series, and the truth beside them."""

from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
import shapely.affinity
from numpy.typing import NDArray
from rasterio.features import shapes

from landslip.core.bands import Radiometry
from landslip.core.choices import LandslideState, Units
from landslip.core.geometries import polygonal_part
from landslip.core.grid import Grid
from landslip.core.window import Window
from landslip.io.raster import OutputBand, write_scene
from landslip.io.raster.output import output_bands
from landslip.io.vector import vector_writing
from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.clouds import draw_clouds
from landslip.synthetic.ground_model import GROUND_BANDS, GroundModel
from landslip.synthetic.history_table import StudyLandslides, in_map, state_raster
from landslip.synthetic.landscape import DaySurface, SyntheticLandscape
from landslip.synthetic.observation import (
    REFLECTANCE_SCALE,
    PixelQuality,
    SceneConditions,
    observe,
    pixel_quality,
)

HISTORIES, FOOTPRINTS, SEARCHED = "histories.gpkg", "footprints.gpkg", "searched.gpkg"
_GRID_M = 1e-4
_MAPPED_COLUMNS = ["id", "date", "state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDate:
    """The ground of a date under its clouds, the landslides that are bare, and the facts."""

    ground: GroundModel
    count: int
    facts: dict[str, Any]


@dataclass(slots=True)
class SeriesTruth:
    """Writes the scenes and the truth of a study area into a folder, date by date."""

    conditions: tuple[SceneConditions, ...]
    land: SyntheticLandscape
    window: Window
    folder: Path
    tables: list[geopandas.GeoDataFrame] = field(default_factory=list)
    footprints: list[geopandas.GeoDataFrame] = field(default_factory=list)
    searched: list[geopandas.GeoDataFrame] = field(default_factory=list)
    days: list[date] = field(default_factory=list)

    @property
    def grid(self) -> Grid:
        """The grid of scenes and rasters."""
        return self.land.grid.at(self.window)

    def write_date(
        self, number: int, day: date, sun: SunPosition, surface: DaySurface, ground: GroundModel
    ) -> WrittenDate:
        """Write the scene of a date, its rasters and its landslides."""
        conditions = self.conditions[number]
        cloud_seed, noise_seed = np.random.default_rng([self.land.seed, number, 16]).spawn(2)
        clouds = None
        if conditions.cloud_fraction > 0:
            clouds = draw_clouds(
                self.land.grid.shape,
                conditions.cloud_fraction,
                self.land.terrain.resolution_m,
                sun,
                cloud_seed,
            )
        reflectance = ground.reflectance if clouds is None else clouds.cover(ground.reflectance)
        quality = pixel_quality(self.land.terrain, sun, clouds)
        seen = observe(reflectance, quality, self.window, conditions, noise_seed)
        stem = f"{day:%Y%m%d}"
        radiometry = Radiometry(dtype="uint16", scale=REFLECTANCE_SCALE, units=Units.REFLECTANCE)
        write_scene(
            self.folder / scene_name(day),
            seen.stored,
            self.grid,
            output_bands(GROUND_BANDS, radiometry, 0),
        )
        rows, cols = self.window.slices_in(self.land.grid.window)
        states = state_raster(self.land, day)[rows, cols]
        for name, values in (("quality", seen.quality), ("states", states)):
            path = self.folder / f"{name}_{stem}.tif"
            write_scene(path, values[np.newaxis], self.grid, (OutputBand(description=name),))
        study = StudyLandslides.of(self.land, self.window)
        before = self.days[-1] if self.days else None
        table = study.on_date(day, before, surface, seen.ground_quality)
        bare = table[table.state.isin([LandslideState.FRESH, LandslideState.RECOVERING])]
        landslides = bare[["id", "area_m2", "freshness", "state", "group", "observed", "geometry"]]
        write_layer(landslides, self.folder / f"landslides_{stem}.gpkg")
        self._write_mapped(bare, day, conditions)
        self.searched.append(visible_ground(seen.quality, day, self.grid))
        self.tables.append(table)
        self.days.append(day)
        facts = {
            "conditions": asdict(conditions),
            "sun_elevation_deg": sun.elevation_deg,
            "sun_azimuth_deg": sun.azimuth_deg,
        }
        return WrittenDate(
            ground=GroundModel(
                reflectance=reflectance,
                height_m=ground.height_m,
                grid=ground.grid,
                mirrored=ground.mirrored,
            ),
            count=len(bare),
            facts=facts,
        )

    def _write_mapped(
        self, bare: geopandas.GeoDataFrame, day: date, conditions: SceneConditions
    ) -> None:
        """Write the landslides as one would draw them on the scene, and its footprint."""
        footprint = in_map(
            pd.DataFrame({"date": [day.isoformat()]}),
            [conditions.footprint(self.window.shape)],
            self.grid,
        )
        self.footprints.append(footprint)
        transform, (col, row) = self.grid.transform, conditions.shift_px
        drawn = bare.loc[bare.observed, [*_MAPPED_COLUMNS, "geometry"]]
        moved = drawn.geometry.translate(col * transform.a, row * transform.e)
        image = footprint.geometry.iloc[0]
        cut = shapely.intersection(moved.to_numpy(), image, grid_size=_GRID_M)
        drawn = drawn.set_geometry([polygonal_part(one) for one in cut], crs=drawn.crs)
        write_layer(drawn[~drawn.is_empty], self.folder / f"mapped_{day:%Y%m%d}.gpkg")

    def write_histories(self) -> None:
        """Write the rows of all dates, the footprints, and the ground that was seen."""
        write_layer(pd.concat(self.tables, ignore_index=True), self.folder / HISTORIES)
        write_layer(pd.concat(self.footprints, ignore_index=True), self.folder / FOOTPRINTS)
        write_layer(pd.concat(self.searched, ignore_index=True), self.folder / SEARCHED)


def visible_ground(quality: NDArray[np.uint8], day: date, grid: Grid) -> geopandas.GeoDataFrame:
    """Return the ground of a scene (height, width) without clouds and shadows, in one row."""
    seen = quality == PixelQuality.GROUND
    rings = [one["coordinates"] for one, _ in shapes(seen.astype(np.uint8), mask=seen)]
    outline = shapely.MultiPolygon([shapely.Polygon(shell, holes) for shell, *holes in rings])
    return in_map(pd.DataFrame({"date": [day.isoformat()]}), [outline], grid)


def scene_name(day: date) -> str:
    """Return the file name of a date's scene."""
    return f"scene_{day:%Y%m%d}.tif"


def write_layer(frame: geopandas.GeoDataFrame, path: Path) -> None:
    """Write polygons as a GeoPackage, all of them as MultiPolygon where one has several parts."""
    several = bool((shapely.get_type_id(frame.geometry.values) != 3).any())
    with vector_writing(path, "the truth"):
        frame.to_file(
            path,
            driver="GPKG",
            layer=path.stem,
            engine="pyogrio",
            promote_to_multi=several,
            geometry_type="MultiPolygon" if several else "Polygon",
        )
