"""Divides a dataset's tiles into training, validation and test tiles."""

from collections.abc import Sequence
from dataclasses import replace

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.alike import Alike, united
from landslip.datasets.splits.blocks import divide_by_blocks
from landslip.datasets.splits.division import Division, Fold
from landslip.datasets.splits.held_out import hold_out


def divide(
    dataset: TileDataset, division: Division, together: Sequence[Alike] = ()
) -> tuple[Fold, ...]:
    """Divide a dataset's tiles, once or in folds.

    - ``random`` deals tiles one by one.
    - ``groups`` deals the dataset's own groups, which stay whole.
    - ``blocks`` deals square blocks of ground, all dates of a block together; see
      `landslip.datasets.splits.separate.separated` for the tiles that are left out at their edges.
    - ``scene`` and ``event`` hold out one after another; see `landslip.datasets.splits.held_out`.

    Args:
        dataset: the tiles.
        division: how to divide them.
        together: pairs of tiles that show the same, which ``random`` and ``groups`` are to keep on
            one side; the other methods do not look at them.

    Raises:
        InputError: the tiles do not allow it.
    """
    match division.method:
        case "random":
            folds = _by_name(dataset.tile_ids, division, together)
        case "groups":
            folds = _by_name(dataset.groups, division, together)
        case "blocks":
            folds = divide_by_blocks(dataset, division)
        case "scene" | "event":
            folds = hold_out(dataset, division)
    return tuple(_checked(dataset, fold, division) for fold in folds)


def _by_name(names: list[str], division: Division, together: Sequence[Alike]) -> list[Fold]:
    """Deal tiles out by their names or groups."""
    kept = united(names, together)
    joined = len(set(names)) - len(set(kept))
    notes: tuple[str, ...] = ()
    if joined:
        what = "tiles" if division.method == "random" else "groups"
        notes = (f"{joined} {what} go with others that show the same",)
    return [Fold(splits=tuple(splits), notes=notes) for splits in division.deal(kept)]


def _checked(dataset: TileDataset, fold: Fold, division: Division) -> Fold:
    """Return the fold with notes of what its sides lack.

    Raises:
        InputError: nothing is left to train or to test on.
    """
    if Split.TRAIN not in fold.splits:
        raise InputError(
            f"{dataset.path}: no tile is left to train on ({division.method}, "
            f"{' '.join(fold.notes) or 'no tile left out'}); use smaller shares, blocks or buffer"
        )
    if Split.TEST not in fold.splits:
        raise InputError(
            f"{dataset.path}: no tile is left to test on, of {len(dataset)} ({division.method}); "
            "more tiles, groups or blocks are needed, or fewer folds"
        )
    notes = list(fold.notes)
    landslide = dataset.column("landslide_px")
    tested = [at for at, split in enumerate(fold.splits) if split is Split.TEST]
    if not any(landslide[at] for at in tested):
        notes.append(f"none of the {len(tested)} test tiles shows landslide")
    if division.val_share > 0 and Split.VALIDATION not in fold.splits:
        notes.append("no tile is left for validation")
    return replace(fold, notes=tuple(notes))
