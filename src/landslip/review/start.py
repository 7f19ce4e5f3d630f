"""Starts the review of an inventory."""

import uuid
from pathlib import Path

import numpy as np
import shapely

from landslip import __version__
from landslip.core.errors import InputError, OutputExistsError
from landslip.core.files import sha256_of
from landslip.review.changes import check_author
from landslip.review.coverage import cells_in, plan_grid
from landslip.review.log import now
from landslip.review.log_file import create_log
from landslip.review.record import FILE, ReviewRecord, place_from
from landslip.review.source import ReviewSource, content_digest, open_review_source
from landslip.review.store import ReviewStore

_BEYOND = 0.2  # of the longer side, around polygons whose mapped area is not known
_LEAST_SIDE = 1e-6


def start_review(
    inventory: Path,
    out: Path,
    *,
    layer: str | None = None,
    author: str | None = None,
    cell_m: float | None = None,
) -> ReviewStore:
    """Start the review of an inventory, extraction or polygon file in a new folder.

    Args:
        inventory: what is reviewed; it is never written to.
        out: folder of the review.
        layer: of a polygon file.
        author: who starts it.
        cell_m: side of the cells of the coverage in metres; None: about 256 pixels of the scene.

    Raises:
        InputError: it cannot be read.
        OutputExistsError: there is a review in ``out``.
    """
    if (out / FILE).exists():
        raise OutputExistsError(
            f"{out}: there is a review in it already; open that, or choose another folder"
        )
    if author is not None:
        check_author(author)
    source = open_review_source(inventory, layer)
    record = _record(source, out, author, cell_m)
    cells = cells_in(record.grid, source.mapped_area, record.crs)
    create_log(out / FILE, record, cells)
    return ReviewStore.open(out, source)


def _record(
    source: ReviewSource, out: Path, author: str | None, cell_m: float | None
) -> ReviewRecord:
    crs = source.crs
    bounds = _bounds(source)

    def place(path: Path | None) -> str | None:
        return None if path is None else place_from(out, path)

    return ReviewRecord(
        code_version=__version__,
        token=uuid.uuid4().hex,
        name=source.path.stem if source.path.is_file() else source.path.resolve().name,
        inventory=place_from(out, source.path),
        kind=source.kind,
        polygons=place_from(out, source.file),
        layer=source.layer,
        polygons_sha256=sha256_of(source.file) if source.file.is_file() else "",
        content_sha256=content_digest(source.landslides),
        count=len(source.landslides),
        last_id=source.last_id,
        scene=place(source.scene),
        map=place(source.map),
        model=source.model,
        threshold=source.threshold,
        crs=None if crs is None else crs.to_wkt(),
        resolution_m=source.resolution_m,
        bounds=bounds,
        grid=plan_grid(bounds, crs, source.resolution_m, cell_m),
        created=now(),
        created_by=author,
    )


def _bounds(source: ReviewSource) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top of the mapped area, or of the polygons and more."""
    polygons = np.asarray(source.landslides.geometry.values, dtype=object)
    area = source.mapped_area
    if area is not None and not shapely.is_empty(area):
        left, bottom, right, top = shapely.total_bounds([area, *polygons]).tolist()
        return left, bottom, right, top
    if len(polygons) == 0:
        raise InputError(
            f"{source.path}: has no polygon and its mapped area is not known, so there is nothing "
            "to review"
        )
    left, bottom, right, top = shapely.total_bounds(polygons).tolist()
    beyond = max(_BEYOND * max(right - left, top - bottom), _LEAST_SIDE)
    return left - beyond, bottom - beyond, right + beyond, top + beyond
