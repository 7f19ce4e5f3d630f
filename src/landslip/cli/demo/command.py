"""``landslip demo``."""

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors


@handle_errors
def demo(out: options.Out, seed: options.Seed = 0, overwrite: options.Overwrite = False) -> None:
    """Run the whole chain on synthetic terrain with known landslides, offline.

    A raw product whose pointing is 42 m off, an elevation model and an older scene become a
    reflectance scene of a valley with fields, gravel and clearings as bare as landslides; the
    network learns in the north of it, from nothing, and is scored in the south. Some three minutes
    on two CPU cores.

    Example: `landslip demo --out DEMO`
    """
    from landslip.cli.demo.chain import run_demo

    report = run_demo(
        out, seed=seed, overwrite=overwrite, log=lambda line: typer.echo(line, err=True)
    )
    thresholds = report["best_single_threshold_f1"]
    best = max(thresholds, key=lambda name: float(thresholds[name]))
    shifts, inventory = report["preprocessing"], report["inventory"]
    detected, false = (_score(inventory[name]) for name in ("detected_share", "false_share"))
    true = inventory["true_landslides_of_test_area"]
    off, left = shifts["pointing_error_px"], shifts["pointing_error_after_px"]
    shares = f"{detected} of {true} detected, {false} of those mapped false (shares)"
    for line in (
        f"raw product to scene: {off:.1f} px off, {left:.2f} px once corrected by the reference",
        f"on ground that was not trained on (seed {seed}, {report['seconds']['all']:.0f} s):",
        f"  F1 of the test tiles           {_score(report['evaluation']['f1'])}",
        f"  F1 of the extracted mask       {_score(report['extraction']['f1'])}",
        f"  landslides of the test area    {shares}",
        f"  F1 of the best NDVI threshold  {_score(thresholds['ndvi'])}",
        f"  F1 of the best band threshold  {_score(thresholds[best])} ({best})",
    ):
        typer.echo(line)
    typer.echo(f"picture: {out / 'demo.png'}")
    typer.echo(f"inventory for a GIS: {out / 'inventory' / 'inventory.gpkg'}")
    typer.echo(f"report to read: {out / 'inventory' / 'report.html'}")
    typer.echo(f"all numbers: {out / 'demo.json'}")


def _score(f1: float | None) -> str:
    return "undefined" if f1 is None else f"{f1:.3f}"
