"""What a model's training tiles look like: ``look.npz`` in its folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from landslip.core.choices import Split
from landslip.core.errors import InputError, ModelError
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.datasets.format import TileDataset
from landslip.models.card import ModelCard
from landslip.models.folder import ModelFolder
from landslip.models.ood.features import FeatureExtractor, PixelMoments, spectral_descriptor
from landslip.models.ood.gaussian import GaussianModel, Points, assign_ood_folds, fit_gaussian

TRAINING_STATISTICS = "look.npz"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStatistics:
    """Training tiles by their pixels and by the network's deepest features.

    Attributes:
        tiles: how many were measured.
        tile_px: side of the windows of a scene that they are compared with.
        layer: of the graph whose output the features are.
        pixel_mean: (bands,) of normalised pixels.
        pixel_axes: (bands, bands) rows that turn centred pixels into uncorrelated numbers of
            variance 1.
        spectral: of what `spectra.describe` says of tiles.
        feature: of the means of the features over tiles.
    """

    tiles: int
    tile_px: int
    layer: str
    pixel_mean: Points
    pixel_axes: Points
    spectral: GaussianModel
    feature: GaussianModel

    @property
    def features(self) -> int:
        """How many features the layer has."""
        return len(self.feature.mean)

    @property
    def spectral_p99(self) -> float:
        """The spectral distance that 1 % of training tiles lie beyond."""
        return self.spectral.p99

    @property
    def feature_p99(self) -> float:
        """The distance of features that 1 % of training tiles lie beyond."""
        return self.feature.p99

    def write(self, path: Path) -> None:
        """Write an ``.npz``; the same look gives the same bytes."""
        stored: dict[str, Any] = {
            "version": FORMAT_VERSION,
            "tiles": self.tiles,
            "tile_px": self.tile_px,
            "layer": self.layer,
            "pixel_mean": self.pixel_mean,
            "pixel_axes": self.pixel_axes,
        }
        for name in ("spectral", "feature"):
            cloud = getattr(self, name)
            stored |= {
                f"{name}_{part.name}": getattr(cloud, part.name) for part in fields(GaussianModel)
            }
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **stored)


def read_training_statistics(path: Path) -> TrainingStatistics:
    """Read what `Look.write` wrote.

    Raises:
        ModelError: it is missing, damaged, or of another version.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        version = int(found["version"])
        if version != FORMAT_VERSION:
            raise ModelError(
                f"{path}: version {FORMAT_VERSION} is read here and this is version {version}; "
                "measure it again with landslip calibrate --overwrite"
            )
        return TrainingStatistics(
            tiles=int(found["tiles"]),
            tile_px=int(found["tile_px"]),
            layer=str(found["layer"]),
            pixel_mean=found["pixel_mean"],
            pixel_axes=found["pixel_axes"],
            spectral=_cloud(found, "spectral"),
            feature=_cloud(found, "feature"),
        )
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise ModelError(
            f"{path}: missing or damaged; measure it again with landslip calibrate --overwrite"
        ) from error


def _cloud(found: dict[str, Any], name: str) -> GaussianModel:
    return GaussianModel(
        mean=found[f"{name}_mean"],
        directions=found[f"{name}_directions"],
        variances=found[f"{name}_variances"],
        residual_variance=float(found[f"{name}_residual_variance"]),
        distances=found[f"{name}_distances"],
        p99=float(found[f"{name}_p99"]),
    )


MIN_TRAINING_TILES = 10
_MOST_TILES = 2000
_MOST_PX = 512
_LEAST_VALID = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalisedPatch:
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


def measure_training_statistics(
    model: ModelFolder, dataset: TileDataset, *, seed: int, progress: Progress = no_progress
) -> TrainingStatistics:
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
        for piece in patches_of_tile(model.card, dataset, position, side):
            spectra.append(spectral_descriptor(piece.values, mean, axes))
            features.append(extractor.mean(piece.pixels, piece.valid))
            members.append(groups[position])
        progress(done + 1, len(positions))
    folds = assign_ood_folds(members, seed)
    return TrainingStatistics(
        tiles=len(members),
        tile_px=side,
        layer=extractor.layer.name,
        pixel_mean=mean,
        pixel_axes=axes,
        spectral=fit_gaussian(np.array(spectra), folds),
        feature=fit_gaussian(np.array(features), folds),
    )


def patches_of_tile(
    card: ModelCard, dataset: TileDataset, position: int, side: int
) -> Iterator[NormalisedPatch]:
    """Yield the usable squares of a tile, as a model takes them."""
    order = list(dataset.bands.positions_of(card.bands))
    normalisation = card.normalisation_of(dataset.card.radiometry)
    tile = dataset.tile(position)
    for window in (one for row in patch_windows(tile.valid.shape, side) for one in row):
        rows, cols = slice(window.row_off, window.row_end), slice(window.col_off, window.col_end)
        valid = tile.valid[rows, cols]
        piece = NormalisedPatch(
            pixels=normalisation.apply(tile.stored[:, rows, cols][order], valid), valid=valid
        )
        if piece.is_usable:
            yield piece


def _pixel_axes(
    card: ModelCard, dataset: TileDataset, positions: Sequence[int], side: int
) -> tuple[Points, Points]:
    moments, usable = PixelMoments(len(card.bands)), 0
    for position in positions:
        for piece in patches_of_tile(card, dataset, position, side):
            moments.add(piece.values)
            usable += 1
    if usable < MIN_TRAINING_TILES:
        raise InputError(
            f"{dataset.path}: what training tiles look like is told from at least "
            f"{MIN_TRAINING_TILES} that are valid for the most part, and there are {usable}; "
            "leave the look out with --no-look"
        )
    return moments.mean_and_axes()


_STEPS = (0.7548776662466927, 0.5698402909980532)  # 1 / p and 1 / p**2, p**3 = p + 1


def patch_windows(shape: tuple[int, int], side: int) -> list[list[Window]]:
    """Return rows of squares that cover a raster of ``shape`` and overlap as little as they can.

    Of a raster smaller than a square they reach past its lower and right edge.
    """
    rows, cols = (_offsets(length, side) for length in shape)
    return [[Window(col, row, side, side) for col in cols] for row in rows]


def spread_windows(shape: tuple[int, int], side: int, most: int) -> Iterator[Window]:
    """Yield at most ``most`` of the squares of a raster, the first few of them already spread.

    In the order of the additive recurrence R2, of low discrepancy in two dimensions.
    """
    rows, cols = (_offsets(length, side) for length in shape)
    most = min(most, len(rows) * len(cols))
    seen: set[tuple[int, int]] = set()
    at = 0
    while len(seen) < most:
        row = rows[int((0.5 + at * _STEPS[0]) % 1 * len(rows))]
        col = cols[int((0.5 + at * _STEPS[1]) % 1 * len(cols))]
        at += 1
        if (row, col) not in seen:
            seen.add((row, col))
            yield Window(col, row, side, side)


def _offsets(length: int, side: int) -> list[int]:
    count = max(1, -(-length // side))
    return [int(at) for at in np.linspace(0, max(0, length - side), count).round()]
