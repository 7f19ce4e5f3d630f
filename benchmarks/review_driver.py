"""A browser that reviews as a person does: a server, a page, pictures of it, places on its map."""

import io
import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Response, sync_playwright

from system_chromium import launch_chromium

Place = tuple[float, float]
_TILE_PX = 512
_PATIENCE_MS = 180_000
_PICTURE_BYTES = 150_000
_QUALITIES = (85, 80, 72, 64, 55, 45, 35)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder, and give the address of its page."""
    command = [sys.executable, "-m", "landslip", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        found = re.search(r"http://\S+", process.stdout.readline())
        try:
            if found is None:
                raise SystemExit("the server did not start")
            yield found[0]
        finally:
            process.terminate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Open the system's Chromium."""
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Reviewer:
    """Somebody at the page.

    Attributes:
        url: of the page.
        page: in the browser.
        pictures: folder of the pictures.
        faults: what the browser complained about.
    """

    url: str
    page: Page
    pictures: Path
    faults: list[str] = field(default_factory=list)
    _begun: float = field(default_factory=time.monotonic)

    @classmethod
    def at(cls, browser: Browser, url: str, pictures: Path, *, dark: bool = False) -> "Reviewer":
        """Open the page."""
        context = browser.new_context(
            viewport={"width": 1440, "height": 900},
            color_scheme="dark" if dark else "light",
            locale="en-GB",
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        one = cls(url=url, page=page, pictures=pictures)
        page.on("pageerror", lambda error: one.faults.append(f"exception: {error}"))
        page.on("console", one._console)
        page.on("response", one._response)
        page.goto(url)
        return one

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(f"console: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status}: {response.url}")

    def get(self, path: str) -> Any:
        """Ask the server without the page."""
        return self.page.request.get(f"{self.url}api/{path}").json()

    def post(self, path: str, content: dict[str, Any]) -> Any:
        """Have the server write something without the page, as another person's page does."""
        answer = self.page.request.post(f"{self.url}api/{path}", data=content)
        if not answer.ok:
            raise SystemExit(f"{path}: {answer.text()}")
        return answer.json()

    def step(self, name: str) -> None:
        """Say how long the step took that ends here."""
        now = time.monotonic()
        print(f"{(now - self._begun) / 60:5.1f} min  {name}", flush=True)
        self._begun = now

    def picture(self, name: str) -> None:
        """Keep a picture of the page, small enough for a repository."""
        self.rest()
        self.page.mouse.move(1438, 898)
        self.page.wait_for_timeout(1500)
        image = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        for quality in _QUALITIES:
            content = io.BytesIO()
            image.save(content, "webp", quality=quality, method=6)
            if content.tell() < _PICTURE_BYTES:
                break
        (self.pictures / f"{name}.webp").write_bytes(content.getvalue())

    def rest(self) -> None:
        """Wait until the map rests, with all that it shows loaded."""
        self.page.wait_for_selector(".map-canvas[data-idle='true']", state="attached")

    def panel(self, name: str) -> None:
        """Open a panel."""
        button = self.page.locator(".rail-button").filter(has_text=name)
        if button.get_attribute("aria-expanded") != "true":
            button.click()

    def settle(self) -> None:
        """Wait until all changes are sent and the polygon that is judged is loaded."""
        self.page.wait_for_function(
            """() => {
              const status = document.querySelector(".review-progress [role=status]");
              return status?.textContent === "Everything is saved" &&
                document.querySelector(".review-card[aria-busy=true]") === null;
            }"""
        )
        self.page.wait_for_timeout(200)

    def press(self, *keys: str) -> None:
        """Press keys, each when the one before is done."""
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()

    @property
    def current(self) -> int:
        """Id of the polygon that is judged."""
        return int(self.page.locator(".review-card h3").inner_text().split()[-1])

    def search(self, text: str) -> None:
        """Find a polygon by its number, or a place."""
        self.page.locator("body").press("/")
        box = self.page.locator("#search")
        box.fill(text)
        self.page.locator("[role=option]").first.wait_for()
        box.press("Enter")
        self.page.wait_for_timeout(800)
        self.rest()

    def on_screen(self, place: Place) -> Place:
        """Where longitude and latitude are in the window."""
        return self.all_on_screen([place])[0]

    def all_on_screen(self, places: list[Place]) -> list[Place]:
        """Where places are in the window, by the view in the address."""
        self.rest()
        self.page.wait_for_timeout(700)  # it is written when the map rests
        words = parse_qs(urlsplit(self.page.url).fragment)
        longitude, latitude, zoom = map(float, words["view"][0].split(","))
        box = self.page.locator(".maplibregl-canvas").first.bounding_box()
        if box is None:
            raise SystemExit("the page has no map")
        world = _TILE_PX * 2**zoom
        x0, y0 = _mercator((longitude, latitude), world)
        left, top = box["x"] + box["width"] / 2 - x0, box["y"] + box["height"] / 2 - y0
        return [(left + x, top + y) for x, y in (_mercator(place, world) for place in places)]

    def click(self, places: list[Place], key: str | None = None) -> None:
        """Click places of the map as a hand does."""
        for x, y in self.all_on_screen(places):
            self.page.mouse.move(x, y)
            self.page.wait_for_timeout(120)
            if key:
                self.page.keyboard.down(key)
            self.page.mouse.click(x, y)
            if key:
                self.page.keyboard.up(key)
            self.page.wait_for_timeout(400)

    def drag(self, start: Place, end: Place, steps: int = 8) -> None:
        """Drag from one place of the window to another."""
        self.page.mouse.move(*start)
        self.page.wait_for_timeout(200)
        self.page.mouse.down()
        for step in range(1, steps + 1):
            share = step / steps
            self.page.mouse.move(
                start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
            )
            self.page.wait_for_timeout(40)
        self.page.mouse.up()
        self.page.wait_for_timeout(300)

    def job(self, kind: str, out: str, *, numbers: dict[str, str] | None = None) -> Locator:
        """Fill the form of a job, start it, and wait until it is done."""
        page = self.page
        self.panel("Jobs")
        form = page.locator("form.review-form")
        if form.count() == 0:
            page.locator(".job-kind").filter(has_text=kind).click()
        for label, value in (numbers or {}).items():
            page.get_by_label(re.compile(rf"^{re.escape(label)}")).fill(value)
        page.get_by_label("Name of the result").fill(out)
        page.get_by_role("button", name="Start").click()
        # earlier jobs may have the name in their log
        job = page.locator(".job").filter(has_text=f"{kind}: {out}").first
        job.get_by_text(re.compile("^(done|failed|cancelled)$")).wait_for(timeout=1_800_000)
        if job.get_by_text(re.compile("^done$")).count() == 0:
            raise SystemExit(job.inner_text())
        return job


def _mercator(place: Place, world: float) -> Place:
    sine = math.sin(math.radians(place[1]))
    return place[0] / 360 * world, -math.log((1 + sine) / (1 - sine)) / (4 * math.pi) * world
