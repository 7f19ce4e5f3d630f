"""This checkout against another one: speed, memory and bytes of the main commands, in one run.

``git worktree add OTHER REVISION; python benchmarks/versions.py OTHER`` makes a scene with a model
and a small product, runs ``extract`` and ``preprocess`` of both checkouts in turn, and prints the
medians and which output files differ. ``--demo`` compares two folders that ``landslip demo`` wrote
instead.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from extract_parts.inputs import add_options, scene_and_model

HERE = Path(__file__).resolve().parents[1]


@dataclass(slots=True)
class Measurements:
    """Seconds and peak memory of each run of a command."""

    seconds: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)


def run(root: Path, words: list[str], found: Measurements) -> None:
    """Run a command of a checkout as a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(root / "src")}
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "landslip", *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{root}: landslip {' '.join(words)} failed")
    found.seconds.append(time.monotonic() - started)
    found.peak_mib.append(usage.ru_maxrss / 1024)


def digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file below a folder, by its path there."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def compare_folders(ours: Path, theirs: Path) -> None:
    """Print which files two folders have in common, and which differ."""
    mine, other = digests(ours), digests(theirs)
    same = [name for name in mine if other.get(name) == mine[name]]
    print(f"{len(same)} of {len(mine)} files have the same bytes")
    for name in sorted({*mine, *other} - {*same}):
        state = "differs" if name in mine and name in other else "in one only"
        print(f"  {name}: {state}")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="checkout, or with --demo a demo's folder")
    parser.add_argument("--demo", type=Path, help="this checkout's demo folder")
    parser.add_argument("--rounds", type=int, default=3)
    add_options(parser)
    asked = parser.parse_args()
    if asked.demo is not None:
        compare_folders(asked.demo, asked.other)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene, model = scene_and_model(asked, folder)
        product = folder / "product"
        run(HERE, ["synthetic", "--preset", "small", "--out", str(product)], Measurements())
        archive = sorted(product.glob("*.tar.gz"))[0]
        commands = {
            "extract": ["extract", str(scene), "--model", str(model)],
            "preprocess": ["preprocess", str(archive), "--dem", str(product / "dem.tif")],
        }
        for command, words in commands.items():
            found = {root: Measurements() for root in (HERE, asked.other.resolve())}
            for number in range(asked.rounds):
                for at, root in enumerate(found):
                    out = folder / f"{command}_{at}_{number}"
                    run(root, [*words, "--out", str(out)], found[root])
            print(f"\n{command}: median of {asked.rounds} runs each, in turn")
            for root, label in zip(found, ("this checkout", "the other one"), strict=True):
                one = found[root]
                print(
                    f"  {label:<14} {median(one.seconds):7.2f} s "
                    f"({min(one.seconds):.2f} to {max(one.seconds):.2f}), "
                    f"peak {median(one.peak_mib):,.0f} MiB"
                )
            compare_folders(folder / f"{command}_0_0", folder / f"{command}_1_0")


if __name__ == "__main__":
    main()
