"""Reviews in a folder become what was decided about their scenes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from shapely import box

from landslip.core.errors import InputError
from landslip.review.changes import ChangeRequest
from landslip.review.corrections import find_reviews, read_corrections, reviewed_scene
from landslip.review.ground import Outlines
from landslip.review.start import start_review
from landslip.review.store import ReviewStore
from landslip.review.words import Action

WriteRaster = Callable[..., Path]
WritePolygons = Callable[..., Path]
X, Y = 500_000, 4_000_000
DRAWN = box(X + 50, Y - 34, X + 58, Y - 26)
SHIFTED = box(X + 21, Y - 30, X + 31, Y - 20)


def squares() -> list[shapely.Polygon]:
    return [box(X + 20 * at, Y - 10, X + 20 * at + 8, Y - 2) for at in range(4)]


@pytest.fixture
def scene(write_raster: WriteRaster) -> Path:
    """Give a scene of 96 x 64 m."""
    return write_raster("scene.tif", np.ones((2, 64, 96), dtype=np.uint16), names=("red", "nir"))


@pytest.fixture
def store(write_polygons: WritePolygons, scene: Path, tmp_path: Path) -> ReviewStore:
    """Give a review of four squares: accepted, rejected, drawn again, and not judged."""
    made = start_review(
        write_polygons("map.gpkg", squares()), tmp_path / "reviews" / "map", cell_m=16
    )
    for action, polygon, outline in (
        (Action.ACCEPT, 1, None),
        (Action.REJECT, 2, None),
        (Action.REDRAW, 3, SHIFTED),
    ):
        made.change(
            ChangeRequest(
                action=action,
                author="Ann",
                polygons=((polygon, 0),),
                geometries=() if outline is None else (outline,),
            )
        )
    assert scene.is_file()
    return made


def bounds(outlines: Outlines) -> set[tuple[float, ...]]:
    return {tuple(one) for one in shapely.bounds(outlines).round(3).tolist()}


def test_what_was_decided(store: ReviewStore, scene: Path, tmp_path: Path) -> None:
    store.change(ChangeRequest(action=Action.DRAW, author="Bo", geometries=(DRAWN,)))
    column, row = store.coverage().cells[0].column, store.coverage().cells[0].row
    store.cover("Bo", [(column, row)])
    found = read_corrections(tmp_path, scene=scene)
    (one,) = found.scenes
    first, second, _, fourth = squares()
    assert one.scene == scene
    assert bounds(one.landslides) == {first.bounds, SHIFTED.bounds, DRAWN.bounds}
    assert bounds(one.rejected) == {second.bounds}
    assert bounds(one.unjudged) == {fourth.bounds}
    assert bounds(one.looked_at) == {store.coverage().cells[0].outline.bounds}
    (review,) = found.reviews
    assert review.revision == 4
    assert review.place == str((tmp_path / "reviews" / "map" / "review.gpkg").absolute())


def test_what_was_taken_back_is_not_judged(store: ReviewStore, scene: Path, tmp_path: Path) -> None:
    for _ in range(3):
        store.undo("Ann")
    (one,) = read_corrections(tmp_path, scene=scene).scenes
    assert bounds(one.unjudged) == {square.bounds for square in squares()}
    assert len(one.landslides) == len(one.rejected) == 0


def test_outlines_are_brought_to_the_scene(
    store: ReviewStore, write_raster: WriteRaster, tmp_path: Path
) -> None:
    other = write_raster(
        "geographic.tif",
        np.ones((2, 64, 96), dtype=np.uint16),
        names=("red", "nir"),
        crs="EPSG:4326",
        transform=Affine(1e-5, 0, 104.99, 0, -1e-5, 36.15),
    )
    (one,) = read_corrections(tmp_path, scene=other).scenes
    west, south, east, north = shapely.total_bounds(one.landslides)
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    assert store.summary().revision == 3


def test_places_in_which_reviews_are_found(store: ReviewStore, tmp_path: Path) -> None:
    folder = tmp_path / "reviews" / "map"
    places = (tmp_path, tmp_path / "reviews", folder, folder / "review.gpkg")
    assert [find_reviews(place) for place in places] == [[folder]] * 4
    assert store.folder == folder


def test_what_is_missing_is_said(
    store: ReviewStore, scene: Path, write_polygons: WritePolygons, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="the scene that was reviewed is not known; state it"):
        read_corrections(tmp_path)
    with pytest.raises(InputError, match="no such folder of reviews"):
        read_corrections(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"there is no review in it \(review.gpkg is expected"):
        read_corrections(tmp_path / "empty")
    start_review(write_polygons("b.gpkg", squares()), tmp_path / "untouched" / "b")
    with pytest.raises(InputError, match="nothing is decided in its reviews yet"):
        read_corrections(tmp_path / "untouched", scene=scene)
    assert store.folder.is_dir()


def test_a_scene_that_was_moved_is_stated(store: ReviewStore, scene: Path, tmp_path: Path) -> None:
    record = store.record.model_copy(update={"scene": "../moved.tif"})
    moved = ReviewStore(store.folder, record, store.source)
    with pytest.raises(InputError, match="which does not exist; state where it is with scene"):
        reviewed_scene(moved)
    with pytest.raises(InputError, match=r"nosuch\.tif: no such file; check scene"):
        reviewed_scene(moved, scene=tmp_path / "nosuch.tif")
    assert reviewed_scene(moved, scene=scene).scene == scene


def test_a_file_that_is_no_review_is_served_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "polygons.gpkg").touch()
    with pytest.raises(InputError, match=rf"with: landslip serve {tmp_path}$"):
        find_reviews(tmp_path / "polygons.gpkg")
