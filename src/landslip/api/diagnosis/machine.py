"""Processor, GPU, memory, disk and threads."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from landslip.api.diagnosis.check import Check, Status

_INSTRUCTIONS = {
    "AVX2": ("avx2",),
    "AVX-512": ("avx512f",),
    "bf16 (AVX-512 or AMX)": ("avx512_bf16", "amx_bf16"),
    "int8 (VNNI or AMX)": ("avx512_vnni", "avx_vnni", "amx_int8"),
    "AMX": ("amx_tile",),
}
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GDAL_NUM_THREADS")
_MEMORY_NEEDED, _DISK_NEEDED = 4 * 2**30, 8 * 2**30
_LONGEST_S = 10


def processor_checks() -> Iterator[Check]:
    """Check cores and instructions."""
    text = _read("/proc/cpuinfo")
    pairs = [line.partition(":") for line in text.splitlines()]
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    model = fields.get("model name", "unknown processor")
    yield Check(section="processor", name="cores", value=f"{usable} usable, {model}")
    flags = set(fields.get("flags", "").split())
    if not flags:
        return
    for name, needed in _INSTRUCTIONS.items():
        present = sorted(flags & set(needed))
        slow = name == "AVX2" and not present
        yield Check(
            section="processor",
            name=name,
            value=", ".join(present) or "no",
            status=Status.WARNING if slow else Status.OK,
            advice="networks run several times slower here; use another machine" if slow else None,
        )


def gpu_check() -> Check:
    """Check whether there is a GPU, and torch sees it."""
    if not Path("/proc/driver/nvidia").exists():
        return Check(section="processor", name="GPU", value="none; not needed")
    program = shutil.which("nvidia-smi")
    words = [program or "", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            words, capture_output=True, text=True, timeout=_LONGEST_S, check=True
        )
        value = "; ".join(done.stdout.strip().splitlines())
    except (OSError, subprocess.SubprocessError):
        value = "NVIDIA driver, but nvidia-smi does not answer"
    if find_spec("torch") is None:
        return Check(
            section="processor",
            name="GPU",
            value=value,
            status=Status.NOTE,
            advice="to use it: pip install 'landslip[train]'",
        )
    from landslip.models.engines.choose import has_gpu

    seen = has_gpu()
    return Check(
        section="processor",
        name="GPU",
        value=value,
        status=Status.OK if seen else Status.WARNING,
        advice=None if seen else "torch does not see it; install a CUDA build of torch",
    )


def memory_check() -> Check:
    """Check memory, that of a container too."""
    pairs = [line.partition(":") for line in _read("/proc/meminfo").splitlines()]
    fields = {name: value for name, _, value in pairs}
    if "MemTotal" not in fields:
        return Check(section="machine", name="memory", value="unknown")
    total, free = (int(fields[key].split()[0]) * 1024 for key in ("MemTotal", "MemAvailable"))
    limit = _read("/sys/fs/cgroup/memory.max").strip()
    bound = min(free, int(limit)) if limit.isdigit() else free
    container = f", {_gib(int(limit))} allowed here" if limit.isdigit() else ""
    few = bound < _MEMORY_NEEDED
    return Check(
        section="machine",
        name="memory",
        value=f"{_gib(free)} of {_gib(total)} free{container}",
        status=Status.WARNING if few else Status.OK,
        advice="scenes take 2 GiB by default, training more; pass --memory 1G to extract"
        if few
        else None,
    )


def disk_check(folder: Path) -> Check:
    """Check the room where outputs are to be written."""
    free = shutil.disk_usage(folder).free
    few = free < _DISK_NEEDED
    return Check(
        section="machine",
        name="disk",
        value=f"{_gib(free)} free in {folder.resolve()}",
        status=Status.WARNING if few else Status.OK,
        advice="the demo takes 8 GiB with its packages; make room, or write elsewhere"
        if few
        else None,
    )


def thread_check() -> Check:
    """Check what bounds the number of threads."""
    stated = {name: os.environ[name] for name in _THREADS if name in os.environ}
    shown = ", ".join(f"{name}={value[:12]}" for name, value in stated.items())
    return Check(
        section="machine",
        name="threads",
        value=shown or "not bounded by the environment",
        status=Status.NOTE if stated else Status.OK,
        advice="unset them to use every core" if stated else None,
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
