"""What a measurement was made on: code, machine, versions."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from landslip.experiments.assembly import commit, machine

_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "avx512_vnni", "amx_bf16", "amx_int8")
_PACKAGES = ("openvino", "torch", "numpy", "rasterio", "zarr", "nncf")


def facts(seed: int, geoai: Path | None = None) -> list[str]:
    """Return lines of a list for a page."""
    versions = {"Python": platform.python_version()} | {
        name: found for name in _PACKAGES if (found := _version(name)) is not None
    }
    if geoai is not None:
        versions["geoai-py"] = _version_in(geoai, "geoai-py")
    return [
        f"- commit: `{commit() or 'not a checkout'}`; seed {seed}",
        f"- machine: {machine()}; {', '.join(_flags()) or 'no flags known'}",
        f"- versions: {', '.join(f'{name} {found}' for name, found in versions.items())}",
    ]


def _version(package: str) -> str | None:
    try:
        return version(package).split("+")[0]
    except PackageNotFoundError:
        return None


def _version_in(python: Path, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.check_output([str(python), "-c", code], text=True).strip()


def _flags() -> list[str]:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return []
    lines = [line.split(":", 1)[1].split() for line in text.splitlines() if line[:5] == "flags"]
    return [flag for flag in _FLAGS if lines and flag in lines[0]]
