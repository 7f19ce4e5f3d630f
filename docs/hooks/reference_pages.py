"""Pages of the site that are made when it is built, from the sources that they describe."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

REPOSITORY = Path(__file__).parents[2]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the made pages to those that were written."""
    for place, text in pages().items():
        files.append(File.generated(config, place, content=text))
    return files


def pages() -> dict[str, str]:
    """Return the text of each made page by its place in the folder of pages."""
    return {"changelog.md": changelog()}


def changelog() -> str:
    """Return the changelog, with links as they are on the site."""
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    text = re.sub(r"\[docs/([^\]]*)\]\(docs/", r"[\1](", text)
    return re.sub(r"(?<![\w/(\[])docs/([\w./-]+\.md)", r"[\1](\1)", text)
