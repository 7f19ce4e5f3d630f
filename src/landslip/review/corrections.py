"""Reviews in a folder, as the ground that a model can learn from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from landslip.core.errors import InputError, argument
from landslip.core.files import sha256_of
from landslip.core.geometries import reproject
from landslip.inventory.detections import open_extraction
from landslip.io.raster import Scene, SceneOptions
from landslip.preprocessing.stack.scene import StackSources
from landslip.review.ground import Outlines, ReviewedScene
from landslip.review.improvement_record import ReviewProvenance
from landslip.review.record import FILE, path_at
from landslip.review.store import ReviewStore
from landslip.review.words import Verdict

REVIEWS = "reviews"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """Reviews with decisions, and what was decided, in one order."""

    reviews: tuple[ReviewProvenance, ...]
    scenes: tuple[ReviewedScene, ...]


def find_reviews(place: Path) -> list[Path]:
    """Return the folders of the reviews in a place: a served folder, ``reviews``, or one review.

    Raises:
        InputError: there is none.
    """
    if not place.exists():
        raise InputError(f"{place}: no such folder of reviews; check {argument('corrections')}")
    if place.is_file():
        found = [place.parent] if place.name == FILE else []
    elif (place / FILE).is_file():
        found = [place]
    else:
        patterns = (f"{REVIEWS}/*/{FILE}", f"*/{FILE}")
        found = sorted({file.parent for pattern in patterns for file in place.glob(pattern)})
    if not found:
        raise InputError(
            f"{place}: there is no review in it ({FILE} is expected in it, in its folders, or in "
            f"{REVIEWS}/NAME). What was corrected elsewhere becomes a review by "
            "landslip.start_review in Python; else review an inventory first, with: landslip serve "
            f"{place.parent if place.is_file() else place}"
        )
    return found


def read_corrections(
    place: Path, *, scene: Path | None = None, sources: StackSources | None = None
) -> Corrections:
    """Read the reviews in a place; those in which nothing was decided are left out.

    Args:
        place: see `find_reviews`.
        scene: that was reviewed, where a review does not say it, or it is no longer there.
        sources: of bands besides the scenes' own.

    Raises:
        InputError: there is no review, one is damaged, or its scene is not known or gone.
    """
    reviews, scenes = [], []
    for folder in find_reviews(place):
        store = ReviewStore.open(folder)
        summary = store.summary()
        if summary.revision == 0 and summary.cells_looked_at == 0:
            continue
        file = folder / FILE
        provenance = ReviewProvenance(
            place=str(file.absolute()), sha256=sha256_of(file), revision=summary.revision
        )
        reviews.append(provenance)
        scenes.append(reviewed_scene(store, scene=scene, sources=sources))
    if not reviews:
        raise InputError(
            f"{place}: nothing is decided in its reviews yet; accept, reject or draw landslides, "
            "and mark the cells in which none is missing"
        )
    return Corrections(reviews=tuple(reviews), scenes=tuple(scenes))


def reviewed_scene(
    store: ReviewStore, *, scene: Path | None = None, sources: StackSources | None = None
) -> ReviewedScene:
    """Return what a review decided about its scene, in the scene's coordinate system.

    Raises:
        InputError: the scene is not known, does not exist, or has no coordinate system while the
            review has one.
    """
    record, file = store.record, store.folder / FILE
    path = None if record.scene is None else path_at(store.folder, record.scene)
    if scene is not None and (path is None or not path.is_file()):
        if not scene.is_file():
            raise InputError(f"{scene}: no such file; check {argument('scene')}")
        path = scene
    if path is None:
        raise InputError(
            f"{file}: the scene that was reviewed is not known; state it with {argument('scene')}"
        )
    if not path.is_file():
        raise InputError(
            f"{file}: is the review of the scene {path}, which does not exist; state where it is "
            f"with {argument('scene')}"
        )
    options = SceneOptions()
    if record.map is not None and path_at(store.folder, record.map).is_file():
        options = open_extraction(path_at(store.folder, record.map).parent).scene_options
    with Scene.named_if_needed(path, options) as opened:
        grid, options = opened.grid, opened.options
    if (grid.crs is None) != (store.crs is None):
        raise InputError(
            f"{file}: both scene and review need a coordinate system, or neither; assign it to "
            f"{path if grid.crs is None else record.polygons}"
        )

    def on_scene(outlines: Outlines) -> Outlines:
        if len(outlines) == 0 or grid.crs is None or grid.crs == store.crs:
            return outlines
        return reproject(outlines, store.crs, grid.crs, grid.middle[0])

    frame = store.frame()
    outlines = np.asarray(frame.geometry.values, dtype=object)
    verdict = frame["verdict"].to_numpy()  # a drawn outline is accepted
    looked_at = [cell.outline for cell in store.coverage().cells if cell.looked_at]
    cells = np.empty(len(looked_at), dtype=object)
    cells[:] = looked_at
    return ReviewedScene(
        scene=path,
        landslides=on_scene(outlines[verdict == Verdict.ACCEPTED]),
        rejected=on_scene(outlines[verdict == Verdict.REJECTED]),
        unjudged=on_scene(outlines[verdict == Verdict.UNREVIEWED]),
        looked_at=on_scene(cells),
        options=options,
        sources=sources or StackSources(),
    )
