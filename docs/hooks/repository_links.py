"""Links of pages to files of the repository that are not on the site become code words."""

import posixpath
import re

from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Page, files: Files, **_: object) -> str:
    """Write the path instead of the link where the link leaves the folder of pages."""
    del files
    folder = posixpath.dirname(page.file.src_uri)

    def replace(link: re.Match[str]) -> str:
        text, target = link[1], link[2]
        place = posixpath.normpath(posixpath.join("docs", folder, target))
        if "://" in target or not target or place.startswith("docs/"):
            return link[0]
        return f"`{place}`" if text.strip("`") == place else f"{text} (`{place}`)"

    return LINK.sub(replace, markdown)
