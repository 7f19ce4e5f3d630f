"""Usage statistics of the packages that landslip builds on: none is sent, whatever is configured.

They are decided when a package is imported, so `disable_telemetry` runs when landslip is, in every
process of it; the environment hands it on to the programs that these packages start.
"""

import os
import sys

_VARIABLES = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime
    "RAY_USAGE_STATS_ENABLED": "0",
}
# OpenVINO and NNCF do without it; otherwise it reports every import, whose only switch is a file
# in the home folder, and that is the user's
_OPENVINO_TELEMETRY = "openvino_telemetry"


def disable_telemetry() -> None:
    """Let no package that is imported in this process from now on send usage statistics."""
    os.environ.update(_VARIABLES)
    sys.modules[_OPENVINO_TELEMETRY] = None  # type: ignore[assignment]  # not to be imported
