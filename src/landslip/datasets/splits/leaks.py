"""What tells a model of its test tiles before the test: tiles that show the same on two sides."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.near_duplicates import changed_copies, overlapping_crops
from landslip.datasets.splits.spatial import MIN_OVERLAP, tile_footprints, touching_windows

DuplicateKind = Literal["pixels", "ground", "picture", "part"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicatePair:
    """Two tiles that show the same.

    Attributes:
        kind: ``pixels``: they are equal; ``ground``: their places overlap; ``picture``: one is a
            changed copy of the other; ``part``: parts of them show one picture.
        one: position of the first tile.
        other: position of the second, which is larger.
        measure: of ``ground`` the share of the smaller tile, else the correlation.
    """

    kind: DuplicateKind
    one: int
    other: int
    measure: float


def find_duplicates(dataset: TileDataset) -> tuple[DuplicatePair, ...]:
    """Find all pairs of tiles that show the same, each told by the first kind that holds.

    It does not depend on a division: for several of one dataset, look once. A thousand tiles take
    a minute, ten thousand some hundred times that.
    """
    kinds: tuple[tuple[DuplicateKind, list[tuple[int, int, float]]], ...] = (
        ("pixels", _equal(dataset)),
        ("ground", _same_ground(dataset)),
        ("picture", changed_copies(dataset)),
        ("part", overlapping_crops(dataset)),
    )
    found: dict[tuple[int, int], DuplicatePair] = {}
    for kind, pairs in kinds:
        for one, other, measure in pairs:
            alike = DuplicatePair(kind=kind, one=one, other=other, measure=measure)
            found.setdefault((one, other), alike)
    return tuple(found[pair] for pair in sorted(found))


def merge_groups(groups: Sequence[str], alike: Sequence[DuplicatePair]) -> list[str]:
    """Return groups of tiles that also hold together tiles that show the same.

    Groups that such tiles link become one, named by its first.
    """
    names, members = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    one, other = members[[pair.one for pair in alike]], members[[pair.other for pair in alike]]
    links = coo_array((np.ones(len(alike)), (one, other)), shape=(len(names), len(names)))
    _, component = connected_components(links, directed=False)
    _, first = np.unique(component, return_index=True)
    return [str(names[first[component[member]]]) for member in members]


def pixels_digest(stored: NDArray[Any]) -> bytes:
    """Return a digest that two tiles share where shape, data type and every pixel are the same."""
    digest = hashlib.sha256(repr((stored.shape, stored.dtype)).encode())
    digest.update(np.ascontiguousarray(stored).data)
    return digest.digest()


def _equal(dataset: TileDataset) -> list[tuple[int, int, float]]:
    """Return pairs of tiles with equal pixels; tiles of one value do not count."""
    same: dict[bytes, list[int]] = defaultdict(list)
    for at in range(len(dataset)):
        stored = dataset.tile(at).stored
        if np.any(stored != stored[:, :1, :1]):
            same[pixels_digest(stored)].append(at)
    return [(*pair, 1.0) for tiles in same.values() for pair in combinations(tiles, 2)]


def _same_ground(dataset: TileDataset) -> list[tuple[int, int, float]]:
    """Return pairs of tiles that overlap, by their coordinates or in the pixels of their scene."""
    placed, shares = tile_footprints(dataset).overlapping()
    found = list(zip(*placed.T.tolist(), shares.tolist(), strict=True))
    pairs, shares = touching_windows(dataset)
    cut = shares > MIN_OVERLAP
    return found + list(zip(*pairs[cut].T.tolist(), shares[cut].tolist(), strict=True))


_SHOWN = 3
_SAYS: dict[DuplicateKind, str] = {
    "pixels": "have the same pixels",
    "ground": "show the same ground ({measure:.1%} of the smaller one)",
    "picture": "are the same picture (correlation {measure:.3f})",
    "part": "show parts of the same picture (correlation {measure:.3f})",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Two tiles on different sides that show the same.

    Attributes:
        kind: see `landslip.datasets.splits.leaks.DuplicatePair`.
        a: name of a tile.
        b: name of the other.
        sides: what each of them is for.
        measure: of ``ground`` the share of the smaller tile, else the correlation.
    """

    kind: DuplicateKind
    a: str
    b: str
    sides: tuple[Split, Split]
    measure: float

    def __str__(self) -> str:
        says = _SAYS[self.kind].format(measure=self.measure)
        return f"leak: tile {self.a} ({self.sides[0]}) and tile {self.b} ({self.sides[1]}) {says}"


def find_leaks(
    dataset: TileDataset, splits: Sequence[Split], alike: Sequence[DuplicatePair] | None = None
) -> list[Leak]:
    """Return pairs of tiles on two sides (train, val, test) that show the same.

    Args:
        dataset: the tiles.
        splits: of each tile, in the order of the index; unused tiles leak nothing.
        alike: what `find_duplicates` found in the dataset, if it was asked before.
    """
    ids = dataset.tile_ids
    found = []
    for pair in find_duplicates(dataset) if alike is None else alike:
        sides = (splits[pair.one], splits[pair.other])
        if sides[0] is not sides[1] and Split.UNUSED not in sides:
            leak = Leak(
                kind=pair.kind,
                a=ids[pair.one],
                b=ids[pair.other],
                sides=sides,
                measure=pair.measure,
            )
            found.append(leak)
    return found


def refuse_leaks(
    dataset: TileDataset, splits: Sequence[Split], alike: Sequence[DuplicatePair] | None = None
) -> None:
    """Stop where tiles on two sides show the same; see `find_leaks`.

    Raises:
        InputError: it names the first few, says how many there are, and what can be done.
    """
    leaks = find_leaks(dataset, splits, alike)
    if leaks:
        raise InputError(
            f"{dataset.path}: {describe_leaks(leaks)}; keep such tiles on one side "
            "(method: groups, blocks, scene or event; or larger groups), or accept them with "
            "leaks: warn, which reports them"
        )


def describe_leaks(leaks: Sequence[Leak]) -> str:
    """Return the first few leaks and how many there are, or that there is none."""
    if not leaks:
        return "no tile shows what another side shows"
    number = Counter(leak.kind for leak in leaks)
    kinds = ", ".join(f"{count} by {kind}" for kind, count in sorted(number.items()))
    more = f"; {len(leaks)} pairs in all ({kinds})"
    return "; ".join(str(leak) for leak in leaks[:_SHOWN]) + more


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetOverlap:
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


def overlap_between(
    first: TileDataset, positions: Iterable[int], second: TileDataset
) -> DatasetOverlap:
    """Count the tiles of ``second`` that show what tiles of ``first`` at ``positions`` show.

    Ground is compared by footprints, where both have them; pixels by their bytes. Changed copies
    of pictures without a place are not looked for.
    """
    chosen = list(positions)
    ours = _footprints_wgs84(first)[chosen]
    theirs = _footprints_wgs84(second)
    one, other = shapely.STRtree(ours).query(theirs, predicate="intersects")
    common = shapely.area(shapely.intersection(theirs[one], ours[other]))
    smaller = np.minimum(shapely.area(theirs[one]), shapely.area(ours[other]))
    seen = {pixels_digest(first.tile(at).stored) for at in chosen}
    return DatasetOverlap(
        ground=len(set(one[common > MIN_OVERLAP * smaller].tolist())),
        pixels=sum(pixels_digest(second.tile(at).stored) in seen for at in range(len(second))),
        tiles=len(second),
    )


def _footprints_wgs84(dataset: TileDataset) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Return the tiles' footprints in degrees; empty where a place is not known."""
    known = shapely.from_wkb(dataset.column("geometry"))
    return np.array([shapely.Polygon() if one is None else one for one in known], dtype=object)
