"""How smoothly the page moves over 100,000 polygons, beside the same without them.

    python benchmarks/serve_frames.py --work FOLDER [--rounds 3] [--page docs/results/serve.md]

FOLDER has what `serve_load.py` made. The system's Chromium opens the page over the whole scene, at
three zooms, with the scene alone and with the polygons on it, in an order drawn anew in each
round; the map is dragged to and fro for five seconds, and the time between frames is taken
(`requestAnimationFrame`), with the bytes that came. WebGL is in software here, so that frames are
slower than on any graphics card: the difference counts. PAGE gets the table at its end.
"""

import argparse
import math
import random
import shutil
import statistics
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from playwright.sync_api import sync_playwright

from landslip.experiments.assembly import commit, machine
from serve_load import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
SIZE: "ViewportSize" = {"width": 1280, "height": 800}
SHOWN = {"the scene alone": "scene", "and 100,000 polygons": "scene,polygons"}
ZOOMS_IN = (0, 2, 4)
SECONDS = 5.0
_RECORD = """() => {
  window.frames_ms = [];
  let last = performance.now();
  const next = (now) => {
    window.frames_ms.push(now - last);
    last = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""
HEADING = "## Frames"


def view_of(raster: dict[str, Any], zoom_in: int) -> str:
    """Return the middle of a raster and a zoom, as the address has them."""
    west, south, east, north = raster["bounds"]
    fitting = math.log2(SIZE["width"] / 512 * 360 / (east - west))
    return f"{(west + east) / 2:.6f},{(south + north) / 2:.6f},{fitting + zoom_in:.2f}"


def drag(page: "Page") -> None:
    """Drag the map to and fro."""
    x, y = SIZE["width"] / 2 + 100, SIZE["height"] / 2
    for turn in range(4):
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(1, 26):
            reach = 12 * step * (1 if turn % 2 else -1)
            page.mouse.move(x + reach, y + reach / 2)
            page.wait_for_timeout(1e3 * SECONDS / 100)
        page.mouse.up()


def measured(page: "Page", address: str) -> tuple[list[float], int]:
    """Return the milliseconds between frames while the map is dragged, and the bytes of it all."""
    received = [0]

    def count(response: Any) -> None:
        if "/tiles/" in response.url:
            received[0] += int(response.headers.get("content-length", 0))

    page.on("response", count)
    page.goto(address, timeout=120_000)
    page.wait_for_selector(".map-canvas[data-idle='true']", state="attached", timeout=120_000)
    page.evaluate(_RECORD)
    drag(page)
    return page.evaluate("window.frames_ms.slice(2)"), received[0]


def table(
    frames: dict[tuple[int, str], list[float]], sizes: dict[tuple[int, str], int]
) -> list[str]:
    """Return the rows of the table."""
    rows = [
        "| zoomed in by | shown | frames a second | p50, ms | p95, ms | tiles, MB |",
        "|---|---|---|---|---|---|",
    ]
    for (zoom_in, name), times in sorted(
        frames.items(), key=lambda one: (one[0][0], one[0][1] != "the scene alone")
    ):
        p50, p95 = np.percentile(times, (50, 95))
        rate = 1e3 / statistics.fmean(times)
        size = sizes[zoom_in, name] / 1e6
        rows.append(f"| {zoom_in} | {name} | {rate:.1f} | {p50:.0f} | {p95:.0f} | {size:.2f} |")
    return rows


def main() -> None:
    """Measure, print the table, and write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    server = Server(options.work / "served_18000_100000")
    frames: dict[tuple[int, str], list[float]] = defaultdict(list)
    sizes: dict[tuple[int, str], int] = {}
    generator = random.Random(0)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=list(ARGUMENTS)
            )
            asked = browser.new_page(viewport=SIZE)
            root = f"http://127.0.0.1:{server.port}/"
            raster = asked.request.get(f"{root}api/workspace").json()["rasters"][0]
            for _ in range(options.rounds):
                cases = [(zoom_in, name) for zoom_in in ZOOMS_IN for name in SHOWN]
                generator.shuffle(cases)
                for zoom_in, name in cases:
                    page = browser.new_page(viewport=SIZE)
                    address = f"{root}#view={view_of(raster, zoom_in)}&layers={SHOWN[name]}"
                    times, size = measured(page, address)
                    frames[zoom_in, name] += times
                    sizes[zoom_in, name] = max(size, sizes.get((zoom_in, name), 0))
                    page.close()
    finally:
        server.stop()
    lines = [
        HEADING,
        "",
        (
            f"`python benchmarks/serve_frames.py --work FOLDER --rounds {options.rounds}`, commit "
            f"{commit()}, {machine()}; seed 0. WebGL in software on the same cores, "
            f"{SIZE['width']} x {SIZE['height']} px."
        ),
        "",
        *table(frames, sizes),
    ]
    print("\n".join(lines))
    if options.page is not None:
        before = options.page.read_text(encoding="utf-8").partition(HEADING)[0].rstrip()
        options.page.write_text(before + "\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
