"""Rewritten graphs against the ones they were made from."""

from typing import Any

import numpy as np
import openvino
import pytest
from numpy.typing import NDArray
from openvino import opset13 as ops

from landslip.core.bands import Radiometry
from landslip.core.choices import Units
from landslip.datasets.normalisation import Normalisation
from landslip.models.engines.base import WindowForm
from landslip.models.engines.graph import (
    split_last_convolution,
    with_scene_numbers,
    with_steps_out,
)

SHAPE = (32, 64)
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
    pixels = np.random.default_rng(0).normal(size=(2, 5, *SHAPE)).astype(np.float32)
    graph = convolved(1, 3)
    before = computed(graph, pixels)
    assert split_last_convolution(graph) == 1
    assert "DepthToSpace" in {node.get_type_name() for node in graph.get_ops()}
    after = computed(graph, pixels)
    assert after.shape == before.shape == (2, 1, *SHAPE)
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
    valid = generator.random(SHAPE) < 0.7
    low, high = (0, 255) if dtype == "uint8" else (100, 3000)
    stored = generator.integers(low, high, (3, *SHAPE)).astype(dtype)
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
    form = WindowForm(shape=SHAPE, normalisation=normalisation)
    graph = identity()
    # what is below 0 shows too
    image = ops.parameter([-1, 3, -1, -1], np.float32)
    graph = openvino.Model([ops.multiply(image, ops.constant(np.float32(1)))], [image])
    found = computed(with_scene_numbers(graph, form), stored[None], valid[None, None])
    expected = normalisation.apply(stored, valid)
    assert (found[0][:, ~valid] == 0).all()
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=2e-4)
    assert np.isfinite(found).all()


def test_probabilities_come_out_in_whole_steps() -> None:
    probability = np.linspace(0, 1, 32 * 64, dtype=np.float32).reshape(1, 1, *SHAPE)
    graph = with_steps_out(identity(bands=1))
    found = computed(graph, probability)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.rint(probability * np.float32(250)).astype(np.uint8))
