"""Reads the folder of an inventory for its page."""

from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from landslip.core.errors import InputError
from landslip.core.text import RecordKind
from landslip.inventory.fields import FIELDS_BY_NAME
from landslip.inventory.record import (
    DENSITY,
    GEOPACKAGE,
    HIGHEST_POINTS,
    LANDSLIDES,
    LOWEST_POINTS,
    MAPPED_AREA,
    STATISTICS,
    InventoryRecord,
    read_record,
)
from landslip.inventory.statistics.result import InventoryStatistics

_NEEDED = {
    LANDSLIDES: ("id", "area_m2"),
    HIGHEST_POINTS: ("id",),
    LOWEST_POINTS: ("id",),
    DENSITY: ("landslides", "per_km2"),
    MAPPED_AREA: (),
}
_EARLIER_NAMES = {HIGHEST_POINTS: "crowns", LOWEST_POINTS: "toes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryData:
    """An inventory as written: its record, its statistics if there are any, and its layers.

    ``landslides`` are polygons with all columns, the largest first; ``highest_points`` and
    ``lowest_points`` have ``id``; ``density`` is square cells, with ``landslides`` and ``per_km2``;
    ``mapped_area`` is in the landslides' coordinates; None: unknown.
    """

    folder: Path
    record: InventoryRecord
    statistics: InventoryStatistics | None
    landslides: geopandas.GeoDataFrame
    highest_points: geopandas.GeoDataFrame
    lowest_points: geopandas.GeoDataFrame
    density: geopandas.GeoDataFrame
    mapped_area: shapely.Geometry | None

    @property
    def crs(self) -> pyproj.CRS | None:
        """The coordinate system of all layers but the density, which may have another."""
        return None if self.landslides.crs is None else pyproj.CRS(self.landslides.crs)

    @property
    def outlines(self) -> NDArray[np.object_]:
        """The polygons (n,), the largest first."""
        return np.asarray(self.landslides.geometry.array, dtype=object)

    def numbers(self, column: str) -> NDArray[np.float64]:
        """Return the known values of a column, in any order."""
        values: NDArray[np.float64] = self.landslides[column].to_numpy(np.float64, na_value=np.nan)
        return values[np.isfinite(values)]


def read_inventory(folder: Path) -> InventoryData:
    """Read an inventory.

    Raises:
        InputError: the folder is not an inventory, or a file of it is missing or broken.
    """
    record = read_record(folder)
    file = folder / GEOPACKAGE
    if not file.is_file():
        raise InputError(f"{folder}: there is no {GEOPACKAGE} in it; make the inventory again")
    try:
        layers = {name: _layer(file, name) for name in _NEEDED}
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(f"{file}: cannot be read ({error}); make the inventory again") from error
    areas = np.asarray(layers[MAPPED_AREA].geometry.array, dtype=object)
    mapped_area = shapely.union_all(areas)  # empty of none
    statistics, stated = None, folder / STATISTICS
    if stated.is_file():
        statistics = RecordKind(
            model=InventoryStatistics,
            name="the statistics of an inventory of this version",
            remedy="make the inventory again",
        ).read(stated)
    return InventoryData(
        folder=folder,
        record=record,
        statistics=statistics,
        landslides=layers[LANDSLIDES],
        highest_points=layers[HIGHEST_POINTS],
        lowest_points=layers[LOWEST_POINTS],
        density=layers[DENSITY],
        mapped_area=None if mapped_area.is_empty else mapped_area,
    )


def _layer(file: Path, name: str) -> geopandas.GeoDataFrame:
    present = {str(layer) for layer, _ in pyogrio.list_layers(file)}
    needed = _NEEDED[name]
    if name not in present:
        name = _EARLIER_NAMES.get(name, name)
    if name not in present:
        if name == LANDSLIDES:
            raise InputError(f"{file}: there is no layer {name} in it; make the inventory again")
        return geopandas.GeoDataFrame({column: [] for column in needed}, geometry=[])
    frame = pyogrio.read_dataframe(file, layer=name)
    missing = [column for column in needed if column not in frame]
    if missing:
        raise InputError(
            f"{file}: the layer {name} has no column {missing[0]}; make the inventory again"
        )
    if name == LANDSLIDES:  # an earlier version may have had fewer columns
        absent = [column for column in FIELDS_BY_NAME if column not in frame]
        frame[absent] = None
    return frame
