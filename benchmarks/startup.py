"""What it costs to start: processes, and the imports of each command.

``python benchmarks/startup.py --page docs/results/startup.md``. The imports of a command are what
it and the function of the API that it calls import when they are called; what those import later,
such as the engine of a network, is not counted.
"""

import argparse
import ast
import inspect
import json
import statistics
import subprocess
import sys
import textwrap
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from landslip.experiments.assembly import commit, machine

_PACKAGES = (
    "numpy", "pandas", "pyarrow", "scipy", "cv2", "skimage", "matplotlib", "rasterio", "pyogrio",
    "pyproj", "geopandas", "openvino", "pydantic", "zarr", "torch", "fastapi",
)  # fmt: skip
_IMPORT = """
import json, sys, time
import landslip.cli.{module}
started = time.perf_counter()
{statements}
print(json.dumps([time.perf_counter() - started, sorted({{n.split(".")[0] for n in sys.modules}})]))
"""


HEAD = """\
`python benchmarks/startup.py`, commit {commit}, {machine}. Seconds, of fresh processes: medians of
{rounds} after one that is not counted; of commands, the lesser of two."""
HOW = """\
The list of commands is a table of words (`cli/commands.py`): a command's module is imported when
it is asked for, and what is heavy when it runs. Typer checks the words of a command with pydantic,
so the help of one command takes longer than the list. `imports` is what a command and the function
of the API that it calls import when they are called; the engine of a network comes later."""


def _run(words: list[str]) -> tuple[float, str]:
    started = time.perf_counter()
    output = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return time.perf_counter() - started, output


def _median_s(words: list[str], rounds: int) -> float:
    _run(words)  # files into the cache
    return statistics.median(_run(words)[0] for _ in range(rounds))


def _statements(function: Any) -> list[str]:
    """Return the imports in a function's body, and the names of the API that it takes."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    imports = (ast.Import, ast.ImportFrom)
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If | ast.Try)
        for inner in ast.walk(node)
        if isinstance(inner, imports)
    }
    found = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, imports) and id(node) not in skipped
    ]
    names = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "landslip"
    }
    for name in sorted(names):
        found.append(f"import landslip; landslip.{name}")
        value = getattr(import_module("landslip"), name, None)
        if inspect.isfunction(value):
            found += [line for line in _statements(value) if not line.startswith("import landslip")]
    return found


def _commands() -> dict[str, Any]:
    from landslip.cli.app import app

    found = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found.update(
            {name: command} if inner is None else {f"{name} {k}": v for k, v in inner.items()}
        )
    return found


def _command_row(name: str, command: Any) -> str:
    words = name.split()
    help_s = min(_run([sys.executable, "-m", "landslip", *words, "--help"])[0] for _ in range(2))
    program = _IMPORT.format(
        module=inspect.unwrap(command.callback).__module__.removeprefix("landslip.cli."),
        statements="\n".join(_statements(command.callback)),
    )
    runs = [json.loads(_run([sys.executable, "-c", program])[1]) for _ in range(2)]
    packages = [package for package in _PACKAGES if package in runs[0][1]]
    seconds = min(run[0] for run in runs)
    return f"| `{name}` | {help_s:.2f} | {seconds:.2f} | {', '.join(packages)} |"


def main() -> None:
    """Print the tables, and write them as a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--page", type=Path, help="write the tables there")
    arguments = parser.parse_args()
    python = sys.executable
    processes = {
        "`python -c pass`": [python, "-c", "pass"],
        "`import landslip`": [python, "-c", "import landslip"],
        "`import typer`": [python, "-c", "import typer"],
        "`landslip --help`": [python, "-m", "landslip", "--help"],
        "`landslip --version`": [python, "-m", "landslip", "--version"],
    }
    lines: list[str] = []

    def add(*more: str) -> None:
        for line in more:
            print(line, flush=True)
            lines.append(line)

    add("# Start-up costs", "")
    add(HEAD.format(commit=commit(), machine=machine(), rounds=arguments.rounds), "")
    add("| process | seconds |", "|---|---|")
    for name, words in processes.items():
        add(f"| {name} | {_median_s(words, arguments.rounds):.3f} |")
    add("", HOW, "", "| command | `--help` | imports | packages among them |", "|---|---|---|---|")
    for name, command in _commands().items():
        add(_command_row(name, command))
    if arguments.page:
        arguments.page.write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
