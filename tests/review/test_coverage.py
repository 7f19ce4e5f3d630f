"""The grid of what was looked at."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from rasterio.crs import CRS
from tests.review.factories import change, new_review

from landslip.core.errors import InputError
from landslip.review.coverage import cells_in, plan_grid
from landslip.review.store import ReviewStore

UTM = CRS.from_epsg(32648)


def test_cells_have_256_pixels_and_cover_everything() -> None:
    grid = plan_grid((400_000, 3_000_000, 406_000, 3_004_100), UTM, 2.0)
    assert (grid.cell, grid.columns, grid.rows) == (512, 12, 9)
    assert grid.cell_m == pytest.approx(512)
    inside = cells_in(grid, None, None)
    assert len(inside) == 12 * 9
    assert shapely.union_all(inside.geometry.to_numpy()).covers(
        shapely.box(400_000, 3_000_000, 406_000, 3_004_100)
    )


def test_cells_of_degrees_are_as_large() -> None:
    grid = plan_grid((104.0, 31.0, 104.1, 31.1), CRS.from_epsg(4326), 3.0)
    assert grid.cell_m == pytest.approx(768, rel=1e-6)
    assert grid.columns * grid.cell >= 0.1


def test_only_cells_in_the_mapped_area_count() -> None:
    grid = plan_grid((0.0, 0.0, 100.0, 100.0), UTM, None, cell_m=10.0)
    triangle = shapely.Polygon([(0, 0), (100, 0), (0, 100)])
    inside = cells_in(grid, triangle, None)
    assert len(inside) == 55  # 45 whole ones, 10 halves
    far = set(zip(inside["column"], inside["row"], strict=True))
    assert (0, 0) in far
    assert (9, 0) not in far


def test_cells_that_are_too_many_are_refused() -> None:
    with pytest.raises(InputError, match="at most 80,000 cells"):
        plan_grid((0.0, 0.0, 100_000.0, 100_000.0), UTM, None, cell_m=10.0)
    large = plan_grid((0.0, 0.0, 1e6, 1e6), UTM, 0.5)
    assert large.columns * large.rows <= 80_000


def test_looks_are_kept_with_who_and_when_and_taken_back(tmp_path: Path) -> None:
    store = new_review(tmp_path)
    cells = store.coverage().cells
    places = [(one.column, one.row) for one in cells[:3]]
    store.cover("bob", places)
    other = ReviewStore.open(store.folder)
    seen = {(one.column, one.row): one for one in other.coverage().cells if one.looked_at}
    assert [*seen] == places
    assert seen[places[0]].author == "bob"
    assert (seen[places[0]].time or "").endswith("Z")
    other.cover("ann", places[:1], looked_at=False)
    assert store.summary().cells_looked_at == 2
    assert store.summary().authors == ("bob",)
    with pytest.raises(InputError, match="no cell in column 999, row 0"):
        store.cover("bob", [places[0], (999, 0)])
    assert store.summary().cells_looked_at == 2  # not a part of it


def test_cells_count_polygons_that_nobody_judged(tmp_path: Path) -> None:
    store = new_review(tmp_path)

    def counted() -> list[int]:
        return [one.unreviewed for one in store.coverage().cells]

    def expected() -> list[int]:
        frame = store.table().frame()
        waiting = frame[frame["verdict"] == "unreviewed"].geometry.to_numpy()
        return [
            int(np.count_nonzero(shapely.intersects(one.outline, waiting)))
            for one in store.coverage().cells
        ]

    assert counted() == expected()
    assert sum(counted()) >= 9
    change(store, "accept", 1)
    change(store, "merge", 2, 3)
    assert counted() == expected()
    store.undo("ann")
    assert counted() == expected()
