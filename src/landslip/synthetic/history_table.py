"""The truth of a series as tables: every landslide on every date."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landslip.core.choices import LandslideState
from landslip.core.grid import Grid, map_points
from landslip.core.window import Window
from landslip.synthetic.histories import LandslideHistory, landslide_state
from landslip.synthetic.landscape import DaySurface, SyntheticLandscape
from landslip.synthetic.landslides import Outline
from landslip.synthetic.noise import Field
from landslip.synthetic.observation import PixelQuality

STATES = tuple(LandslideState)
OBSERVED_FROM = 0.5
_TOUCHING_PX = 1.0
_BLUE, _GREEN, _RED, _NIR = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLandslides:
    """The landslides of a study area, numbered from 1 by their place in the landscape."""

    land: SyntheticLandscape
    window: Window
    numbered: tuple[tuple[int, LandslideHistory], ...]

    @classmethod
    def of(cls, land: SyntheticLandscape, window: Window) -> "StudyLandslides":
        """Choose those that reach into a window."""
        frame = shapely.box(window.col_off, window.row_off, window.col_end, window.row_end)
        numbered = tuple(
            (number, one)
            for number, one in enumerate(land.landslides, 1)
            if any(failure.outline.intersects(frame) for failure in one.failures)
        )
        return cls(land=land, window=window, numbered=numbered)

    def on_date(
        self,
        day: date,
        before: date | None,
        surface: DaySurface,
        quality: NDArray[np.uint8],
    ) -> geopandas.GeoDataFrame:
        """Return a row for each landslide, with its outline in map coordinates.

        ``before`` is the date before this one; quality (height, width) is that of the ground of the
        window.
        """
        pixel_m2 = self.land.grid.transform.a**2
        with_landslides = ndvi(surface.with_landslides.reflectance)
        undisturbed = ndvi(surface.cover.reflectance)
        rows: list[dict[str, Any]] = []
        outlines: list[Outline] = []
        for number, one in self.numbered:
            parts = one.parts_on(day)
            outline = one.outline_of(parts)
            freshness = max((part.freshness for part in parts), default=0.0)
            areas = dict.fromkeys(STATES, 0.0)
            for part in parts:
                areas[landslide_state(part.freshness)] += part.outline.area * pixel_m2
            row, col = pixels_in(outline, self.land.grid.shape)
            seen = self._seen_fraction(row, col, quality)
            rows.append(
                {
                    "id": number,
                    "date": day.isoformat(),
                    "state": landslide_state(freshness).value,
                    "freshness": freshness,
                    "event": one.event_between(before, day),
                    "area_m2": outline.area * pixel_m2,
                    "fresh_m2": areas[LandslideState.FRESH],
                    "recovering_m2": areas[LandslideState.RECOVERING],
                    "recovered_m2": areas[LandslideState.RECOVERED],
                    "failures": ",".join(failure.day.isoformat() for failure in one.failures),
                    "healing_years": one.healing_years,
                    "observed_fraction": seen,
                    "observed": seen >= OBSERVED_FROM,
                    "ndvi": float(with_landslides[row, col].mean()),
                    "ndvi_undisturbed": float(undisturbed[row, col].mean()),
                }
            )
            outlines.append(outline)
        table = pd.DataFrame(rows)
        bare = table.state.isin([LandslideState.FRESH, LandslideState.RECOVERING])
        table["group"] = touching_groups(outlines, bare.to_numpy())
        return in_map(table, outlines, self.land.grid)

    def _seen_fraction(
        self, row: NDArray[np.intp], col: NDArray[np.intp], quality: NDArray[np.uint8]
    ) -> float:
        row, col = row - self.window.row_off, col - self.window.col_off
        inside = (row >= 0) & (row < self.window.height) & (col >= 0) & (col < self.window.width)
        seen = quality[row[inside], col[inside]] == PixelQuality.GROUND
        return float(seen.sum() / len(row))


def in_map(table: pd.DataFrame, outlines: list[Outline], grid: Grid) -> geopandas.GeoDataFrame:
    """Return a table with its outlines, given in pixels, in map coordinates."""
    mapped = shapely.transform(
        np.array(outlines, dtype=object), lambda points: map_points(grid.transform, points)
    )
    crs = grid.crs.to_wkt() if grid.crs is not None else None
    return geopandas.GeoDataFrame(table, geometry=geopandas.GeoSeries(mapped, crs=crs))


def state_raster(land: SyntheticLandscape, day: date) -> NDArray[np.uint8]:
    """Return the state of each pixel (height, width): its index in vegetated, fresh, ...

    Where several landslides overlap, it is that of the barest.
    """
    parts = [part for one in land.landslides for part in one.parts_on(day)]
    shapes = [
        (part.outline, STATES.index(landslide_state(part.freshness)))
        for part in sorted(parts, key=lambda part: part.freshness)
    ]
    if not shapes:
        return np.zeros(land.grid.shape, dtype=np.uint8)
    states: NDArray[np.uint8] = rasterize(shapes, out_shape=land.grid.shape, dtype="uint8")
    return states


def ndvi(reflectance: Field) -> Field:
    """Return the vegetation index (height, width)."""
    red, nir = reflectance[_RED], reflectance[_NIR]
    index: Field = (nir - red) / np.maximum(nir + red, 1e-6)
    return index


def pixels_in(
    outline: Outline, shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and cols of pixels with their centre in an outline, at least of one."""
    left, top, right, bottom = outline.bounds
    cols = np.arange(max(int(left), 0), min(int(right) + 1, shape[1]))
    rows = np.arange(max(int(top), 0), min(int(bottom) + 1, shape[0]))
    shapely.prepare(outline)
    inside = shapely.contains_xy(outline, *np.meshgrid(cols + 0.5, rows + 0.5))
    if inside.any():
        row, col = np.nonzero(inside)
        return rows[row], cols[col]
    point = outline.representative_point()
    return np.array([int(point.y)]), np.array([int(point.x)])


def touching_groups(outlines: list[Outline], shown: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the same number for those shown that touch each other, from 1, and 0 for others."""
    groups = np.zeros(len(outlines), dtype=np.int64)
    some = np.array(outlines, dtype=object)[shown]
    if len(some):
        one, other = shapely.STRtree(some).query(some, "dwithin", distance=_TOUCHING_PX)
        pairs = coo_array((np.ones(len(one)), (one, other)), shape=(len(some), len(some)))
        groups[shown] = connected_components(pairs, directed=False)[1] + 1
    return groups
