"""Folds of tiles that are held out in turn, to choose settings by what was not trained on."""

from collections.abc import Sequence

from landslip.core.choices import Split
from landslip.datasets.format import TileDataset
from landslip.datasets.splits.assignment import SplitPlan, assign_folds
from landslip.datasets.splits.duplicates import DuplicatePair, merge_groups


def held_out_folds(
    dataset: TileDataset,
    positions: list[int],
    *,
    folds: int,
    seed: int,
    duplicates: Sequence[DuplicatePair] = (),
) -> list[list[int]]:
    """Divide the tiles at ``positions`` into folds; each tile is in one of them.

    Groups are never divided: those of the dataset, which are blocks where tiles were cut from a
    scene; a tile without one is its own. Groups with tiles of the same content, where such
    ``duplicates`` are known, are kept in one fold. Each fold gets its share of landslides, see
    `landslip.datasets.splits.assignment.assign_folds`.

    Raises:
        InputError: there are fewer groups than folds.
    """
    of_all, landslide_px = (
        merge_groups(dataset.groups, duplicates),
        dataset.index.get("landslide_px"),
    )
    assigned = assign_folds(
        [of_all[at] for at in positions],
        folds,
        SplitPlan(test_share=0, val_share=0, seed=seed),
        None if landslide_px is None else [landslide_px[at] for at in positions],
    )
    return [
        [at for at, split in zip(positions, splits, strict=True) if split is Split.TEST]
        for splits in assigned
    ]
