from pathlib import Path

import numpy as np
import openvino
from openvino import opset13 as ops

from landslip.models.engines.memory import live_bytes


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
    assert live_bytes(path, 4, (32, 64), 4) == 3 * 8 * px * 4


def test_memory_grows_with_the_area_and_the_precision(tmp_path: Path) -> None:
    path = write_graph(tmp_path)
    once = live_bytes(path, 4, (32, 64), 2)
    assert live_bytes(path, 4, (64, 128), 2) == 4 * once
    assert live_bytes(path, 4, (32, 64), 4) == 2 * once
