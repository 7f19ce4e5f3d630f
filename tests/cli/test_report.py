"""What ``landslip report`` says."""

from pathlib import Path

import pytest
import typer
from tests.reporting.inventory.factories import InventoryContents, write_inventory
from typer.testing import CliRunner, Result

from landslip.cli.report import report

APP = typer.Typer()
APP.command()(report)


def run(*words: object) -> Result:
    return CliRunner().invoke(APP, [str(word) for word in words])


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wanted = InventoryContents(landslides=3)
    return write_inventory(tmp_path_factory.mktemp("made") / "inventory", wanted)


def test_a_report_is_made_again_without_asking(inventory: Path) -> None:
    for _ in range(2):
        result = run(inventory)
        assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{inventory / 'report.html'}: ")
    assert (inventory / "report.html").stat().st_size > 10_000


def test_an_empty_inventory_is_a_warning(inventory: Path, tmp_path: Path) -> None:
    assert "warning" not in run(inventory).stderr
    empty = write_inventory(tmp_path / "empty", InventoryContents(landslides=0))
    result = run(empty)
    assert result.exit_code == 0
    assert "warning: the inventory has no landslides" in result.stderr


def test_a_report_can_be_chinese_and_elsewhere(inventory: Path, tmp_path: Path) -> None:
    out = tmp_path / "报告.html"
    assert run(inventory, "--lang", "zh", "--out", out).exit_code == 0
    assert "滑坡编目报告" in out.read_text("utf-8")
    again = run(inventory, "--out", out)
    assert again.exit_code == 2
    assert "pass --overwrite" in again.stderr
    assert run(inventory, "--out", out, "--overwrite").exit_code == 0


def test_what_is_no_inventory_is_told_in_a_sentence(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"landslip: {tmp_path}: neither an inventory nor histories")


def test_a_wrong_name_is_no_folder(tmp_path: Path) -> None:
    result = run(tmp_path / "absent")
    assert result.exit_code == 2
    assert result.stderr == f"landslip: {tmp_path / 'absent'}: no such folder; check the name\n"


def test_help_has_an_example() -> None:
    text = " ".join(run("--help").stdout.split())
    assert "landslip report INVENTORY --lang zh" in text
