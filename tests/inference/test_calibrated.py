"""Maps of a model before and after calibration: probabilities move, masks do not."""

import numpy as np
import pytest
from tests.factories.models import calibrated_card
from tests.inference.factories import SMALL, MeanEngine, Runner, model_of, terrain

from landslip.inference.job import ExtractionOptions
from landslip.inference.prediction import predict_window
from landslip.inventory.polygons.polygonize import polygonize
from landslip.inventory.request import CleaningOptions
from landslip.io.raster import Scene
from landslip.models.calibration.curve import CalibrationCurve
from landslip.models.folder import ModelFolder

CURVES = {
    "temperature": CalibrationCurve.line(0.4),
    "platt": CalibrationCurve.line(0.8, -3.0),
    "flat": CalibrationCurve.line(0.02, -4.0),
    "steep": CalibrationCurve.line(30.0, -20.0),
    "isotonic": CalibrationCurve(
        knots=((-6.0, -9.0), (-3.0, -3.5), (-1.0, -1.2), (0.4, -1.19), (1.0, 0.5), (1.5, 3.0)),
        slope_below=1.5,
        slope_above=1.2,
    ),
}


def calibrated(curve: CalibrationCurve, threshold: float = 0.6013) -> ModelFolder:
    model = model_of()
    card = calibrated_card(model.card.model_copy(update={"threshold": threshold}), curve)
    return ModelFolder(model.path, card)


@pytest.mark.parametrize("threshold", [0.135, 0.6013])
@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES.keys())
def test_the_mask_is_the_same_to_the_last_pixel(
    run: Runner, curve: CalibrationCurve, threshold: float
) -> None:
    scene, after = terrain((97, 120)), calibrated(curve, threshold)
    before = ModelFolder(after.path, after.card.model_copy(update={"calibration": None}))
    options = ExtractionOptions(tile=32, overlap=16)
    raw = run(scene, MeanEngine(), options, model=before, out="raw")
    found = run(scene, MeanEngine(), options, model=after, out="calibrated")
    files = [(run.folder / name / "mask.tif").read_bytes() for name in ("raw", "calibrated")]
    assert files[0] == files[1]
    assert 0.05 < raw.mask.mean() < 0.95
    assert (raw.steps != found.steps).mean() > 0.5
    # the file's own threshold divides its own levels
    np.testing.assert_array_equal(found.probability >= found.summary["threshold"] - 1e-9, raw.mask)
    np.testing.assert_array_equal(found.burnt(), raw.mask == 1)
    assert found.landslides.mean_probability.min() >= found.summary["threshold"] - 1e-9


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES.keys())
def test_hysteresis_takes_the_same_regions(run: Runner, curve: CalibrationCurve) -> None:
    scene, after = terrain((97, 120)), calibrated(curve)
    before = ModelFolder(after.path, after.card.model_copy(update={"calibration": None}))
    sizes = []
    for model, name in ((before, "raw"), (after, "calibrated")):
        run(scene, MeanEngine(), SMALL, model=model, out=name)
        card = model.card
        options = CleaningOptions(
            low=card.calibrated(card.threshold),
            high=card.calibrated(card.upper_threshold),
            min_area_m2=0.0,
            split=False,
        )
        found = polygonize(run.folder / name / "probability.tif", options)
        assert found.cleaning.dropped_seedless > 0
        sizes.append(sorted(found.pixels.tolist()))
    assert sizes[0] == sizes[1] != []


def test_probabilities_are_the_curve_on_those_before(run: Runner) -> None:
    scene, after = terrain((64, 64)), calibrated(CURVES["platt"])
    before = ModelFolder(after.path, after.card.model_copy(update={"calibration": None}))
    raw = run(scene, MeanEngine(), SMALL, model=before, out="raw").steps / 250
    found = run(scene, MeanEngine(), SMALL, model=after, out="calibrated").probability
    inner = (raw > 0) & (raw < 1)
    expected = 1 / (1 + np.exp(3 - 0.8 * np.log(raw[inner] / (1 - raw[inner]))))
    np.testing.assert_allclose(found[inner], expected, atol=0.0061)


def test_a_prediction_in_memory_has_the_numbers_of_the_file(run: Runner) -> None:
    pixels, model = terrain((64, 64)), calibrated(CURVES["isotonic"])
    found = run(pixels, MeanEngine(), ExtractionOptions(), model=model)
    with Scene(run.scene(pixels)) as scene:
        probability = predict_window(scene, model, MeanEngine())
    np.testing.assert_allclose(probability, found.probability, atol=1e-6)


def test_a_stated_threshold_is_on_the_scale_of_the_file(run: Runner) -> None:
    options = ExtractionOptions(tile=32, overlap=8, threshold=0.1)
    found = run(terrain((64, 64)), options=options, model=calibrated(CURVES["platt"]))
    np.testing.assert_array_equal(found.mask, found.steps >= 25)
    assert found.summary["threshold"] == 0.1
