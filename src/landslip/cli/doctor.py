"""``landslip doctor``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.cli.errors import BUG, handle_errors

if TYPE_CHECKING:
    from landslip.api.diagnosis.check import Check

_MARKS = {"ok": " ", "note": "-", "warning": "!", "broken": "X"}


@handle_errors
def doctor(
    folder: Annotated[
        Path, typer.Argument(help="Where outputs are to be written.", exists=True, file_okay=False)
    ] = Path(),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of lines.")
    ] = False,
    speed: Annotated[
        bool, typer.Option("--speed/--no-speed", help="Measure speeds, too, in some 20 seconds.")
    ] = True,
) -> None:
    """Say what is installed, what this machine can do, and what to change.

    Imports every package that landslip needs, writes and reads a file of each format, looks at
    processor, GPU, memory, disk and threads, and measures the engine, the writing of rasters and
    the disk. Nothing is sent, installed or changed. `!` marks what makes work slow or fail, `X`
    what is broken: then the exit code is 1.

    Example: `landslip doctor FOLDER`
    """
    from landslip.api.diagnosis.run import diagnose

    checks, section = [], ""
    for check in diagnose(folder, speed=speed):
        checks.append(check)
        if as_json:
            continue
        if check.section != section:
            section = check.section
            typer.echo(f"{section}:")
        typer.echo(f"{_MARKS[check.status]} {check.name}: {check.value}")
        if check.advice:
            typer.echo(f"    {check.advice}")
    if as_json:
        typer.echo(json.dumps({"checks": [asdict(check) for check in checks]}, indent=1))
    broken = [check for check in checks if check.status == "broken"]
    if not as_json:
        typer.echo(_verdict(broken))
    if broken:
        raise typer.Exit(BUG)


def _verdict(broken: "list[Check]") -> str:
    if not broken:
        return "landslip works here"
    return f"landslip does not work here: {', '.join(check.name for check in broken)}"
