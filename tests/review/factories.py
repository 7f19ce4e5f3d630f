"""A small inventory of squares, and its review."""

import atexit
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely

from landslip.review.changes import ChangeRequest
from landslip.review.features import FeatureTable
from landslip.review.results import ChangeResult
from landslip.review.start import start_review
from landslip.review.store import ReviewStore
from landslip.review.words import REVIEW_COLUMNS, Action

UTM = "EPSG:32648"
LEFT, TOP, STEP_M = 400_000.0, 3_460_000.0, 100.0


def squares(count: int = 9, crs: str | None = UTM, seed: int = 0) -> geopandas.GeoDataFrame:
    """Return squares in rows, of sides from 20 to 60 m, with confidence and elongation."""
    rng = np.random.default_rng(seed)
    across = int(np.ceil(np.sqrt(count)))
    number = np.arange(count)
    x, y = LEFT + STEP_M * (number % across), TOP - STEP_M * (number // across)
    side = rng.uniform(20, 60, count).round(1)
    return geopandas.GeoDataFrame(
        {
            "id": number + 1,
            "confidence": rng.uniform(0.3, 0.99, count),
            "elongation": rng.uniform(1, 4, count),
            "place": [f"valley {n % 3}" for n in number],
        },
        geometry=shapely.box(x, y - side, x + side, y),
        crs=crs,
    )


def write_squares(path: Path, count: int = 9, crs: str | None = UTM) -> Path:
    """Write squares as a GeoPackage."""
    squares(count, crs).to_file(path, layer="landslides", driver="GPKG")
    return path


@cache
def _template(count: int, crs: str | None) -> ReviewStore:
    """Start the review of squares, for copies: GDAL takes its time to make a file."""
    folder = tempfile.TemporaryDirectory(prefix="landslip-review-")
    atexit.register(folder.cleanup)
    file = write_squares(Path(folder.name) / "squares.gpkg", count, crs)
    return start_review(file, Path(folder.name) / "review", author="ann")


def new_review(folder: Path, count: int = 9, crs: str | None = UTM) -> ReviewStore:
    """Start the review of squares."""
    template, file, review = _template(count, crs), folder / "squares.gpkg", folder / "review"
    shutil.copy(template.source.file, file)
    shutil.copytree(template.folder, review)
    return ReviewStore.open(review, replace(template.source, path=file, file=file))


def change(
    store: ReviewStore,
    action: str,
    *ids: int,
    author: str = "ann",
    geometries: tuple[shapely.Geometry, ...] = (),
    **said: Any,
) -> ChangeResult:
    """Make a change of polygons as they are now."""
    table = store.table()
    versions = table.version[table.indexes(ids)].tolist()
    return store.change(
        ChangeRequest(
            action=Action(action),
            author=author,
            polygons=tuple(zip(ids, versions, strict=True)),
            geometries=geometries,
            **said,
        )
    )


def rows_of(table: FeatureTable, ids: Iterable[int]) -> list[dict[str, Any]]:
    """Return polygons by columns, with None for what is empty; those that are gone are left out."""
    at = table.indexes(ids)
    at = at[(at >= 0) & table.present[np.maximum(at, 0)]]
    columns = {
        name: [None if pd.isna(one) else one for one in table.cells(name, at).tolist()]
        for name in ("id", *REVIEW_COLUMNS, *table.names)
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def outline(store: ReviewStore, id_: int) -> Any:
    """Return a polygon's outline as it is."""
    return store.outlines(id_)[0]


def halves(polygon: Any, share: float = 0.4) -> tuple[shapely.Geometry, ...]:
    """Return the western and the eastern part of a box."""
    left, bottom, right, top = polygon.bounds
    middle = left + share * (right - left)
    return shapely.box(left, bottom, middle, top), shapely.box(middle, bottom, right, top)
