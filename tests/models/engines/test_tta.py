"""Test-time augmentation around any engine: its means, and that they turn with a scene."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from tests.inference.factories import COSTS, RedEngine, model_of, odds
from tests.models.engines.conftest import SHAPE

from landslip.core.choices import EngineName, Precision, Tta
from landslip.datasets.normalisation import Normalisation
from landslip.models.engines.base import PROBABILITY_LEVELS, WindowSpec
from landslip.models.engines.choose import open_engine
from landslip.models.engines.tta import FlippedEngine
from landslip.models.folder import ModelFolder

FLIPS = [(-1,), (-2,), (-2, -1)]


class LeaningEngine(RedEngine):
    """Looks at each pixel, and with unlike weights at its left and upper neighbours."""

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.shapes.append(batch.shape)
        red = np.pad(batch[:, 0], ((0, 0), (1, 0), (1, 0)))
        mixed = 0.5 * red[:, 1:, 1:] + np.float32(0.37) * red[:, 1:, :-1] + red[:, :-1, 1:] / 7
        return odds(mixed.astype(np.float32))


def spec_of(shape: tuple[int, int]) -> WindowSpec:
    card = model_of().card
    return WindowSpec(shape=shape, normalisation=card.normalisation_of(card.radiometry))


def test_the_mean_of_four_views_worked_by_hand() -> None:
    class First(RedEngine):
        """Says 0.8 in the upper left pixel, and 0 elsewhere."""

        def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
            found = np.zeros((len(batch), *batch.shape[2:]), dtype=np.float32)
            found[:, 0, 0] = 0.8
            return found

    engine = FlippedEngine(First(), 4)
    assert (engine.name, engine.precision, engine.tta) == ("red", "fp32", Tta.FLIPS)
    found = engine.predict(np.zeros((2, 1, 3, 4), dtype=np.float32))
    corners = np.zeros((3, 4))
    corners[::2, ::3] = 0.2
    np.testing.assert_allclose(found, [corners, corners], atol=1e-7)
    everywhere = np.ones((3, 4), dtype=np.bool_)
    levels = engine.runner(spec_of((3, 4))).run(np.zeros((2, 3, 4), np.uint16), everywhere)
    np.testing.assert_array_equal(levels, np.where(corners, 50, 0))  # 200 / 4


@pytest.mark.parametrize(
    ("levels", "mean"), [((1, 1, 1, 0), 1), ((1, 1, 0, 0), 0), ((3, 3, 0, 0), 2)]
)
def test_halves_of_a_level_are_rounded_to_even(levels: tuple[int, ...], mean: int) -> None:
    class Stored:
        """Says of every pixel what was said of the next."""

        streams = 1

        def __init__(self) -> None:
            self.left = list(levels)

        def run(self, stored: NDArray[np.uint16], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
            return np.full(valid.shape, self.left.pop(), dtype=np.uint8)

    class Scripted(RedEngine):
        def runner(self, spec: WindowSpec, streams: int | None = None) -> Stored:
            return Stored()

    runner = FlippedEngine(Scripted(), 4).runner(spec_of((1, 1)))
    found = runner.run(np.zeros((2, 1, 1), np.uint16), np.ones((1, 1), np.bool_))
    assert found.tolist() == [[mean]]


@given(
    arrays(np.float32, (2, 1, 6, 8), elements=st.floats(-3, 3, width=32)), st.sampled_from(FLIPS)
)
def test_probabilities_turn_with_the_image_to_the_last_bit(
    batch: NDArray[np.float32], axes: tuple[int, ...]
) -> None:
    engine = FlippedEngine(LeaningEngine(), 4)
    turned = engine.predict(np.flip(batch, axes))
    np.testing.assert_array_equal(turned, np.flip(engine.predict(batch), axes))


@given(arrays(np.uint16, (2, 6, 8), elements=st.integers(200, 800)), st.sampled_from(FLIPS))
def test_windows_turn_with_the_scene_and_keep_its_nodata(
    stored: NDArray[np.uint16], axes: tuple[int, ...]
) -> None:
    valid = stored[1] > 300
    runner = FlippedEngine(LeaningEngine(), 4).runner(spec_of((6, 8)))
    whole = runner.run(stored, valid)
    turned = np.flip(runner.run(np.flip(stored, axes), np.flip(valid, axes)), axes)
    np.testing.assert_array_equal(turned[valid], whole[valid])


@given(arrays(np.uint16, (2, 6, 8), elements=st.integers(200, 800)))
def test_a_network_that_turns_with_the_image_gains_nothing(stored: NDArray[np.uint16]) -> None:
    plain, spec = RedEngine(), spec_of((6, 8))
    averaged, valid = FlippedEngine(RedEngine(), 4), np.ones((6, 8), np.bool_)
    levels = averaged.runner(spec).run(stored, valid)
    np.testing.assert_array_equal(levels, plain.runner(spec).run(stored, valid))
    batch = spec.normalisation.apply(stored, valid)[np.newaxis]
    np.testing.assert_array_equal(averaged.predict(batch), plain.predict(batch))


def test_a_plan_counts_four_times_the_time_and_a_copy_of_the_window() -> None:
    assert FlippedEngine(RedEngine(streams=3), 4).costs() == replace(
        COSTS, streams=3, px_per_s=COSTS.px_per_s / 4, computing_bytes_per_px=16 + 4 + 1 + 2
    )


@pytest.mark.parametrize("name", [EngineName.OPENVINO, EngineName.TORCH, EngineName.ONNX], ids=str)
def test_every_engine_averages_its_four_views(
    name: EngineName, trained: ModelFolder, window: NDArray[np.uint16]
) -> None:
    plain = open_engine(trained, name, Precision.FP32)
    engine = open_engine(trained, name, Precision.FP32, Tta.FLIPS)
    assert (engine.name, engine.tta, plain.tta) == (name.value, Tta.FLIPS, Tta.NONE)
    known: Normalisation = trained.card.normalisation_of(trained.card.radiometry)
    spec, valid = WindowSpec(shape=SHAPE, normalisation=known), np.ones(SHAPE, np.bool_)
    valid[:50, 60:90] = False
    runner = engine.runner(spec)
    levels = runner.run(window, valid)
    image = known.apply(window, valid)
    views = [plain.predict(np.flip(image, axes)[np.newaxis].copy())[0] for axes in ((), *FLIPS)]
    expected = np.mean([np.flip(p, axes) for p, axes in zip(views, ((), *FLIPS), strict=True)], 0)
    off = np.abs(levels - PROBABILITY_LEVELS * expected)[valid]
    assert off.max() < 1.01  # two roundings of half a level
    assert np.abs(levels - PROBABILITY_LEVELS * views[0])[valid].max() > 5
    across = runner.run(np.flip(window, -1), np.flip(valid, -1))
    np.testing.assert_array_equal(np.flip(across, -1)[valid], levels[valid])
