"""The site as it is built: every link leads somewhere, and nothing is asked of another host."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from tests.docs.blocks import REPOSITORY

if TYPE_CHECKING:
    from playwright.sync_api import Browser


class Links(HTMLParser):
    """What a page loads, where its links lead, and the names that links can lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        self.names |= {values[name] for name in ("id", "name") if name in values}
        if "src" in values:
            self.loaded.append(values["src"])
        if tag == "link" and values.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(values["href"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    read = {}
    for path in site.rglob("*.html"):
        if path.name == "404.html":  # of a server: its links begin at the root
            continue
        read[path.resolve()] = Links()
        read[path.resolve()].feed(path.read_text(encoding="utf-8"))
    return read


@pytest.mark.slow
def test_pages_load_only_what_is_in_the_folder(pages: dict[Path, Links]) -> None:
    assert len(pages) > 120
    for path, page in pages.items():
        assert page.loaded
        for place in page.loaded:
            if not place.startswith("data:"):
                assert not urlsplit(place).netloc, f"{path}: {place}"
                assert (path.parent / unquote(urlsplit(place).path)).is_file(), f"{path}: {place}"


@pytest.mark.slow
def test_links_lead_to_pages_and_headings(pages: dict[Path, Links]) -> None:
    counted = 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            counted += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path}: {link}"
            if parts.fragment and target in pages:
                names = pages[target].names
                assert unquote(parts.fragment) in names, f"{path}: {link}"
    assert counted > 10_000


@pytest.mark.slow
def test_the_folder_opens_in_a_browser_and_is_searched_offline(
    site: Path, browser: "Browser"
) -> None:
    page = browser.new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((site / "index.html").as_uri())
    page.locator(".md-search__input").first.click()
    page.keyboard.type("tie points must agree")
    page.wait_for_selector(".md-search-result__item")
    assert "troubleshooting" in page.locator(".md-search-result__list").inner_text().lower()
    for place in ("reference/commands/extract.html", "reference/python/maps.html"):
        page.goto((site / place).as_uri())
        assert page.locator("h1").inner_text()
    page.close()
    elsewhere = [one for one in requests if not one.startswith(("file:", "data:", "blob:"))]
    assert not elsewhere
    assert not errors
