"""Writes the report of an experiment; page and Markdown have the same sections in order."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from landslip.core.files import atomic_directory
from landslip.core.messages import without_folders
from landslip.datasets.format import TileDataset
from landslip.experiments.paper import CITATION, checks
from landslip.experiments.results import Results, RunFacts
from landslip.metrics.bootstrap import FEW_GROUPS
from landslip.reporting.charts import SvgChart, svg_file
from landslip.reporting.experiment.claims import (
    claim_table,
    comparison_table,
    first_layer_rows,
    highest_rows,
    judge_claims,
    learning_rows,
    mean_mask_rows,
    other_network_rows,
    split_rows,
    transfer_rows,
)
from landslip.reporting.experiment.counting import counting_table
from landslip.reporting.experiment.error_maps import ErrorMapGrid, error_map_grids
from landslip.reporting.experiment.figures import (
    learning_chart,
    probability_chart,
    score_chart,
    split_chart,
    transfer_chart,
)
from landslip.reporting.experiment.paper_tables import (
    disagreement_table,
    encoder_table,
    methods_table,
    transfer_table,
)
from landslip.reporting.experiment.position import (
    baseline_lines,
    off_centre_lines,
    off_centre_table,
    prior_lines,
)
from landslip.reporting.experiment.runs import tile_clustering
from landslip.reporting.experiment.summary import RANDOM, ExperimentSummary
from landslip.reporting.experiment.tables import (
    area_table,
    cost_table,
    coverage_table,
    dataset_table,
    deviation_table,
    first_layer_table,
    learning_table,
    objects_table,
    probability_table,
    seeds_table,
    split_table,
    tuning_table,
)
from landslip.reporting.numbers import counted, duration, listing, whole
from landslip.reporting.page import render_page
from landslip.reporting.tables import ReportTable, escape_markdown, markdown

PAGE, MARKDOWN, CHARTS = "report.html", "report.md", "charts"
_SHOWN_FAILURES = 12
_FEW_SEEDS = 3
_GROUPS = {
    "groups": "{dataset}: intervals and tests are over {groups} groups of tiles, those of the data "
    "set; tiles without a group count as one each, or by blocks of ground.",
    "blocks": "{dataset}: intervals and tests are over {groups} blocks of ground of 4 x 4 tiles.",
    "tiles": "{dataset}: intervals and tests are over {groups} single tiles, as no groups of them "
    "are known. Where tiles of one place or one landslide are among them, intervals are too narrow "
    "and p too small.",
    None: "{dataset}: intervals and tests are over {groups} tiles, as if each were independent: "
    "these results do not state groups.",
}
_NEIGHBOURS = (
    "Tiles drawn at random are next to tiles of the other side: they share terrain, landslides, "
    "light and haze, and a network is tested on what it has half seen. Where tiles are kept apart "
    "it is tested on new terrain, as in mapping a new scene; expect the lower score there. Where "
    "the two splits test different tiles, part of the difference may be harder terrain."
)
_TRANSFER_NOTE = (
    "How much of a loss is due to the model and how much to harder terrain cannot be separated "
    "without a model trained there."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBlock:
    """A paragraph, or a list of sentences under a heading."""

    lines: tuple[str, ...]
    heading: str = ""


Block = TextBlock | ReportTable | SvgChart | ErrorMapGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSection:
    """A section with its parts; ``anchor`` is its name in links."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


def write_report(results: Results, datasets: Mapping[str, TileDataset], folder: Path) -> None:
    """Write the report of an experiment into its folder.

    Writes ``report.html``, ``report.md``, ``charts/*.svg`` and ``figure6_DATASET.png``; those of
    an earlier report are replaced, and all else in the folder is left alone.

    Args:
        results: of the experiment.
        datasets: opened tiles by data set, for the error maps; those missing have none.
        folder: of the experiment, with ``cells/SLUG/predictions.npz``.
    """
    summary = ExperimentSummary(results)
    grids = tuple(error_map_grids(summary, datasets, folder))
    sections = report_sections(summary, grids)
    config = yaml.safe_dump(results.config, sort_keys=False, allow_unicode=True).strip()
    config = "\n".join(map(without_folders, config.splitlines()))
    page = render_page("experiment.html.j2", results=results, sections=sections, config=config)
    with atomic_directory(folder, overwrite=True) as stage:
        (stage / PAGE).write_text(page, encoding="utf-8")
        text = markdown_report(results, sections, config)
        (stage / MARKDOWN).write_text(text, encoding="utf-8")
        (stage / CHARTS).mkdir()
        for section in sections:
            for block in section.blocks:
                if isinstance(block, SvgChart):
                    file = stage / CHARTS / f"{block.name}.svg"
                    file.write_text(svg_file(block.svg), encoding="utf-8")
        for grid in grids:
            grid.write(stage)


def report_sections(
    summary: ExperimentSummary, grids: tuple[ErrorMapGrid, ...]
) -> list[ReportSection]:
    """Return the sections that have something to show."""
    sections: tuple[tuple[str, str, Iterable[Block | None]], ...] = (
        ("summary", "In short", _in_short(summary)),
        ("objects", "Pixels, and landslides as objects", _scores(summary)),
        ("tables", "The paper's other tables, run again", _paper_tables(summary)),
        ("place", "Position prior", _position(summary)),
        ("counting", "Ways of counting", _by_split(summary, counting_table)),
        ("comparisons", "Other comparisons", _other_comparisons(summary)),
        ("splits-compared", "Random tiles and tiles kept apart", _splits(summary)),
        ("few-tiles", "Few training tiles", _learning(summary)),
        ("elsewhere", "On another data set", _transfers(summary)),
        ("pictures", "Error maps", grids),
        ("probabilities", "Probabilities", _probabilities(summary)),
        ("area", "Area", _by_split(summary, area_table)),
        ("seeds", "Seeds", _by_split(summary, seeds_table) if len(summary.seeds) > 1 else ()),
        ("run", "What was run", (coverage_table(summary), cost_table(summary))),
        ("data", "Data sets and splits", (dataset_table(summary), split_table(summary))),
        ("deviations", "Deviations from the paper", (deviation_table(summary),)),
        ("printed", "The paper's own figures", _printed()),
    )
    return [
        ReportSection(anchor=anchor, title=title, blocks=filled)
        for anchor, title, blocks in sections
        if (filled := tuple(block for block in blocks if block is not None))
    ]


def _in_short(summary: ExperimentSummary) -> Iterator[Block | None]:
    results = summary.results
    done = [run for run in results.cells if run.state == "done"]
    trained = duration(sum(run.train_seconds or 0 for run in done))
    failed = f" and {len(summary.failed)} failed" if summary.failed else ""
    methods = counted(len(summary.trained_methods), "method")
    counts = (
        f"{counted(len(results.datasets), 'data set')}, {methods}, "
        f"{counted(len(summary.seeds), 'seed')}: {counted(len(done), 'run')} done{failed}; "
        f"training took {trained} in all, on {results.machine}."
    )
    yield TextBlock(lines=tuple(line for line in (results.description, counts) if line))
    if summary.failed:
        lines = [_failure(summary, run) for run in summary.failed[:_SHOWN_FAILURES]]
        more = len(summary.failed) - _SHOWN_FAILURES
        if more > 0:
            lines.append(f"And {more} more.")
        yield TextBlock(heading="Failed", lines=tuple(lines))
    if not summary.runs:
        yield TextBlock(lines=("No run was finished, so that there are no results.",))
        return
    claims = judge_claims(summary)
    groups = [(claim.rule.claim, claim.comparisons) for claim in claims]
    comparisons = comparison_table("Comparisons behind the verdicts", groups)
    if comparisons is None:
        untested = "No comparison of these runs tests one of them."
        yield TextBlock(heading="The paper's claims", lines=(untested,))
    else:
        yield claim_table(claims)
        yield replace(comparisons, folded=comparisons.caption)
    place = (*baseline_lines(summary), *off_centre_lines(summary))
    if place:
        yield TextBlock(heading="The place in the tile", lines=place)
    yield TextBlock(heading="Limits", lines=tuple(_limits(summary)))


def _failure(summary: ExperimentSummary, run: RunFacts) -> str:
    key = run.key
    parts = [f"split {key.split}", f"fold {key.fold}", f"seed {key.seed}"]
    if key.train_tiles is not None:
        parts.append(f"{key.train_tiles} training tiles")
    if key.target is not None:
        parts.append(f"on {summary.title(key.target)}, fine-tuned on {key.tune_tiles} tiles")
    name = f"{summary.label(key.method)} on {summary.title(key.dataset)}"
    problem = without_folders(run.problem) if run.problem else "no reason was recorded"
    return f"{name} ({', '.join(parts)}) failed: {problem}."


def _limits(summary: ExperimentSummary) -> Iterator[str]:
    """Yield what limits the comparisons."""
    runs = summary.runs.values()
    seeds = max(len(run.seeds) for run in runs)
    spread = "unknown" if seeds == 1 else "known only roughly"
    yield (
        f"Scores are means over {counted(seeds, 'seed')}. Intervals and tests are over test tiles "
        "and hold for these trained networks"
        + (f"; the spread between trainings is {spread}." if seeds < _FEW_SEEDS else ".")
    )
    tested = defaultdict(list)
    for run in runs:
        tested[run.key.target or run.key.dataset].append(run)
    for dataset, those in sorted(tested.items()):
        kind = summary.results.datasets[dataset].tile_groups
        numbers = sorted({len(set(run.groups)) for run in those})
        text = _GROUPS[kind].format(
            dataset=summary.title(dataset), groups=listing([whole(number) for number in numbers])
        )
        alike = tile_clustering(those)
        if alike is not None:
            text = (
                f"{text} Landslide fraction of their tiles: intraclass correlation "
                f"{alike.intraclass_correlation:.2f}, design effect {alike.design_effect:.1f}."
            )
        yield text
        if numbers[0] < FEW_GROUPS:
            yield (
                f"Only {counted(numbers[0], 'group')} of test tiles of {summary.title(dataset)}: "
                "intervals from so few are rough, and tend to be too narrow."
            )
    for facts in summary.results.splits:
        for leak in summary.leaks(facts.dataset, facts.split)[:1]:
            yield f"{summary.place_title((facts.dataset, facts.split))}: {leak}."
    chosen = [
        run
        for pooled in runs
        if pooled.key.target is None
        for run in pooled.all_runs
        if run.epoch and run.validated_on
    ]
    last = sum(run.epoch == run.epochs for run in chosen)
    if 2 * last > len(chosen):
        yield (
            f"In {last} of {len(chosen)} trainings the last epoch was the best: longer training "
            "might have scored higher."
        )


def _scores(summary: ExperimentSummary) -> Iterator[Block | None]:
    yield from _by_split(summary, methods_table)
    yield from _by_split(summary, objects_table)
    for split in summary.splits:
        yield score_chart(summary, split, "average_precision")
        yield score_chart(summary, split, "f1")


def _paper_tables(summary: ExperimentSummary) -> Iterator[Block | None]:
    for split in summary.splits:
        yield transfer_table(summary, split)
        yield encoder_table(summary, split)


def _position(summary: ExperimentSummary) -> Iterator[Block | None]:
    lines = tuple(prior_lines(summary))
    if lines:
        yield TextBlock(lines=lines)
    groups = [("Above the mean mask", mean_mask_rows(summary))]
    yield comparison_table("Each method against the mean mask of its training tiles", groups)
    yield from _by_split(summary, off_centre_table)


def _other_comparisons(summary: ExperimentSummary) -> Iterator[Block | None]:
    groups = [
        ("The highest F1, which is selected after the fact", highest_rows(summary)),
        ("Networks beyond the paper's", other_network_rows(summary)),
        ("Initialisation of the fourth band's filters", first_layer_rows(summary)),
    ]
    yield comparison_table("Comparisons beyond the paper's claims", groups)
    yield first_layer_table(summary)


def _splits(summary: ExperimentSummary) -> Iterator[Block | None]:
    chart = split_chart(summary)
    if chart is not None:
        yield TextBlock(lines=(_NEIGHBOURS,))
        yield chart
        groups = [("Random split and tiles kept apart", split_rows(summary))]
        yield comparison_table("F1 under a random split and under others", groups)


def _learning(summary: ExperimentSummary) -> Iterator[Block | None]:
    for place in summary.learning_places:
        title = summary.place_title(place)
        yield learning_chart(summary, *place)
        yield learning_table(summary, *place)
        groups = [(title, learning_rows(summary, place))]
        yield comparison_table(f"Gain of transfer by number of training tiles, {title}", groups)


def _transfers(summary: ExperimentSummary) -> Iterator[Block | None]:
    for transfer in summary.transfers:
        source, _, target = transfer
        title = f"From {summary.title(source)} to {summary.title(target)}"
        yield transfer_chart(summary, *transfer)
        yield tuning_table(summary, *transfer)
        groups = [(title, transfer_rows(summary, *transfer))]
        yield comparison_table(f"{title}: loss and gain by fine-tuning", groups, _TRANSFER_NOTE)


def _probabilities(summary: ExperimentSummary) -> Iterator[Block]:
    apart = [place for place in summary.places if summary.split_method(*place) != RANDOM]
    for place in apart or summary.places:
        yield probability_chart(summary, *place)
    yield from _by_split(summary, probability_table)


def _by_split(
    summary: ExperimentSummary, make: Callable[[ExperimentSummary, str], ReportTable | None]
) -> Iterator[ReportTable]:
    """Yield a table a split; those of random splits are folded where there are others."""
    methods = {
        split: {summary.split_method(dataset, split) for dataset in datasets}
        for split, datasets in summary.splits.items()
    }
    has_others = any(RANDOM not in kinds for kinds in methods.values())
    for split, kinds in methods.items():
        table = make(summary, split)
        if table is not None and has_others and RANDOM in kinds:
            table = replace(table, folded=f"The same with split {split}")
        if table is not None:
            yield table


def _printed() -> tuple[Block, ...]:
    lead = (
        f"The paper: {CITATION}. Each of {len(checks())} printed F1s and gains was computed again "
        "from the other printed figures, taking every one as rounded. Those below contradict each "
        "other; this report shows all of them as printed."
    )
    agreeing = (check for check in checks() if check.agrees and "F1 over SVM" in check.what)
    lines = tuple(check.sentence for check in agreeing)
    return TextBlock(lines=(lead,)), disagreement_table(), TextBlock(lines=lines)


def markdown_report(results: Results, sections: list[ReportSection], config: str) -> str:
    """Return the report in Markdown; charts and images are files beside it."""
    commit = f", commit {results.commit[:12]}" if results.commit else ""
    made = f"landslip {results.code_version}{commit}, {results.created}"
    lines = [f"# {escape_markdown(results.name)}", "", made, ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        for block in section.blocks:
            lines += [_markdown_block(block), ""]
    versions = ", ".join(f"{name} {version}" for name, version in results.packages.items())
    lines += ["## How it was made", "", f"{versions}.", "", "```yaml", config, "```"]
    return "\n".join(lines) + "\n"


def _markdown_block(block: Block) -> str:
    if isinstance(block, ReportTable):
        return markdown(block)
    if isinstance(block, SvgChart | ErrorMapGrid):
        file = f"{CHARTS}/{block.name}.svg" if isinstance(block, SvgChart) else block.file
        caption = escape_markdown(block.caption)
        return f"![{caption}]({file})\n\n{caption}"
    lines = [escape_markdown(line) for line in block.lines]
    if not block.heading:
        return "\n\n".join(lines)
    return "\n".join([f"### {block.heading}", "", *(f"- {line}" for line in lines)])
