"""What the ground under polygons says: which way they run, how steep, from where to where."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray

from landslip.core.crs import AreaMeasure
from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.inventory.morphometry.axis import box_azimuths_deg, extents_m
from landslip.inventory.morphometry.extremes import extremes
from landslip.inventory.morphometry.inclination import (
    LEAST_SHARE,
    Inclination,
    inclination,
    ratio,
)
from landslip.inventory.morphometry.piece import Piece, middles, pieces, present
from landslip.inventory.morphometry.plane import MapPlane, azimuths_deg
from landslip.inventory.morphometry.terrain import Terrain

DOWNSLOPE, BOX = "downslope", "box"

Values = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TerrainAttributes:
    """Columns of `landslip.inventory.fields`, (n,) each; NaN or None where not known.

    The axis is the mean direction downslope, as a smallest box calls landslides wider than long
    by the wrong names (Niculita 2016); where no slope is known, or the ground is level or falls
    to all sides, it is the box's longer side. It is straight: of a landslide that bends, length
    is the reach along it and not the way down.

    Attributes:
        surface_m2, length_m, width_m, elongation: as the columns.
        axis: object, ``downslope`` or ``box``; None where there is no length.
        axis_deg: as the column.
        elevation_min_m, elevation_max_m, elevation_range_m: of
            `landslip.inventory.morphometry.extremes`.
        slope_deg, aspect_deg: of `landslip.inventory.morphometry.inclination`.
        fall_height_m, runout_m, h_over_l: between crown and toe.
        dem_resolution_m, dem_share: as the columns.
        crowns, toes: object, shapely Points in the polygons' coordinates, or None.
        crown_elevation_m, toe_elevation_m: their heights.
    """

    surface_m2: Values
    length_m: Values
    width_m: Values
    elongation: Values
    axis: NDArray[np.object_]
    axis_deg: Values
    elevation_min_m: Values
    elevation_max_m: Values
    elevation_range_m: Values
    slope_deg: Values
    aspect_deg: Values
    fall_height_m: Values
    runout_m: Values
    h_over_l: Values
    dem_resolution_m: Values
    dem_share: Values
    crowns: NDArray[np.object_]
    toes: NDArray[np.object_]
    crown_elevation_m: Values
    toe_elevation_m: Values

    @classmethod
    def unknown(cls, count: int) -> "TerrainAttributes":
        """Return columns in which nothing is known yet."""
        objects = ("axis", "crowns", "toes")
        return cls(
            **{
                column.name: np.full(count, None, dtype=object)
                if column.name in objects
                else np.full(count, np.nan)
                for column in fields(cls)
            }
        )


def terrain_attributes(
    polygons: NDArray[np.object_],
    crs: pyproj.CRS | None,
    terrain: Terrain | None,
    *,
    progress: Progress = no_progress,
) -> TerrainAttributes:
    """Measure polygons (n,), which may have several parts, on the ground they lie on.

    Without an elevation model, length and width are along the box; without a coordinate system
    nothing is known.

    Args:
        polygons: shapely polygons.
        crs: their coordinate system.
        terrain: the elevation model; where fewer than half of a polygon's points have heights,
            its columns stay empty save ``dem_share``.
        progress: told of the polygons done.

    Raises:
        InputError: the elevation model lies under none of the polygons.
    """
    attributes = TerrainAttributes.unknown(len(polygons))
    plane = MapPlane.of(crs)
    if plane is None:
        return attributes
    done = 0
    for rows in pieces(polygons, _order(polygons, plane, terrain)):
        piece = Piece.of(polygons[rows], plane)
        for name, values in _columns(piece, terrain).items():
            getattr(attributes, name)[rows] = values
        done += len(rows)
        progress(done, len(polygons))
    if terrain is not None:
        _require_heights(attributes.dem_share, polygons, plane, terrain)
    return attributes


def _order(
    polygons: NDArray[np.object_], plane: MapPlane, terrain: Terrain | None
) -> NDArray[np.intp]:
    """Return rows with polygons, so that each tile of the elevation model is read once or so."""
    rows = present(polygons)
    if terrain is None:
        return rows
    tiles = terrain.tiles_of(middles(polygons[rows]), plane.crs)
    return rows[np.lexsort((tiles[:, 0], tiles[:, 1]))]


def _columns(piece: Piece, terrain: Terrain | None) -> Columns:
    """Return the columns of some polygons."""
    if terrain is None:
        return _of_axis(piece, np.full(len(piece.polygons), np.nan))
    inside = inclination(piece, terrain)
    aspect_deg = azimuths_deg(inside.fall)
    columns = _of_axis(piece, aspect_deg)
    return {
        **columns,
        **_of_inclination(piece, inside, aspect_deg),
        **_of_extremes(piece, terrain, inside, columns["axis_deg"]),
    }


def _of_axis(piece: Piece, aspect_deg: Values) -> Columns:
    """Return the columns of the axis: down the aspect (n,) or, where that is NaN, of the box."""
    level = np.isnan(aspect_deg)
    axis_deg = aspect_deg.copy()
    axis_deg[level] = box_azimuths_deg(piece.polygons[level], piece.plane, piece.origins[level])
    length_m, width_m = extents_m(piece.edges, axis_deg, piece.plane, piece.origins)
    axis = np.where(level, BOX, DOWNSLOPE).astype(object)
    axis[np.isnan(axis_deg)] = None
    return {
        "axis": axis,
        "axis_deg": axis_deg,
        "length_m": length_m,
        "width_m": width_m,
        "elongation": ratio(length_m, width_m),
    }


def _of_inclination(piece: Piece, inside: Inclination, aspect_deg: Values) -> Columns:
    area_m2 = AreaMeasure(piece.plane.crs).areas_m2(piece.polygons)
    return {
        "surface_m2": area_m2 * inside.steepening,
        "slope_deg": inside.slope_deg,
        "aspect_deg": aspect_deg,
        "dem_share": inside.share,
        "dem_resolution_m": np.where(inside.share >= LEAST_SHARE, inside.resolution_m, np.nan),
    }


def _of_extremes(piece: Piece, terrain: Terrain, inside: Inclination, axis_deg: Values) -> Columns:
    found = extremes(piece, terrain, inside, axis_deg)
    fall_m = found.highest_m - found.lowest_m
    return {
        "elevation_min_m": found.lowest_m,
        "elevation_max_m": found.highest_m,
        "elevation_range_m": fall_m,
        "fall_height_m": fall_m,
        "runout_m": found.runout_m,
        "h_over_l": ratio(fall_m, found.runout_m),
        "crowns": found.crowns,
        "toes": found.toes,
        "crown_elevation_m": found.highest_m,
        "toe_elevation_m": found.lowest_m,
    }


def _require_heights(
    shares: Values, polygons: NDArray[np.object_], plane: MapPlane, terrain: Terrain
) -> None:
    measured = np.isfinite(shares)
    if not measured.any() or (shares[measured] > 0).any():
        return
    if terrain.covers(middles(polygons[measured]), plane.crs).any():
        return  # in gaps of the model
    to_lonlat = pyproj.Transformer.from_crs(plane.crs, "EPSG:4326", always_xy=True)
    lon, lat = to_lonlat.transform(*middles(polygons[measured]).T)
    raise InputError(
        f"{terrain.path}: the elevation model lies under none of the landslides, which lie "
        f"between longitude {np.min(lon):.4f} and {np.max(lon):.4f}, latitude {np.min(lat):.4f} "
        f"and {np.max(lat):.4f}; choose one that covers them"
    )
