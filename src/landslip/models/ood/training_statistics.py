"""Statistics of a model's training tiles: ``training_statistics.npz`` in its folder."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landslip.core.arrays import read_arrays
from landslip.core.choices import Split
from landslip.core.errors import InputError, ModelError, argument
from landslip.core.progress import Progress, no_progress
from landslip.core.window import Window
from landslip.datasets.format import TileDataset
from landslip.models.card import ModelCard
from landslip.models.folder import ModelFolder
from landslip.models.ood.features import FeatureExtractor, PixelMoments, spectral_descriptor
from landslip.models.ood.gaussian import GaussianModel, Points, assign_ood_folds, fit_gaussian

FORMAT_VERSION = 1
MIN_TRAINING_TILES = 10
_MAX_TILES = 2000
_MAX_SIDE_PX = 512
_MIN_VALID = 0.5
_R2_STEPS = (0.7548776662466927, 0.5698402909980532)  # 1 / p and 1 / p**2, p**3 = p + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStatistics:
    """Training tiles by their pixels and by the network's deepest features.

    Attributes:
        tiles: number of tiles.
        tile_px: side of a tile, and of the windows of a scene to compare.
        layer: of the graph, whose outputs are the features.
        pixel_mean: (bands,) of normalised pixels.
        pixel_axes: (bands, bands), see `PixelMoments.mean_and_axes`.
        spectral: model of the tiles' spectral descriptors.
        feature: model of the tiles' mean features.
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
        """Number of features of the layer."""
        return len(self.feature.mean)

    def write(self, path: Path) -> None:
        """Write an ``.npz``; equal statistics give equal bytes."""
        stored: dict[str, Any] = {
            "version": FORMAT_VERSION,
            "tiles": self.tiles,
            "tile_px": self.tile_px,
            "layer": self.layer,
            "pixel_mean": self.pixel_mean,
            "pixel_axes": self.pixel_axes,
        }
        for name in ("spectral", "feature"):
            model = getattr(self, name)
            stored |= {
                f"{name}_{part.name}": getattr(model, part.name) for part in fields(GaussianModel)
            }
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **stored)


def read_training_statistics(path: Path) -> TrainingStatistics:
    """Read what `TrainingStatistics.write` wrote.

    Raises:
        ModelError: the file is missing, damaged, or of another version.
    """
    again = f"measure it again with landslip calibrate {argument('overwrite', True)}"

    def gaussian(name: str) -> GaussianModel:
        parts = {part.name: values[f"{name}_{part.name}"] for part in fields(GaussianModel)}
        numbers = {part: float(parts[part]) for part in ("residual_variance", "p99")}
        return GaussianModel(**(parts | numbers))

    try:
        values = read_arrays(path)
        version = int(values["version"])
        if version != FORMAT_VERSION:
            raise ModelError(
                f"{path}: version {FORMAT_VERSION} is read here and this is version {version}; "
                f"{again}"
            )
        return TrainingStatistics(
            tiles=int(values["tiles"]),
            tile_px=int(values["tile_px"]),
            layer=str(values["layer"]),
            pixel_mean=values["pixel_mean"],
            pixel_axes=values["pixel_axes"],
            spectral=gaussian("spectral"),
            feature=gaussian("feature"),
        )
    except (InputError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{path}: missing or damaged; {again}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalisedPatch:
    """A square's normalised pixels (bands, height, width), 0 where not valid (height, width)."""

    pixels: NDArray[np.float32]
    valid: NDArray[np.bool_]

    @property
    def is_usable(self) -> bool:
        """Whether at least half of it is valid."""
        return bool(self.valid.mean() >= _MIN_VALID)

    @property
    def values(self) -> NDArray[np.float32]:
        """The valid pixels, (bands, n)."""
        return self.pixels[:, self.valid]


def measure_training_statistics(
    model: ModelFolder, dataset: TileDataset, *, seed: int, progress: Progress = no_progress
) -> TrainingStatistics:
    """Measure the training tiles of a dataset, at most 2000 of them drawn.

    ``seed`` is of the draw, and of the folds for the tiles' own distances.

    Raises:
        InputError: fewer than 10 training tiles are at least half valid.
        ModelError: the model's graph is missing or damaged.
    """
    positions = dataset.positions(Split.TRAIN)
    if len(positions) > _MAX_TILES:
        drawn = np.random.default_rng(seed).choice(len(positions), _MAX_TILES, replace=False)
        positions = [positions[at] for at in np.sort(drawn)]
    side = min(dataset.card.tile_size, _MAX_SIDE_PX)
    extractor, groups = FeatureExtractor(model), dataset.groups
    moments, usable = PixelMoments(len(model.card.bands)), 0
    for position in positions:
        for patch in patches_of_tile(model.card, dataset, position, side):
            moments.add(patch.values)
            usable += 1
    if usable < MIN_TRAINING_TILES:
        raise InputError(
            f"{dataset.path}: training statistics need at least {MIN_TRAINING_TILES} training "
            f"tiles that are half valid, and there are {usable}; leave them out with "
            f"{argument('training_statistics', False)}"
        )
    mean, axes = moments.mean_and_axes()
    spectra, features, members = [], [], []
    for done, position in enumerate(positions):
        for patch in patches_of_tile(model.card, dataset, position, side):
            spectra.append(spectral_descriptor(patch.values, mean, axes))
            features.append(extractor.mean(patch.pixels, patch.valid))
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
    """Yield the usable squares of a tile, as a model's input."""
    order = list(dataset.bands.positions_of(card.bands))
    normalisation = card.normalisation_of(dataset.card.radiometry, dataset.bands)
    tile = dataset.tile(position)
    for window in patch_windows(tile.valid.shape, side):
        rows, cols = slice(window.row_off, window.row_end), slice(window.col_off, window.col_end)
        valid = tile.valid[rows, cols]
        patch = NormalisedPatch(
            pixels=normalisation.apply(tile.stored[:, rows, cols][order], valid), valid=valid
        )
        if patch.is_usable:
            yield patch


def patch_windows(shape: tuple[int, int], side: int) -> list[Window]:
    """Return squares that cover a raster of ``shape`` with the least overlap, row by row.

    In a raster smaller than a square they extend past its lower and right edge.
    """
    rows, cols = (_offsets(length, side) for length in shape)
    return [Window(col, row, side, side) for row in rows for col in cols]


def spread_windows(shape: tuple[int, int], side: int, most: int) -> Iterator[Window]:
    """Yield at most ``most`` of `patch_windows`, in an order that is spread from the start.

    The order is the additive recurrence R2, of low discrepancy in two dimensions.
    """
    rows, cols = (_offsets(length, side) for length in shape)
    most = min(most, len(rows) * len(cols))
    seen: set[tuple[int, int]] = set()
    at = 0
    while len(seen) < most:
        row = rows[int((0.5 + at * _R2_STEPS[0]) % 1 * len(rows))]
        col = cols[int((0.5 + at * _R2_STEPS[1]) % 1 * len(cols))]
        at += 1
        if (row, col) not in seen:
            seen.add((row, col))
            yield Window(col, row, side, side)


def _offsets(length: int, side: int) -> list[int]:
    count = max(1, -(-length // side))
    return [int(at) for at in np.linspace(0, max(0, length - side), count).round()]
