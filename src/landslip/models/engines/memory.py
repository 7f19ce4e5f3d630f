"""How much memory a network's activations take."""

from pathlib import Path

import openvino


def live_bytes(graph: Path, bands: int, shape: tuple[int, int], element_bytes: int) -> int:
    """Return the most bytes of activations that are alive at once while one window is computed.

    Nothing is run: the graph's layers are walked in order, and a layer's output is alive until its
    last use. Runtimes that compute in place need somewhat less.

    Args:
        graph: the OpenVINO graph of a model folder.
        bands: channels of its input.
        shape: (height, width) of a window, multiples of the model's.
        element_bytes: size of a number in the format it is computed in.
    """
    network = openvino.Core().read_model(graph)
    network.reshape([1, bands, *shape])
    layers = network.get_ordered_ops()
    last_use = {
        _key(used.get_source_output()): at
        for at, layer in enumerate(layers)
        for used in layer.inputs()
    }
    alive = most = 0
    ends: dict[int, int] = {}
    for at, layer in enumerate(layers):
        for output in layer.outputs():
            if len(output.shape) == 4 and layer.get_type_name() != "Constant":
                size = output.get_tensor().size // output.element_type.size * element_bytes
                alive += size
                end = last_use.get(_key(output), at)
                ends[end] = ends.get(end, 0) + size
        most = max(most, alive)
        alive -= ends.pop(at, 0)
    return most


def _key(output: openvino.Output) -> tuple[str, int]:
    return output.get_node().get_friendly_name(), output.get_index()
