"""The benchmark of light networks, in little."""

from pathlib import Path

import pytest

import light_networks


@pytest.mark.slow
def test_both_tables_are_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tables.md"
    monkeypatch.setattr("sys.argv", ["light_networks.py", "--tiny", "--out", str(out)])
    light_networks.main()
    text = out.read_text()
    assert text.strip() in capsys.readouterr().out
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    names, values = [row[0] for row in rows], {row[0]: row for row in rows}
    assert names == [
        "| encoder",
        "| test_resnet",
        "| test_resnet",
        "| network",
        "| fast",
        "| test_resnet",
    ]
    assert rows[1][4] == "1.00"
    assert values["| test_resnet"][3] == "1.00 |"
    assert "512 x 512 px, 4 bands" in text
