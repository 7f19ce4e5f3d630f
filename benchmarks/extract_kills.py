"""Kills `landslip extract` at random moments, over and over, and compares what comes out.

    python benchmarks/extract_kills.py [--kills 100] [--scene SCENE --model MODEL] [--out PAGE.md]
        [--side 4096] [--tile 256] [--precision auto] [--seed 0]

A scene is mapped once without interruption. Then the command is started and killed (SIGKILL, all of
its processes) again and again: at any time, after the last window, or as the result is put into
place. After some kills files are damaged, as a power cut may damage them. Whenever a run comes to
its end, mask, probabilities and polygons are compared with those of the first, and all begins anew.

Without a scene and a model, both are made from the seed; the model is a LinkNet-ResNet-18.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from extract_parts.comparison import log
from extract_parts.inputs import add_options, scene_and_model
from extract_parts.kills import (
    COMPARED,
    DAMAGES,
    PHASES,
    ExtractionRun,
    RunTimes,
    damage,
    digests,
    measure_times,
    run_until_killed,
)
from extract_parts.page import environment_lines, table_head
from extract_parts.processes import extract_command

_MOST_FAILURES = 5


@dataclass(slots=True)
class KillCounts:
    """What happened.

    Attributes:
        phases: where kills came.
        damages: what was done to the files after a kill.
        identical: how many results were as expected, by file.
        finished: how many results were compared.
        errors: the last lines of runs that failed.
    """

    phases: Counter[str] = field(default_factory=Counter)
    damages: Counter[str] = field(default_factory=Counter)
    identical: Counter[str] = field(default_factory=Counter)
    finished: int = 0
    errors: list[str] = field(default_factory=list)

    def compare(self, found: dict[str, str], expected: dict[str, str]) -> None:
        """Count a result."""
        self.finished += 1
        self.identical.update(name for name in COMPARED if found[name] == expected[name])


def main() -> None:
    """Kill, compare, and print the tables."""
    options = parsed()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        place = extraction_run(options, Path(folder))
        rhythm = measure_times(place)
        expected = digests(place.out)
        log(f"an uninterrupted run takes {rhythm.whole_s:.1f} s")
        place.clear()
        started = time.monotonic()
        tally = kill_often(place, rhythm, expected, options)
        minutes = (time.monotonic() - started) / 60
    lines = page(tally, rhythm, options, minutes)
    print("\n".join(lines))
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n")
    if tally.errors or any(tally.identical[name] != tally.finished for name in COMPARED):
        sys.exit("not all results are identical")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--tile", type=int, default=256)
    return parser.parse_args()


def extraction_run(options: argparse.Namespace, work: Path) -> ExtractionRun:
    """Take or make scene and model."""
    scene, model = scene_and_model(options, work)
    words = ["--precision", options.precision, "--tile", str(options.tile)]
    out = work / "map"
    return ExtractionRun(out=out, command=extract_command(scene, model, out, *words))


def kill_often(
    place: ExtractionRun, rhythm: RunTimes, expected: dict[str, str], options: argparse.Namespace
) -> KillCounts:
    """Kill as often as asked for; the last extraction is let go on to its end."""
    generator, tally = np.random.default_rng(options.seed), KillCounts()
    while tally.phases.total() < options.kills and len(tally.errors) < _MOST_FAILURES:
        end = run_until_killed(place, rhythm, generator)
        if end.phase is not None:
            tally.phases[end.phase] += 1
            if not place.is_done:
                tally.damages[damage(place, generator)] += 1
                continue
        _take(place, end.error, expected, tally)
    _take(place, _finished(place), expected, tally)
    return tally


def _finished(place: ExtractionRun) -> str | None:
    """Let the last extraction end; return what went wrong with it."""
    try:
        measure_times(place)
    except RuntimeError as error:
        return str(error)
    return None


def _take(
    place: ExtractionRun, error: str | None, expected: dict[str, str], tally: KillCounts
) -> None:
    """Compare a result or note an error, and begin anew."""
    if error is None:
        tally.compare(digests(place.out), expected)
    else:
        tally.errors.append(error)
    place.clear()
    log(f"{tally.phases.total()} kills, {tally.finished} results, {len(tally.errors)} failures")


def page(
    tally: KillCounts, rhythm: RunTimes, options: argparse.Namespace, minutes: float
) -> list[str]:
    """Return the page's lines."""
    command = f"python benchmarks/extract_kills.py --kills {options.kills} --seed {options.seed}"
    lines = [
        "# Whole-scene extraction: kills",
        "",
        "```",
        command,
        "```",
        "",
        *environment_lines(options.seed),
    ]
    lines += [
        f"- an uninterrupted run takes {rhythm.whole_s:.1f} s; all of this took {minutes:.0f} min",
        f"- options: `--precision {options.precision} --tile {options.tile}`",
    ]
    lines += ["", *table_head("killed", "times")]
    lines += [f"| {phase} | {tally.phases[phase]} |" for phase in PHASES]
    lines += [f"| in all | {tally.phases.total()} |", ""]
    lines += table_head("damage done before the next start", "times")
    lines += [f"| {name} | {tally.damages[name]} |" for name in DAMAGES]
    lines += ["", *table_head("result", "compared", "identical")]
    lines += [f"| {name} | {tally.finished} | {tally.identical[name]} |" for name in COMPARED]
    lines += ["", f"Runs that failed: {len(tally.errors)}.", *(f"- {one}" for one in tally.errors)]
    return lines


if __name__ == "__main__":
    main()
