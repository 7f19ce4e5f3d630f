"""The whole command where torch is not installed."""

import subprocess
import sys

from .conftest import CommandRunner, ProductLibrary


def test_the_command_needs_no_torch(work: CommandRunner, library: ProductLibrary) -> None:
    program = f"""
import sys
blocked = ("torch", "torchvision", "timm", "lightning", "safetensors", "tensorboard", "openvino")
for name in blocked:
    sys.modules[name] = None
from landslip.cli.app import app
try:
    app({work.words(library.summer)!r})
except SystemExit as end:
    assert end.code == 0, end.code
assert not any(name.split(".")[0] in blocked and sys.modules[name] for name in sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert work.scene_of(library.summer).stored.any()
