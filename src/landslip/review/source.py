"""The polygons that are reviewed: of an inventory, of an extraction, or of any vector file."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.errors import InputError
from landslip.inference.rasters import PROBABILITY
from landslip.inference.result import LANDSLIDES as EXTRACTED
from landslip.inference.result import SUMMARY
from landslip.inventory.correction import earlier_inventory, with_own_names
from landslip.inventory.detections import open_extraction, valid_outline
from landslip.inventory.record import GEOPACKAGE, LANDSLIDES, RECORD, ModelRecord
from landslip.io.vector import read_polygon_file
from landslip.review.record import SourceKind

_NEAR = 4  # folders
_MAX_ID = 2**53  # whole numbers up to here are exact in JavaScript


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReviewSource:
    """What a review can be of.

    Attributes:
        path: folder or file that was given.
        kind: what it is.
        file: with the polygons.
        layer: of that file.
        landslides: valid polygons with the column ``id``, see `read_polygons`.
        last_id: highest id that was given.
        mapped_area: in the polygons' coordinate system; None: not known.
        model: that made the map.
        threshold: of the model.
        map: ``probability.tif``.
        scene: file of the mapped scene.
        resolution_m: of the scene.
    """

    path: Path
    kind: SourceKind
    file: Path
    layer: str | None
    landslides: geopandas.GeoDataFrame
    last_id: int
    mapped_area: shapely.Geometry | None = None
    model: ModelRecord | None = None
    threshold: float | None = None
    map: Path | None = None
    scene: Path | None = None
    resolution_m: float | None = None

    @property
    def crs(self) -> CRS | None:
        """The polygons' coordinate system."""
        crs = self.landslides.crs
        return None if crs is None else CRS.from_wkt(crs.to_wkt())


def polygons_of(path: Path) -> tuple[SourceKind, Path, str | None]:
    """Return what a folder or file is, the file with its polygons, and their layer.

    Raises:
        InputError: a folder is neither of an inventory nor of an extraction.
    """
    if (path / RECORD).is_file():
        return "inventory", path / GEOPACKAGE, LANDSLIDES
    if (path / SUMMARY).is_file():
        return "extraction", path / EXTRACTED, LANDSLIDES
    if path.is_dir() and path.suffix.lower() != ".gdb":
        raise InputError(
            f"{path}: neither an inventory nor an extraction; give what `landslip inventory` or "
            "`landslip extract` wrote, or a file of polygons"
        )
    return "polygons", path, None


def read_polygons(file: Path, layer: str | None = None) -> geopandas.GeoDataFrame:
    """Return the valid polygons of a file with their columns, and as ``id`` the one they have here.

    It is the file's own column ``id`` where that has whole numbers from 1, each once; else the
    polygon's number in the file, from 1. A column ``id`` of another kind becomes ``input_id``.

    Raises:
        InputError: the file cannot be read, or holds other things than polygons.
    """
    read = read_polygon_file(file, layer, may_be_empty=True)
    frame = with_own_names(read.frame)
    own = _own_ids(frame)
    if own is None and "id" in frame:
        frame = frame.rename(columns={"id": "input_id"})
    frame["id"] = read.numbers if own is None else own
    return frame


def _own_ids(frame: geopandas.GeoDataFrame) -> NDArray[np.int64] | None:
    if "id" not in frame:
        return None
    ids = pd.to_numeric(frame["id"], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    is_sound = bool(((ids >= 1) & (ids < _MAX_ID) & (ids == np.floor(ids))).all())
    whole = ids.astype(np.int64) if is_sound else None
    return whole if whole is not None and len(np.unique(whole)) == len(whole) else None


def content_digest(landslides: geopandas.GeoDataFrame) -> str:
    """Return the sha256 of ids and outlines of polygons, in their order."""
    digest = hashlib.sha256(landslides["id"].to_numpy("<i8").tobytes())
    for one in shapely.to_wkb(np.asarray(landslides.geometry.values), byte_order=1).tolist():
        digest.update(one)
    return digest.hexdigest()


def open_review_source(path: Path, layer: str | None = None) -> ReviewSource:
    """Read what is to be reviewed.

    Raises:
        InputError: it cannot be read, or holds other things than polygons.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    kind, file, own_layer = polygons_of(path)
    layer = layer or own_layer
    frame = read_polygons(file, layer)
    last_id = int(frame["id"].max()) if len(frame) else 0
    if kind == "extraction":
        return _of_extraction(path, file, layer, frame, last_id)
    earlier = earlier_inventory(path)
    if earlier is None:
        return ReviewSource(
            path=path, kind=kind, file=file, layer=layer, landslides=frame, last_id=last_id
        )
    record = earlier.record
    if record.correction is not None:
        last_id = max(last_id, record.correction.last_id)
    probability = None
    if record.source.kind == "extraction" and not record.source.places:
        probability = _existing(Path(record.source.place) / PROBABILITY, path)
    elif record.review is not None and record.review.map is not None:
        probability = _existing(Path(record.review.map), path)
    place = record.scene.place
    return ReviewSource(
        path=path,
        kind=kind,
        file=file,
        layer=layer,
        landslides=frame,
        last_id=max(last_id, record.landslides),
        mapped_area=earlier.mapped_area,
        model=record.model,
        threshold=None if record.model is None else record.model.threshold,
        map=probability,
        scene=None if place is None else _existing(Path(place), path),
        resolution_m=record.scene.resolution_m,
    )


def _of_extraction(
    path: Path, file: Path, layer: str | None, frame: geopandas.GeoDataFrame, last_id: int
) -> ReviewSource:
    summary = open_extraction(path).summary
    return ReviewSource(
        path=path,
        kind="extraction",
        file=file,
        layer=layer,
        landslides=frame,
        last_id=max(last_id, summary.landslides),
        mapped_area=valid_outline(path / PROBABILITY),
        model=ModelRecord(
            name=summary.model,
            weights_sha256=summary.model_weights_sha256,
            threshold=summary.threshold,
            calibration=summary.calibration,
            engine=summary.engine,
            precision=summary.precision,
        ),
        threshold=summary.threshold,
        map=path / PROBABILITY,
        scene=_existing(Path(summary.scene_place), path),
        resolution_m=summary.resolution_m,
    )


def _existing(place: Path, beside: Path) -> Path | None:
    """Return a file that a record names; None: it does not exist.

    Where everything was moved or copied, it is the one that is as near to ``beside`` as it was.
    """
    tails = [Path(*place.parts[-count:]) for count in range(1, min(len(place.parts), _NEAR) + 1)]
    candidates = [folder / tail for folder in beside.resolve().parents[:2] for tail in tails[::-1]]
    return next((one for one in (*candidates, place) if one.is_file()), None)
