"""Maps with test-time augmentation: they turn with the scene, and take what was fitted to it."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.factories.models import calibrated_card, tta_card
from tests.inference.factories import (
    SMALL,
    BrokenEngine,
    MeanEngine,
    Pixels,
    RedEngine,
    Runner,
    model_of,
    odds,
    terrain,
)

from landslip.core.choices import Tta
from landslip.core.errors import InputError
from landslip.inference.prediction import predict_window
from landslip.inference.run import extract
from landslip.io.raster import Scene
from landslip.models.calibration.curve import CalibrationCurve
from landslip.models.card import ModelCard, TtaCard
from landslip.models.engines.tta import TtaEngine
from landslip.models.folder import ModelFolder

SHAPE = (80, 56)  # windows of 32 px that overlap by 8 end with it
THRESHOLDS = {Tta.FLIPS: 0.55, Tta.DIHEDRAL: 0.6}


class LeftEngine(RedEngine):
    """Looks at the pixel to the left."""

    def predict(self, batch: Pixels) -> Pixels:
        self.shapes.append(batch.shape)
        return odds(np.pad(batch[:, 0], ((0, 0), (0, 0), (1, 0)))[:, :, :-1])


def flipped(engine: RedEngine, mode: Tta = Tta.FLIPS) -> Any:
    return TtaEngine(engine, mode, 4)


def model_with(**changes: Any) -> ModelFolder:
    model = model_of(nodata=0)
    return ModelFolder(model.path, model.card.model_copy(update=changes))


def chosen() -> tuple[TtaCard, ...]:
    return tuple(tta_card(mode, threshold) for mode, threshold in THRESHOLDS.items())


def calibrated(tta: Tta) -> ModelCard:
    card = calibrated_card(model_of().card, CalibrationCurve.line(0.8, -1.0))
    assert card.calibration is not None
    fitted = card.calibration.model_copy(update={"tta": tta})
    return card.model_copy(update={"calibration": fitted, "tta": chosen()})


@pytest.mark.parametrize("axes", [(-1,), (-2,), (-2, -1)], ids=["across", "down", "both"])
def test_the_map_of_a_flipped_scene_is_the_flipped_map(run: Runner, axes: tuple[int, ...]) -> None:
    pixels = terrain(SHAPE)
    pixels[:, 30:50, 20:33] = 0
    model = model_with(tta=chosen())
    maps = [
        run(scene, flipped(LeftEngine()), model=model, out=out, nodata=0)
        for scene, out in ((pixels, "as it is"), (np.flip(pixels, axes), "turned"))
    ]
    plain = run(pixels, LeftEngine(), model=model, out="plain", nodata=0)
    np.testing.assert_array_equal(np.flip(maps[1].steps, axes), maps[0].steps)
    np.testing.assert_array_equal(np.flip(maps[1].mask, axes), maps[0].mask)
    np.testing.assert_array_equal(maps[0].steps == 255, plain.steps == 255)
    assert (maps[0].steps != plain.steps).mean() > 0.5


def test_the_map_of_a_turned_scene_is_the_turned_map(run: Runner) -> None:
    pixels = terrain(SHAPE)
    pixels[:, 30:50, 20:33] = 0
    model = model_with(tta=chosen())
    maps = [
        run(scene, flipped(LeftEngine(), Tta.DIHEDRAL), model=model, out=out, nodata=0)
        for scene, out in ((pixels, "as it is"), (np.rot90(pixels, axes=(1, 2)), "turned"))
    ]
    np.testing.assert_array_equal(np.rot90(maps[1].steps, -1), maps[0].steps)
    np.testing.assert_array_equal(np.rot90(maps[1].mask, -1), maps[0].mask)


def test_windows_are_planned_square_to_be_turned(run: Runner) -> None:
    narrow, engine = terrain((300, 40)), LeftEngine()
    options = replace(SMALL, tile=None)
    assert run(narrow, engine, options, out="plain").summary["window_px"][1] < 64
    found = run(narrow, flipped(engine, Tta.DIHEDRAL), options, out="turned")
    height, width = found.summary["window_px"]
    assert height == width >= 256
    assert found.steps.shape == (300, 40)


@pytest.mark.parametrize(("mode", "level"), [(Tta.FLIPS, 138), (Tta.DIHEDRAL, 150)])
def test_the_threshold_is_the_one_chosen_with_it(run: Runner, mode: Tta, level: int) -> None:
    scene, model = terrain(SHAPE), model_with(tta=chosen())
    found = run(scene, flipped(LeftEngine(), mode), model=model, out="with")
    plain = run(scene, LeftEngine(), model=model, out="without")
    assert (found.summary["tta"], found.summary["threshold"]) == (mode, THRESHOLDS[mode])
    assert (plain.summary["tta"], plain.summary["threshold"]) == ("none", model.card.threshold)
    np.testing.assert_array_equal(found.mask, found.steps >= level)  # 250 of the threshold, up
    # an inventory of the map reads the model's description there
    inside = json.loads((run.folder / "with" / "model.json").read_text())
    assert inside["threshold"] == THRESHOLDS[mode]
    assert not found.summary["warnings"]


@pytest.mark.parametrize(
    ("card", "tta", "stated", "keys"),
    [
        (model_of().card, Tta.FLIPS, None, ["tta.threshold"]),
        (model_of().card, Tta.FLIPS, 0.5, []),
        (model_of().card, Tta.NONE, None, []),
        (calibrated(Tta.NONE), Tta.FLIPS, None, ["tta.calibration"]),
        (calibrated(Tta.FLIPS), Tta.FLIPS, None, []),
        (calibrated(Tta.FLIPS), Tta.NONE, None, ["tta.calibration"]),
        (calibrated(Tta.NONE), Tta.NONE, None, []),
        (calibrated(Tta.FLIPS), Tta.DIHEDRAL, None, ["tta.calibration"]),
    ],
)
def test_what_was_fitted_without_it_or_with_it_is_noted(
    run: Runner, card: ModelCard, tta: Tta, stated: float | None, keys: list[str]
) -> None:
    engine = RedEngine() if tta is Tta.NONE else flipped(RedEngine(), tta)
    options = replace(SMALL, threshold=stated)
    found = run(terrain(SHAPE), engine, options, model=ModelFolder(model_of().path, card))
    told = [one["key"] for one in found.summary["messages"]]
    assert [key for key in told if key.startswith("tta.")] == keys


def test_an_interrupted_run_goes_on_with_it_only(run: Runner) -> None:
    scene, out, model = run.scene(terrain(SHAPE)), run.folder / "out", model_with(tta=chosen())
    with pytest.raises(MemoryError):
        extract(scene, model, flipped(BrokenEngine(13)), out, SMALL)
    with pytest.raises(InputError, match="unfinished extraction, and the model, tta changed since"):
        extract(scene, model, MeanEngine(), out, SMALL)
    engine = MeanEngine()
    extract(scene, model, flipped(engine), out, SMALL)
    assert 0 < len(engine.shapes) < 4 * 6  # six windows
    extract(scene, model, flipped(MeanEngine()), run.folder / "whole", SMALL)
    for name in ("probability.tif", "mask.tif"):
        assert (out / name).read_bytes() == (run.folder / "whole" / name).read_bytes()


@pytest.mark.parametrize("tta", [Tta.NONE, Tta.FLIPS])
def test_a_part_in_memory_has_the_numbers_of_the_map(run: Runner, tta: Tta) -> None:
    model = ModelFolder(model_of().path, calibrated(tta))
    engine: Any = LeftEngine() if tta is Tta.NONE else flipped(LeftEngine())
    scene: NDArray[np.uint16] = terrain((300, 90))
    found = run(scene, engine, replace(SMALL, tile=None, overlap=64), model=model)
    with Scene(run.folder / "scene.tif") as opened:
        array = predict_window(opened, model, engine)
    np.testing.assert_allclose(array, found.probability, atol=1e-6)
