"""What tells a model of its test tiles before the test: tiles that show the same on two sides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.alike import Alike, Kind, tiles_alike

_SHOWN = 3
_SAYS: dict[Kind, str] = {
    "pixels": "have the same pixels",
    "ground": "show the same ground ({measure:.1%} of the smaller one)",
    "picture": "are the same picture (correlation {measure:.3f})",
    "part": "show parts of the same picture (correlation {measure:.3f})",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Two tiles on different sides that show the same.

    Attributes:
        kind: see `landslip.datasets.splits.alike.Alike`.
        a: name of a tile.
        b: name of the other.
        sides: what each of them is for.
        measure: of ``ground`` the share of the smaller tile, else the correlation.
    """

    kind: Kind
    a: str
    b: str
    sides: tuple[Split, Split]
    measure: float

    def __str__(self) -> str:
        says = _SAYS[self.kind].format(measure=self.measure)
        return f"leak: tile {self.a} ({self.sides[0]}) and tile {self.b} ({self.sides[1]}) {says}"


def find_leaks(
    dataset: TileDataset, splits: Sequence[Split], alike: Sequence[Alike] | None = None
) -> list[Leak]:
    """Return pairs of tiles on two sides (train, val, test) that show the same.

    Args:
        dataset: the tiles.
        splits: of each tile, in the order of the index; unused tiles leak nothing.
        alike: what `tiles_alike` found in the dataset, if it was asked before.
    """
    ids = dataset.tile_ids
    found = []
    for pair in tiles_alike(dataset) if alike is None else alike:
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
    dataset: TileDataset, splits: Sequence[Split], alike: Sequence[Alike] | None = None
) -> None:
    """Stop where tiles on two sides show the same; see `find_leaks`.

    Raises:
        InputError: it names the first few, says how many there are, and what can be done.
    """
    leaks = find_leaks(dataset, splits, alike)
    if leaks:
        raise InputError(
            f"{dataset.path}: {told(leaks)}; keep such tiles on one side (method: groups, blocks, "
            "scene or event; or larger groups), or let the report tell of them by leaks: tell"
        )


def told(leaks: Sequence[Leak]) -> str:
    """Return the first few leaks and how many there are, or that there is none."""
    if not leaks:
        return "no tile shows what another side shows"
    number = Counter(leak.kind for leak in leaks)
    kinds = ", ".join(f"{count} by {kind}" for kind, count in sorted(number.items()))
    more = f"; {len(leaks)} pairs in all ({kinds})"
    return "; ".join(str(leak) for leak in leaks[:_SHOWN]) + more
