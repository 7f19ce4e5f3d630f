"""A small folder made by code, a server over it, and a browser.

The page has to be built (`make page`), and Chromium to be installed: else these tests are skipped.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.server.browser.folder import write_folder
from tests.server.browser.reviewing import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

_PATIENCE_MS = 60_000  # software WebGL on a busy machine


@dataclass(frozen=True, slots=True)
class Site:
    """A server that runs: its folder, and the address of its page."""

    folder: Path
    url: str


@dataclass
class Faults:
    """What went wrong in a page; a test takes out what it expects."""

    origin: str
    found: list[str] = field(default_factory=list)

    def listen(self, page: "Page") -> None:
        page.on("pageerror", lambda error: self.found.append(f"exception: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)

    def _console(self, message: "ConsoleMessage") -> None:
        # the browser says of each failed request that it failed, the page says why it matters
        expected = "Failed to load resource" in message.text or "GPU stall" in message.text
        if message.type == "error" and not expected:
            self.found.append(f"console: {message.text}")

    def _request(self, request: "Request") -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.found.append(f"request to elsewhere: {request.url}")


OpenPage = Callable[..., "Page"]
_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def folder_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to be served: two dates, a map, an inventory, states; do not write into it."""
    return write_folder(tmp_path_factory.mktemp("served") / "Beichuan")


@pytest.fixture(scope="module")
def site(folder_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server over a copy of the folder."""
    folder = tmp_path_factory.mktemp("site") / folder_template.name
    shutil.copytree(folder_template, folder)
    with serving(folder) as running:
        yield running


@pytest.fixture
def server(site: Site) -> Server:
    """The server of the page, asked without it."""
    return Server(site)


class serving:  # noqa: N801 - used as a function
    """Serve a folder by the command, in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._folder, self._options = folder, options

    def __enter__(self) -> Site:
        command = [sys.executable, "-m", "landslip", "serve", str(self._folder), "--port", "0"]
        self._process = subprocess.Popen(
            [*command, *self._options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            self._process.kill()
            pytest.fail(f"the server did not start: {line}{self._process.communicate()[1]}")
        return Site(folder=self._folder, url=found[0])

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


@pytest.fixture
def faults(site: Site) -> Iterator[Faults]:
    """What went wrong in the pages of a test; it fails if anything is left here."""
    faults = Faults(origin=site.url.partition("#")[0])
    yield faults
    assert faults.found == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note that a test failed, for the screenshot that is taken then."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture
def open_page(
    browser: "Browser",
    site: Site,
    faults: Faults,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Iterator[OpenPage]:
    """Open the page in a fresh browser profile; a failure leaves `failed_N.png` in `tmp_path`.

    ``open_page(view="#...", size=(width, height), language="en" or "zh", dark=False, ready=True)``;
    ``ready``: wait until the map has drawn all that it asked for; ``ratio``: pixels of the screen
    for one of the page.
    """
    if not (Path(str(files("landslip.server"))) / "page" / "index.html").is_file():
        pytest.skip("the page is not built")
    contexts = []

    def open_one(
        view: str = "",
        *,
        size: tuple[int, int] = (1440, 900),
        language: str = "en",
        dark: bool = False,
        ready: bool = True,
        ratio: float = 1,
        url: str | None = None,
    ) -> "Page":
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            device_scale_factor=ratio,
            color_scheme="dark" if dark else "light",
            locale="zh-CN" if language == "zh" else "en-GB",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        faults.listen(page)
        page.goto((url or site.url) + view)
        if ready:
            wait_for_map(page)
        return page

    yield open_one
    for number, context in enumerate(contexts):
        if request.node.stash.get(_FAILED, False):
            for page in context.pages:
                page.screenshot(path=tmp_path / f"failed_{number}.png", timeout=_PATIENCE_MS)
        context.close()


def wait_for_map(page: "Page") -> None:
    """Wait until the map rests, with all that it shows loaded."""
    page.wait_for_selector(".map-canvas[data-idle='true']", state="attached")
