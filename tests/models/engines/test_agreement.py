"""Every engine and precision against the network in float32, trained for a moment."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.factories.models import of_several_sources
from tests.models.engines.conftest import ENGINE_VARIANTS, SHAPE, made_ground

from landslip.core.choices import EngineName, Precision
from landslip.models.engines.base import PROBABILITY_LEVELS, WindowSpec
from landslip.models.engines.choose import open_engine
from landslip.models.folder import ModelFolder
from landslip.models.weights import load_network


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Largest and root-mean-square difference of logits, and share of mask pixels that differ."""

    largest_logit: float
    usual_logit: float
    flipped: float


BOUNDS = {
    Precision.FP32: Bound(largest_logit=1e-3, usual_logit=1e-4, flipped=1e-4),
    Precision.BF16: Bound(largest_logit=0.5, usual_logit=0.05, flipped=0.005),
}


@pytest.fixture(scope="module")
def logits(trained: ModelFolder, window: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Of the network in float32, as torch computes it from the weights."""
    valid = np.ones(SHAPE, dtype=np.bool_)
    pixels = trained.card.normalisation_of(trained.card.radiometry).apply(window, valid)
    with torch.inference_mode():
        found = load_network(trained).eval()(torch.from_numpy(pixels[np.newaxis]))
    result: NDArray[np.float32] = found[0, 0].numpy()
    return result


def test_the_network_has_learned_something(
    trained: ModelFolder, logits: NDArray[np.float32]
) -> None:
    """Bounds on an untrained network, which says nearly the same everywhere, say little."""
    _, label = made_ground(np.random.default_rng(5), 256)
    found, truth = logits > 0, label[: SHAPE[0]] == 1
    assert (found & truth).sum() / (found | truth).sum() > 0.5
    assert logits.std() > 1


@pytest.mark.parametrize(("name", "precision"), ENGINE_VARIANTS, ids=str)
def test_engines_agree_with_float32_torch(
    name: EngineName,
    precision: Precision,
    trained: ModelFolder,
    window: NDArray[np.uint16],
    logits: NDArray[np.float32],
) -> None:
    engine, valid = open_engine(trained, name, precision), np.ones(SHAPE, dtype=np.bool_)
    assert (engine.name, engine.precision) == (name.value, precision.value)
    known = trained.card.normalisation_of(trained.card.radiometry)
    probability = engine.predict(known.apply(window, valid)[np.newaxis])[0].astype(np.float64)
    steps = engine.runner(WindowSpec(shape=SHAPE, normalisation=known)).run(window, valid)
    expected = 1 / (1 + np.exp(-logits.astype(np.float64)))
    bound = BOUNDS[precision]
    middle = (expected > 0.02) & (expected < 0.98)  # nearer 0 and 1, rounding decides on the logit
    differences = np.abs(_logit(probability[middle]) - logits[middle])
    assert differences.max() < bound.largest_logit
    assert np.sqrt(np.mean(differences**2)) < bound.usual_logit
    assert np.mean((probability >= 0.5) != (expected >= 0.5)) <= bound.flipped
    off = np.abs(steps - PROBABILITY_LEVELS * expected)
    assert off.max() < 0.51 + PROBABILITY_LEVELS * bound.largest_logit / 4
    assert np.mean(off) < 0.3 + PROBABILITY_LEVELS * bound.usual_logit / 4


@pytest.mark.parametrize(("name", "precision"), ENGINE_VARIANTS, ids=str)
def test_engines_agree_on_bands_of_several_sources(
    name: EngineName, precision: Precision, trained: ModelFolder, window: NDArray[np.uint16]
) -> None:
    """What one band misses is the mean of that band alone."""
    gaps, valid = np.s_[2, 40:60, 100:140], np.ones(SHAPE, dtype=np.bool_)
    pixels = trained.card.normalisation_of(trained.card.radiometry).apply(window, valid)
    pixels[gaps] = 0
    with torch.inference_mode():
        logits = load_network(trained).eval()(torch.from_numpy(pixels[np.newaxis]))[0, 0].numpy()
    expected = PROBABILITY_LEVELS / (1 + np.exp(-logits.astype(np.float64)))

    stored = window.copy()
    stored[gaps] = 0
    model = of_several_sources(trained)
    known = model.card.normalisation_of(model.card.radiometry)
    engine = open_engine(model, name, precision)
    steps = engine.runner(WindowSpec(shape=SHAPE, normalisation=known)).run(stored, valid)
    bound = BOUNDS[precision]
    off = np.abs(steps - expected)
    assert off.max() < 0.51 + PROBABILITY_LEVELS * bound.largest_logit / 4
    assert np.mean(off) < 0.3 + PROBABILITY_LEVELS * bound.usual_logit / 4


def _logit(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.log(probability / (1 - probability))
    return result
