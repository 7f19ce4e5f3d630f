"""What a review is of: kept in its GeoPackage, beside the changes."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from landslip.core.records import StrictModel
from landslip.inventory.record import ModelRecord

FILE = "review.gpkg"
RECORD_TABLE, CHANGES, COVERAGE, CELLS = "review_record", "changes", "coverage", "cells"
SourceKind = Literal["extraction", "inventory", "polygons"]


class CoverageGrid(StrictModel):
    """Square cells in the inventory's coordinate system; row 0 is in the north.

    Attributes:
        left: x of the western edge, in units of the map.
        top: y of the northern edge.
        cell: side of a cell, in units of the map.
        cell_m: the same in metres; None without a coordinate system.
        columns: cells from west to east.
        rows: cells from north to south.
    """

    left: float
    top: float
    cell: float = Field(gt=0)
    cell_m: float | None = Field(gt=0)
    columns: int = Field(ge=1)
    rows: int = Field(ge=1)


class ReviewRecord(StrictModel):
    """What is reviewed.

    Attributes:
        token: distinguishes this review from every other one.
        inventory: place of the inventory, extraction or polygon file, from the review's folder.
        kind: which of these it is.
        polygons: place of the file with the polygons, from the review's folder.
        layer: of that file; None: the only one.
        polygons_sha256: of that file.
        content_sha256: of ids and outlines in it; the review is of no others.
        count: polygons in it.
        last_id: highest id that was given; none is given twice.
        scene: place of the mapped scene, from the review's folder; None: not known.
        map: place of ``probability.tif``, from the review's folder; None: there is none.
        model: that made the map.
        threshold: probability from which a pixel of the map is landslide.
        crs: coordinate system of the outlines as WKT; None: not known.
        resolution_m: of the scene.
        bounds: left, bottom, right and top of what was mapped, in ``crs``.
        grid: cells of the coverage.
        created: time in UTC, ISO 8601.
        created_by: who started it.
    """

    format: Literal["landslip-review"] = "landslip-review"
    version: Literal[1] = 1
    code_version: str
    token: str
    name: str
    inventory: str
    kind: SourceKind
    polygons: str
    layer: str | None = None
    polygons_sha256: str
    content_sha256: str
    count: int = Field(ge=0)
    last_id: int = Field(ge=0)
    scene: str | None = None
    map: str | None = None
    model: ModelRecord | None = None
    threshold: float | None = None
    crs: str | None
    resolution_m: float | None = None
    bounds: tuple[float, float, float, float]
    grid: CoverageGrid
    created: str
    created_by: str | None = None


def place_from(folder: Path, path: Path) -> str:
    """Return a path as it is from a folder, so that both may be moved together."""
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def path_at(folder: Path, place: str) -> Path:
    """Return the path that `place_from` was given."""
    return Path(os.path.normpath(folder.resolve() / place))
