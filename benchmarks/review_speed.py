"""How long a review of many polygons takes to start, to open and to change.

    python benchmarks/review_speed.py [--polygons 100000] [--changes 2000]

Prints a table of time on the processor, which other programs hardly change. Folding is measured on
a log in which every polygon was judged twice by rules, and some were redrawn one by one.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.review.changes import BulkRequest, ChangeRequest
from landslip.review.features import FeatureTable
from landslip.review.query import ColumnRange, FeatureQuery, select
from landslip.review.start import start_review
from landslip.review.state import ReviewState
from landslip.review.store import ReviewStore
from landslip.review.words import REVIEW_COLUMNS, Action

VERTICES = 40


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polygons", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.polygons, options.changes)


@contextmanager
def timed(what: str, times: int = 1) -> Iterator[None]:
    """Print the time on the processor, which other programs hardly change."""
    start = time.process_time()
    yield
    print(f"{what:<58}{(time.process_time() - start) / times * 1000:>12,.1f} ms", flush=True)


def polygons(count: int) -> geopandas.GeoDataFrame:
    """Return ragged discs in rows."""
    rng = np.random.default_rng(0)
    across = int(np.ceil(np.sqrt(count)))
    angles = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    radius = rng.uniform(10, 30, count)[:, np.newaxis] * rng.uniform(0.7, 1.3, (count, VERTICES))
    number = np.arange(count)[:, np.newaxis]
    x = 400_000 + 80 * (number % across) + radius * np.cos(angles)
    y = 3_460_000 - 80 * (number // across) + radius * np.sin(angles)
    return geopandas.GeoDataFrame(
        {
            "id": np.arange(count) + 1,
            "confidence": rng.uniform(0.3, 0.99, count),
            "elongation": rng.uniform(1, 4, count),
            "slope_deg": rng.uniform(0, 50, count),
        },
        geometry=shapely.polygons(np.stack([x, y], axis=2)),
        crs="EPSG:32648",
    )


def measure(folder: Path, count: int, changes: int) -> None:
    """Print a table."""
    file = folder / "polygons.gpkg"
    polygons(count).to_file(file, layer="landslides", driver="GPKG")
    with timed(f"start a review of {count:,} polygons"):
        store = start_review(file, folder / "review")
    with timed("first table"):
        store.table()
    with timed("first queue"):
        store.queue()
    with timed("first coverage"):
        store.coverage()
    for action, limits in ((Action.ACCEPT, "confidence:0.6:"), (Action.REJECT, "confidence::0.6")):
        rule = FeatureQuery(ranges=(ColumnRange.parse(limits),))
        with timed(f"{action} by a rule"):
            store.bulk(BulkRequest(action=action, author="ann", rule=rule))
    with timed("reset all by a rule"):
        store.bulk(BulkRequest(action=Action.RESET, author="ann", rule=FeatureQuery()))
    with timed(f"accept one, and its row ({changes:,} times)", changes):
        for id_ in range(1, changes + 1):
            judge(store, Action.ACCEPT, id_)
    with timed("redraw one, and its row (200 times)", 200):
        for id_ in range(1, 201):
            judge(store, Action.REDRAW, id_, (store.outlines(id_)[0].buffer(1),))  # type: ignore[attr-defined]
    with timed("page of the table, sorted by information"):
        table = store.table()
        read_rows(table, select(table, FeatureQuery(sort="-information"))[:100])
    with timed("queue"):
        store.queue()
    with timed("coverage"):
        store.coverage()
    frame = store.source.landslides
    state = ReviewState(
        frame["id"].to_numpy(np.int64), np.asarray(frame.geometry.values, dtype=object)
    )
    with timed(f"fold the whole log ({rows_of(store):,} rows)"), store.log.reading() as opened:
        state.refresh(opened)
    with timed("open the review, inventory read and checked"):
        ReviewStore.open(store.folder)
    print(f"{'size of the log':<58}{store.log.path.stat().st_size / 1e6:>12,.1f} MB")


def rows_of(store: ReviewStore) -> int:
    """Return the rows of a log."""
    with store.log.reading() as file:
        return int(file.execute("SELECT count(*) FROM changes").fetchone()[0])


def judge(
    store: ReviewStore, action: Action, id_: int, geometries: tuple[shapely.Geometry, ...] = ()
) -> None:
    """Make a change and read the polygon's row, as the page does."""
    table = store.table()
    version = int(table.version[table.indexes([id_])[0]])
    done = store.change(
        ChangeRequest(
            action=action, author="ann", polygons=((id_, version),), geometries=geometries
        )
    )
    table = store.table()
    read_rows(table, table.indexes(done.polygons))


def read_rows(table: FeatureTable, at: NDArray[np.int64]) -> None:
    """Read all columns of some polygons."""
    for name in (*REVIEW_COLUMNS, *table.names):
        table.cells(name, at)


if __name__ == "__main__":
    main()
