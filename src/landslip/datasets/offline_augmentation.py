"""Offline augmentation: a dataset with many variants of each training tile."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely

from landslip.core.choices import Split
from landslip.core.errors import InputError, argument
from landslip.core.files import atomic_directory, require_space
from landslip.core.progress import Progress, no_progress
from landslip.core.resources import parallel_map
from landslip.datasets.augmentation import (
    PAPER_VARIANTS,
    AugmentationSettings,
    VariantRule,
    stored_variant,
)
from landslip.datasets.band_groups import BandGroups
from landslip.datasets.format import DatasetCard, Tile, TileDataset
from landslip.datasets.normalisation import Normalisation, band_statistics
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter, pixel_columns

_REPLACED = ("tile_id", "split", "pixel_start", "geometry")


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentRequest:
    """What is augmented, the number of variants of each training tile, and the seed."""

    dataset: TileDataset
    versions: int = PAPER_VARIANTS
    seed: int = 0
    amounts: AugmentationSettings = field(default_factory=AugmentationSettings)

    def __post_init__(self) -> None:
        if self.versions < 1:
            raise InputError(
                f"{argument('versions')} is 1 or more, 1 for the tiles alone; got {self.versions}"
            )
        if self.seed < 0:
            raise InputError(f"{argument('seed')} is 0 or more; got {self.seed}")


def augment_dataset(
    request: AugmentRequest, out: Path, *, overwrite: bool = False, progress: Progress = no_progress
) -> DatasetCard:
    """Write a dataset of all variants of the training tiles, and of the other tiles as they are.

    Variants follow the rule of `landslip.datasets.augmentation`, in the stored data type; colour
    changes are in standard deviations of the training tiles. Variant 12 of the tile ``a`` is named
    ``a#v012``. A variant keeps the group, scene and footprint of its tile, however it is rotated,
    so that splits keep all variants of a tile together. Splits stay as they are; unused tiles are
    left out.

    Raises:
        InputError: there is no training tile, or too little free disk space.
    """
    dataset = request.dataset
    train = dataset.positions(Split.TRAIN)
    if not train:
        raise InputError(
            f"{dataset.path}: variants are made of training tiles and there are none (splits: "
            f"{dataset.card.tiles}); make the dataset with {argument('test_share')} under 1"
        )
    statistics = band_statistics(dataset, train)
    rule = VariantRule(
        normalisation=Normalisation(
            radiometry=dataset.card.radiometry, mean=statistics.mean, std=statistics.std
        ),
        amounts=request.amounts,
        seed=request.seed,
        groups=BandGroups.of(dataset.bands),
    )
    plan: list[tuple[int, Split, int | None]] = []  # position, split, variant or None
    for position, split in enumerate(dataset.splits):
        if split is Split.TRAIN:
            plan += [(position, split, variant) for variant in range(request.versions)]
        elif split is not Split.UNUSED:
            plan.append((position, split, None))
    shared = [column for column in dataset.index if column not in _REPLACED]
    footprints = shapely.from_wkb(dataset.column("geometry"))

    def tile_of(planned: tuple[int, Split, int | None]) -> Tile:
        position, _, variant = planned
        tile = dataset.tile(position)
        if variant is None:
            return tile
        return stored_variant(tile, variant, rule, dataset.card.nodata)

    with atomic_directory(out, overwrite=overwrite) as stage:
        pixels = sum(int(np.prod(dataset.shape(position))) for position, *_ in plan)
        needed = pixels * (len(dataset.bands) * np.dtype(dataset.card.dtype).itemsize + 2)
        require_space(
            out,
            needed,
            f"{len(plan)} tiles",
            f"ask for fewer {argument('versions')}, train with augmentation_mode: offline, which "
            "stores nothing",
        )
        card = dataset.card
        description = DatasetDescription(
            bands=dataset.bands,
            radiometry=card.radiometry,
            nodata=card.nodata,
            resolution_m=card.resolution_m,
            tile_size=card.tile_size,
            source=f"{card.source}; {request.versions} versions of each training tile, seed "
            f"{request.seed}",
            split_method=card.split_method,
            plan=SplitPlan(test_share=card.test_share, val_share=card.val_share, seed=card.seed),
        )
        with DatasetWriter(stage, description) as writer:
            for done, ((position, *_), tile) in enumerate(parallel_map(tile_of, plan), start=1):
                row = {column: dataset.index[column][position] for column in shared}
                row |= {"footprint": footprints[position], **pixel_columns(tile)}
                writer.add_row(tile, row)
                progress(done, len(plan))
            return writer.finish([split for _, split, _ in plan])
