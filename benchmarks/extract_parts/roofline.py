"""The fastest that this CPU multiplies matrices in a precision, by the engine itself.

    PYTHONPATH=benchmarks python -m extract_parts.roofline --precision bf16 [--seconds 3]

The better of a product of two 4096 x 4096 matrices and of eight convolutions of 1 x 1 px from 1024
to 1024 channels. Prints JSON.
"""

import argparse
import json

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13 as ops

from extract_parts.openvino_runs import compiled, runs_per_second

MATRIX = 4096
CHANNELS, SIDE, LAYERS = 1024, 64, 8


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", choices=("fp32", "bf16", "int8"), required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    precision: str = options.precision
    found = {
        "matrix product": measure(matrix_product(precision == "int8"), precision, options.seconds),
        "1x1 convolutions": measure(convolutions(precision == "int8"), precision, options.seconds),
    }
    print(json.dumps({"gflop_per_s": max(found.values()), "cases": found}))


def measure(case: tuple[openvino.Model, float], precision: str, seconds: float) -> float:
    """Return 10^9 operations a second; a multiplication and its addition are two."""
    graph, operations = case
    shape = tuple(graph.inputs[0].shape)
    pixels = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    network = compiled(graph, precision, streams=1)
    return operations / 1e9 * runs_per_second(network, [pixels], 1, seconds)


def matrix_product(is_int8: bool) -> tuple[openvino.Model, float]:
    """Return a graph of one product, and its operations."""
    given = ops.parameter([MATRIX, MATRIX], np.float32)
    product = ops.matmul(
        _rounded(given, is_int8), _weights((MATRIX, MATRIX), is_int8), False, False
    )
    return openvino.Model([ops.result(product)], [given]), 2.0 * MATRIX**3


def convolutions(is_int8: bool) -> tuple[openvino.Model, float]:
    """Return a graph of convolutions one after the other, and their operations."""
    given = ops.parameter([1, CHANNELS, SIDE, SIDE], np.float32)
    pixels = given
    for _ in range(LAYERS):
        kernel = _weights((CHANNELS, CHANNELS, 1, 1), is_int8)
        pixels = ops.relu(
            ops.convolution(_rounded(pixels, is_int8), kernel, [1, 1], [0, 0], [0, 0], [1, 1])
        )
    operations = 2.0 * LAYERS * CHANNELS**2 * SIDE**2
    return openvino.Model([ops.result(pixels)], [given]), operations


def _weights(shape: tuple[int, ...], is_int8: bool) -> openvino.Node:
    drawn: NDArray[np.float32] = np.random.default_rng(1).uniform(-1, 1, shape).astype(
        np.float32
    ) / np.float32(CHANNELS)
    return _rounded(ops.constant(drawn), is_int8, reach=1 / CHANNELS, levels=255)


def _rounded(
    node: openvino.Node, is_int8: bool, *, reach: float = 1.0, levels: int = 256
) -> openvino.Node:
    """Return a node whose values have 8 bits, as a quantised graph tells the engine."""
    if not is_int8:
        return node
    low, high = ops.constant(np.float32(-reach)), ops.constant(np.float32(reach))
    return ops.fake_quantize(node, low, high, low, high, levels)


if __name__ == "__main__":
    main()
