"""What OpenVINO says of a scene's own numbers, against the network given normalised ones."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray
from openvino import opset13 as ops
from tests.factories.models import write_card
from tests.inference.model_factory import write_model
from tests.models.engines.conftest import needs_bf16

from landslip.core.bands import BandRadiometry, Radiometry
from landslip.core.choices import Precision, TerrainUnits, Units
from landslip.core.errors import ModelError
from landslip.datasets.normalisation import Normalisation
from landslip.models.engines.base import BatchRunner, WindowSpec
from landslip.models.engines.openvino import (
    OpenvinoEngine,
    default_streams,
    peak_activation_bytes,
    split_last_convolution,
    with_level_output,
    with_stored_input,
)
from landslip.models.folder import GRAPH, GRAPH_WEIGHTS, ModelFolder
from landslip.models.ood.features import FeatureExtractor

SHAPE = (96, 64)
Steps = NDArray[np.uint8]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return write_model(tmp_path_factory.mktemp("model"))


def spec_of(model: ModelFolder) -> WindowSpec:
    normalisation = model.card.normalisation_of(model.card.radiometry)
    return WindowSpec(shape=SHAPE, normalisation=normalisation)


def windows_of(model: ModelFolder, count: int) -> list[tuple[NDArray[Any], NDArray[np.bool_]]]:
    """Return windows of the model's own range, a fifth of them without data."""
    generator, known = np.random.default_rng(0), model.card.input
    mean, std = (np.array(values)[:, None, None] for values in (known.mean, known.std))
    found = []
    for _ in range(count):
        values = generator.normal(mean, std, (len(known.mean), *SHAPE)).clip(0)
        valid = generator.random(SHAPE) < 0.8
        stored = values.astype(np.uint16)
        stored[:, ~valid] = 65_535
        found.append((stored, valid))
    return found


def apart(found: Steps, expected: Steps, valid: NDArray[np.bool_]) -> int:
    return int(np.abs(found.astype(int) - expected.astype(int))[valid].max())


def test_a_window_is_what_the_batch_is(model: ModelFolder) -> None:
    engine = OpenvinoEngine(model, Precision.FP32)
    runner, expected = engine.runner(spec_of(model)), BatchRunner(engine, spec_of(model))
    for stored, valid in windows_of(model, 3):
        steps = runner.run(stored, valid)
        assert steps.shape == SHAPE
        assert steps.dtype == np.uint8
        assert apart(steps, expected.run(stored, valid), valid) <= 1


@needs_bf16
def test_in_bf16_a_scenes_numbers_keep_their_digits(model: ModelFolder) -> None:
    # far from 0 and close together: in bf16 all of them would be one and the same number
    engine = OpenvinoEngine(model, Precision.FP32)
    far = model.card.input.model_copy(update={"mean": (20_000.0,) * 4, "std": (20.0,) * 4})
    moved = ModelFolder(model.path, model.card.model_copy(update={"input": far}))
    spec = spec_of(moved)
    ((stored, valid),) = windows_of(moved, 1)
    coarse = OpenvinoEngine(moved, Precision.BF16).runner(spec).run(stored, valid)
    exact = BatchRunner(engine, spec).run(stored, valid)
    apart = np.abs(coarse.astype(int) - exact.astype(int))[valid]
    assert exact.std() > 20
    assert apart.mean() < 4


def test_what_is_not_valid_says_nothing_of_its_neighbours(model: ModelFolder) -> None:
    runner = OpenvinoEngine(model, Precision.FP32).runner(spec_of(model))
    ((stored, valid),) = windows_of(model, 1)
    other = stored.copy()
    other[:, ~valid] = 3
    np.testing.assert_array_equal(runner.run(stored, valid)[valid], runner.run(other, valid)[valid])


def test_two_threads_at_once_get_their_own(model: ModelFolder) -> None:
    engine = OpenvinoEngine(model, Precision.FP32)
    runner = engine.runner(spec_of(model), streams=2)
    windows = windows_of(model, 6)
    alone = [runner.run(*window) for window in windows]
    found: dict[int, Steps] = {}

    def work(numbers: range) -> None:
        for number in numbers:
            found[number] = runner.run(*windows[number])

    threads = [threading.Thread(target=work, args=(range(at, 6, 2),)) for at in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, expected in enumerate(alone):
        np.testing.assert_array_equal(found[number], expected)


def test_results_of_one_window_outlive_the_next(model: ModelFolder) -> None:
    runner = OpenvinoEngine(model, Precision.FP32).runner(spec_of(model), streams=1)
    first, second = windows_of(model, 2)
    kept = runner.run(*first)
    before = kept.copy()
    runner.run(*second)
    np.testing.assert_array_equal(kept, before)


def test_a_window_cut_out_of_a_larger_array_is_read_as_it_is(model: ModelFolder) -> None:
    runner = OpenvinoEngine(model, Precision.FP32).runner(spec_of(model), streams=1)
    ((stored, valid),) = windows_of(model, 1)
    larger = np.zeros((4, 200, 200), dtype=np.uint16)
    larger[:, 50 : 50 + SHAPE[0], 70 : 70 + SHAPE[1]] = stored
    view = larger[:, 50 : 50 + SHAPE[0], 70 : 70 + SHAPE[1]]
    np.testing.assert_array_equal(runner.run(view, valid), runner.run(stored, valid))


def test_costs_are_stated_without_running(model: ModelFolder) -> None:
    costs = OpenvinoEngine(model, Precision.FP32).costs()
    assert costs.streams >= costs.readers >= 1
    assert costs.resident_bytes > 1.5 * (model.path / "graph.bin").stat().st_size
    assert 16 < costs.computing_bytes_per_px < 2000


@pytest.mark.parametrize(("cores", "streams"), [(1, 1), (2, 2), (8, 2), (16, 4), (64, 16)])
def test_streams_by_cores(cores: int, streams: int) -> None:
    assert default_streams(cores) == streams


GRAPH_SHAPE = (32, 64)
FP32 = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}


def identity(bands: int = 3) -> Any:
    """Return a graph that gives its pixels back."""
    image = ops.parameter([-1, bands, -1, -1], np.float32)
    return openvino.Model([ops.relu(image).output(0)], [image])


def convolved(out: int, kernel: int, stride: int = 1, dilation: int = 1) -> Any:
    """Return a graph of one convolution of 5 bands, with random weights and padding."""
    generator = np.random.default_rng(out + kernel)
    weights = generator.normal(size=(out, 5, kernel, kernel)).astype(np.float32)
    image = ops.parameter([-1, 5, -1, -1], np.float32)
    pad = dilation * (kernel - 1) // 2
    found = ops.convolution(
        image, ops.constant(weights), [stride] * 2, [pad] * 2, [pad] * 2, [dilation] * 2
    )
    return openvino.Model([ops.add(found, ops.constant(np.float32(0.3)))], [image])


def computed(graph: Any, *inputs: NDArray[Any]) -> NDArray[Any]:
    result: NDArray[Any] = openvino.Core().compile_model(graph, "CPU", FP32)(inputs)[0]
    return result


def test_the_last_convolution_is_split_and_says_the_same() -> None:
    pixels = np.random.default_rng(0).normal(size=(2, 5, *GRAPH_SHAPE)).astype(np.float32)
    graph = convolved(1, 3)
    before = computed(graph, pixels)
    assert split_last_convolution(graph) == 1
    assert "DepthToSpace" in {node.get_type_name() for node in graph.get_ops()}
    after = computed(graph, pixels)
    assert after.shape == before.shape == (2, 1, *GRAPH_SHAPE)
    np.testing.assert_allclose(after, before, atol=2e-5)


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(lambda: convolved(2, 3), id="two channels"),
        pytest.param(lambda: convolved(1, 1), id="one pixel"),
        pytest.param(lambda: convolved(1, 5), id="five pixels"),
        pytest.param(lambda: convolved(1, 3, stride=2), id="steps of two"),
        pytest.param(lambda: convolved(1, 3, dilation=2), id="holes"),
        pytest.param(identity, id="none"),
    ],
)
def test_other_layers_are_left_as_they_are(graph: Any) -> None:
    made = graph()
    kinds = [node.get_type_name() for node in made.get_ordered_ops()]
    assert split_last_convolution(made) == 0
    assert [node.get_type_name() for node in made.get_ordered_ops()] == kinds


def stored_numbers(dtype: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return numbers of a scene, and where they hold data; the rest is as wild as it can be."""
    generator = np.random.default_rng(1)
    valid = generator.random(GRAPH_SHAPE) < 0.7
    low, high = (0, 255) if dtype == "uint8" else (100, 3000)
    stored = generator.integers(low, high, (3, *GRAPH_SHAPE)).astype(dtype)
    if np.issubdtype(stored.dtype, np.floating):
        stored += generator.random(stored.shape).astype(dtype)
        wild = np.array([np.nan, np.inf, -np.inf, np.finfo(dtype).min], dtype=dtype)
        stored[:, ~valid] = wild[np.arange((~valid).sum()) % 4]
    else:
        stored[:, ~valid] = np.iinfo(dtype).max
    return stored, valid


@pytest.mark.parametrize(
    ("scale", "offset"), [(1.0, 0.0), (1e-4, -0.1), (0.5, 1000.0)], ids=["dn", "refl", "shifted"]
)
@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
)
def test_the_graph_normalises_as_training_does(dtype: str, scale: float, offset: float) -> None:
    if dtype == "int8":
        stored, valid = stored_numbers("uint8")
        stored = (stored // 2).astype(np.int8)
    else:
        stored, valid = stored_numbers(dtype)
    radiometry = Radiometry(units=Units.REFLECTANCE, dtype=dtype, scale=scale, offset=offset)
    middle = scale * np.array([100.0, 900.0, 1500.0]) + offset
    normalisation = Normalisation(
        radiometry=radiometry,
        mean=tuple(middle.tolist()),
        std=tuple((scale * np.array([40.0, 300.0, 77.7])).tolist()),
    )
    spec = WindowSpec(shape=GRAPH_SHAPE, normalisation=normalisation)
    graph = identity()
    # what is below 0 shows too
    image = ops.parameter([-1, 3, -1, -1], np.float32)
    graph = openvino.Model([ops.multiply(image, ops.constant(np.float32(1)))], [image])
    found = computed(with_stored_input(graph, spec), stored[None], valid[None, None])
    expected = normalisation.apply(stored, valid)
    assert (found[0][:, ~valid] == 0).all()
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=2e-4)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_the_graph_knows_what_each_band_is_and_misses(dtype: str) -> None:
    stored, valid = stored_numbers(dtype)
    stored[1, 5:9, :] = 200
    if dtype == "float32":
        stored[2, 10:12, :] = np.nan
    radiometry = Radiometry.of_bands(
        dtype,
        [
            BandRadiometry(units=Units.REFLECTANCE, scale=1e-4),
            BandRadiometry(units=TerrainUnits.DEGREE, scale=0.3, offset=-2.0, nodata=200),
            BandRadiometry(units=TerrainUnits.ONE, scale=1e-3, offset=-1.0),
        ],
    )
    normalisation = Normalisation(
        radiometry=radiometry, mean=(0.01, 40.0, 0.0), std=(0.03, 30.0, 0.7)
    )
    spec = WindowSpec(shape=GRAPH_SHAPE, normalisation=normalisation)
    image = ops.parameter([-1, 3, -1, -1], np.float32)
    graph = openvino.Model([ops.multiply(image, ops.constant(np.float32(1)))], [image])
    found = computed(with_stored_input(graph, spec), stored[None], valid[None, None])[0]
    expected = normalisation.apply(stored, valid)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-4)
    assert (found[1, 5:9] == 0).all()


def test_probabilities_come_out_in_whole_steps() -> None:
    probability = np.linspace(0, 1, 32 * 64, dtype=np.float32).reshape(1, 1, *GRAPH_SHAPE)
    graph = with_level_output(identity(bands=1))
    found = computed(graph, probability)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.rint(probability * np.float32(250)).astype(np.uint8))


def write_graph(folder: Path) -> Path:
    """Write a graph whose first layer is used again at its end.

    4 bands -> 8 channels -> 6 at half the side -> 8 at the whole again -> sum with the first.
    """
    image = ops.parameter([-1, 4, -1, -1], np.float32)

    def weights(*shape: int) -> openvino.Node:
        return ops.constant(np.ones(shape, dtype=np.float32))

    ends = ([0, 0], [0, 0], [1, 1])
    first = ops.convolution(image, weights(8, 4, 1, 1), [1, 1], *ends)
    half = ops.convolution(first, weights(6, 8, 2, 2), [2, 2], *ends)
    whole = ops.convolution_backprop_data(half, weights(6, 8, 2, 2), [2, 2], None, *ends)
    path = folder / "graph.xml"
    openvino.save_model(
        openvino.Model([ops.add(first, whole)], [image]), path, compress_to_fp16=False
    )
    return path


def test_activations_by_hand(tmp_path: Path) -> None:
    path = write_graph(tmp_path)
    px = 32 * 64
    # most is held as the last layer is summed: 8 channels of the first, of the whole, and the sum
    assert peak_activation_bytes(path, 4, (32, 64), 4) == 3 * 8 * px * 4


def test_memory_grows_with_the_area_and_the_precision(tmp_path: Path) -> None:
    path = write_graph(tmp_path)
    once = peak_activation_bytes(path, 4, (32, 64), 2)
    assert peak_activation_bytes(path, 4, (64, 128), 2) == 4 * once
    assert peak_activation_bytes(path, 4, (32, 64), 4) == 2 * once


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('type="Convolution"', 'type="Konvolution"', id="unknown layer"),
        pytest.param("<layers>", "<layers", id="no XML"),
        pytest.param('element_type="f32"', 'element_type="f99"', id="unknown type"),
    ],
)
def test_a_graph_that_the_runtime_refuses_is_named(
    tmp_path: Path, model: ModelFolder, before: str, after: str
) -> None:
    shutil.copytree(model.path, tmp_path / "model")
    file = tmp_path / "model" / GRAPH
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))
    damaged = write_card(tmp_path / "model", model.card, (GRAPH, GRAPH_WEIGHTS))
    engine = OpenvinoEngine(damaged)
    uses: tuple[Callable[[], object], ...] = (
        engine.costs,
        lambda: engine.runner(spec_of(damaged)),
        lambda: engine.predict(np.zeros((1, len(model.card.bands), 32, 32), np.float32)),
        lambda: FeatureExtractor(damaged),
    )
    for use in uses:
        with pytest.raises(ModelError, match=rf"^{file}: the graph cannot be run \("):
            use()


def test_a_graph_of_weights_that_are_no_numbers_is_refused(
    tmp_path: Path, model: ModelFolder
) -> None:
    shutil.copytree(model.path, tmp_path / "model")
    weights = tmp_path / "model" / GRAPH_WEIGHTS
    weights.write_bytes(b"\xff" * weights.stat().st_size)
    damaged = write_card(tmp_path / "model", model.card, (GRAPH, GRAPH_WEIGHTS))
    engine = OpenvinoEngine(damaged)
    for use in (lambda: engine.runner(spec_of(damaged)), lambda: engine._any_shape):
        with pytest.raises(
            ModelError, match=rf"^{tmp_path}.*{GRAPH}: has weights that are not num"
        ):
            use()
