"""Calibrated windows of every engine against the curve in numpy on what the network says."""

from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray
from openvino import opset13 as ops
from tests.models.engines.conftest import ENGINE_VARIANTS, SHAPE

from landslip.core.choices import EngineName, Precision
from landslip.core.errors import ModelError
from landslip.inference.postprocessing import threshold_level
from landslip.models.calibration.curve import LIMIT, CalibrationCurve
from landslip.models.engines.base import PROBABILITY_LEVELS, WindowSpec
from landslip.models.engines.choose import open_engine
from landslip.models.engines.openvino import with_calibration
from landslip.models.folder import ModelFolder

CURVES = {
    "temperature": CalibrationCurve.line(0.4),
    "platt": CalibrationCurve.line(0.8, -1.0),
    "isotonic": CalibrationCurve(
        knots=((-6.0, -9.0), (-3.0, -3.5), (-1.0, -1.2), (0.0, -1.1), (1.0, 0.5), (1.5, 3.0)),
        slope_below=1.5,
        slope_above=1.2,
    ),
}


@pytest.fixture(scope="module")
def expected(trained: ModelFolder, window: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The network's own probability in float32."""
    known = trained.card.normalisation_of(trained.card.radiometry)
    pixels = known.apply(window, np.ones(SHAPE, dtype=np.bool_))[np.newaxis]
    result: NDArray[np.float32] = open_engine(trained, *ENGINE_VARIANTS[0]).predict(pixels)[0]
    return result


def run(
    model: ModelFolder,
    window: NDArray[np.uint16],
    variant: tuple[EngineName, Precision],
    curve: CalibrationCurve | None,
) -> NDArray[np.uint8]:
    known = model.card.normalisation_of(model.card.radiometry)
    runner = open_engine(model, *variant).runner(
        WindowSpec(shape=SHAPE, normalisation=known, calibration=curve)
    )
    return runner.run(window, np.ones(SHAPE, dtype=np.bool_))


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES.keys())
@pytest.mark.parametrize(
    "variant", ENGINE_VARIANTS, ids=lambda variant: f"{variant[0]}-{variant[1]}"
)
def test_engines_give_calibrated_steps(
    variant: tuple[EngineName, Precision],
    curve: CalibrationCurve,
    trained: ModelFolder,
    window: NDArray[np.uint16],
    expected: NDArray[np.float32],
) -> None:
    wanted = PROBABILITY_LEVELS * curve.probabilities(expected).astype(np.float64)
    off = np.abs(run(trained, window, variant, curve) - wanted)
    if variant[1] is Precision.FP32:
        assert off.max() < 0.6  # half a step is rounding
    else:
        # the network's logits in bf16 are up to 0.5 off, and the curve's steepest slope is 5
        assert off.max() < 50
        assert np.quantile(off, 0.99) < 2
        assert off.mean() < 0.3
    assert np.abs(wanted - PROBABILITY_LEVELS * expected).max() > 20  # the curve changes something


@pytest.mark.parametrize(
    "variant", ENGINE_VARIANTS[1:4:2], ids=lambda variant: f"{variant[0]}-{variant[1]}"
)
def test_the_curve_is_computed_in_float32_where_the_network_is_in_bf16(
    variant: tuple[EngineName, Precision], trained: ModelFolder, window: NDArray[np.uint16]
) -> None:
    engine = open_engine(trained, *variant)
    known = trained.card.normalisation_of(trained.card.radiometry)
    curve = CURVES["isotonic"]
    own = engine.predict(known.apply(window, np.ones(SHAPE, dtype=np.bool_))[np.newaxis])[0]
    wanted = PROBABILITY_LEVELS * curve.probabilities(own).astype(np.float64)
    off = np.abs(run(trained, window, variant, curve) - wanted)
    # sums in another order give other bf16 numbers to some pixels
    assert np.quantile(off, 0.9) < 0.51


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES.keys())
def test_the_mask_stays_but_for_pixels_at_the_threshold(
    curve: CalibrationCurve,
    trained: ModelFolder,
    window: NDArray[np.uint16],
    expected: NDArray[np.float32],
) -> None:
    threshold = 0.6
    moved = curve.probability(threshold)
    steps = run(trained, window, ENGINE_VARIANTS[0], curve)
    mask = steps >= threshold_level(moved)
    others = mask != (expected >= threshold)
    assert (np.abs(curve.probabilities(expected[others]) - moved) <= 1 / PROBABILITY_LEVELS).all()
    assert others.mean() < 0.005
    assert 0.02 < mask.mean() < 0.9


def made_graph(curve: CalibrationCurve, *, ends_in_sigmoid: bool = True) -> Any:
    image = ops.parameter([-1, 1, -1, -1], np.float32)
    last = ops.sigmoid(image) if ends_in_sigmoid else ops.relu(image)
    return with_calibration(openvino.Model([last.output(0)], [image], "made"), curve)


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES.keys())
def test_the_graph_computes_the_curve(curve: CalibrationCurve) -> None:
    logits = np.linspace(-3 * LIMIT, 3 * LIMIT, 64 * 64, dtype=np.float32).reshape(1, 1, 64, 64)
    options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    found = openvino.Core().compile_model(made_graph(curve), "CPU", options)([logits])[0]
    expected = 1 / (1 + np.exp(-curve.logits(logits)))
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_a_graph_without_a_sigmoid_is_refused() -> None:
    with pytest.raises(ModelError, match="ends in a sigmoid; made ends in Relu"):
        made_graph(CURVES["platt"], ends_in_sigmoid=False)
