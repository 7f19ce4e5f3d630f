"""The report's sections in order; the page and the Markdown are made from the same ones."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from landslip.core.files import atomic_directory
from landslip.datasets.format import TileDataset
from landslip.experiments.paper import CITATION, checks
from landslip.experiments.results import Results
from landslip.reporting.charts import SvgChart, svg_file
from landslip.reporting.experiment.claims import Claim, Outcome
from landslip.reporting.experiment.error_maps import ErrorMapGrid, picture_grids
from landslip.reporting.experiment.figures import (
    curves_chart,
    f1_chart,
    learning_chart,
    split_chart,
    transfer_chart,
)
from landslip.reporting.experiment.findings import findings
from landslip.reporting.experiment.limits import budget, failures, limits
from landslip.reporting.experiment.paper_tables import (
    disagreement_table,
    encoder_table,
    methods_table,
    transfer_table,
)
from landslip.reporting.experiment.summary import RANDOM, ExperimentSummary
from landslip.reporting.experiment.tables import (
    area_table,
    cost_table,
    curve_table,
    dataset_table,
    first_layer_table,
    objects_table,
    probability_table,
    seeds_table,
    split_table,
    tuning_table,
)
from landslip.reporting.tables import ReportTable, escape_markdown, markdown


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBlock:
    """A paragraph, or a list of sentences under a heading of its own."""

    lines: tuple[str, ...]
    heading: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimList:
    """What becomes of claims."""

    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedTable:
    """A table that is opened by a click."""

    title: str
    table: ReportTable


MakeTable = Callable[[ExperimentSummary, str], ReportTable | None]
Block = TextBlock | FoldedTable | ClaimList | ReportTable | SvgChart | ErrorMapGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSection:
    """A section with its parts; ``anchor`` is its name in links."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


_RULE = (
    "A difference decides on a claim where its 95 % interval over test tiles leaves out 0, its p, "
    "adjusted for all comparisons of the data set and split, is below 0.05, and no seed says the "
    "opposite; whether transfer gains more with few tiles than with many is decided by interval "
    "and seeds, without a p. Random splits, and those that leaks are told of, count only where "
    "there is no other. A method with a transferred encoder is compared with the transferred "
    "LinkNet of the same encoder, or as the paper paired them. One that learned "
    "nothing, being no better than calling every pixel landslide, decides on no claim."
)
_NEIGHBOURS = (
    "Tiles drawn at random lie beside tiles of the other side: ground that continues from one into "
    "the other, a landslide that both show, the same light and haze. A network is then tested on "
    "what it has half seen. Where tiles are kept apart it is tested on ground that is new to it, "
    "as a scene to be mapped will be."
)


def sections(summary: ExperimentSummary, grids: tuple[ErrorMapGrid, ...]) -> list[ReportSection]:
    """Return the sections that have something to show."""
    made = (
        _section("summary", "In short", _in_short(summary)),
        _section("tables", "The paper's tables, run again", _paper_tables(summary)),
        _section("splits-compared", "Random tiles and tiles kept apart", _splits(summary)),
        _section("few-tiles", "Few training tiles", _few_tiles(summary)),
        _section("elsewhere", "On another data set", _elsewhere(summary)),
        _section("pictures", "Pictures", grids),
        _section("objects", "Landslides as objects", _by_split(summary, objects_table)),
        _section("probabilities", "Probabilities", _probabilities(summary)),
        _section("area", "Area", _by_split(summary, area_table)),
        _section("fourth-band", "The fourth band", _given(first_layer_table(summary))),
        _section("seeds", "Seeds", _seeds(summary)),
        _section("costs", "Costs", (cost_table(summary),)),
        _section("data", "Data sets and splits", (dataset_table(summary), split_table(summary))),
        _section("printed", "The paper's own figures", _printed()),
    )
    return [section for section in made if section.blocks]


def _section(anchor: str, title: str, blocks: Iterable[Block]) -> ReportSection:
    return ReportSection(anchor=anchor, title=title, blocks=tuple(blocks))


def _given(*blocks: Block | None) -> Iterator[Block]:
    return (block for block in blocks if block is not None)


def _in_short(summary: ExperimentSummary) -> Iterator[Block]:
    yield TextBlock(
        lines=tuple(part for part in (summary.results.description, budget(summary)) if part)
    )
    if summary.failed:
        yield TextBlock(heading="Failed", lines=tuple(failures(summary)))
    if not summary.runs:
        yield TextBlock(lines=("No cell was finished, so that nothing was found.",))
        return
    claims = findings(summary)
    tested = [claim for claim in claims if claim.outcome is not Outcome.UNTESTED]
    yield TextBlock(lines=(_RULE,))
    yield ClaimList(claims=tuple(tested))
    untested = [claim.title for claim in claims if claim.outcome is Outcome.UNTESTED]
    if untested:
        yield TextBlock(heading="Not tested in this experiment", lines=tuple(untested))
    yield TextBlock(heading="What limits this", lines=tuple(limits(summary)))


def _paper_tables(summary: ExperimentSummary) -> Iterator[Block]:
    for split in summary.splits:
        yield f1_chart(summary, split)
        for table in (methods_table, transfer_table, encoder_table):
            yield from _given(table(summary, split))


def _splits(summary: ExperimentSummary) -> Iterator[Block]:
    chart = split_chart(summary)
    if chart is not None:
        yield TextBlock(lines=(_NEIGHBOURS,))
        yield chart


def _few_tiles(summary: ExperimentSummary) -> Iterator[Block]:
    for place in summary.curve_places:
        yield learning_chart(summary, *place)
        yield curve_table(summary, *place)


def _elsewhere(summary: ExperimentSummary) -> Iterator[Block]:
    for route in summary.routes:
        yield transfer_chart(summary, *route)
        yield tuning_table(summary, *route)


def _probabilities(summary: ExperimentSummary) -> Iterator[Block]:
    apart = [place for place in summary.places if summary.split_method(*place) != RANDOM]
    for place in apart or summary.places:
        yield curves_chart(summary, *place)
    yield from _by_split(summary, probability_table)


def _seeds(summary: ExperimentSummary) -> Iterator[Block]:
    if len(summary.seeds) > 1:
        yield from _by_split(summary, seeds_table)


def _by_split(summary: ExperimentSummary, make: MakeTable) -> Iterator[Block]:
    """Yield a table a split; those of random splits are folded where there are others."""
    methods = {
        split: {summary.split_method(dataset, split) for dataset in datasets}
        for split, datasets in summary.splits.items()
    }
    fold = any(RANDOM not in kinds for kinds in methods.values())
    for split, kinds in methods.items():
        table = make(summary, split)
        if table is not None:
            folded = fold and RANDOM in kinds
            yield (
                FoldedTable(title=f"The same with split {split}", table=table) if folded else table
            )


def _printed() -> Iterator[Block]:
    lead = (
        f"The paper: {CITATION}. Each of {len(checks())} printed F1 and gains was computed again "
        "from the other printed figures, every one of them free to lie anywhere in what rounds to "
        "it. Those below cannot be right together; everywhere in this report they stand as printed."
    )
    yield TextBlock(lines=(lead,))
    yield disagreement_table()
    agreeing = (check for check in checks() if check.agrees and "F1 over SVM" in check.what)
    yield TextBlock(lines=tuple(check.sentence for check in agreeing))


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
    summary = ExperimentSummary(results)
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


def html_page(results: Results, parts: list[ReportSection]) -> str:
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


def markdown_page(results: Results, parts: list[ReportSection]) -> str:
    """Return the same in Markdown; charts and pictures are files beside it."""
    made = _made(results)
    lines = [f"# {escape_markdown(results.name)}", "", made, ""]
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


def _charts(parts: list[ReportSection]) -> Iterator[SvgChart]:
    for section in parts:
        for block in section.blocks:
            if isinstance(block, SvgChart):
                yield block


def _markdown_block(block: Block) -> Iterator[str]:
    match block:
        case ReportTable():
            yield markdown(block)
        case FoldedTable():
            yield markdown(block.table)
        case SvgChart():
            yield f"![{escape_markdown(block.caption)}]({CHARTS}/{block.name}.svg)"
            yield ""
            yield escape_markdown(block.caption)
        case ErrorMapGrid():
            yield f"![{escape_markdown(block.caption)}]({block.file})"
            yield ""
            yield escape_markdown(block.caption)
        case ClaimList():
            for claim in block.claims:
                yield from _markdown_claim(claim)
        case TextBlock():
            yield from _markdown_text(block)


def _markdown_claim(claim: Claim) -> Iterator[str]:
    yield f"- **{escape_markdown(claim.sentence)}**"
    for finding in claim.findings:
        yield f"  - {escape_markdown(finding.text)}"


def _markdown_text(text: TextBlock) -> Iterator[str]:
    if not text.heading:
        yield "\n\n".join(escape_markdown(line) for line in text.lines)
        return
    yield f"### {text.heading}"
    yield ""
    yield from (f"- {escape_markdown(line)}" for line in text.lines)
