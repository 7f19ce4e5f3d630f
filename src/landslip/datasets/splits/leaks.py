"""Leaks: tiles of the same content in different splits, or in two datasets."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.duplicates import DuplicateKind, DuplicatePair
from landslip.datasets.splits.near_duplicates import changed_copies, overlapping_crops
from landslip.datasets.splits.spatial import MIN_OVERLAP, tile_footprints, touching_windows

_SHOWN = 3
_DESCRIPTIONS: dict[DuplicateKind, str] = {
    "pixels": "have the same pixels",
    "ground": "show the same ground ({measure:.1%} of the smaller one)",
    "picture": "are the same picture (correlation {measure:.3f})",
    "part": "show parts of the same picture (correlation {measure:.3f})",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Two tiles of the same content in different splits.

    ``a`` and ``b`` are their names, ``sides`` their splits; the rest see `DuplicatePair`.
    """

    kind: DuplicateKind
    a: str
    b: str
    sides: tuple[Split, Split]
    measure: float

    def __str__(self) -> str:
        what = _DESCRIPTIONS[self.kind].format(measure=self.measure)
        return f"leak: tile {self.a} ({self.sides[0]}) and tile {self.b} ({self.sides[1]}) {what}"


def find_duplicates(dataset: TileDataset) -> tuple[DuplicatePair, ...]:
    """Find all pairs of tiles of the same content, each reported by the first kind that holds.

    The result does not depend on a division: for several divisions of a dataset, call it once. A
    thousand tiles take a minute, ten thousand some hundred times that.
    """
    footprints = zip(*tile_footprints(dataset).overlapping(), strict=True)
    windows = zip(*touching_windows(dataset), strict=True)
    ground = [(int(one), int(other), float(share)) for (one, other), share in footprints]
    ground += [
        (int(one), int(other), float(share))
        for (one, other), share in windows
        if share > MIN_OVERLAP
    ]
    equal: dict[bytes, list[int]] = defaultdict(list)
    for at in range(len(dataset)):
        stored = dataset.tile(at).stored
        if np.any(stored != stored[:, :1, :1]):  # tiles of one value do not count
            equal[_pixels_digest(stored)].append(at)
    same = [(*pair, 1.0) for tiles in equal.values() for pair in combinations(tiles, 2)]
    kinds: tuple[tuple[DuplicateKind, list[tuple[int, int, float]]], ...] = (
        ("pixels", same),
        ("ground", ground),
        ("picture", changed_copies(dataset)),
        ("part", overlapping_crops(dataset)),
    )
    found: dict[tuple[int, int], DuplicatePair] = {}
    for kind, pairs in kinds:
        for one, other, measure in pairs:
            pair = DuplicatePair(kind=kind, one=one, other=other, measure=measure)
            found.setdefault((one, other), pair)
    return tuple(found[pair] for pair in sorted(found))


def _pixels_digest(stored: NDArray[Any]) -> bytes:
    """Digest the shape, data type and every pixel of a tile."""
    digest = hashlib.sha256(repr((stored.shape, stored.dtype)).encode())
    digest.update(np.ascontiguousarray(stored).data)
    return digest.digest()


def find_leaks(
    dataset: TileDataset,
    splits: Sequence[Split],
    duplicates: Sequence[DuplicatePair] | None = None,
) -> list[Leak]:
    """Return pairs of tiles of the same content in different splits (train, val, test).

    Unused tiles leak nothing. Without ``duplicates``, `find_duplicates` is called here.
    """
    ids = dataset.tile_ids
    leaks = []
    for pair in find_duplicates(dataset) if duplicates is None else duplicates:
        sides = (splits[pair.one], splits[pair.other])
        if sides[0] is not sides[1] and Split.UNUSED not in sides:
            leaks.append(
                Leak(
                    kind=pair.kind,
                    a=ids[pair.one],
                    b=ids[pair.other],
                    sides=sides,
                    measure=pair.measure,
                )
            )
    return leaks


def refuse_leaks(
    dataset: TileDataset,
    splits: Sequence[Split],
    duplicates: Sequence[DuplicatePair] | None = None,
) -> None:
    """Refuse tiles of the same content in different splits; see `find_leaks`.

    Raises:
        InputError: it names the first few leaks, their number, and the remedies.
    """
    leaks = find_leaks(dataset, splits, duplicates)
    if leaks:
        raise InputError(
            f"{dataset.path}: {describe_leaks(leaks)}; keep such tiles in one split (method: "
            "groups, blocks, scene or event; or larger groups), or accept them with leaks: warn, "
            "which reports them"
        )


def describe_leaks(leaks: Sequence[Leak]) -> str:
    """Return the first few leaks and how many there are, or that there is none."""
    if not leaks:
        return "no tile has the content of one in another split"
    number = Counter(leak.kind for leak in leaks)
    kinds = ", ".join(f"{count} by {kind}" for kind, count in sorted(number.items()))
    shown = "; ".join(str(leak) for leak in leaks[:_SHOWN])
    return f"{shown}; {len(leaks)} pairs in all ({kinds})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetOverlap:
    """How many tiles of a second dataset have ground, or pixels, in common with the first."""

    ground: int
    pixels: int
    tiles: int

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.ground or self.pixels)

    def __str__(self) -> str:
        text = f"{self.ground} of {self.tiles} tiles show ground that the model was trained on"
        return text if not self.pixels else f"{text}, {self.pixels} the same pixels"


def overlap_between(
    first: TileDataset, positions: Iterable[int], second: TileDataset
) -> DatasetOverlap:
    """Count the tiles of ``second`` with content of the tiles of ``first`` at ``positions``.

    Footprints are compared where both have them, and pixels by their bytes. Changed copies of
    pictures without a location are not detected.
    """
    chosen = list(positions)
    ours = _footprints_wgs84(first)[chosen]
    theirs = _footprints_wgs84(second)
    one, other = shapely.STRtree(ours).query(theirs, predicate="intersects")
    common = shapely.area(shapely.intersection(theirs[one], ours[other]))
    smaller = np.minimum(shapely.area(theirs[one]), shapely.area(ours[other]))
    digests = {_pixels_digest(first.tile(at).stored) for at in chosen}
    return DatasetOverlap(
        ground=len(set(one[common > MIN_OVERLAP * smaller].tolist())),
        pixels=sum(_pixels_digest(second.tile(at).stored) in digests for at in range(len(second))),
        tiles=len(second),
    )


def _footprints_wgs84(dataset: TileDataset) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    """Return the tiles' footprints in degrees; empty where the location is unknown."""
    known = shapely.from_wkb(dataset.column("geometry"))
    return np.array([shapely.Polygon() if one is None else one for one in known], dtype=object)
