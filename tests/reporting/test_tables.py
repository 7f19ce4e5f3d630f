"""Tables as data, and in Markdown."""

from landslip.reporting.tables import (
    ReportTable,
    TableCell,
    TableColumn,
    TableRow,
    markdown,
    text_cell,
)


def scored(f1: float, error: float, small: str = "") -> tuple[TableCell, TableCell]:
    return (
        TableCell(text=f"{100 * f1:.0f}", value=f1, small=small),
        TableCell(text=f"{error:.0f}", value=error),
    )


TABLE = ReportTable(
    caption="Scores",
    columns=(
        TableColumn(title="Method", number=False),
        TableColumn(title="F1", group="ours", better="high"),
        TableColumn(title="error", group="ours", better="low"),
        TableColumn(title="F1", group="paper"),
    ),
    rows=(
        TableRow(group="A", cells=(text_cell("one"), *scored(0.81, 2), text_cell("80"))),
        TableRow(
            group="A", cells=(text_cell("t|wo"), *scored(0.83, 3, "82 to 84"), text_cell(None))
        ),
        TableRow(group="B", cells=(text_cell("one"), *scored(0.7, 1), text_cell("80"))),
    ),
    group_title="Data set",
    notes=("A note.",),
)


def test_the_best_is_marked_within_its_group_where_there_are_several() -> None:
    rows = TABLE.with_best().rows
    assert [[cell.best for cell in row.cells] for row in rows] == [
        [False, False, True, False],
        [False, True, False, False],
        [False, False, False, False],
    ]


def test_equal_bests_are_all_marked() -> None:
    column = TableColumn(title="F1", better="high")
    row = TableRow(cells=(TableCell(text="1", value=1.0),))
    table = ReportTable(caption="Equal", columns=(column,), rows=(row, row)).with_best()
    assert [row.cells[0].best for row in table.rows] == [True, True]


def test_markdown() -> None:
    assert markdown(TABLE.with_best()).splitlines() == [
        "**Scores**",
        "",
        "| Data set | Method | ours: F1 | ours: error | paper: F1 |",
        "| --- | --- | ---: | ---: | ---: |",
        "| A | one | 81 | **2** | 80 |",
        "| A | t\\|wo | **83** (82 to 84) | 3 | – |",
        "| B | one | 70 | 1 | 80 |",
        "",
        "A note.",
    ]


def test_groups_of_columns_and_rows() -> None:
    assert TABLE.column_groups == [("", 1), ("ours", 2), ("paper", 1)]
    assert [(name, len(rows)) for name, rows in TABLE.row_groups] == [("A", 2), ("B", 1)]
