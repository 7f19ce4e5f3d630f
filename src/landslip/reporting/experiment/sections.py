"""The report's sections in order; the page and the Markdown are made from the same ones."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from landslip.experiments.paper import CITATION, checks
from landslip.reporting.experiment.charts import (
    Chart,
    f1_chart,
    learning_chart,
    route_chart,
    split_chart,
)
from landslip.reporting.experiment.claims import Claim, Outcome
from landslip.reporting.experiment.figure import Grid
from landslip.reporting.experiment.findings import findings
from landslip.reporting.experiment.limits import budget, failures, limits
from landslip.reporting.experiment.paper_tables import (
    disagreement_table,
    encoder_table,
    methods_table,
    transfer_table,
)
from landslip.reporting.experiment.probability_chart import curves_chart
from landslip.reporting.experiment.setting_tables import cost_table, dataset_table, split_table
from landslip.reporting.experiment.summary import RANDOM, Summary
from landslip.reporting.experiment.table import Table
from landslip.reporting.experiment.tables import (
    area_table,
    curve_table,
    first_layer_table,
    objects_table,
    probability_table,
    route_table,
    seeds_table,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A paragraph, or a list of sentences under a heading of its own."""

    lines: tuple[str, ...]
    heading: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What becomes of claims."""

    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A table that is opened by a click."""

    title: str
    table: Table


MakeTable = Callable[[Summary, str], Table | None]
Block = Text | Folded | Claims | Table | Chart | Grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
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


def sections(summary: Summary, grids: tuple[Grid, ...]) -> list[Section]:
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


def _section(anchor: str, title: str, blocks: Iterable[Block]) -> Section:
    return Section(anchor=anchor, title=title, blocks=tuple(blocks))


def _given(*blocks: Block | None) -> Iterator[Block]:
    return (block for block in blocks if block is not None)


def _in_short(summary: Summary) -> Iterator[Block]:
    yield Text(lines=tuple(part for part in (summary.results.description, budget(summary)) if part))
    if summary.failed:
        yield Text(heading="Failed", lines=tuple(failures(summary)))
    if not summary.runs:
        yield Text(lines=("No cell was finished, so that nothing was found.",))
        return
    claims = findings(summary)
    tested = [claim for claim in claims if claim.outcome is not Outcome.UNTESTED]
    yield Text(lines=(_RULE,))
    yield Claims(claims=tuple(tested))
    untested = [claim.title for claim in claims if claim.outcome is Outcome.UNTESTED]
    if untested:
        yield Text(heading="Not tested in this experiment", lines=tuple(untested))
    yield Text(heading="What limits this", lines=tuple(limits(summary)))


def _paper_tables(summary: Summary) -> Iterator[Block]:
    for split in summary.splits:
        yield f1_chart(summary, split)
        for table in (methods_table, transfer_table, encoder_table):
            yield from _given(table(summary, split))


def _splits(summary: Summary) -> Iterator[Block]:
    chart = split_chart(summary)
    if chart is not None:
        yield Text(lines=(_NEIGHBOURS,))
        yield chart


def _few_tiles(summary: Summary) -> Iterator[Block]:
    for place in summary.curve_places:
        yield learning_chart(summary, *place)
        yield curve_table(summary, *place)


def _elsewhere(summary: Summary) -> Iterator[Block]:
    for route in summary.routes:
        yield route_chart(summary, *route)
        yield route_table(summary, *route)


def _probabilities(summary: Summary) -> Iterator[Block]:
    apart = [place for place in summary.places if summary.split_method(*place) != RANDOM]
    for place in apart or summary.places:
        yield curves_chart(summary, *place)
    yield from _by_split(summary, probability_table)


def _seeds(summary: Summary) -> Iterator[Block]:
    if len(summary.seeds) > 1:
        yield from _by_split(summary, seeds_table)


def _by_split(summary: Summary, make: MakeTable) -> Iterator[Block]:
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
            yield Folded(title=f"The same with split {split}", table=table) if folded else table


def _printed() -> Iterator[Block]:
    lead = (
        f"The paper: {CITATION}. Each of {len(checks())} printed F1 and gains was computed again "
        "from the other printed figures, every one of them free to lie anywhere in what rounds to "
        "it. Those below cannot be right together; everywhere in this report they stand as printed."
    )
    yield Text(lines=(lead,))
    yield disagreement_table()
    agreeing = (check for check in checks() if check.agrees and "F1 over SVM" in check.what)
    yield Text(lines=tuple(check.sentence for check in agreeing))
