"""``landslip experiment``."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import WRONG_INPUT, handle_errors
from landslip.cli.training import resumable


@handle_errors
def experiment(
    config: Annotated[Path, typer.Argument(help="YAML file; see docs/experiments.md.")],
    out: options.Out,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted experiment.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Runs at a time; the cores are shared among them.")] = 1,
) -> None:
    """Compare methods: data sets x splits x methods x seeds, executed, scored and reported.

    OUT gets `report.html`, `report.md`, `results.json`, and a folder for each run with its model
    and predictions. After Ctrl-C or a crash the same command with `--resume` continues; finished
    runs are not repeated. Tiles that leak from training into the test are refused.

    Example: `landslip experiment configs/smoke.yaml --out EXPERIMENT --jobs 2`
    """
    import landslip

    with resumable():
        results = landslip.run_experiment(
            config, out=out, resume=resume, jobs=jobs, log=_log, progress=True
        )
    typer.echo(f"report: {out / 'report.html'}")
    failed = [run for run in results.cells if run.state == "failed"]
    if failed:
        number = len(results.cells)
        first = f"{failed[0].key.slug}: {failed[0].problem}"
        typer.echo(
            f"landslip: {len(failed)} of {number} runs failed; {first}; "
            "fix it and run again with --resume",
            err=True,
        )
        raise typer.Exit(WRONG_INPUT)


def _log(line: str) -> None:
    typer.echo(line, err=True)
