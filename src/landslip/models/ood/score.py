"""Scores how far a scene is out of the distribution of a model's training tiles."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from landslip.core.messages import Message, message
from landslip.io.raster import Scene
from landslip.models.folder import (
    EARLIER_TRAINING_STATISTICS,
    TRAINING_STATISTICS,
    ModelFolder,
)
from landslip.models.ood.features import FeatureExtractor, spectral_descriptor
from landslip.models.ood.gaussian import Points
from landslip.models.ood.training_statistics import (
    NormalisedPatch,
    TrainingStatistics,
    read_training_statistics,
    spread_windows,
)

SAMPLED_TILES = 16
MIN_SCENE_TILES = 3
ALARM_FRACTION, ALARM_TILES = 0.25, 2
_MAX_READ = 48
_ALL_VALID = 0.95  # the edge of the data changes a network's features


@dataclass(frozen=True, slots=True, kw_only=True)
class OodDistances:
    """Distances of tiles from the training tiles, in standard deviations, (n,) each."""

    spectral: Points
    feature: Points


@dataclass(frozen=True, slots=True, kw_only=True)
class OodScore:
    """A comparison of a scene's sampled tiles with the training tiles.

    By spectra and by the network's deepest features: the fraction of tiles beyond 99 % of the
    training tiles, and the median distance over that of the training tiles.
    """

    tiles: int
    spectral_share: float
    feature_share: float
    spectral_ratio: float
    feature_ratio: float

    def notes(self) -> list[Message]:
        """Return a message for each way in which the scene is out of distribution."""
        kinds = (
            ("spectra", self.spectral_share, self.spectral_ratio),
            ("features", self.feature_share, self.feature_ratio),
        )
        return [
            message(f"ood.{kind}", percent=100 * share, ratio=ratio)
            for kind, share, ratio in kinds
            if share >= ALARM_FRACTION and round(share * self.tiles) >= ALARM_TILES
        ]


def score_scene(scene: Scene, model: ModelFolder) -> OodScore | None:
    """Compare at most 16 tiles, spread over a scene, with the model's training tiles.

    Returns:
        None where the model folder has no training statistics, or fewer than 3 tiles of the scene
        are at least half valid.

    Raises:
        InputError: the scene lacks a band, or cannot be read.
        ModelError: the statistics or the graph are damaged.
    """
    statistics = training_statistics_of(model)
    if statistics is None:
        return None
    normalisation = model.card.normalisation_of(scene.radiometry, scene.bands)
    side = statistics.tile_px
    complete: list[NormalisedPatch] = []
    partial: list[NormalisedPatch] = []  # taken where there are too few others
    for window in spread_windows(scene.grid.shape, side, _MAX_READ):
        stored, valid = scene.read(window, model.card.bands)
        patch = NormalisedPatch(pixels=normalisation.apply(stored, valid), valid=valid)
        if patch.valid.mean() >= _ALL_VALID:
            complete.append(patch)
        elif patch.is_usable and len(partial) < SAMPLED_TILES:
            partial.append(patch)
        if len(complete) == SAMPLED_TILES:
            break
    patches = [*complete, *partial][:SAMPLED_TILES]
    return score_distances(statistics, measure_distances(statistics, model, patches))


def training_statistics_of(model: ModelFolder) -> TrainingStatistics | None:
    """Read a model folder's training statistics; None where it has none.

    Raises:
        ModelError: the file is damaged.
    """
    for name in (TRAINING_STATISTICS, EARLIER_TRAINING_STATISTICS):
        if name in model.card.files:
            return read_training_statistics(model.file(name))
    return None


def measure_distances(
    statistics: TrainingStatistics, model: ModelFolder, patches: Iterable[NormalisedPatch]
) -> OodDistances:
    """Measure the distances of patches from the training tiles."""
    extractor = FeatureExtractor(model, statistics.layer)
    mean, axes = statistics.pixel_mean, statistics.pixel_axes
    spectra, features = [], []
    for patch in patches:
        spectra.append(spectral_descriptor(patch.values, mean, axes))
        features.append(extractor.mean(patch.pixels, patch.valid))
    if not spectra:
        return OodDistances(spectral=np.empty(0), feature=np.empty(0))
    return OodDistances(
        spectral=statistics.spectral.distance(np.array(spectra)),
        feature=statistics.feature.distance(np.array(features)),
    )


def score_distances(statistics: TrainingStatistics, distances: OodDistances) -> OodScore | None:
    """Summarise the distances of a scene's tiles; None where there are fewer than 3."""
    tiles = len(distances.spectral)
    if tiles < MIN_SCENE_TILES:
        return None
    spectral, feature = statistics.spectral, statistics.feature
    return OodScore(
        tiles=tiles,
        spectral_share=float(np.mean(distances.spectral > spectral.p99)),
        feature_share=float(np.mean(distances.feature > feature.p99)),
        spectral_ratio=float(np.median(distances.spectral)) / spectral.median,
        feature_ratio=float(np.median(distances.feature)) / feature.median,
    )
