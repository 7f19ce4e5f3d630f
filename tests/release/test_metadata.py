"""What the files beside the package say, beside what pyproject.toml says."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from rattler_build import Stage0Recipe

from landslip.api.diagnosis.packages import EXTRAS

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_CONDA = {
    "geopandas": "geopandas-base",
    "isal": "python-isal",
    "matplotlib": "matplotlib-base",
    "opencv-python-headless": "py-opencv",
    "pyarrow": "pyarrow-core",
}


def test_the_conda_recipe_has_the_dependencies_of_the_package() -> None:
    recipe = yaml.safe_load((ROOT / "release/recipe.yaml").read_text())
    wanted = {f"python {PROJECT['requires-python']}"}
    for line in PROJECT["dependencies"]:
        name, bound = re.fullmatch(r"([\w-]+)(>=[\d.]+)", line).groups()  # type: ignore[union-attr]
        wanted.add(f"{_CONDA.get(name, name)} {bound}")
    assert set(recipe["requirements"]["run"]) == wanted
    assert recipe["about"]["license"] == PROJECT["license"]
    (entry,) = recipe["build"]["python"]["entry_points"]
    assert entry == f"landslip = {PROJECT['scripts']['landslip']}"


def test_the_conda_recipe_renders_to_one_package_for_every_platform() -> None:
    recipe = Stage0Recipe.from_file(ROOT / "release/recipe.yaml")
    (variant,) = recipe.render()
    found = variant.recipe
    assert (found.package.name, found.build.noarch) == (PROJECT["name"], "python")
    assert str(found.package.version) == recipe.to_dict()["context"]["version"]
    assert len(found.requirements.run) == len(PROJECT["dependencies"]) + 1  # and Python
    assert f"python {PROJECT['requires-python']}" in map(str, found.requirements.run)


def test_the_citation_names_software_and_paper() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["license"] == PROJECT["license"]
    assert citation["title"] == PROJECT["name"]
    (paper,) = citation["references"]
    assert paper["doi"] == "10.11834/jrs.20211020"
    assert paper["doi"] in (ROOT / "README.md").read_text()


def test_what_doctor_names_are_the_extras() -> None:
    assert set(EXTRAS) == set(PROJECT["optional-dependencies"])


def test_the_image_runs_as_nobody_in_particular() -> None:
    text = (ROOT / "Dockerfile").read_text()
    last = text[text.rindex("FROM ") :]
    assert "USER landslip" in last
    assert last.index("useradd") < last.index("USER landslip") < last.index("ENTRYPOINT")
