"""Tiles of two datasets that show the same: a model of one is no judge of itself on the other."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely

from landslip.datasets.format import TileDataset
from landslip.datasets.splits.alike import pixels_digest
from landslip.datasets.splits.ground import TOUCHING_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Numbers of tiles of the second dataset whose ground, or whose pixels, the first has too."""

    ground: int
    pixels: int
    tiles: int

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.ground or self.pixels)

    def __str__(self) -> str:
        said = f"{self.ground} of {self.tiles} tiles show ground that the model was trained on"
        return said if not self.pixels else f"{said}, {self.pixels} the same pixels"


def shared_between(first: TileDataset, positions: Iterable[int], second: TileDataset) -> Shared:
    """Count the tiles of ``second`` that show what tiles of ``first`` at ``positions`` show.

    Ground is compared by footprints, where both have them; pixels by their bytes. Changed copies
    of pictures without a place are not looked for.
    """
    chosen = list(positions)
    ours = _footprints(first)[chosen]
    theirs = _footprints(second)
    one, other = shapely.STRtree(ours).query(theirs, predicate="intersects")
    common = shapely.area(shapely.intersection(theirs[one], ours[other]))
    smaller = np.minimum(shapely.area(theirs[one]), shapely.area(ours[other]))
    seen = {pixels_digest(first.tile(at).stored) for at in chosen}
    return Shared(
        ground=len(set(one[common > TOUCHING_SHARE * smaller].tolist())),
        pixels=sum(pixels_digest(second.tile(at).stored) in seen for at in range(len(second))),
        tiles=len(second),
    )


def _footprints(dataset: TileDataset) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Return the tiles' footprints in degrees; empty where a place is not known."""
    known = shapely.from_wkb(dataset.column("geometry"))
    return np.array([shapely.Polygon() if one is None else one for one in known], dtype=object)
