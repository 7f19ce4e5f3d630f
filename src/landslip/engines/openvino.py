"""OpenVINO on the CPU; works without torch."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import properties

from landslip.choices import Precision
from landslip.model.folder import GRAPH, GRAPH_WEIGHTS, Model

if TYPE_CHECKING:
    from torch import nn

_TYPES = {Precision.BF16: openvino.Type.bf16, Precision.FP32: openvino.Type.f32}


class OpenvinoEngine:
    """Runs the graph that is stored in the model folder."""

    name = "openvino"

    def __init__(self, model: Model, precision: Precision = Precision.AUTO) -> None:
        """Load and compile the graph.

        Raises:
            ModelError: the graph is missing or damaged.
        """
        graph, _ = model.file(GRAPH), model.file(GRAPH_WEIGHTS)
        core = openvino.Core()
        if precision is Precision.AUTO:
            precision = _fastest(core)
        self.precision = precision.value
        self._compiled = core.compile_model(
            graph,
            "CPU",
            {
                properties.hint.inference_precision(): _TYPES[precision],
                properties.hint.performance_mode(): properties.hint.PerformanceMode.LATENCY,
            },
        )

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Engine.predict`."""
        result: NDArray[np.float32] = self._compiled(batch)[0]
        return result[:, 0].astype(np.float32, copy=True)


def export_graph(network: "nn.Module", bands: int, folder: Path) -> tuple[str, str]:
    """Write a network with its sigmoid as OpenVINO IR in float32; return the files' names."""
    import torch
    from torch import nn

    probability = nn.Sequential(network, nn.Sigmoid()).eval()
    example = torch.zeros(1, bands, 64, 64)
    with torch.inference_mode(), warnings.catch_warnings():
        # OpenVINO traces with torch.jit, of which torch says that it will go
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch.jit")
        # SegFormer's decoder compares numbers of channels, which never change
        warnings.filterwarnings(
            "ignore", message="Converting a tensor", module="segmentation_models_pytorch"
        )
        graph = openvino.convert_model(
            probability, example_input=example, input=[-1, bands, -1, -1]
        )
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
    return GRAPH, GRAPH_WEIGHTS


def _fastest(core: openvino.Core) -> Precision:
    capabilities = core.get_property("CPU", properties.device.capabilities())
    return Precision.BF16 if "BF16" in capabilities else Precision.FP32
