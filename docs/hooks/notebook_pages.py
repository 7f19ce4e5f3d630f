"""Pages of the notebooks: their text and code, and what is printed and drawn where it is kept."""

import json
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def notebook_pages() -> dict[str, str]:
    """Return the page of each notebook by its name."""
    return {
        path.stem: notebook_page(json.loads(path.read_text(encoding="utf-8")), path.name)
        for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    }


def notebook_page(notebook: dict[str, Any], name: str) -> str:
    """Return a notebook as Markdown; a title first, then where the notebook itself is."""
    parts: list[str] = []
    for cell in notebook["cells"]:
        source = _joined(cell["source"]).strip("\n")
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code" and source:
            parts.append(f"```python\n{source}\n```")
            parts += [part for output in cell.get("outputs", ()) if (part := _output(output))]
    title, _, rest = "\n\n".join(parts).partition("\n")
    return f"{title}\n\nThis page is a notebook: [{name}]({name}).\n{rest}\n"


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        png = _joined(data["image/png"]).replace("\n", "")
        return f'<img alt="What the cell draws" src="data:image/png;base64,{png}">'
    if "text/html" in data:
        return f"<div markdown=0>{_joined(data['text/html'])}</div>"
    text = _joined(output.get("text") or data.get("text/plain") or "")
    return f"```text\n{text.rstrip()}\n```" if text.strip() else ""


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
