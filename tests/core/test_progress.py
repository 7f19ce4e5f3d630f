"""Progress: bars where people look, lines elsewhere, nothing where it was not asked for."""

import json
import sys
import types
from typing import Any

import pytest

from landslip.core.progress import progress_bar


def test_lines_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("extract", "MPix", 1e6) as report:
        report(2e6, 4e6)
        report(4e6, 4e6)
    assert capsys.readouterr().err.splitlines()[-1].startswith("extract: 100 %, ")


def test_the_rate_is_of_what_was_done_since_the_first_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    with progress_bar("train", "steps") as report:
        report(500, 1000)  # a resumed run begins at its half
        report(600, 1000)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "train: 50 %"
    assert second == "train: 60 %, 2.50 steps/s, 2:40 left"


def test_messages_for_a_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANDSLIP_PROGRESS", "json")
    with progress_bar("extract", "MPix", 1e6) as report:
        report(1e6, 4e6)
        report(2e6, 4e6)  # too soon after the first
        report(4e6, 4e6)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        {"stage": "extract", "progress": 0.25},
        {"stage": "extract", "progress": 1.0},
    ]


@pytest.mark.parametrize("show", [False, None])
def test_nothing_where_it_was_not_asked_for(
    show: bool | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress_bar("extract", "MPix", show=show) as report:
        report(4, 4)
    assert capsys.readouterr() == ("", "")


def test_a_callable_is_called_itself() -> None:
    calls: list[tuple[float, float]] = []
    with progress_bar("x", "y", show=lambda done, total: calls.append((done, total))) as report:
        report(1, 2)
    assert calls == [(1, 2)]


def test_notebooks_get_one_element_that_is_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, bar: Any) -> None:
            shown.append(bar._repr_html_())

    def display(bar: Any, display_id: bool) -> Handle:
        assert display_id
        shown.append(bar._repr_html_())
        return Handle()

    module = types.ModuleType("IPython")
    module.get_ipython = object  # type: ignore[attr-defined]
    inner = types.ModuleType("IPython.display")
    inner.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", inner)
    with progress_bar("extract <b>", "MPix", show=None) as report:
        report(1, 2)
        report(2, 2)
    assert 'value="0.0000"' in shown[0]
    assert 'value="1.0000"' in shown[-1]
    assert "extract &lt;b&gt;: 100 %" in shown[-1]
