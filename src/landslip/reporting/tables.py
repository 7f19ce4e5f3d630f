"""A table as data, for the page and for Markdown alike."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from landslip.reporting.numbers import EMPTY, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCell:
    """What stands in one place of a table.

    Attributes:
        small: what stands under it in small print, e.g. an interval.
        value: what the best of a column is found by.
        best: it is the best of its group and column.
    """

    text: str
    small: str = ""
    value: float | None = None
    best: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """A column; ``group`` stands over neighbours of the same group.

    Attributes:
        number: its cells are figures, set to the right.
        better: which values are marked as best.
        quiet: what comes from elsewhere, set in grey.
    """

    title: str
    group: str = ""
    number: bool = True
    better: str = ""
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A row; rows of one group stand together under its name."""

    cells: tuple[TableCell, ...]
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable:
    """A table with its caption.

    Attributes:
        group_title: what the groups of rows are, as a column's title in Markdown.
        notes: sentences under the table.
    """

    caption: str
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    group_title: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def column_groups(self) -> list[tuple[str, int]]:
        """The names over the columns and how many columns each spans; empty if there are none."""
        if not any(column.group for column in self.columns):
            return []
        spans = groupby(self.columns, key=lambda column: column.group)
        return [(name, len(list(columns))) for name, columns in spans]

    @property
    def row_groups(self) -> list[tuple[str, list[TableRow]]]:
        """Rows by group, in order."""
        return [(name, list(rows)) for name, rows in groupby(self.rows, key=lambda row: row.group)]

    def with_best(self) -> "ReportTable":
        """Return the same with the best value of each group and column marked.

        Nothing is marked where a group has one value only.
        """
        rows: list[TableRow] = []
        for _, group in self.row_groups:
            best = [_best(column, at, group) for at, column in enumerate(self.columns)]
            rows += [_marked(row, best) for row in group]
        return ReportTable(
            caption=self.caption,
            columns=self.columns,
            rows=tuple(rows),
            group_title=self.group_title,
            notes=self.notes,
        )


def text_cell(text: str | None) -> TableCell:
    """Return a cell of text, or of a dash."""
    return TableCell(text=text or EMPTY)


def percent_cell(value: float | None, digits: int = 1) -> TableCell:
    """Return a cell of a fraction in percent."""
    return TableCell(text=percent(value, digits), value=value)


def number_cell(value: float | None, digits: int = 1) -> TableCell:
    """Return a cell of a number with thousands separated."""
    return TableCell(text=EMPTY if value is None else f"{value:,.{digits}f}", value=value)


def markdown(table: ReportTable) -> str:
    """Return a table in Markdown, its caption over it and its notes under it."""
    grouped = any(row.group for row in table.rows)
    titles = [
        f"{column.group}: {column.title}" if column.group else column.title
        for column in table.columns
    ]
    sides = ["---:" if column.number else "---" for column in table.columns]
    if grouped:
        titles.insert(0, table.group_title)
        sides.insert(0, "---")
    lines = [
        f"**{escape_markdown(table.caption)}**",
        "",
        _line(map(escape_markdown, titles)),
        _line(sides),
    ]
    for row in table.rows:
        before = [escape_markdown(row.group)] if grouped else []
        lines.append(_line([*before, *map(_markdown_cell, row.cells)]))
    return "\n".join([*lines, *_note_lines(table)])


def _note_lines(table: ReportTable) -> Iterator[str]:
    for note in table.notes:
        yield ""
        yield escape_markdown(note)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: TableCell) -> str:
    text = escape_markdown(cell.text)
    text = f"**{text}**" if cell.best else text
    return f"{text} ({escape_markdown(cell.small)})" if cell.small else text


def escape_markdown(text: str) -> str:
    """Return text without the marks that would end a cell or begin a style."""
    for mark in ("\\", "|", "*", "_", "<", "`"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def _best(column: TableColumn, at: int, rows: list[TableRow]) -> float | None:
    values = [row.cells[at].value for row in rows]
    known = [value for value in values if value is not None]
    if not column.better or len(known) < 2:
        return None
    return max(known) if column.better == "high" else min(known)


def _marked(row: TableRow, best: list[float | None]) -> TableRow:
    cells = tuple(
        TableCell(text=cell.text, small=cell.small, value=cell.value, best=True)
        if top is not None and cell.value == top
        else cell
        for cell, top in zip(row.cells, best, strict=True)
    )
    return TableRow(cells=cells, group=row.group)
