"""Reviews in Python."""

from pathlib import Path

import pytest
import shapely
from tests.review.factories import LEFT, TOP, new_review, write_squares

import landslip
from landslip.core.errors import InputError
from landslip.review.changes import ConflictError, UnknownPolygonError


def test_a_review_in_a_script(tmp_path: Path) -> None:
    file = write_squares(tmp_path / "squares.gpkg")
    review = landslip.start_review(file, tmp_path / "review", author="Ann", cell=100.0)
    first = review.queue("largest", 2)
    assert len(first) == 2
    review.accept(first[0].id, author="Ann", type="fall")
    review.reject([item.id for item in first[1:]], author="Ann", reason="road")
    review.draw(shapely.box(LEFT, TOP - 90, LEFT + 9, TOP - 80), author="Ann")
    review.redraw(3, shapely.box(LEFT, TOP - 30, LEFT + 30, TOP), author="Bob")
    review.undo("Ann")
    review.redo("Ann")
    frame = review.landslides.set_index("id")
    assert frame.crs == "EPSG:32648"
    assert frame["type"][first[0].id] == "fall"
    assert frame["provenance"][10] == "drawn"
    assert review.summary.counts["rejected"] == 1
    review.look_at([(0, 0)], author="Ann")
    coverage = review.coverage
    assert coverage["looked_at"].sum() == 1
    assert [change.action for change in review.changes][-1] == "redo"
    assert "Ann, Bob" in review._repr_html_()
    again = landslip.open_review(tmp_path / "review")
    assert again.landslides.equals(review.landslides)


def test_versions_may_be_stated(tmp_path: Path) -> None:
    review = landslip.open_review(new_review(tmp_path).folder)
    review.accept(1, author="Ann")
    with pytest.raises(ConflictError, match="changed since it was seen"):
        review.change("reject", [1], author="Bob", versions=[0])
    with pytest.raises(InputError, match="versions must be 1"):
        review.change("reject", [1], author="Bob", versions=[0, 1])
    with pytest.raises(UnknownPolygonError, match="no polygon 99"):
        review.accept(99, author="Ann")


def test_a_folder_without_review_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such review; start one first"):
        landslip.open_review(tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        landslip.start_review(tmp_path / "none", tmp_path / "review")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="neither an inventory nor an extraction"):
        landslip.start_review(tmp_path / "empty", tmp_path / "review")
