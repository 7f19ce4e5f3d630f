"""Pages of the site that are made when it is built, from the sources that they describe."""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from command_pages import command_pages
from message_pages import message_page
from notebook_pages import notebook_pages
from python_pages import python_pages
from settings_pages import settings_pages

REPOSITORY = Path(__file__).parents[2]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the made pages of a folder where the nav has FOLDER/*.md, in their order."""
    config.extra["made_pages"] = made = pages()
    config.nav = with_pages(config.nav, list(made))
    return config


def with_pages(nav: Any, places: list[str]) -> Any:
    """Return a nav with the places of a folder's pages in place of its pattern."""
    if isinstance(nav, dict):
        return {title: with_pages(part, places) for title, part in nav.items()}
    if not isinstance(nav, list):
        return nav
    parts: list[Any] = []
    for part in nav:
        if isinstance(part, str) and part.endswith("/*.md"):
            parts += [one for one in places if one.rpartition("/")[0] == part.removesuffix("/*.md")]
        else:
            parts.append(with_pages(part, places))
    return parts


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the made pages to those that were written."""
    for place, text in config.extra.pop("made_pages").items():
        files.append(File.generated(config, place, content=text))
    return files


def pages() -> dict[str, str]:
    """Return the text of each made page by its place in the folder of pages."""
    commands = {f"reference/commands/{at}.md": text for at, text in command_pages().items()}
    python = {f"reference/python/{at}.md": text for at, text in python_pages().items()}
    settings = {f"reference/{at}.md": text for at, text in settings_pages().items()}
    notebooks = {f"notebooks/{at}.md": text for at, text in notebook_pages().items()}
    made = {"changelog.md": changelog(), "reference/messages.md": message_page()}
    made |= {**commands, **python, **settings, **notebooks}
    return {place: with_links(text, place.count("/")) for place, text in made.items()}


def changelog() -> str:
    """Return the changelog, with links as they are on the site."""
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.sub(r"\[docs/([^\]]*)\]\(docs/", r"[\1](", text)


def with_links(text: str, depth: int) -> str:
    """Make links of the words `docs/PAGE.md`, on a page that is so many folders down."""
    return re.sub(r"`?(?<![\w/(\[])docs/([\w./-]+\.md)`?", rf"[\1]({'../' * depth}\1)", text)
