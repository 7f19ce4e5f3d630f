"""The engine that runs an exported ONNX file."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from landslip.core.choices import EngineName, Precision
from landslip.core.errors import ModelError
from landslip.models.engines.base import WindowSpec, quantise_probability
from landslip.models.engines.choose import open_engine
from landslip.models.engines.onnx import OnnxEngine, transposed_convolution_bytes
from landslip.models.folder import ONNX, ModelFolder

SHAPE = (64, 96)


def test_auto_is_float32_and_batches_of_any_shape_are_computed(trained: ModelFolder) -> None:
    engine = open_engine(trained, EngineName.ONNX)
    assert (engine.name, engine.precision) == ("onnx", "fp32")
    pixels = np.random.default_rng(0).normal(size=(3, 4, 64, 128)).astype(np.float32)
    found = engine.predict(pixels)
    assert found.dtype == np.float32
    assert found.shape == (3, 64, 128)
    other = pixels[1:2].transpose(0, 1, 3, 2)
    assert engine.predict(other).shape == (1, 128, 64)
    np.testing.assert_allclose(found[1:2], engine.predict(pixels[1:2]), atol=1e-5)


def test_windows_are_normalised_and_come_back_in_steps(
    trained: ModelFolder, window: NDArray[np.uint16]
) -> None:
    known = trained.card.normalisation_of(trained.card.radiometry)
    stored = np.ascontiguousarray(window[:, : SHAPE[0], : SHAPE[1]])
    valid = np.random.default_rng(1).random(SHAPE) > 0.1
    engine = OnnxEngine(trained)
    runner = engine.runner(WindowSpec(shape=SHAPE, normalisation=known), streams=4)
    assert runner.streams == 1
    expected = quantise_probability(engine.predict(known.apply(stored, valid)[np.newaxis])[0])
    assert np.array_equal(runner.run(stored, valid), expected)
    assert len(np.unique(expected[valid])) > 20


def test_results_of_one_call_outlive_the_next(trained: ModelFolder) -> None:
    engine = OnnxEngine(trained)
    first = engine.predict(np.ones((1, 4, 64, 64), dtype=np.float32))
    kept = first.copy()
    engine.predict(np.zeros((1, 4, 64, 64), dtype=np.float32))
    assert np.array_equal(first, kept)


def test_a_model_without_the_file_is_sent_to_export(trained: ModelFolder) -> None:
    files = {name: sha for name, sha in trained.card.files.items() if name != ONNX}
    bare = ModelFolder(trained.path, trained.card.model_copy(update={"files": files}))
    message = r"this model has no model\.onnx; add one with `landslip export`"
    with pytest.raises(ModelError, match=message):
        open_engine(bare, EngineName.ONNX)


def test_a_truncated_file_is_refused(trained: ModelFolder, tmp_path: Path) -> None:
    (tmp_path / ONNX).write_bytes((trained.path / ONNX).read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"model\.onnx: .* truncated or changed"):
        open_engine(ModelFolder(tmp_path, trained.card), EngineName.ONNX, Precision.FP32)


def test_columns_of_the_widest_transposed_convolution_are_counted(trained: ModelFolder) -> None:
    """In the head: 32 channels of 4 x 4 for each pixel of a window of half the height and width."""
    assert transposed_convolution_bytes(trained.path / ONNX, 4, SHAPE) == 4 * 32 * 4 * 4 * 32 * 48


def test_memory_is_not_below_what_was_measured(trained: ModelFolder) -> None:
    """Peak of the resident set of this network for windows of 1024 x 1024 px."""
    costs = OnnxEngine(trained).costs()
    assert 0.9 * 768 < costs.computing_bytes_per_px < 1.5 * 768
    assert (costs.streams, costs.readers) == (1, 1)
    assert costs.resident_bytes > (trained.path / ONNX).stat().st_size
