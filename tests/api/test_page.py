"""Every example of docs/api.md runs, and every exported name is on the page."""

import re
from pathlib import Path
from typing import Any

import landslip

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_the_examples_run_in_their_order(in_world: Path) -> None:
    text = PAGE.read_text()
    blocks = BLOCK.findall(text)
    assert len(blocks) > 10
    names: dict[str, Any] = {}
    for block in blocks:
        line = text[: text.index(block)].count("\n")
        exec(compile("\n" * line + block, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    assert names["probability"].array.shape == names["scene"].grid.shape
    assert len(names["inventory"].landslides) > 0
    assert (in_world / "page.html").stat().st_size > 10_000


def test_every_exported_name_is_on_the_page() -> None:
    text = PAGE.read_text()
    missing = [name for name in landslip.__all__ if not re.search(rf"\b{name}\b", text)]
    assert missing == ["__version__"]
    for name in landslip.__all__:
        assert getattr(landslip, name) is not None
