"""Divisions that hold out one scene or one event after another."""

from dataclasses import dataclass

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.split_plan import SplitPlan, deal
from landslip.datasets.splits.blocks import places
from landslip.datasets.splits.division import Division, Fold
from landslip.datasets.splits.separate import Relations, relations, separated

MOST = 20
_MOST_LOST = 0.5


def hold_out(dataset: TileDataset, division: Division) -> list[Fold]:
    """Test on each scene (or event) in turn; the others are for training and validation.

    Tiles of others on the ground of the test, or within the buffer of it, are unused. Where that
    would take more than half of them, the scenes show the same ground: then blocks of ground are
    dealt out too, in as many folds as the division has. The held-out scene is tested on the test
    blocks alone, and the others are used outside of them and their buffer. Validation tiles are
    drawn by blocks of ground, or by groups where tiles have no coordinates.

    Raises:
        InputError: there are fewer than two to choose from, too many, or not those asked for.
    """
    names = _names(dataset, division.method)
    chosen = _chosen(names, division, str(dataset.path))
    related = relations(dataset, division.buffer_m)
    tiles = _Tiles(
        names=names,
        places=places(dataset, division, related),
        related=related,
        division=division,
    )
    folds = []
    for name in chosen:
        alone = tiles.whole(name)
        folds += tiles.on_test_ground(name) if alone is None else [alone]
    return folds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tiles:
    """Each tile's scene (or event), its place, and how it is related to others."""

    names: list[str]
    places: list[str]
    related: Relations
    division: Division

    def whole(self, name: str) -> Fold | None:
        """Test on all tiles of a scene; None where too few tiles of others would be left."""
        rest = [place for of, place in zip(self.names, self.places, strict=True) if of != name]
        known = self.division
        plan = SplitPlan(test_share=0, val_share=known.val_share, seed=known.seed)
        dealt = iter(deal(rest, plan))
        splits, notes = separated(
            [Split.TEST if of == name else next(dealt) for of in self.names], self.related
        )
        if splits.count(Split.UNUSED) > _MOST_LOST * len(rest):
            return None
        return Fold(splits=tuple(splits), notes=(*self._blind(), *notes), held_out=name)

    def on_test_ground(self, name: str) -> list[Fold]:
        """Test on a scene's tiles on the test blocks; train on those of others elsewhere."""
        folds = []
        for dealt in self.division.deal(self.places):
            sides = [
                _side(split, held=of == name) for of, split in zip(self.names, dealt, strict=True)
            ]
            splits, notes = separated(sides, self.related)
            note = (
                f"others show the same ground as {name}, so ground is held out too: it is tested "
                f"on {splits.count(Split.TEST)} of its {self.names.count(name)} tiles, and no "
                "other's tile there is used"
            )
            folds.append(Fold(splits=tuple(splits), notes=(note, *notes), held_out=name))
        return folds

    def _blind(self) -> tuple[str, ...]:
        without = int((~self.related.ground.known).sum())
        if not without:
            return ()
        note = (
            f"{without} of {len(self.names)} tiles have no coordinates: whether they show ground "
            "that others show cannot be told"
        )
        return (note,)


def _side(split: Split, *, held: bool) -> Split:
    """Return what a tile is for, by its block's side and whether its scene is held out."""
    return split if held == (split is Split.TEST) else Split.UNUSED


def _names(dataset: TileDataset, method: str) -> list[str]:
    return ["none" if name is None else str(name) for name in dataset.column(method)]


def _chosen(names: list[str], division: Division, path: str) -> list[str]:
    method, known = division.method, sorted(set(names))
    if len(known) < 2:
        raise InputError(
            f"{path}: to hold out one {method}, tiles of two or more are needed; got {known}; "
            "join datasets, or use another method"
        )
    missing = sorted(set(division.only or ()) - set(known))
    if missing:
        raise InputError(
            f"{path}: only: {missing[0]} is no {method} of it ({', '.join(known[:MOST])})"
        )
    chosen = sorted(set(division.only or known))
    if len(chosen) > MOST:
        raise InputError(
            f"{path}: {len(chosen)} times one {method} would be held out, and {MOST} are the most; "
            "name some by only, or use another method"
        )
    return chosen
