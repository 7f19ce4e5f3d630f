"""Where the plugin finds landslip, and that its own environment is whole or not there."""

import sys
import tomllib
from pathlib import Path

import pytest
from tests.qgis.plugin_modules import ROOT, plugin_module

environment = plugin_module("environment")
interpreters = plugin_module("interpreters")
process = plugin_module("process")


def virtual_environment(folder: Path, *, ready: bool = True) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python3").symlink_to(sys.executable)
    if ready:
        (folder / "ready.json").write_text("{}")
    return folder


def test_the_oldest_python_is_that_of_the_package() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert stated == ">=" + ".".join(map(str, interpreters.MIN_PYTHON))


def test_the_newest_complete_environment_is_used(tmp_path: Path) -> None:
    private = environment.PrivateEnvironment(tmp_path)
    with pytest.raises(interpreters.SetupError, match="run `Set up landslip`"):
        environment.find_command("", private)
    virtual_environment(tmp_path / "environment-2")
    virtual_environment(tmp_path / "environment-10")
    virtual_environment(tmp_path / "environment-11", ready=False)
    python = str(tmp_path / "environment-10" / "bin" / "python3")
    assert environment.find_command(" ", private) == [python, "-m", "landslip"]


def test_what_users_may_name(tmp_path: Path) -> None:
    private = environment.PrivateEnvironment(tmp_path / "none")
    folder = virtual_environment(tmp_path / "own")
    program = tmp_path / "landslip"
    program.touch()
    python = str(folder / "bin" / "python3")
    for named in (folder, python):
        assert environment.find_command(str(named), private) == [python, "-m", "landslip"]
    assert environment.find_command(str(program), private) == [str(program)]
    with pytest.raises(interpreters.SetupError, match="absent: not found; name a Python"):
        environment.find_command(str(tmp_path / "absent"), private)
    with pytest.raises(interpreters.SetupError, match="not a virtual environment"):
        environment.find_command(str(tmp_path), private)


def test_versions_differ_by_their_first_two_numbers() -> None:
    assert environment.differing_version("0.1.3", "0.1.0.dev0") is None
    warning = environment.differing_version("0.2.0", "0.1.0")
    assert "landslip is 0.2.0 and the plugin 0.1.0" in warning


def test_no_landslip_is_said_so() -> None:
    with pytest.raises(interpreters.SetupError, match="this is no landslip that runs"):
        environment.landslip_version([sys.executable, "-c", "print('no')"])


def test_pythons_that_do_not_do(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho '[3, 9, 1]'\n")
    old.chmod(0o755)
    with pytest.raises(interpreters.SetupError, match=r"Python 3\.9\.1; landslip needs 3\.11"):
        interpreters.find_python(str(old))
    old.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(interpreters.SetupError, match="apt install python3-venv"):
        interpreters.find_python(str(old))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_an_environment_that_cannot_be_filled_leaves_the_old_one(tmp_path: Path) -> None:
    private = environment.PrivateEnvironment(tmp_path / "landslip")
    old = virtual_environment(private.folder / "environment-1")
    (tmp_path / "wheels").mkdir()
    package = environment.Package("landslip", tmp_path / "wheels")
    with pytest.raises(interpreters.SetupError, match="No matching distribution found"):
        private.make(Path(sys.executable), package, process.Listener())
    assert private.current == old
    assert [path.name for path in private.folder.iterdir()] == ["environment-1"]
