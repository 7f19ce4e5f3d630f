"""The landslides whose recovery is measured, and since when."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.core.geometries import reproject
from landslip.core.grid import Grid, map_points
from landslip.core.messages import Message, message
from landslip.inventory.attributes import iso_date
from landslip.inventory.record import GEOPACKAGE as INVENTORY
from landslip.io.vector import read_polygon_file, repair_polygons

TRACKS = "tracks.gpkg"
_FAILED = ("new", "enlarged", "reactivated")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedSlopes:
    """Landslides, by the order of their input.

    Attributes:
        ids: (n,) text: ``track_id`` or ``id`` of the input, else the number of the polygon.
        outlines: (n,) in the series' coordinate system.
        in_pixels: (n,) the same in its pixels (column, row).
        seen_without: (n,) last date known without the landslide; None: not known.
        failed: (n,) first date known with it as it failed last; None: not known.
        disturbed: all polygons of the input in pixels, of every date: none is a neighbour.
        notes: on what was left out or repaired.
    """

    ids: tuple[str, ...]
    outlines: NDArray[np.object_]
    in_pixels: NDArray[np.object_]
    seen_without: tuple[date | None, ...]
    failed: tuple[date | None, ...]
    disturbed: NDArray[np.object_]
    notes: tuple[Message, ...]

    def take(self, rows: NDArray[np.int64]) -> "FailedSlopes":
        """Return those landslides only; what is disturbed stays."""
        return replace(
            self,
            ids=tuple(self.ids[row] for row in rows),
            outlines=self.outlines[rows],
            in_pixels=self.in_pixels[rows],
            seen_without=tuple(self.seen_without[row] for row in rows),
            failed=tuple(self.failed[row] for row in rows),
        )


def read_landslides(source: Path, grid: Grid, failed: date | None = None) -> FailedSlopes:
    """Read histories, an inventory, or any file of polygons, onto a series' grid.

    Args:
        source: folder that `landslip track` or `landslip inventory` wrote, or a file of polygons.
            Rows with ``track_id`` and ``state`` are histories: a landslide is as it was when it was
            last new, enlarged or reactivated. Others are landslides each, since their ``date``.
        grid: of the series.
        failed: day on which all failed, over what the file says.

    Raises:
        InputError: nothing can be read, there is no coordinate system, or no landslide is on the
            series.
    """
    path = source
    if source.is_dir():
        path = next(
            (source / name for name in (TRACKS, INVENTORY) if (source / name).is_file()),
            source / TRACKS,
        )
        if not path.is_file():
            raise InputError(
                f"{source}: neither histories nor an inventory, it has no {TRACKS} and no "
                f"{INVENTORY}; give what landslip track or landslip inventory wrote, or polygons"
            )
    opened = read_polygon_file(path, may_be_empty=True)
    frame = opened.frame
    if len(frame) == 0:
        raise InputError(f"{path}: contains no landslide, so there is no recovery to measure")
    if frame.crs is None:
        raise InputError(
            f"{path}: landslides need a coordinate system to be found in the series; assign it"
        )
    try:
        own = CRS.from_wkt(frame.crs.to_wkt())
        moved = reproject(np.asarray(frame.geometry.values), own, grid.crs, grid.middle[0])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    frame = frame.set_geometry(
        geopandas.GeoSeries(repair_polygons(moved), index=frame.index), crs=None
    )
    disturbed = _in_pixels(frame, grid)
    is_histories = {"track_id", "state"} <= {*frame.columns}
    rows = _last_failures(frame) if is_histories else _each(frame)
    inside = shapely.intersects(
        np.asarray(rows.geometry.values), shapely.Polygon(grid.corners(grid.window))
    )
    if not inside.any():
        raise InputError(
            f"{path}: no landslide is in the footprint of the series; its landslides span "
            f"{_extent(rows.geometry.values)} and the series "
            f"{_extent(shapely.Polygon(grid.corners(grid.window)))}, in the series' coordinates"
        )
    # what was not observed has no outline in histories
    notes = [note for note in opened.notes if not (is_histories and note.key == "file.empty")]
    if not inside.all():
        notes.append(message("recovery.outside", count=int((~inside).sum()), total=len(inside)))
    rows = rows[inside]
    days = [failed] * len(rows) if failed is not None else rows["failed"].tolist()
    earlier = [None] * len(rows) if failed is not None else rows["without"].tolist()
    return FailedSlopes(
        ids=tuple(rows["id"].astype(str)),
        outlines=np.asarray(rows.geometry.values),
        in_pixels=_in_pixels(rows, grid),
        seen_without=tuple(earlier),
        failed=tuple(days),
        disturbed=disturbed,
        notes=tuple(notes),
    )


def _in_pixels(frame: geopandas.GeoDataFrame, grid: Grid) -> NDArray[np.object_]:
    to_pixels = ~grid.transform
    outlines = np.asarray(frame.geometry.values, dtype=object)
    return np.asarray(
        shapely.transform(outlines, lambda points: map_points(to_pixels, points)), dtype=object
    )


def _last_failures(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Return one row a history: its last failure, and until when its ground was whole."""
    frame = frame.assign(day=[_day(value) for value in frame["date"]])
    frame = frame[frame["state"].isin(_FAILED) & frame["day"].notna()]
    frame = frame.sort_values(["track_id", "day"], kind="stable")
    first, last = (frame.groupby("track_id", sort=False).nth(at) for at in (0, -1))
    afters = first["track_after"] if "track_after" in first else [None] * len(first)
    without = [
        _day(after) or day - timedelta(days=1)
        for after, day in zip(afters, first["day"], strict=True)
    ]
    return last.assign(id=last["track_id"], failed=last["day"], without=without)


def _each(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    ids = frame["id"] if "id" in frame else pd.Series(np.arange(1, len(frame) + 1))
    days = frame["date"] if "date" in frame else pd.Series([None] * len(frame))
    return frame.assign(
        id=ids.to_numpy(),
        failed=[_day(value) for value in days],
        without=[None] * len(frame),
    )


def _day(value: object) -> date | None:
    """Return a stated day, or the first of a stated month or year."""
    text = iso_date(value)
    return None if text is None else date.fromisoformat((text + "-01-01")[:10])


def _extent(geometries: Any) -> str:
    left, bottom, right, top = shapely.total_bounds(geometries)
    return f"x {left:.8g} to {right:.8g}, y {bottom:.8g} to {top:.8g}"
