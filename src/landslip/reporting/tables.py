"""A table as data; pages render it with one template, `markdown` writes it as text."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from landslip.reporting import numbers

Better = Literal["", "high", "low"]
Tone = Literal["", "good", "bad", "open"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCell:
    """A cell of a table.

    Attributes:
        small: shown under the text in small print, e.g. an interval.
        value: the number that `ReportTable.with_best` compares.
        best: it is the best of its group and column.
        tone: colour of a verdict.
    """

    text: str
    small: str = ""
    value: float | None = None
    best: bool = False
    tone: Tone = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """A column; neighbours of one ``group`` share a heading.

    Attributes:
        number: cells hold numbers and are aligned right.
        better: which values `ReportTable.with_best` marks.
        quiet: values from elsewhere, set in grey.
    """

    title: str
    group: str = ""
    number: bool = True
    better: Better = ""
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A row; consecutive rows of one group share a heading."""

    cells: tuple[TableCell, ...]
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable:
    """A table with its caption.

    Attributes:
        group_title: title of the rows' groups, which are a column in Markdown.
        notes: sentences under the table.
        folded: the page shows it when its title, this, is clicked.
    """

    caption: str
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    group_title: str = ""
    notes: tuple[str, ...] = ()
    folded: str = ""

    @property
    def column_groups(self) -> list[tuple[str, int]]:
        """The headings over the columns and how many columns each spans; empty without any."""
        if not any(column.group for column in self.columns):
            return []
        spans = groupby(self.columns, key=lambda column: column.group)
        return [(name, len(list(columns))) for name, columns in spans]

    @property
    def row_groups(self) -> list[tuple[str, list[TableRow]]]:
        """Rows by group, in order."""
        return [(name, list(rows)) for name, rows in groupby(self.rows, key=lambda row: row.group)]

    def unless_empty(self) -> "ReportTable | None":
        """Return the table; None without rows."""
        return self if self.rows else None

    def with_notes(self, *notes: str) -> "ReportTable":
        """Return a copy with further notes."""
        return replace(self, notes=(*self.notes, *notes))

    def with_best(self) -> "ReportTable":
        """Return a copy that marks the best value of each group and column.

        Nothing is marked where a group has a single value.
        """
        rows: list[TableRow] = []
        for _, group in self.row_groups:
            best: list[float | None] = []
            by_column = zip(*(row.cells for row in group), strict=True)
            for column, cells in zip(self.columns, by_column, strict=True):
                values = [cell.value for cell in cells if cell.value is not None]
                choose = max if column.better == "high" else min
                best.append(choose(values) if column.better and len(values) > 1 else None)
            for row in group:
                marked = tuple(
                    replace(cell, best=True) if top is not None and cell.value == top else cell
                    for cell, top in zip(row.cells, best, strict=True)
                )
                rows.append(replace(row, cells=marked))
        return replace(self, rows=tuple(rows))


def text_columns(*titles: str) -> tuple[TableColumn, ...]:
    """Return columns of text."""
    return tuple(TableColumn(title=title, number=False) for title in titles)


def number_columns(
    *titles: str, group: str = "", better: Better = "", quiet: bool = False
) -> tuple[TableColumn, ...]:
    """Return columns of numbers that share all but their title."""
    return tuple(
        TableColumn(title=title, group=group, better=better, quiet=quiet) for title in titles
    )


def text_cell(text: str | None) -> TableCell:
    """Return a cell of text, or of a dash where there is none."""
    return TableCell(text=text or numbers.EMPTY)


def percent_cell(fraction: float | None, decimals: int = 1) -> TableCell:
    """Return a cell of a fraction in percent."""
    return TableCell(text=numbers.percentage(fraction, decimals), value=fraction)


def number_cell(value: float | None, decimals: int = 1) -> TableCell:
    """Return a cell of a number."""
    return TableCell(text=numbers.fixed(value, decimals), value=value)


def markdown(table: ReportTable) -> str:
    """Return a table in Markdown, its caption above and its notes below."""
    grouped = any(row.group for row in table.rows)
    titles = [
        f"{column.group}: {column.title}" if column.group else column.title
        for column in table.columns
    ]
    sides = ["---:" if column.number else "---" for column in table.columns]
    if grouped:
        titles.insert(0, table.group_title)
        sides.insert(0, "---")
    lines = [f"**{escape_markdown(table.caption)}**", ""]
    lines += [_line(map(escape_markdown, titles)), _line(sides)]
    for row in table.rows:
        group = [escape_markdown(row.group)] if grouped else []
        lines.append(_line([*group, *map(_markdown_cell, row.cells)]))
    for note in table.notes:
        lines += ["", escape_markdown(note)]
    return "\n".join(lines)


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
