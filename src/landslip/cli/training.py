"""What commands that train have in common: lines of epochs, and the end by Ctrl-C."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from landslip.cli.errors import INTERRUPTED

if TYPE_CHECKING:
    from landslip.models.training.module import EpochResult


@contextmanager
def resumable() -> Iterator[None]:
    """End the command after Ctrl-C, and say how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("landslip: stopped; the same command with --resume goes on", err=True)
        raise typer.Exit(INTERRUPTED) from None


def print_epoch(result: "EpochResult", *, whole: str = "") -> None:
    """Print an epoch to standard error; ``whole`` is before those that are of no fold."""
    part = whole if result.fold is None else f"fold {result.fold}/{result.folds}"
    line = f"epoch {result.epoch}/{result.epochs}  loss {result.train_loss:.4f}"
    if result.counts is not None:
        scores = result.average_precision, result.counts.f1
        average, f1 = ("undefined" if one is None else f"{one:.4f}" for one in scores)
        line += f"  validation average precision {average}, F1 {f1} at {result.threshold:.3f}"
    typer.echo(f"{part}  {line}" if part else line, err=True)
