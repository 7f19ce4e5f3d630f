"""The lists of a comparison as layers of a GeoPackage: matched, missed, false."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pyproj
from numpy.typing import NDArray

from landslip.core.crs import reproject
from landslip.inventory.comparison.landslides import Judged
from landslip.inventory.comparison.matching import Matches
from landslip.inventory.comparison.outlines import OutlineDistances
from landslip.inventory.comparison.result import FALSE, MATCHED, MISSED
from landslip.inventory.comparison.sides import Side, Sides
from landslip.io.vector import vector_writing

_Columns = dict[str, NDArray[Any]]


def write_layers(
    path: Path, sides: Sides, judged: Judged, matches: Matches, distances: OutlineDistances
) -> None:
    """Write the three layers, in the inventory's coordinate system, sorted by id.

    ``matched`` has the inventory's outlines, ``missed`` the reference's and ``false`` the
    inventory's, all of them as they were compared: valid, and cut to the searched area. Areas are
    empty without a coordinate system. The same input gives the same bytes.

    Raises:
        LandslipError: they could not be written.
    """
    metric = sides.crs is not None
    ours, theirs = sides.inventory, sides.reference
    inventory_m2, reference_m2 = _areas_m2(ours, metric), _areas_m2(theirs, metric)
    pair = matches.inventory, matches.reference
    missed, false = np.flatnonzero(~judged.detected), np.flatnonzero(judged.false)
    matched_columns: _Columns = {
        "inventory_id": ours.ids[pair[0]],
        "reference_id": theirs.ids[pair[1]],
        "iou": matches.iou,
        "inventory_m2": inventory_m2[pair[0]],
        "reference_m2": reference_m2[pair[1]],
        "shared_m2": _known(matches.shared, metric),
        "hausdorff_m": _known(distances.hausdorff, metric),
        "outline_m": _known(distances.mean, metric),
    }
    missed_columns: _Columns = {
        "reference_id": theirs.ids[missed],
        "area_m2": reference_m2[missed],
        "covered_share": judged.covered[missed],
    }
    false_columns: _Columns = {
        "inventory_id": ours.ids[false],
        "area_m2": inventory_m2[false],
        "on_reference_share": judged.on_reference[false],
    }
    with vector_writing(path, "what matched, was missed and is false"):
        _write(path, MATCHED, matched_columns, ours.polygons[pair[0]], sides)
        _write(path, MISSED, missed_columns, theirs.polygons[missed], sides)
        _write(path, FALSE, false_columns, ours.polygons[false], sides)


def _write(
    path: Path, layer: str, columns: _Columns, polygons: NDArray[np.object_], sides: Sides
) -> None:
    there = reproject(polygons, sides.crs, sides.written_crs)
    crs = None if sides.written_crs is None else pyproj.CRS.from_wkt(sides.written_crs.to_wkt())
    frame = geopandas.GeoDataFrame(columns, geometry=there, crs=crs)
    frame = frame.iloc[np.argsort(frame.iloc[:, 0].to_numpy(), kind="stable")]
    pyogrio.write_dataframe(
        frame,
        path,
        layer=layer,
        driver="GPKG",
        geometry_type="MultiPolygon",
        promote_to_multi=True,
        append=path.exists(),
    )


def _areas_m2(side: Side, metric: bool) -> NDArray[np.float64]:
    return _known(side.areas, metric)


def _known(values: NDArray[np.float64], metric: bool) -> NDArray[np.float64]:
    return values if metric else np.full(len(values), np.nan)
