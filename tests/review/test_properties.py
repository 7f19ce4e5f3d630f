"""Any sequence of edits, undo and redo leaves what a naive model says it leaves."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.review.factories import LEFT, TOP, change, halves, new_review, outline

from landslip.review.changes import ConflictError, NothingToUndoError
from landslip.review.state import ReviewState
from landslip.review.store import ReviewStore

Polygon = tuple[str, str, bytes | None]
"""Verdict, provenance and outline."""
GONE: Polygon = ("removed", "", None)


@dataclass
class NaiveChange:
    """What a change made of its polygons, and the newest changes of these before it."""

    author: str
    after: dict[int, Polygon]
    before: dict[int, "NaiveChange | None"]


@dataclass
class NaiveReview:
    """Changes that hold, in order; what holds now is what the newest of them says."""

    originals: dict[int, Polygon]
    applied: list[NaiveChange] = field(default_factory=list)
    undone: dict[str, list[NaiveChange]] = field(default_factory=dict)
    last_id: int = 0

    def newest(self, id_: int) -> NaiveChange | None:
        return next((one for one in reversed(self.applied) if id_ in one.after), None)

    def polygon(self, id_: int) -> Polygon:
        newest = self.newest(id_)
        return self.originals.get(id_, GONE) if newest is None else newest.after[id_]

    def present(self) -> dict[int, Polygon]:
        known = {*self.originals, *(id_ for one in self.applied for id_ in one.after)}
        found = {id_: self.polygon(id_) for id_ in known}
        return {id_: one for id_, one in found.items() if one[0] != "removed"}

    def do(self, author: str, after: dict[int, Polygon]) -> None:
        self.applied.append(NaiveChange(author, after, {one: self.newest(one) for one in after}))
        self.undone[author] = []
        self.last_id = max(self.last_id, *after)

    def undo(self, author: str) -> str:
        own = [one for one in self.applied if one.author == author]
        if not own:
            return "nothing"
        if any(self.newest(id_) is not own[-1] for id_ in own[-1].after):
            return "conflict"
        self.applied = [one for one in self.applied if one is not own[-1]]
        self.undone.setdefault(author, []).append(own[-1])
        return "done"

    def redo(self, author: str) -> str:
        stack = self.undone.get(author, [])
        if not stack:
            return "nothing"
        if any(self.newest(id_) is not stack[-1].before[id_] for id_ in stack[-1].after):
            return "conflict"
        self.applied.append(stack.pop())
        return "done"


def wkb(outline: shapely.Geometry) -> bytes:
    return bytes(shapely.to_wkb(shapely.normalize(outline), byte_order=1))


ACTIONS = ("accept", "reject", "reset", "redraw", "split", "merge", "draw", "undo", "redo", "undo")
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.sampled_from(("ann", "bob")), st.integers(0, 10**6)),
    min_size=6,
    max_size=22,
)
VERDICTS = {"accept": "accepted", "reject": "rejected", "reset": "unreviewed"}


def edit(store: ReviewStore, naive: NaiveReview, action: str, author: str, draw: int) -> None:
    """Do one edit in both."""
    ids = sorted(naive.present())
    id_ = ids[draw % len(ids)]
    verdict, provenance, _ = naive.polygon(id_)
    after: dict[int, Polygon]
    if action in VERDICTS:
        change(store, action, id_, author=author)
        naive.do(author, {id_: (VERDICTS[action], provenance, naive.polygon(id_)[2])})
    elif action == "redraw":
        drawn = shapely.box(LEFT + draw % 90, TOP - 40, LEFT + draw % 90 + 30, TOP - 20)
        change(store, action, id_, author=author, geometries=(drawn,))
        made = "edited" if provenance == "model" else provenance
        naive.do(author, {id_: ("accepted", made, wkb(drawn))})
    elif action == "draw":
        drawn = shapely.box(LEFT + draw % 90, TOP - 70, LEFT + draw % 90 + 7, TOP - 60)
        change(store, action, author=author, geometries=(drawn,))
        naive.do(author, {naive.last_id + 1: ("accepted", "drawn", wkb(drawn))})
    elif action == "split":
        drawn = outline(store, id_)
        if drawn.geom_type != "Polygon" or not drawn.equals(shapely.box(*drawn.bounds)):
            return
        small, large = halves(drawn)
        change(store, action, id_, author=author, geometries=(small, large))
        after = {id_: (verdict, "split", wkb(large))}
        naive.do(author, after | {naive.last_id + 1: (verdict, "split", wkb(small))})
    elif len(ids) > 1:
        other = ids[(draw + 1) % len(ids)]
        parts = [outline(store, one) for one in (id_, other)]
        kept = (id_, other)[int(np.argmax(shapely.area(parts)))]
        verdicts = {verdict, naive.polygon(other)[0]}
        change(store, action, id_, other, author=author)
        said = verdicts.pop() if len(verdicts) == 1 else "unreviewed"
        after = {id_: GONE, other: GONE}
        naive.do(author, after | {kept: (said, "merged", wkb(shapely.union_all(parts)))})


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> ReviewStore:
    return new_review(tmp_path_factory.mktemp("template"), 5)


@settings(max_examples=6)
@given(steps=STEPS)
def test_edits_undo_and_redo_are_those_of_a_naive_model(
    template: ReviewStore, steps: list[tuple[str, str, int]]
) -> None:
    frame = template.source.landslides
    originals = {
        int(id_): ("unreviewed", "model", wkb(outline))
        for id_, outline in zip(frame["id"], frame.geometry, strict=True)
    }
    naive = NaiveReview(dict(originals), last_id=len(frame))
    with tempfile.TemporaryDirectory(dir=template.folder.parent) as folder:
        shutil.copy(template.log.path, folder)
        store = ReviewStore.open(Path(folder), template.source)
        for action, author, draw in steps:
            if action in ("undo", "redo"):
                expected = naive.undo(author) if action == "undo" else naive.redo(author)
                found = "done"
                try:
                    store.undo(author) if action == "undo" else store.redo(author)
                except ConflictError:
                    found = "conflict"
                except NothingToUndoError:
                    found = "nothing"
                assert found == expected
            else:
                edit(store, naive, action, author, draw)
            table = store.table()
            assert {
                int(table.ids[at]): (
                    table.column("verdict")[at],
                    table.column("provenance")[at],
                    wkb(table.geometry[at]),
                )
                for at in np.flatnonzero(table.present)
            } == naive.present()
        check_folded_at_once(store)


def check_folded_at_once(store: ReviewStore) -> None:
    """Folding the log a change at a time, as the store did, is folding it from its beginning."""
    frame = store.source.landslides
    whole = ReviewState(
        frame["id"].to_numpy(np.int64), np.asarray(frame.geometry.values, dtype=object)
    )
    with store.log.reading() as file:
        whole.refresh(file)
    step = store._state
    for name in ("ids", "version", "verdict", "provenance", "origin", "outline", "changed"):
        assert np.array_equal(getattr(whole, name), getattr(step, name)), name
    for name in ("type", "note", "sources"):
        assert getattr(whole, name).tolist() == getattr(step, name).tolist(), name
    assert shapely.equals_exact(whole.geometry[whole.present], step.geometry[whole.present]).all()
    assert (whole.active, whole.histories) == (step.active, step.histories)
