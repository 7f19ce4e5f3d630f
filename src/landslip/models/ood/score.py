"""Tells whether a scene looks like what a model was trained on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from landslip.core.messages import Message, message
from landslip.datasets.format import TileDataset
from landslip.io.raster import Scene
from landslip.models.card import ModelCard
from landslip.models.folder import ModelFolder
from landslip.models.ood.features import FeatureExtractor, spectral_descriptor
from landslip.models.ood.gaussian import GaussianModel, Points
from landslip.models.ood.statistics import (
    TRAINING_STATISTICS,
    NormalisedPatch,
    TrainingStatistics,
    patches_of_tile,
    read_training_statistics,
    spread_windows,
)

SAMPLED_TILES = 16
MIN_SCENE_TILES = 3
ALARM_FRACTION, ALARM_TILES = 0.25, 2
_MOST_READ = 48
_WHOLE = 0.95  # the network sees where data end


@dataclass(frozen=True, slots=True, kw_only=True)
class OodDistances:
    """How far tiles lie from the training tiles, in standard deviations, (n,) each."""

    spectral: Points
    feature: Points


@dataclass(frozen=True, slots=True, kw_only=True)
class OodScore:
    """How a scene's sampled tiles compare with the training tiles.

    Attributes:
        tiles: how many of the scene were compared.
        spectral_share: of them, by their pixels, beyond 99 % of the training tiles; 0 to 1.
        feature_share: the same by the network's deepest features.
        spectral_ratio: their median distance over that of the training tiles.
        feature_ratio: the same by features.
    """

    tiles: int
    spectral_share: float
    feature_share: float
    spectral_ratio: float
    feature_ratio: float

    def notes(self) -> list[Message]:
        """Return a message for each way in which the scene is unlike; none where it is alike."""
        kinds = (
            ("spectra", self.spectral_share, self.spectral_ratio),
            ("features", self.feature_share, self.feature_ratio),
        )
        return [
            message(f"ood.{what}", percent=100 * share, ratio=ratio)
            for what, share, ratio in kinds
            if self._is_unlike(share)
        ]

    def _is_unlike(self, share: float) -> bool:
        return share >= ALARM_FRACTION and round(share * self.tiles) >= ALARM_TILES


def score_scene(scene: Scene, model: ModelFolder) -> OodScore | None:
    """Compare at most 16 tiles spread over a scene with the model's training tiles.

    Returns:
        None where the model folder has no ``look.npz``, or fewer than 3 tiles of the scene are
        valid for the most part.

    Raises:
        InputError: the scene lacks a band, or cannot be read.
        ModelError: the look or the graph is damaged.
    """
    look = training_statistics_of(model)
    if look is None:
        return None
    found = _patches_of_scene(model.card, scene, look.tile_px)
    return score_distances(look, measure_distances(look, model, found))


def score_tiles(
    dataset: TileDataset, positions: Sequence[int], model: ModelFolder
) -> OodScore | None:
    """Compare tiles of a data set with the model's training tiles; see `score_scene`."""
    look = training_statistics_of(model)
    if look is None:
        return None
    found = chain.from_iterable(
        patches_of_tile(model.card, dataset, position, look.tile_px) for position in positions
    )
    return score_distances(look, measure_distances(look, model, found))


def training_statistics_of(model: ModelFolder) -> TrainingStatistics | None:
    """Read what the training tiles look like; None where the model folder does not hold it.

    Raises:
        ModelError: it is damaged.
    """
    return (
        read_training_statistics(model.file(TRAINING_STATISTICS))
        if TRAINING_STATISTICS in model.card.files
        else None
    )


def measure_distances(
    look: TrainingStatistics, model: ModelFolder, found: Iterable[NormalisedPatch]
) -> OodDistances:
    """Measure how far pieces lie from the training tiles."""
    extractor = FeatureExtractor(model, look.layer)
    spectra, features = [], []
    for piece in found:
        spectra.append(spectral_descriptor(piece.values, look.pixel_mean, look.pixel_axes))
        features.append(extractor.mean(piece.pixels, piece.valid))
    return OodDistances(
        spectral=_distances(look.spectral, spectra), feature=_distances(look.feature, features)
    )


def score_distances(look: TrainingStatistics, found: OodDistances) -> OodScore | None:
    """Sum up the distances of a scene's tiles; None where there are fewer than 3."""
    tiles = len(found.spectral)
    if tiles < MIN_SCENE_TILES:
        return None
    return OodScore(
        tiles=tiles,
        spectral_share=float(np.mean(found.spectral > look.spectral.p99)),
        feature_share=float(np.mean(found.feature > look.feature.p99)),
        spectral_ratio=float(np.median(found.spectral)) / look.spectral.median,
        feature_ratio=float(np.median(found.feature)) / look.feature.median,
    )


def _distances(cloud: GaussianModel, points: list[Points]) -> Points:
    return cloud.distance(np.array(points)) if points else np.empty(0)


def _patches_of_scene(card: ModelCard, scene: Scene, side: int) -> list[NormalisedPatch]:
    """Return usable squares, those with a rim of no data only where there are not enough others."""
    normalisation = card.normalisation_of(scene.radiometry)
    whole: list[NormalisedPatch] = []
    partial: list[NormalisedPatch] = []
    for window in spread_windows(scene.grid.shape, side, _MOST_READ):
        stored, valid = scene.read(window, card.bands)
        piece = NormalisedPatch(pixels=normalisation.apply(stored, valid), valid=valid)
        if piece.valid.mean() >= _WHOLE:
            whole.append(piece)
        elif piece.is_usable and len(partial) < SAMPLED_TILES:
            partial.append(piece)
        if len(whole) == SAMPLED_TILES:
            break
    return [*whole, *partial][:SAMPLED_TILES]
