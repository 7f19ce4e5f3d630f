"""Runs all commands on mutated inputs and options, and checks what every command promises.

    python benchmarks/mutation.py DEMO [--count 400] [--seed 0] [--only TEXT] [--fast]
        [--work FOLDER]

DEMO is the result of `landslip demo`, of which small inputs are made. Each case changes one thing:
bytes of a file, a value of its JSON or YAML, a raster's header or pixels, geometries, members of an
archive, what is at a path, or an option. The command runs in a process of its own with bounds on
time and memory. It must end with exit code 0 or 2; an error is one line of bounded length without
control characters that names the file or option; nothing half-written is left, inputs stay as they
are, and nothing is written into the current folder.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

from mutation_parts.cases import all_cases, drawn_cases
from mutation_parts.contract import Outcome, run_case
from mutation_parts.inputs import make_inputs


def main() -> int:
    """Run the benchmark; the exit code is 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("demo", type=Path)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="cases whose line in the table has this text")
    parser.add_argument("--fast", action="store_true", help="without commands that take long")
    parser.add_argument("--work", type=Path, help="folder to work in; inputs in it are reused")
    given = parser.parse_args()
    work = given.work or Path(tempfile.mkdtemp(prefix="mutation-"))
    base = work / "base"
    if not base.exists():
        maker = get_context("spawn").Process(target=make_inputs, args=(given.demo, base))
        maker.start()  # in a process of its own: what it leaves in this one would be forked
        maker.join()
    _import_everything()
    cases = drawn_cases(given.count, given.seed, slow=not given.fast)
    if given.only:
        cases = [
            case
            for case in all_cases(given.seed)
            if given.only in f"{' '.join(case.command)} | {case.what}"
        ][: given.count]
    counts: Counter[str] = Counter()
    broken: list[Outcome] = []
    started = time.monotonic()
    for at, case in enumerate(cases):
        outcome = run_case(case, base, work / "case")
        if outcome is None:
            counts["not applicable"] += 1
            continue
        counts[f"exit code {outcome.code}"] += 1
        last = (outcome.stderr.strip().splitlines() or [""])[-1]
        line = f"{case.command[0]:<13} {case.what:<60} {outcome.code:>3} {outcome.seconds:6.1f} s"
        if outcome.violations:
            broken.append(outcome)
        print(f"{at:>4} {line}  {'; '.join(outcome.violations) or 'ok'}", flush=True)
        print(f"       {ascii(last)[:300]}", flush=True)
        if outcome.violations:
            print(f"       {outcome.stderr[-1200:]!a}", flush=True)
    print()
    print(f"{len(cases)} cases in {time.monotonic() - started:.0f} s, seed {given.seed}")
    for name, count in sorted(counts.items()):
        print(f"{name:<20} {count:>5}")
    print(f"{'with a violation':<20} {len(broken):>5}")
    return 1 if broken else 0


def _import_everything() -> None:
    """Import once what each command would import, and start no thread."""


if __name__ == "__main__":
    sys.exit(main())
