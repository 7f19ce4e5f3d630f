"""Datasets that hold versions of the training tiles of another."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.core.files import atomic_directory
from landslip.core.progress import Progress, no_progress
from landslip.core.resources import parallel_map
from landslip.datasets.augmentation import (
    PAPER_VARIANTS,
    AugmentationSettings,
    VariantRule,
    stored_variant,
)
from landslip.datasets.format import LANDSLIDE, DatasetCard, Tile, TileDataset
from landslip.datasets.normalisation import Normalisation, band_statistics
from landslip.datasets.splits.assignment import SplitPlan
from landslip.datasets.writer import DatasetDescription, DatasetWriter

_MADE_ANEW = ("tile_id", "split", "pixel_start", "geometry")


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentRequest:
    """What versions are made of, how many of each training tile, and from which seed."""

    dataset: TileDataset
    versions: int = PAPER_VARIANTS
    seed: int = 0
    amounts: AugmentationSettings = field(default_factory=AugmentationSettings)

    def __post_init__(self) -> None:
        if self.versions < 1:
            raise InputError(f"--versions is 1 or more, 1 for the tiles alone; got {self.versions}")
        if self.seed < 0:
            raise InputError(f"--seed is 0 or more; got {self.seed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A tile to be written: a version of the tile at a position, or that tile as it is."""

    position: int
    split: Split
    version: int | None


def augment_dataset(
    request: AugmentRequest, out: Path, *, overwrite: bool = False, progress: Progress = no_progress
) -> DatasetCard:
    """Write a dataset of all versions of the training tiles, and of the other tiles as they are.

    Variants follow the rule of `landslip.datasets.augmentation`, in the stored data type; colour
    changes are in standard deviations of the training tiles. Variant 12 of the tile ``a`` is named
    ``a#v012``. A variant keeps the group, scene and footprint of its tile, however it is rotated,
    so that splits keep all variants of a tile together. Splits stay as they are; unused tiles are
    left out.

    Raises:
        InputError: there is no tile to train on, or too little room on the disk.
    """
    dataset = request.dataset
    train = dataset.positions(Split.TRAIN)
    if not train:
        raise InputError(
            f"{dataset.path}: versions are made of training tiles and there are none (splits: "
            f"{dataset.card.tiles}); make the dataset with a --test-share under 1"
        )
    pieces = list(_pieces(dataset, request.versions))
    rule = _rule(request, train)
    rows = _rows(dataset)

    def made(piece: _Piece) -> Tile:
        tile = dataset.tile(piece.position)
        if piece.version is None:
            return tile
        return stored_variant(tile, piece.version, rule, dataset.card.nodata)

    with atomic_directory(out, overwrite=overwrite) as stage:
        _require_room(dataset, pieces, stage, out)
        with DatasetWriter(stage, _describe(request)) as writer:
            for done, (piece, tile) in enumerate(parallel_map(made, pieces), start=1):
                writer.add_row(tile, rows[piece.position] | _measured(tile))
                progress(done, len(pieces))
            return writer.finish([piece.split for piece in pieces])


def _pieces(dataset: TileDataset, versions: int) -> Iterator[_Piece]:
    for position, name in enumerate(dataset.index["split"]):
        split = Split(name)
        if split is Split.TRAIN:
            for version in range(versions):
                yield _Piece(position=position, split=split, version=version)
        elif split is not Split.UNUSED:
            yield _Piece(position=position, split=split, version=None)


def _rule(request: AugmentRequest, train: list[int]) -> VariantRule:
    statistics = band_statistics(request.dataset, train)
    normalisation = Normalisation(
        radiometry=request.dataset.card.radiometry, mean=statistics.mean, std=statistics.std
    )
    return VariantRule(normalisation=normalisation, amounts=request.amounts, seed=request.seed)


def _rows(dataset: TileDataset) -> list[dict[str, object]]:
    """Return what the index says of each tile, but for its name, side and place in the arrays."""
    kept = [column for column in dataset.index if column not in _MADE_ANEW]
    footprints = shapely.from_wkb(dataset.column("geometry"))
    return [
        {**{column: dataset.index[column][at] for column in kept}, "footprint": footprints[at]}
        for at in range(len(dataset))
    ]


def _measured(tile: Tile) -> dict[str, Any]:
    height, width = tile.label.shape
    return {
        "width": width,
        "height": height,
        "valid_px": int(np.count_nonzero(tile.counted)),
        "landslide_px": int(np.count_nonzero(tile.counted & (tile.label == LANDSLIDE))),
    }


def _describe(request: AugmentRequest) -> DatasetDescription:
    known = request.dataset.card
    return DatasetDescription(
        bands=request.dataset.bands,
        radiometry=known.radiometry,
        nodata=known.nodata,
        resolution_m=known.resolution_m,
        tile_size=known.tile_size,
        source=f"{known.source}; {request.versions} versions of each training tile, seed "
        f"{request.seed}",
        split_method=known.split_method,
        plan=SplitPlan(test_share=known.test_share, val_share=known.val_share, seed=known.seed),
    )


def _require_room(dataset: TileDataset, pieces: list[_Piece], stage: Path, out: Path) -> None:
    pixels = sum(int(np.prod(dataset.shape(piece.position))) for piece in pieces)
    needed = pixels * (len(dataset.bands) * np.dtype(dataset.card.dtype).itemsize + 2)
    free = shutil.disk_usage(stage).free
    if needed > free:
        raise InputError(
            f"{out}: {len(pieces)} tiles take {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are "
            "free there; choose another disk or fewer --versions, or train with "
            "augmentation_mode: offline, which stores nothing"
        )
