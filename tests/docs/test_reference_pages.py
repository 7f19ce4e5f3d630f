"""Pages that are made when the site is built say what the program says."""

import re

import pytest

import landslip
from command_pages import command_page, command_pages, commands, described
from landslip.models.training.recipe import TrainConfig
from notebook_pages import notebook_page
from python_pages import PAGES, python_pages
from reference_pages import with_links, with_pages
from repository_links import LINK, on_page_markdown
from settings_pages import model_page, settings_pages


def test_every_option_of_every_command_is_on_its_page() -> None:
    pages = command_pages()
    found = dict(commands())
    assert {name.replace(" ", "-") for name in found} | {"README"} == set(pages)
    assert {"extract", "dataset scene", "weights convert"} <= set(found)
    for name, command in found.items():
        page = pages[name.replace(" ", "-")]
        for parameter in command.params:
            called = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name
            assert re.search(rf"`\[?{called}\b", page, re.IGNORECASE), f"{name}: {called}"
        assert "(" + name.replace(" ", "-") + ".md)" in pages["README"]


def test_defaults_and_examples_are_shown() -> None:
    page = command_page("extract", dict(commands())["extract"])
    (overlap,) = [line for line in page.splitlines() if line.startswith("| `--overlap")]
    assert overlap.endswith("| 64 |")
    (model,) = [line for line in page.splitlines() if line.startswith("| `--model")]
    assert model.endswith("| required |")
    (threshold,) = [line for line in page.splitlines() if line.startswith("| `--threshold")]
    assert threshold.endswith("| the model's |")
    assert "[default:" not in page
    assert "```bash\nlandslip extract SCENE.tif --model MODEL --out MAP --dem DEM.tif\n```" in page


def test_examples_leave_the_text() -> None:
    text, examples = described("Do it.\n\nExamples: `a b`,\n`c\nd`\n\nMore.")
    assert text == "Do it.\n\nMore."
    assert examples == ["a b", "c d"]


def test_every_setting_is_in_the_table() -> None:
    page = settings_pages()["configuration/training"]
    for name in TrainConfig.model_fields:
        assert f"| `{name}` |" in page
    (rate,) = [line for line in page.splitlines() if line.startswith("| `learning_rate` ")]
    assert rate.startswith("| `learning_rate` | number (> 0) | `0.01` |")
    (fast,) = [line for line in page.splitlines() if line.startswith("| `fast` ")]
    assert '`encoder: "resnet18"`' in fast
    assert "batch_size" not in fast
    assert "[AugmentationSettings](#augmentationsettings)" in model_page("x", TrainConfig, "")


def test_every_exported_name_has_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(python_pages().values())
    for name in set(landslip.__all__) - {"__version__"}:
        assert f"::: landslip.{name}\n" in text
    monkeypatch.setitem(PAGES, "errors", ("Errors", ()))
    with pytest.raises(ValueError, match="no page for LandslipError"):
        python_pages()


def test_made_pages_are_in_the_nav_without_being_named() -> None:
    nav = [{"Home": "index.md"}, {"Reference": ["a.md", {"Commands": ["made/*.md"]}, "b.md"]}]
    found = with_pages(nav, ["made/README.md", "made/x.md", "made/deeper/y.md", "other/z.md"])
    commands_of_nav = {"Commands": ["made/README.md", "made/x.md"]}
    assert found == [{"Home": "index.md"}, {"Reference": ["a.md", commands_of_nav, "b.md"]}]


def test_links_are_those_of_the_site() -> None:
    assert (
        with_links("see `docs/a/b.md`; docs/c.md.", 2)
        == "see [a/b.md](../../a/b.md); [c.md](../../c.md)."
    )
    assert LINK.search("![picture](../x.png)") is None

    class File:
        src_uri = "results/x.md"

    class Page:
        file = File()

    text = "[a](../../configs/a.yaml) [configs/a.yaml](../../configs/a.yaml) [b](../b.md#c) [w](https://w.org/x)"
    changed = on_page_markdown(text, page=Page(), files=None)  # type: ignore[arg-type]
    assert changed == "a (`configs/a.yaml`) `configs/a.yaml` [b](../b.md#c) [w](https://w.org/x)"


def test_notebooks_become_pages() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "Words."]},
        {
            "cell_type": "code",
            "source": "print(1)",
            "outputs": [{"text": ["1\n"]}, {"data": {"image/png": "QUJD"}}],
        },
    ]
    page = notebook_page({"cells": cells}, "a.ipynb")
    assert page.startswith("# Title\n\nThis page is a notebook: [a.ipynb](a.ipynb).\nWords.")
    assert "```python\nprint(1)\n```\n\n```text\n1\n```" in page
    assert 'src="data:image/png;base64,QUJD"' in page
