"""Test-time augmentation around any engine: its means, and that they turn with a scene."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from tests.inference.factories import COSTS, RedEngine, model_of, odds
from tests.models.engines.conftest import SHAPE

from landslip.core.bands import BandRadiometry, Radiometry
from landslip.core.choices import EngineName, Precision, TerrainUnits, Tta, Units
from landslip.core.errors import InputError
from landslip.datasets.normalisation import Normalisation
from landslip.models.engines.base import PROBABILITY_LEVELS, WindowSpec
from landslip.models.engines.choose import open_engine
from landslip.models.engines.tta import TtaEngine
from landslip.models.folder import ModelFolder

MODES = [Tta.FLIPS, Tta.DIHEDRAL]


def turned(pixels: NDArray[Any], quarters: int, flipped: bool) -> NDArray[Any]:
    """Return images after a left-right flip or none, and so many quarter turns."""
    return np.rot90(pixels[..., ::-1] if flipped else pixels, quarters, axes=(-2, -1))


def turned_back(pixels: NDArray[Any], quarters: int, flipped: bool) -> NDArray[Any]:
    back = np.rot90(pixels, -quarters, axes=(-2, -1))
    return back[..., ::-1] if flipped else back


def turns_of(mode: Tta) -> list[tuple[int, bool]]:
    """Return the (quarter turns, flip) of a mode; a half turn and a flip make the other flip."""
    return list(product((0, 2) if mode is Tta.FLIPS else range(4), (False, True)))


@st.composite
def modes_with_turns(draw: st.DrawFn) -> tuple[Tta, tuple[int, bool]]:
    mode = draw(st.sampled_from(MODES))
    return mode, draw(st.sampled_from(turns_of(mode)))


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


class PixelEngine(RedEngine):
    """Says 0.8 in one pixel, and 0 elsewhere."""

    def __init__(self, row: int, col: int) -> None:
        super().__init__()
        self.at = row, col

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        found = np.zeros((len(batch), *batch.shape[2:]), dtype=np.float32)
        found[:, *self.at] = 0.8
        return found


def test_the_mean_of_four_views_worked_by_hand() -> None:
    engine = TtaEngine(PixelEngine(0, 0), Tta.FLIPS, 4)
    assert (engine.name, engine.precision, engine.tta) == ("red", "fp32", Tta.FLIPS)
    found = engine.predict(np.zeros((2, 1, 3, 4), dtype=np.float32))
    corners = np.zeros((3, 4))
    corners[::2, ::3] = 0.2
    np.testing.assert_allclose(found, [corners, corners], atol=1e-7)
    everywhere = np.ones((3, 4), dtype=np.bool_)
    levels = engine.runner(spec_of((3, 4))).run(np.zeros((2, 3, 4), np.uint16), everywhere)
    np.testing.assert_array_equal(levels, np.where(corners, 50, 0))  # 200 / 4


def test_the_mean_of_eight_views_worked_by_hand() -> None:
    engine = TtaEngine(PixelEngine(0, 1), Tta.DIHEDRAL, 4)
    found = engine.predict(np.zeros((1, 1, 4, 4), dtype=np.float32))
    beside_corners = np.array([[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]])
    np.testing.assert_allclose(found[0], 0.1 * beside_corners, atol=1e-7)  # 0.8 / 8
    runner = engine.runner(spec_of((4, 4)))
    levels = runner.run(np.zeros((2, 4, 4), np.uint16), np.ones((4, 4), np.bool_))
    np.testing.assert_array_equal(levels, 25 * beside_corners)  # 200 / 8
    # flips of an image that is not square show the middle, those of its transpose the ends
    wide = engine.predict(np.zeros((1, 1, 2, 6), dtype=np.float32))
    np.testing.assert_allclose(wide[0], [[0.1, 0.1, 0, 0, 0.1, 0.1]] * 2, atol=1e-7)


def test_windows_that_are_not_square_are_not_turned() -> None:
    with pytest.raises(InputError, match=r"tta='dihedral': .* must be square; got 32 x 64 px; use"):
        TtaEngine(RedEngine(), Tta.DIHEDRAL, 4).runner(spec_of((32, 64)))


@pytest.mark.parametrize(
    ("levels", "mean"),
    [((1, 1, 1, 0), 1), ((1, 1, 0, 0), 0), ((3, 3, 0, 0), 2), (4 * (0, 1), 0), (4 * (2, 1), 2)],
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

    mode = Tta.FLIPS if len(levels) == 4 else Tta.DIHEDRAL
    runner = TtaEngine(Scripted(), mode, 4).runner(spec_of((1, 1)))
    found = runner.run(np.zeros((2, 1, 1), np.uint16), np.ones((1, 1), np.bool_))
    assert found.tolist() == [[mean]]


@given(arrays(np.float32, (2, 1, 6, 8), elements=st.floats(-3, 3, width=32)), modes_with_turns())
def test_probabilities_turn_with_the_image_to_the_last_bit(
    batch: NDArray[np.float32], of: tuple[Tta, tuple[int, bool]]
) -> None:
    mode, turn = of
    engine = TtaEngine(LeaningEngine(), mode, 4)
    found = turned_back(engine.predict(turned(batch, *turn)), *turn)
    np.testing.assert_array_equal(found, engine.predict(batch))


@given(arrays(np.uint16, (2, 6, 6), elements=st.integers(200, 800)), modes_with_turns())
def test_windows_turn_with_the_scene_and_keep_its_nodata(
    stored: NDArray[np.uint16], of: tuple[Tta, tuple[int, bool]]
) -> None:
    (mode, turn), valid = of, stored[1] > 300
    runner = TtaEngine(LeaningEngine(), mode, 4).runner(spec_of((6, 6)))
    whole = runner.run(stored, valid)
    found = turned_back(runner.run(turned(stored, *turn), turned(valid, *turn)), *turn)
    np.testing.assert_array_equal(found[valid], whole[valid])


@given(arrays(np.uint16, (2, 6, 6), elements=st.integers(200, 800)), st.sampled_from(MODES))
def test_a_network_that_turns_with_the_image_gains_nothing(
    stored: NDArray[np.uint16], mode: Tta
) -> None:
    plain, spec = RedEngine(), spec_of((6, 6))
    averaged, valid = TtaEngine(RedEngine(), mode, 4), np.ones((6, 6), np.bool_)
    levels = averaged.runner(spec).run(stored, valid)
    np.testing.assert_array_equal(levels, plain.runner(spec).run(stored, valid))
    batch = spec.normalisation.apply(stored, valid)[np.newaxis]
    np.testing.assert_array_equal(averaged.predict(batch), plain.predict(batch))


@pytest.mark.parametrize(("mode", "views"), [(Tta.FLIPS, 4), (Tta.DIHEDRAL, 8)])
def test_a_plan_counts_the_time_of_each_view_and_a_copy_of_the_window(
    mode: Tta, views: int
) -> None:
    assert TtaEngine(RedEngine(streams=3), mode, 4).costs() == replace(
        COSTS,
        streams=3,
        px_per_s=COSTS.px_per_s / views,
        uncached_s_per_px=COSTS.uncached_s_per_px * views,
        computing_bytes_per_px=16 + 4 + 1 + 2,
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [EngineName.OPENVINO, EngineName.TORCH, EngineName.ONNX], ids=str)
def test_every_engine_averages_its_views(
    name: EngineName, mode: Tta, trained: ModelFolder, window: NDArray[np.uint16]
) -> None:
    side = min(SHAPE)
    window = window[:, :side, :side]
    plain = open_engine(trained, name, Precision.FP32)
    engine = open_engine(trained, name, Precision.FP32, mode)
    assert (engine.name, engine.tta, plain.tta) == (name.value, mode, Tta.NONE)
    known: Normalisation = trained.card.normalisation_of(trained.card.radiometry)
    spec, valid = WindowSpec(shape=(side, side), normalisation=known), np.ones((side, side), bool)
    valid[:50, 60:90] = False
    runner = engine.runner(spec)
    levels = runner.run(window, valid)
    image = known.apply(window, valid)
    views = [
        turned_back(plain.predict(turned(image, *turn)[np.newaxis].copy())[0], *turn)
        for turn in turns_of(mode)
    ]
    off = np.abs(levels - PROBABILITY_LEVELS * np.mean(views, axis=0))[valid]
    assert off.max() < 1.01  # two roundings of half a level
    assert np.abs(levels - PROBABILITY_LEVELS * views[0])[valid].max() > 5
    turn = turns_of(mode)[-1]
    found = turned_back(runner.run(turned(window, *turn), turned(valid, *turn)), *turn)
    np.testing.assert_array_equal(found[valid], levels[valid])


class EastEngine(RedEngine):
    """Says how far the second band, eastness, leads to the right."""

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return odds(batch[:, 1])


@pytest.mark.parametrize("mode", MODES)
def test_directions_turn_with_the_views(mode: Tta) -> None:
    """Ground that falls to the east falls to the left in a mirrored view, and down in another."""
    east = np.full((1, 3, 4, 4), 0.0, dtype=np.float32)
    east[:, 1] = 0.8
    engine = TtaEngine(EastEngine(), mode, 6, (1, 2))
    views = [0.8, -0.8, 0.8, -0.8] if mode is Tta.FLIPS else [0.8, -0.8] * 2 + [0.0] * 4
    expected = odds(np.array(views, dtype=np.float32)).mean()
    np.testing.assert_allclose(engine.predict(east), np.full((1, 4, 4), expected), atol=1e-6)
    band = BandRadiometry(units=TerrainUnits.ONE, scale=1e-4, offset=-1.0, nodata=0)
    radiometry = Radiometry.of_bands("uint16", [BandRadiometry(units=Units.DN), band, band])
    known = Normalisation(radiometry=radiometry, mean=(0.0,) * 3, std=(1.0,) * 3)
    stored = np.full((3, 4, 4), 10000, dtype=np.uint16)
    stored[1] = 18000
    runner = engine.runner(WindowSpec(shape=(4, 4), normalisation=known))
    levels = runner.run(stored, np.ones((4, 4), dtype=np.bool_))
    np.testing.assert_allclose(levels, expected * PROBABILITY_LEVELS, atol=1)
