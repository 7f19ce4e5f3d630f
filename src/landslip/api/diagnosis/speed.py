"""A test of 20 seconds: the engine on a small network, compressing a raster, and the disk."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from landslip.api.diagnosis.check import Check, Status
from landslip.core.errors import excerpt
from landslip.io.raster.self_check import write_and_read

_SIDE_PX, _CHANNELS, _LAYERS = 512, 64, 6
_ENGINE_S, _RASTER_PX, _DISK_BYTES = 4.0, 2048, 256 * 2**20
_SLOW_GFLOPS, _SLOW_DISK = 50.0, 50.0


def speed_checks(folder: Path) -> Iterator[Check]:
    """Measure, in some 20 seconds; files are written in ``folder`` and removed."""
    try:
        yield from _engine()
    except Exception as error:  # whatever a broken engine raises is what to report
        yield Check(
            section="speed",
            name="engine",
            value=excerpt(str(error), 200),
            status=Status.BROKEN,
            advice="pip install --force-reinstall openvino",
        )
    try:
        with TemporaryDirectory(dir=folder) as place:
            mpix = write_and_read(Path(place) / "written.tif", _RASTER_PX)
            yield Check(
                section="speed",
                name="writing rasters",
                value=f"{mpix:.1f} MPix/s (4 bands of 16 bits, deflated, with overviews)",
            )
            yield _disk(Path(place) / "file")
    except OSError as error:
        yield Check(
            section="speed",
            name="disk",
            value=excerpt(str(error), 200),
            status=Status.BROKEN,
            advice="name a folder that can be written",
        )


def _engine() -> Iterator[Check]:
    import openvino

    core = openvino.Core()
    capable = set(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    network = _network()
    for precision, hint in (("bf16", "bf16"), ("fp32", "f32")):
        if precision == "bf16" and "BF16" not in capable:
            yield Check(
                section="speed", name="engine in bf16", value="not computed by this processor"
            )
            continue
        compiled = core.compile_model(
            network, "CPU", {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
        )
        request, image = compiled.create_infer_request(), _image()
        request.infer({0: image})
        runs, started = 0, time.perf_counter()
        while time.perf_counter() - started < _ENGINE_S:
            request.infer({0: image})
            runs += 1
        seconds = (time.perf_counter() - started) / runs
        work = 2 * 9 * _CHANNELS**2 * _SIDE_PX**2 * _LAYERS
        gflops = work / seconds / 1e9
        slow = gflops < _SLOW_GFLOPS
        yield Check(
            section="speed",
            name=f"engine in {precision}",
            value=f"{gflops:.0f} GFLOP/s (3 x 3 convolutions of {_CHANNELS} channels)",
            status=Status.WARNING if slow else Status.OK,
            advice="slow: see what else runs, and the threads above; a model of `landslip export "
            "--int8` is about twice as fast"
            if slow
            else None,
        )


def _network() -> object:
    import openvino
    from openvino import opset13

    draw = np.random.default_rng(0)
    node = image = opset13.parameter([1, _CHANNELS, _SIDE_PX, _SIDE_PX], np.float32)
    for _ in range(_LAYERS):
        weights = draw.normal(0, 0.05, (_CHANNELS, _CHANNELS, 3, 3)).astype(np.float32)
        node = opset13.convolution(node, weights, [1, 1], [1, 1], [1, 1], [1, 1])
        node = opset13.relu(node)
    return openvino.Model([node], [image])


def _image() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    shape = (1, _CHANNELS, _SIDE_PX, _SIDE_PX)
    return np.random.default_rng(1).random(shape, dtype=np.float32)


def _disk(file: Path) -> Check:
    block = os.urandom(2**22)
    started = time.perf_counter()
    with file.open("wb", buffering=0) as output:
        for _ in range(_DISK_BYTES // len(block)):
            output.write(block)
        os.fsync(output.fileno())
    rate = _DISK_BYTES / 1e6 / (time.perf_counter() - started)
    slow = rate < _SLOW_DISK
    return Check(
        section="speed",
        name="disk",
        value=f"{rate:.0f} MB/s written",
        status=Status.WARNING if slow else Status.OK,
        advice="slow: write scenes and maps to a local disk" if slow else None,
    )
