"""How many frames a second the page draws while its map moves over 100,000 polygons.

    python benchmarks/map_frames.py --work FOLDER [--side 18000] [--polygons 100000] [--ratio 1]
        [--seconds 6]

The scene and polygons in FOLDER are those of `serve_load.py`, kept for the next run. At each zoom
the map is dragged at 700 pixels a second, then zoomed in and out by the wheel, with polygons and
without, with the scene and without; the browser is a new one each time. Chromium draws WebGL in
software, on the cores that the server has too: frames a second are the least that a machine without
a GPU gives. Main thread is the CPU time that the page itself takes for a frame; it is the same with
a GPU. Drawing is the CPU time of the process that stands in for the GPU. Both are CPU times, so
that other work on the machine hardly changes them. Long tasks of the main thread (50 ms and more)
include its waiting for a frame to be drawn.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from playwright.sync_api import Browser, CDPSession, Page, Request, sync_playwright

from landslip.experiments.assembly import commit, machine
from review_driver import serving
from serve_load import served_folder
from system_chromium import launch_chromium

VIEW_PX = (1440, 900)
PATIENCE_MS = 300_000
SHOWN = {"": "neither", "scene": "scene", "polygons": "polygons", "scene,polygons": "both"}
# begins to watch, moves the map at each frame, says how long frames and long tasks were
MOVE = """async ([kind, seconds]) => {
  const EDGE = 40, PIXELS_PER_MS = 0.7;
  const canvas = document.querySelector(".map-canvas .maplibregl-canvas");
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const send = (type, [x, y], more = {}) => {
    const Kind = type === "wheel" ? WheelEvent : MouseEvent;
    const place = { clientX: left + x, clientY: top + y };
    canvas.dispatchEvent(new Kind(type, { bubbles: true, cancelable: true, ...place, ...more }));
  };
  // left, up, right, down: each a quarter of the time, in as many drags as the window has room for
  const drag = { quarter: -1, since: 0 };
  const pan = (now, share) => {
    const quarter = Math.floor(share * 4);
    const [dx, dy] = [[-1, 0], [0, -1], [1, 0], [0, 1]][quarter];
    const at = (way) => [
      width / 2 + dx * (way - width / 2 + EDGE),
      height / 2 + dy * (way - height / 2 + EDGE),
    ];
    const room = (dx ? width : height) - 2 * EDGE;
    if (quarter !== drag.quarter || (now - drag.since) * PIXELS_PER_MS > room) {
      if (drag.quarter >= 0) send("mouseup", [width / 2, height / 2], { button: 0 });
      send("mousedown", at(0), { button: 0, buttons: 1 });
      Object.assign(drag, { quarter, since: now });
    }
    send("mousemove", at((now - drag.since) * PIXELS_PER_MS), { button: 0, buttons: 1 });
  };
  const zoom = (share) =>
    send("wheel", [width / 2, height / 2], { deltaY: share < 0.5 ? -12 : 12 });
  const long = [], frames = [];
  const observer = new PerformanceObserver((list) => {
    for (const task of list.getEntries()) long.push(task.duration);
  });
  observer.observe({ type: "longtask" });
  const begun = performance.now();
  let last = begun;
  await new Promise((done) => {
    const frame = (now) => {
      frames.push(now - last);
      last = now;
      const share = (now - begun) / 1000 / seconds;
      if (share >= 1) return done();
      if (kind === "zoom") zoom(share);
      else pan(now, Math.max(share, 0));
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  if (drag.quarter >= 0) send("mouseup", [width / 2, height / 2], { button: 0 });
  observer.disconnect();
  return { frames: frames.slice(1), long };
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """What was measured while the map moved.

    Attributes:
        frames_ms: from each frame to the next.
        long_ms: tasks of 50 ms and more of the main thread.
        main_s: CPU time of the main thread.
        drawing_s: CPU time of the process that draws.
        scene_kb: fetched tiles of the scene.
        polygons_kb: the same, of polygons.
        rest_s: from the end of the motion until all was drawn.
    """

    frames_ms: list[float]
    long_ms: list[float]
    main_s: float
    drawing_s: float
    scene_kb: float
    polygons_kb: float
    rest_s: float

    def row(self, *cells: object) -> str:
        """Return a row of the table."""
        seconds = sum(self.frames_ms) / 1e3
        frames = np.array(self.frames_ms)
        return "| " + " | ".join(
            [
                *map(str, cells),
                f"{len(frames) / seconds:.0f}",
                f"{np.percentile(frames, 95):.0f}",
                f"{1e3 * self.main_s / len(frames):.1f}",
                f"{1e3 * self.drawing_s / len(frames):.0f}",
                f"{len(self.long_ms)}",
                f"{max(self.long_ms, default=0):.0f}",
                f"{self.scene_kb:.0f}",
                f"{self.polygons_kb:.0f}",
                f"{self.rest_s:.1f} |",
            ]
        )


HEAD = (
    "| zoom | polygons in view | shown | motion | frames/s | p95 of a frame, ms | main thread of a "
    "frame, ms | drawing of a frame, ms | long tasks | longest, ms | scene, kB | polygons, kB | "
    "until all is drawn, s |"
)


def rest(page: Page) -> None:
    """Wait until the map has drawn all that it asked for."""
    page.wait_for_selector(".map-canvas[data-idle='true']", state="attached", timeout=PATIENCE_MS)


def main_seconds(metrics: CDPSession) -> float:
    """Return the CPU time of the main thread so far."""
    found = {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}
    return float(found["TaskDuration"])


def drawing_seconds() -> float:
    """Return the CPU time so far of the process of this one's browser that draws."""
    parents, drawing = {}, []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            command = (process / "cmdline").read_text()
        except OSError:
            continue  # it has ended meanwhile
        parents[int(process.name)] = int(fields[1])
        if "--type=gpu-process" in command:
            drawing.append((int(process.name), int(fields[11]) + int(fields[12])))
    ticks = 0
    for one, used in drawing:
        ancestor = one
        while ancestor not in {0, os.getpid()}:
            ancestor = parents.get(ancestor, 0)
        ticks += used if ancestor else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(page: Page, metrics: CDPSession, kind: str, seconds: float) -> Motion:
    """Move the map."""
    requests: list[Request] = []

    def note(request: Request) -> None:
        requests.append(request)

    page.on("requestfinished", note)
    before = main_seconds(metrics), drawing_seconds()
    found: dict[str, list[float]] = page.evaluate(MOVE, [kind, seconds])
    after = main_seconds(metrics), drawing_seconds()
    began = page.evaluate("performance.now()")
    rest(page)
    ended = page.evaluate("performance.now()")
    page.remove_listener("requestfinished", note)
    sizes = {"rasters": 0, "inventories": 0}
    for request in requests:
        for part in sizes:
            if f"api/{part}/" in request.url and "/tiles/" in request.url:
                sizes[part] += max(0, request.sizes()["responseBodySize"])  # -1: not known
    return Motion(
        frames_ms=found["frames"],
        long_ms=found["long"],
        main_s=after[0] - before[0],
        drawing_s=after[1] - before[1],
        scene_kb=sizes["rasters"] / 1e3,
        polygons_kb=sizes["inventories"] / 1e3,
        rest_s=(ended - began) / 1e3,
    )


def rows(
    browser: Browser, url: str, zooms: list[float], ratio: float, seconds: float
) -> Iterator[str]:
    """Yield the table's rows."""
    with browser.new_context() as context:
        workspace = context.request.get(f"{url}api/workspace").json()
        (inventory,) = workspace["inventories"]
        west, south, east, north = inventory["bounds"]
        middle = ((west + east) / 2, (south + north) / 2)
        place = f"{url}api/inventories/{inventory['id']}"
        while not context.request.get(place).json()["tiles_ready"]:
            time.sleep(1)
    for zoom, layers in product(zooms, SHOWN):
        context = browser.new_context(
            viewport={"width": VIEW_PX[0], "height": VIEW_PX[1]},
            device_scale_factor=ratio,
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        words = {"view": f"{middle[0]:.6f},{middle[1]:.6f},{zoom:.2f}", "layers": layers}
        page.goto(f"{url}#{urlencode(words)}")
        rest(page)
        metrics = context.new_cdp_session(page)
        metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
        count = context.request.get(f"{place}/features?limit=0&bbox={box_of(middle, zoom)}").json()
        for kind in ("pan", "zoom"):
            motion = measure(page, metrics, kind, seconds)
            yield motion.row(f"{zoom:g}", f"{count['total']:,}", SHOWN[layers], kind)
        context.close()


def box_of(middle: tuple[float, float], zoom: float) -> str:
    """Return west, south, east and north of a view."""
    degrees = 360 / (512 * 2**zoom)  # of a pixel
    half = VIEW_PX[0] / 2 * degrees, VIEW_PX[1] / 2 * degrees * np.cos(np.radians(middle[1]))
    return (
        f"{middle[0] - half[0]:.6f},{middle[1] - half[1]:.6f},"
        f"{middle[0] + half[0]:.6f},{middle[1] + half[1]:.6f}"
    )


def main() -> None:
    """Make the files, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--side", type=int, default=18_000)
    parser.add_argument("--polygons", type=int, default=100_000)
    parser.add_argument(
        "--ratio", type=float, default=1, help="of the screen's pixels to the page's"
    )
    parser.add_argument("--seconds", type=float, default=6, help="of each motion")
    parser.add_argument("--zooms", default="11,12.5,14,16")
    given = parser.parse_args()
    folder = served_folder(given.work, given.side, given.polygons)
    print(
        f"`python benchmarks/map_frames.py --work FOLDER --side {given.side} --polygons "
        f"{given.polygons} --ratio {given.ratio:g} --seconds {given.seconds:g} --zooms "
        f"{given.zooms}`, commit {commit()}, {machine()}; WebGL in software.\n"
    )
    print(HEAD)
    print("|---" * (HEAD.count("|") - 1) + "|")
    zooms = [float(word) for word in given.zooms.split(",")]
    with serving(folder) as url, sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        for row in rows(browser, url, zooms, given.ratio, given.seconds):
            print(row, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
