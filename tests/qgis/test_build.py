"""The plugin's zip, and that it says what the commands say; without QGIS."""

import ast
import configparser
import io
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flake8_qgis.flake8_qgis import Plugin
from tests.qgis.plugin_modules import BUILD, PLUGIN, ROOT, plugin_module

import landslip

SOURCES = sorted(PLUGIN.rglob("*.py"))
TOOLS = plugin_module("tools").TOOLS
COMMANDS = plugin_module("commands").read_commands()
# enumerations whose members have other names in newer versions of QGIS; the class has the old ones
RENAMED_MEMBERS = {
    "QgsProcessing.SourceType",
    "QgsProcessingParameterDateTime.Type",
    "QgsProcessingParameterDefinition.Flag",
    "QgsProcessingParameterFile.Behavior",
    "QgsProcessingParameterNumber.Type",
    "QgsRasterLayerTemporalProperties.TemporalMode",
}


def by_command(tool: Any) -> str:
    return str(tool.command)


def test_the_descriptions_are_those_of_the_commands() -> None:
    stated = (PLUGIN / "commands.json").read_text(encoding="utf-8")
    assert stated == BUILD.commands_text(), "a command has changed: run make qgis-plugin"


@pytest.mark.parametrize("tool", TOOLS, ids=by_command)
def test_every_option_has_a_widget_or_a_reason(tool: Any) -> None:
    options = set(COMMANDS[tool.command].parameters)
    assert not set(tool.widgets) & set(tool.left_out)
    assert set(tool.widgets) | set(tool.left_out) == options
    assert all(tool.left_out.values())


@pytest.mark.parametrize("tool", TOOLS, ids=by_command)
def test_widgets_fit_the_values_of_options(tool: Any) -> None:
    for name, option in COMMANDS[tool.command].parameters.items():
        for widget in tool.widgets_of(name):
            if option.type == "path" or option.several:
                assert widget.kind, f"{name}: a text box for paths or several values"
            if option.type == "boolean" and option.default:
                assert option.opposite, f"{name}: cannot be switched off"
            if widget.parent:
                assert widget.parent.lower() in tool.widgets
            if widget.layer_option:
                assert widget.layer_option in tool.left_out
    names = [f"{name}{widget.suffix}" for name in tool.widgets for widget in tool.widgets_of(name)]
    assert len(names) == len(set(names))
    assert "out" in names


def texts_in_code() -> set[str]:
    """Return the constants that are translated: in texts(...) and the tables of the set-up."""
    found: set[str] = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func
                name = getattr(called, "attr", getattr(called, "id", ""))
                if name in ("texts", "_texts") and isinstance(node.args[0], ast.Constant):
                    found.add(str(node.args[0].value))
            if path.name == "setup_algorithm.py" and isinstance(node, ast.Assign):
                name = getattr(node.targets[0], "id", "")
                if name in ("SUMMARY", "DESCRIPTION", "HELP", "LABELS"):
                    parts = [one for one in ast.walk(node.value) if isinstance(one, ast.Constant)]
                    found.update(str(one.value) for one in parts)
    return found


def texts_of_tools() -> set[str]:
    found = set()
    for tool in TOOLS:
        command = COMMANDS[tool.command]
        found |= {tool.label, tool.group, command.summary, *command.description}
        found |= {one.label for one in (*tool.results, *tool.figures)}
        for name in tool.widgets:
            found |= {command.parameters[name].help}
            found |= {widget.label for widget in tool.widgets_of(name)}
    return found


def test_everything_that_is_shown_is_in_chinese_too() -> None:
    catalogue = plugin_module("texts").read_catalogue()
    used = texts_of_tools() | texts_in_code()
    environment = (PLUGIN / "environment.py").read_text(encoding="utf-8")
    assert "landslip is not installed yet" in environment
    states = {"vegetated", "fresh", "recovering", "recovered", "unknown", "declining", "bare"}
    assert sorted(used - set(catalogue)) == []
    rest = set(catalogue) - used - states
    assert [text for text in rest if not text.startswith("landslip is not installed yet")] == []
    marks = [name for name in catalogue if "{" in name]
    assert all(name[name.index("{") : name.index("}")] in catalogue[name] for name in marks)


def test_the_zip_is_what_qgis_installs() -> None:
    content = BUILD.plugin_zip()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        metadata = configparser.ConfigParser(interpolation=None)
        metadata.read_string(archive.read("landslip/metadata.txt").decode())
        licence = archive.read("landslip/LICENSE").decode()
    assert {Path(name).parts[0] for name in names} == {"landslip"}
    assert {Path(name).suffix for name in names} <= {".py", ".json", ".svg", ".txt", ""}
    assert {"landslip/__init__.py", "landslip/commands.json", "landslip/icon.svg"} <= set(names)
    general = metadata["general"]
    assert general["version"] == landslip.__version__
    assert general["qgisMinimumVersion"] == "3.22"
    assert general["hasProcessingProvider"] == "yes"
    assert general["license"] == "GPL-2.0-or-later"
    assert "GNU GENERAL PUBLIC LICENSE" in licence
    assert BUILD.plugin_zip() == content


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.docx").write_bytes(b"")
    monkeypatch.setattr(BUILD, "PLUGIN", tmp_path)
    with pytest.raises(ValueError, match=r"notes\.docx: not a file of the plugin"):
        BUILD.plugin_files()


def test_plugin_and_package_do_not_import_each_other() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert all(one.name.split(".")[0] != "landslip" for one in node.names), path
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert str(node.module).split(".")[0] != "landslip", path
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "import qgis" not in text, path
        assert "from qgis" not in text, path
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert wheel["targets"]["wheel"]["packages"] == ["src/landslip"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_code_is_of_qt_5_and_6(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "PyQt5" not in text
    assert "PyQt6" not in text
    assert ".exec_(" not in text
    tree = ast.parse(text, feature_version=(3, 9))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.value.id != "Qt", "Qt's enumerations are other ones in Qt 6"
            assert f"{node.value.id}.{node.attr}" not in RENAMED_MEMBERS, ast.unparse(node)
    assert qt_problems(text) == []


def qt_problems(text: str) -> list[str]:
    """Return what is of one version of Qt only: imports, `exec_`, and all that Qt 6 changed."""
    rules = ("QGS103", "QGS104", "QGS107", "QGS4")
    found = (problem for _, _, problem, _ in Plugin(ast.parse(text)).run())
    return [problem for problem in found if problem.startswith(rules)]


@pytest.mark.parametrize(
    ("spelling", "rule"),
    [
        ("from PyQt5.QtCore import QDate", "QGS103"),
        ("dialog.exec_()", "QGS107"),
        ("from qgis.PyQt.QtCore import QVariant\nQgsField('a', QVariant.Int)", "QGS402"),
        ("from qgis.PyQt.QtCore import Qt\nQt.MidButton", "QGS403"),
        ("from qgis.PyQt.QtCore import QRegExp", "QGS406"),
    ],
)
def test_spellings_of_qt_5_are_found(spelling: str, rule: str) -> None:
    assert [problem.partition(" ")[0] for problem in qt_problems(spelling)] == [rule]
