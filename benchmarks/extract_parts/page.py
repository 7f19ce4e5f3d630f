"""The tables of what was measured."""

import platform
import statistics
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from extract_parts.comparison import (
    GEOAI,
    NAIVE,
    Comparison,
    Measurements,
    differing_fraction,
    ours,
)
from landslip.experiments.assembly import commit, machine

_TILE_MPIX = 256 * 256 / 1e6
_MISSING = "-"


def whole_processes(contest: Comparison, found: Measurements) -> list[str]:
    """Return the table of whole processes."""
    mpix = contest.mpix
    lines = table_head(
        "whole process",
        "s",
        "MPix/s",
        "times the naive loop",
        "peak memory, MiB",
        "mask pixels unlike the naive loop's",
    )
    naive_mask = contest.out(NAIVE) / "mask.tif"
    for name in contest.commands():
        unlike = differing_fraction(contest.out(name) / "mask.tif", naive_mask)
        seconds = found.seconds(name)
        lines.append(
            f"| {_title(name)} | {seconds:.1f} | {mpix / seconds:.3f} "
            f"| {found.ratio(name, NAIVE):.1f} | {found.peak_mib(name):.0f} | {unlike:.2%} |"
        )
    if contest.geoai is None:
        lines += ["", "geoai was not measured: no Python with geoai-py was given (`--geoai`)."]
    return lines


def limits(contest: Comparison, found: Measurements, gflop_per_tile: float) -> list[str]:
    """Return the table of what the model alone and the matrix product would allow."""
    lines = table_head(
        "precision",
        "ours, MPix/s",
        "the model alone, MPix/s",
        "its best case",
        "ours / alone",
        "matrix product, GFLOP/s",
        "as MPix/s",
        "ours / product",
        "ours without start, MPix/s",
        "engine busy",
    )
    for precision in contest.precisions:
        name = ours(precision)
        rates = [contest.mpix / cost.seconds for cost in found.costs[name]]
        alone, product = found.alone[precision], found.product[precision]
        by_product = [one / gflop_per_tile * _TILE_MPIX for one in product]
        summary = found.summaries.get(precision, {})
        lines.append(
            f"| {precision} | {statistics.median(rates):.2f} | {statistics.median(alone):.2f} "
            f"| `{found.best_case[precision]}` | {_share(rates, alone)} "
            f"| {statistics.median(product):.0f} | {statistics.median(by_product):.2f} "
            f"| {_share(rates, by_product)} | {_number(summary.get('mpix_per_s'), '.2f')} "
            f"| {_number(summary.get('engine_busy_share'), '.1%')} |"
        )
    return lines


def graph_steps(steps: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return the table of what each change to the graph gains, by precision."""
    lines = table_head(
        "precision", "graph", "the graph alone, MPix/s", "stored numbers to 8 bits, MPix/s", "gain"
    )
    for precision, rows in steps.items():
        first = rows[0]["whole"]
        lines += [
            f"| {precision} | {row['step']} | {row['graph']:.2f} | {row['whole']:.2f} "
            f"| {row['whole'] / first:.2f} x |"
            for row in rows
        ]
    return lines


def table_head(*names: str) -> list[str]:
    """Return a table's first two lines."""
    return [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]


def _title(name: str) -> str:
    known = {
        NAIVE: "naive loop: 256 px, 25 % overlap, batch 8, eager fp32 torch",
        GEOAI: "geoai `predict_geotiff`: the same windows and batch",
    }
    return known.get(name, f"**{name}**")


def _share(ones: list[float], others: list[float]) -> str:
    """Return the median over rounds of a ratio."""
    ratio = statistics.median(one / other for one, other in zip(ones, others, strict=True))
    return f"{ratio:.0%}"


def _number(value: float | None, form: str) -> str:
    return _MISSING if value is None else format(value, form)


_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "avx512_vnni", "amx_bf16", "amx_int8")
_PACKAGES = ("openvino", "torch", "numpy", "rasterio", "zarr", "nncf")


def environment_lines(seed: int, geoai: Path | None = None) -> list[str]:
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
