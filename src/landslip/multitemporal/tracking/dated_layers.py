"""Files of polygons with their dates: of a column, a layer's or file's name, or as stated."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError, argument, excerpt
from landslip.core.messages import Message, message
from landslip.inference.rasters import PROBABILITY
from landslip.inference.result import LANDSLIDES as EXTRACTED
from landslip.inference.result import SUMMARY
from landslip.inventory.attributes import DATE, date_in, iso_date
from landslip.inventory.correction import earlier_inventory
from landslip.inventory.detections import open_extraction, valid_outline
from landslip.inventory.record import GEOPACKAGE, LANDSLIDES, RECORD
from landslip.io.vector import read_polygon_file
from landslip.io.vector_source import vector_source
from landslip.multitemporal.tracking.dates import period_in


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatedLayer:
    """Polygons (n,) of a file or of one of its layers, with the date of each.

    Attributes:
        source: its name.
        periods: (n,) day, month or year of each, in ISO 8601.
        period: date of the layer as a whole, which it has without polygons too; None: its
            polygons have their own.
        columns: the file's own (n rows), but the one that only says the date.
        searched: mapped area of an inventory, in ``searched_crs``; None: not known.
        is_judged: False where a model mapped them, and nobody has corrected or reviewed them.
    """

    source: str
    path: Path
    polygons: NDArray[np.object_]
    periods: NDArray[np.object_]
    period: str | None
    columns: pd.DataFrame
    crs: CRS | None
    searched: shapely.Geometry | None = None
    searched_crs: CRS | None = None
    is_judged: bool = True
    notes: tuple[Message, ...] = ()

    @property
    def all_periods(self) -> set[str]:
        """The dates that the layer is about."""
        return {*self.periods.tolist(), *([] if self.period is None else [self.period])}


def read_dated_layers(
    path: Path, stated: str | None = None, date_column: str | None = None
) -> list[DatedLayer]:
    """Read the polygons of an inventory or of any vector file.

    Of a file with several layers, all are read that have a date in their names, unless one is
    called ``landslides``.

    Args:
        path: folder of an inventory or an extraction, or a file.
        stated: date of all its polygons.
        date_column: column with the date of each; None: one named ``date``.

    Raises:
        InputError: it cannot be read, or has no date.
    """
    if path.name == EXTRACTED and (path.parent / SUMMARY).is_file():
        path = path.parent
    if (path / RECORD).is_file():
        return [_read_layer(path, path / GEOPACKAGE, LANDSLIDES, stated, date_column)]
    if (path / SUMMARY).is_file():
        day = stated or date_in(open_extraction(path).summary.scene)
        layer = _read_layer(path, path / EXTRACTED, None, day, date_column)
        searched = valid_outline(path / PROBABILITY)
        return [replace(layer, searched=searched, searched_crs=layer.crs, is_judged=False)]
    layers = [name for name, kind in vector_source(path).layers if kind is not None]
    dated = [name for name in layers if period_in(name) is not None]
    if len(layers) < 2 or LANDSLIDES in layers or not dated or stated is not None:
        return [_read_layer(path, path, None, stated, date_column)]
    return [_read_layer(path, path, layer, None, date_column) for layer in dated]


def _read_layer(
    path: Path, file: Path, layer: str | None, stated: str | None, date_column: str | None
) -> DatedLayer:
    opened = read_polygon_file(file, layer, may_be_empty=True, layer_argument=None)
    inventory = earlier_inventory(path)
    period = stated
    if period is None and inventory is not None:
        period = inventory.record.scene.date
    if period is None:
        period = period_in(layer or "") or period_in(path.stem)
    frame, notes = opened.frame, list(opened.notes)
    columns = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    periods = np.full(len(frame), period, dtype=object)
    is_own = False
    column = date_column or next((str(name) for name in columns if str(name).lower() == DATE), None)
    if date_column is not None and date_column not in columns:
        shown = ", ".join(map(str, columns)) or "none"
        raise InputError(
            f"{path}: there is no column {date_column} ({argument('date_column')}); its columns "
            f"are {shown}"
        )
    if stated is None and column is not None and len(frame):
        known = {value: iso_date(value) for value in columns[column].dropna().unique()}
        own = columns[column].map(known).astype(object)
        is_own = bool(own.notna().any())
        if is_own:
            periods = np.asarray(own.where(own.notna(), period), dtype=object)
        elif date_column is not None or (period is None and known):
            got = ", ".join(excerpt(repr(value), 40) for value in list(known)[:1]) or "nothing"
            raise InputError(
                f"{path}: its column {column} holds dates, as YYYY-MM-DD, YYYY-MM or YYYY; got "
                f"{got}. Write them so, name another column by {argument('date_column')}, or "
                f"state the date by {argument('dates')}"
            )
        if is_own and column.lower() == DATE and own.notna().all():
            columns = columns.drop(columns=column)  # the column of the histories says the same
    dateless = pd.isna(periods)
    if dateless.all() and period is None and not is_own:
        where = path if layer is None else f"{path}, layer {layer}"
        raise InputError(
            f"{where}: its date is not known; name a column with dates by "
            f"{argument('date_column')}, state the date by {argument('dates')}, or have it in the "
            "name, like landslides_2013-08-12.gpkg"
        )
    if dateless.any():
        notes.append(
            message(
                "warning.tracks_no_date",
                file=path.name,
                count=int(dateless.sum()),
                total=len(dateless),
            )
        )
    polygons = np.asarray(frame.geometry.values, dtype=object)
    one_date = len({*periods[~dateless].tolist()}) <= 1
    return DatedLayer(
        source=path.name if layer in {None, LANDSLIDES} else f"{path.name}, {layer}",
        path=path,
        polygons=polygons[~dateless],
        periods=periods[~dateless],
        period=None if is_own else period,
        columns=columns[~dateless].reset_index(drop=True),
        crs=None if frame.crs is None else CRS.from_wkt(frame.crs.to_wkt()),
        searched=inventory.mapped_area if inventory is not None and one_date else None,
        searched_crs=None if inventory is None else inventory.crs,
        is_judged=inventory is None or inventory.record.source.kind != "extraction",
        notes=tuple(notes),
    )
