"""Writes the report: ``report.html``, whole in itself, and ``report.md`` with its files."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from landslip.core.files import atomic_directory
from landslip.datasets.format import TileDataset
from landslip.experiments.results import Results
from landslip.reporting.experiment.charts import Chart
from landslip.reporting.experiment.claims import Claim
from landslip.reporting.experiment.figure import Grid, picture_grids
from landslip.reporting.experiment.sections import Block, Claims, Folded, Section, Text, sections
from landslip.reporting.experiment.summary import Summary
from landslip.reporting.experiment.svg import svg_file
from landslip.reporting.experiment.table import Table, markdown, plain

PAGE, MARKDOWN, CHARTS = "report.html", "report.md", "charts"
_TEMPLATE = "report.html.j2"
_SHOWN = 3


def write_report(results: Results, datasets: Mapping[str, TileDataset], folder: Path) -> None:
    """Write the report of an experiment into its folder.

    Writes ``report.html``, ``report.md``, ``charts/*.svg`` and ``figure6_DATASET.png``; those of
    an earlier report are replaced, and all else in the folder is left alone.

    Args:
        results: of the experiment.
        datasets: opened tiles by data set, for the pictures; those missing have none.
        folder: of the experiment, with ``cells/SLUG/predictions.npz``.
    """
    summary = Summary(results)
    grids = tuple(picture_grids(summary, datasets, folder))
    parts = sections(summary, grids)
    with atomic_directory(folder, overwrite=True) as stage:
        (stage / PAGE).write_text(html_page(results, parts), encoding="utf-8")
        (stage / MARKDOWN).write_text(markdown_page(results, parts), encoding="utf-8")
        (stage / CHARTS).mkdir()
        for chart in _charts(parts):
            (stage / CHARTS / f"{chart.name}.svg").write_text(svg_file(chart.svg), encoding="utf-8")
        for grid in grids:
            grid.write(stage)


def html_page(results: Results, parts: list[Section]) -> str:
    """Return the page; everything in it is in it, nothing is fetched."""
    environment = Environment(
        loader=PackageLoader("landslip.reporting.experiment"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"kind": _kind, "svg": Markup}
    return environment.get_template(_TEMPLATE).render(
        results=results, sections=parts, config=_config(results), shown=_SHOWN
    )


def markdown_page(results: Results, parts: list[Section]) -> str:
    """Return the same in Markdown; charts and pictures are files beside it."""
    made = _made(results)
    lines = [f"# {plain(results.name)}", "", made, ""]
    for section in parts:
        lines += [f"## {section.title}", ""]
        for block in section.blocks:
            lines += [*_markdown_block(block), ""]
    versions = ", ".join(f"{name} {version}" for name, version in results.packages.items())
    lines += ["## How it was made", "", f"{versions}.", "", "```yaml", _config(results), "```"]
    return "\n".join(lines) + "\n"


def _made(results: Results) -> str:
    commit = f", commit {results.commit[:12]}" if results.commit else ""
    return f"landslip {results.code_version}{commit}, {results.created}"


def _config(results: Results) -> str:
    return yaml.safe_dump(results.config, sort_keys=False, allow_unicode=True).strip()


def _kind(block: Block) -> str:
    return type(block).__name__.lower()


def _charts(parts: list[Section]) -> Iterator[Chart]:
    for section in parts:
        for block in section.blocks:
            if isinstance(block, Chart):
                yield block


def _markdown_block(block: Block) -> Iterator[str]:
    match block:
        case Table():
            yield markdown(block)
        case Folded():
            yield markdown(block.table)
        case Chart():
            yield f"![{plain(block.caption)}]({CHARTS}/{block.name}.svg)"
            yield ""
            yield plain(block.caption)
        case Grid():
            yield f"![{plain(block.caption)}]({block.file})"
            yield ""
            yield plain(block.caption)
        case Claims():
            for claim in block.claims:
                yield from _markdown_claim(claim)
        case Text():
            yield from _markdown_text(block)


def _markdown_claim(claim: Claim) -> Iterator[str]:
    yield f"- **{plain(claim.sentence)}**"
    for finding in claim.findings:
        yield f"  - {plain(finding.text)}"


def _markdown_text(text: Text) -> Iterator[str]:
    if not text.heading:
        yield "\n\n".join(plain(line) for line in text.lines)
        return
    yield f"### {text.heading}"
    yield ""
    yield from (f"- {plain(line)}" for line in text.lines)
