"""Measures the training tiles of a model, for scenes to be compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.core.errors import InputError
from landslip.core.progress import Progress, no_progress
from landslip.datasets.format import TileDataset
from landslip.models.card import ModelCard
from landslip.models.folder import ModelFolder
from landslip.models.ood.cloud import Points, cloud_of, folds_of
from landslip.models.ood.features import FeatureExtractor
from landslip.models.ood.look import Look
from landslip.models.ood.pieces import pieces
from landslip.models.ood.spectra import PixelMoments, describe

LEAST_TILES = 10
_MOST_TILES = 2000
_MOST_PX = 512
_LEAST_VALID = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A square of normalised pixels.

    Attributes:
        pixels: (bands, height, width) in the model's order of bands, 0 where not valid.
        valid: (height, width).
    """

    pixels: NDArray[np.float32]
    valid: NDArray[np.bool_]

    @property
    def is_usable(self) -> bool:
        """Whether at least half of it is valid."""
        return bool(self.valid.mean() >= _LEAST_VALID)

    @property
    def values(self) -> NDArray[np.float32]:
        """The valid pixels, (bands, n)."""
        return self.pixels[:, self.valid]


def measure_look(
    model: ModelFolder, dataset: TileDataset, *, seed: int, progress: Progress = no_progress
) -> Look:
    """Measure the training tiles of a data set as a model sees them.

    Args:
        model: trained on these tiles.
        dataset: with the model's bands; of its training tiles at most 2000 are drawn.
        seed: of the draw, and of the parts that tiles are divided into for their own distances.
        progress: told of tiles.

    Raises:
        InputError: there are fewer than 10 training tiles that are valid for the most part.
        ModelError: the model's graph is missing or damaged.
    """
    positions = dataset.positions(Split.TRAIN)
    if len(positions) > _MOST_TILES:
        drawn = np.random.default_rng(seed).choice(len(positions), _MOST_TILES, replace=False)
        positions = [positions[at] for at in np.sort(drawn)]
    side = min(dataset.card.tile_size, _MOST_PX)
    extractor, groups = FeatureExtractor(model), dataset.groups
    mean, axes = _pixel_axes(model.card, dataset, positions, side)
    spectra, features, members = [], [], []
    for done, position in enumerate(positions):
        for piece in pieces_of_tile(model.card, dataset, position, side):
            spectra.append(describe(piece.values, mean, axes))
            features.append(extractor.mean(piece.pixels, piece.valid))
            members.append(groups[position])
        progress(done + 1, len(positions))
    folds = folds_of(members, seed)
    return Look(
        tiles=len(members),
        tile_px=side,
        layer=extractor.layer.name,
        pixel_mean=mean,
        pixel_axes=axes,
        spectral=cloud_of(np.array(spectra), folds),
        feature=cloud_of(np.array(features), folds),
    )


def pieces_of_tile(
    card: ModelCard, dataset: TileDataset, position: int, side: int
) -> Iterator[Piece]:
    """Yield the usable squares of a tile, as a model takes them."""
    order = list(dataset.bands.positions_of(card.bands))
    normalisation = card.normalisation_of(dataset.card.radiometry)
    tile = dataset.tile(position)
    for window in (one for row in pieces(tile.valid.shape, side) for one in row):
        rows, cols = slice(window.row_off, window.row_end), slice(window.col_off, window.col_end)
        valid = tile.valid[rows, cols]
        piece = Piece(
            pixels=normalisation.apply(tile.stored[:, rows, cols][order], valid), valid=valid
        )
        if piece.is_usable:
            yield piece


def _pixel_axes(
    card: ModelCard, dataset: TileDataset, positions: Sequence[int], side: int
) -> tuple[Points, Points]:
    moments, usable = PixelMoments(len(card.bands)), 0
    for position in positions:
        for piece in pieces_of_tile(card, dataset, position, side):
            moments.add(piece.values)
            usable += 1
    if usable < LEAST_TILES:
        raise InputError(
            f"{dataset.path}: what training tiles look like is told from at least {LEAST_TILES} "
            f"that are valid for the most part, and there are {usable}; leave the look out with "
            "--no-look"
        )
    return moments.mean_and_axes()
