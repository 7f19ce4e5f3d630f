"""Tables as data, and in Markdown."""

from landslip.reporting.experiment.table import Cell, Column, Row, Table, markdown, words

TABLE = Table(
    caption="Scores",
    columns=(
        Column(title="Method", number=False),
        Column(title="F1", group="ours", better="high"),
        Column(title="error", group="ours", better="low"),
        Column(title="F1", group="paper"),
    ),
    rows=(
        Row(group="A", cells=(words("one"), Cell(text="81", value=0.81), Cell(text="2", value=2.0),
                              words("80"))),
        Row(group="A", cells=(words("t|wo"), Cell(text="83", value=0.83, small="82 to 84"),
                              Cell(text="3", value=3.0), words(None))),
        Row(group="B", cells=(words("one"), Cell(text="70", value=0.7), Cell(text="1", value=1.0),
                              words("80"))),
    ),
    group_title="Data set",
    notes=("A note.",),
)  # fmt: skip


def test_the_best_is_marked_within_its_group_where_there_are_several() -> None:
    rows = TABLE.with_best().rows
    assert [[cell.best for cell in row.cells] for row in rows] == [
        [False, False, True, False],
        [False, True, False, False],
        [False, False, False, False],
    ]


def test_equal_bests_are_all_marked() -> None:
    column = Column(title="F1", better="high")
    row = Row(cells=(Cell(text="1", value=1.0),))
    table = Table(caption="Equal", columns=(column,), rows=(row, row)).with_best()
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
