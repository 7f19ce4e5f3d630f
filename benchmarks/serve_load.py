"""How fast `landslip serve` is with 50 people who pan, a large scene, and 100,000 polygons.

    python benchmarks/serve_load.py --work FOLDER [--clients 50] [--seconds 60] [--side 18000]
        [--polygons 100000] [--page docs/results/serve.md]

FOLDER gets a scene of SIDE x SIDE pixels in four bands, a COG made of synthetic terrain that is
repeated, and a file of polygons; both are kept for the next run. The server is a process of its
own; the clients are coroutines of this one, on the same cores. Each has the six connections that a
browser opens, and asks as MapLibre does, for tiles of 512 pixels: a view of 1280 x 800 pixels, then
every two seconds a step of a third of it in a random direction, sometimes in or out a zoom. The
time of a tile is from its request being sent to its last byte. All begin within two seconds, with a
whole view each: tiles asked for once these have come have a row of their own. Both files are
dropped from the system's cache before the first view.
"""

import argparse
import asyncio
import json
import math
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import geopandas
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from landslip.core.grid import Grid
from landslip.core.progress import no_progress
from landslip.core.window import Window
from landslip.experiments.assembly import commit, machine
from landslip.io.raster.output import OutputBand
from landslip.io.raster.pyramid import WindowOutput, write_map
from landslip.preprocessing.radiometry.sun import SunPosition
from landslip.synthetic.terrain import illumination, make_terrain

VIEW_PX = (1280, 800)
CONNECTIONS, STEP_SECONDS, MEMORY_SECONDS = 6, 2.0, 5.0
KINDS = ("raster tiles", "vector tiles", "views and steps")
LATER = ", once all had their first view"
LEFT, TOP, PIXEL_M = 400_000.0, 3_460_000.0, 1.0
BANDS = ("blue", "green", "red", "nir")
ACCEPT = "image/webp,*/*"


@dataclass(slots=True)
class Times:
    """Milliseconds, bytes and statuses of requests of one kind."""

    milliseconds: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    def add(self, status: int, size: int, seconds: float) -> None:
        """Count a response."""
        self.milliseconds.append(seconds * 1e3)
        self.sizes.append(size)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def row(self, name: str) -> str:
        """Return a row of the table."""
        p50, p95, p99 = np.percentile(self.milliseconds or [0.0], (50, 95, 99))
        failed = sum(count for status, count in self.statuses.items() if status >= 400)
        mean = np.mean(self.sizes or [0]) / 1e3
        return (
            f"| {name} | {len(self.milliseconds):,} | {p50:.0f} | {p95:.0f} | {p99:.0f} | "
            f"{mean:.1f} | {max(self.sizes, default=0) / 1e3:.0f} | {failed} |"
        )


def write_large_scene(path: Path, side: int) -> None:
    """Write a COG of synthetic terrain that is mirrored until it fills the scene."""
    generator = np.random.default_rng(0)
    size = min(1024, -(-side // 16) * 16)
    terrain = make_terrain((size, size), PIXEL_M, generator)
    sun = SunPosition(azimuth_deg=140, zenith_deg=40, distance_au=1.0)
    light = illumination(terrain.height_m, PIXEL_M, sun)
    texture = 1 + 0.15 * generator.standard_normal((size, size)).astype(np.float32)
    factors = np.array([700, 900, 800, 2600], dtype=np.float32)[:, None, None]
    ground = np.clip(factors * light * texture, 1, 10_000).astype(np.uint16)

    def make(window: Window) -> WindowOutput[None]:
        rows, columns = (
            _mirrored(first, count, size)
            for first, count in (
                (window.row_off, window.height),
                (window.col_off, window.width),
            )
        )
        return WindowOutput(ground[:, rows[:, None], columns[None, :]], None)

    grid = Grid(
        crs=CRS.from_epsg(32648),
        transform=Affine(PIXEL_M, 0, LEFT, 0, -PIXEL_M, TOP),
        shape=(side, side),
    )
    layers = tuple(
        OutputBand(description=name, dtype="uint16", nodata=0, scale=1e-4, units="reflectance")
        for name in BANDS
    )
    write_map(path, grid, layers, make, no_progress)


def _mirrored(first: int, count: int, size: int) -> NDArray[np.int64]:
    at = (np.arange(first, first + count)) % (2 * size)
    return np.asarray(np.where(at < size, at, 2 * size - 1 - at))


def write_polygons(path: Path, count: int, side: int) -> None:
    """Write outlines of 24 points whose sizes are as those of landslides, all over the scene."""
    generator = np.random.default_rng(0)
    extent = side * PIXEL_M
    x, y = generator.uniform(0, extent, (2, count))
    radius = generator.lognormal(2.6, 0.6, count)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    wobble = 1 + 0.3 * np.cumsum(generator.normal(0, 0.1, (count, 24)), axis=1)
    reach = radius[:, None] * np.clip(wobble, 0.3, 2)
    points = np.stack(
        [LEFT + x[:, None] + reach * np.cos(angles), TOP - y[:, None] + reach * np.sin(angles)],
        axis=-1,
    )
    outlines = shapely.polygons(points)
    frame = geopandas.GeoDataFrame(
        {
            "id": np.arange(1, count + 1),
            "area_m2": shapely.area(outlines),
            "confidence": generator.random(count),
        },
        geometry=outlines,
        crs="EPSG:32648",
    )
    frame.to_file(path, layer="landslides")


class Connection:
    """One kept-alive HTTP connection, as light as can be: the clients share the cores."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> tuple[int, bytes, float]:
        """Return status, body and seconds; as browsers do, open one anew that the server closed."""
        began = time.perf_counter()
        if self._streams is not None and self._streams[0].at_eof():
            self.close()
        is_new = self._streams is None
        try:
            status, body = await self._ask(path)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            if is_new or (isinstance(error, asyncio.IncompleteReadError) and error.partial):
                raise
            self.close()
            status, body = await self._ask(path)
        return status, body, time.perf_counter() - began

    async def _ask(self, path: str) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        host = f"{self._host}:{self._port}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {ACCEPT}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        body = await reader.readexactly(int(fields.get("content-length", "0")))
        if fields.get("connection") == "close":
            self.close()
        return int(head[0].split()[1]), body

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass(slots=True)
class Client:
    """A person who pans: where the middle of the view is (in tiles of zoom 0), and its zoom."""

    connections: list[Connection]
    raster: dict[str, Any]
    inventory: dict[str, Any]
    x: float
    y: float
    zoom: int
    seen: set[str] = field(default_factory=set)

    def paths(self) -> list[str]:
        """Return the tiles of the view that were not asked for before, from its middle outwards."""
        shown = [
            *self._tiles(
                f"rasters/{self.raster['id']}", self.zoom - 1, 512, "?bands=3,2,1&size=512"
            ),
            *self._tiles(
                f"inventories/{self.inventory['id']}",
                min(self.zoom - 1, self.inventory["max_zoom"]),
                512,
            ),
        ]
        new = [path for path in shown if path not in self.seen]
        self.seen.update(new)
        return new

    def _tiles(self, of: str, zoom: int, side: int, query: str = "") -> list[str]:
        count = 2**zoom
        scale = 2 ** (self.zoom - zoom) * (256 / side)  # of a tile that is stretched
        half = [size / side / scale / 2 for size in VIEW_PX]
        middle = (self.x * count, self.y * count)
        columns, rows = (
            range(math.floor(at - reach), math.floor(at + reach) + 1)
            for at, reach in zip(middle, half, strict=True)
        )
        places = sorted(
            ((x, y) for x in columns for y in rows if 0 <= x < count and 0 <= y < count),
            key=lambda at: math.dist(at, middle),
        )
        return [f"/api/{of}/tiles/{zoom}/{x}/{y}{query}" for x, y in places]

    async def load(self, times: dict[str, Times], *, later: bool = False) -> None:
        """Ask for what the view needs, six at a time; ``later`` counts in later rows, too."""
        waiting = self.paths()[::-1]

        async def work(connection: Connection) -> None:
            while waiting:
                path = waiting.pop()
                status, body, seconds = await connection.get(path)
                kind = "raster tiles" if "rasters" in path else "vector tiles"
                count(kind, status, len(body), seconds)

        def count(kind: str, status: int, size: int, seconds: float) -> None:
            for name in (kind, kind + LATER) if later else (kind,):
                times[name].add(status, size, seconds)

        began = time.perf_counter()
        await asyncio.gather(*(work(one) for one in self.connections))
        count("views and steps", 200, 0, time.perf_counter() - began)

    def step(self, generator: random.Random, inside: tuple[float, float, float, float]) -> None:
        """Move by a third of the view, or to another zoom; stay over the scene."""
        if generator.random() < 0.15:
            self.zoom += generator.choice((-1, 1))
            self.zoom = min(max(self.zoom, self.raster["min_zoom"] + 2), self.raster["max_zoom"])
            return
        angle = generator.uniform(0, 2 * math.pi)
        reach = VIEW_PX[0] / 256 / 3 / 2**self.zoom
        self.x = min(max(self.x + reach * math.cos(angle), inside[0]), inside[2])
        self.y = min(max(self.y + reach * math.sin(angle), inside[1]), inside[3])


def mercator(bounds: list[float]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom in tiles of zoom 0."""
    west, south, east, north = bounds

    def down(latitude: float) -> float:
        sine = math.sin(math.radians(latitude))
        return 0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)

    return (west + 180) / 360, down(north), (east + 180) / 360, down(south)


def client_over(
    server: "Server", raster: dict[str, Any], inventory: dict[str, Any], zoom: int, seed: int | None
) -> Client:
    """Return a client in the middle of the scene, or anywhere over it."""
    left, top, right, bottom = mercator(raster["bounds"])
    share = (0.5, 0.5)
    if seed is not None:
        generator = random.Random(seed)
        share = (generator.random(), generator.random())
    return Client(
        connections=[Connection("127.0.0.1", server.port) for _ in range(CONNECTIONS)],
        raster=raster,
        inventory=inventory,
        x=left + share[0] * (right - left),
        y=top + share[1] * (bottom - top),
        zoom=zoom,
    )


class Server:
    """`landslip serve` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "landslip", "serve", str(folder), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self._process.stdout.readline() if self._process.stdout else ""
        self.port = urlsplit(line.removeprefix("landslip serve: ").strip()).port or 0

    @property
    def memory_mb(self) -> float:
        """Resident memory of the server now."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1e3
        return 0.0

    def stop(self) -> float:
        """Stop it as Ctrl-C does; return the seconds that takes."""
        began = time.perf_counter()
        self._process.send_signal(2)
        self._process.wait()
        return time.perf_counter() - began


async def json_of(server: Server, path: str) -> tuple[Any, float]:
    """Return what a path of the API says, and the seconds."""
    connection = Connection("127.0.0.1", server.port)
    status, body, seconds = await connection.get(f"/api/{path}")
    connection.close()
    if status != 200:
        raise SystemExit(f"{path}: {status} {body[:300]!r}")
    return json.loads(body), seconds


def drop_from_cache(folder: Path) -> None:
    """Let the system forget the content of files, so that they are read from the disk."""
    for path in (one for one in folder.rglob("*") if one.is_file()):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


async def measure(folder: Path, arguments: argparse.Namespace) -> list[str]:
    """Run it all, and return the lines of the page."""
    drop_from_cache(folder)
    began = time.perf_counter()
    server = Server(folder)
    started = time.perf_counter() - began
    try:
        return await measure_server(server, folder, started, arguments)
    finally:
        server.stop()


async def measure_server(
    server: "Server", folder: Path, started: float, arguments: argparse.Namespace
) -> list[str]:
    """Measure a server that has just started."""
    workspace, listing = await json_of(server, "workspace")
    raster = next(one for one in workspace["rasters"] if one["kind"] == "scene")
    inventory = workspace["inventories"][0]
    left, _, right, _ = mercator(raster["bounds"])
    fitting = math.floor(math.log2(VIEW_PX[1] / 256 / (right - left)))
    first = {name: Times() for name in KINDS}
    drop_from_cache(folder)
    person = client_over(server, raster, inventory | {"max_zoom": 0}, fitting, None)
    began = time.perf_counter()
    person.seen.update(path for path in person._tiles(f"inventories/{inventory['id']}", 0, 512))
    await person.load(first)
    first_view = time.perf_counter() - began
    making = await tiles_made(server, inventory["id"])
    tables = [
        (query, (await json_of(server, f"inventories/{inventory['id']}/features?{query}"))[1])
        for query in (
            "limit=100&sort=-area_m2",
            "limit=100&range=confidence:0.9:&sort=area_m2",
            "limit=100&text=77",
            "limit=1000&offset=50000",
        )
    ]
    times = {name + later: Times() for name in KINDS for later in ("", LATER)}
    memory = await pan(server, raster, inventory, times, arguments)
    stopping = server.stop()
    return [
        *report(raster, inventory, arguments, times),
        f"- process started: {started:.1f} s; folder listed and described, cold: {listing:.2f} s",
        (
            f"- first view ({len(first['raster tiles'].sizes)} tiles at zoom {fitting}), cold: "
            f"**{first_view:.2f} s**"
        ),
        f"- vector tiles of all polygons made: {making:.1f} s, once",
        "- table: " + "; ".join(f"`{query}` {seconds * 1e3:.0f} ms" for query, seconds in tables),
        (
            f"- resident memory, MB, every {MEMORY_SECONDS:.0f} s of panning: "
            + ", ".join(f"{one:.0f}" for one in memory)
        ),
        f"- stopped by Ctrl-C in {stopping:.1f} s",
    ]


def report(
    raster: dict[str, Any],
    inventory: dict[str, Any],
    arguments: argparse.Namespace,
    times: dict[str, Times],
) -> list[str]:
    """Return the table of the page, and what it is of."""
    height, width = raster["height"], raster["width"]
    head = (
        f"Scene of {width:,} x {height:,} px ({width * height / 1e6:.0f} MPix, 4 bands of 16 "
        f"bits), {inventory['count']:,} polygons; {arguments.clients} clients for "
        f"{arguments.seconds:.0f} s."
    )
    return [
        head,
        "",
        "| what | number | p50, ms | p95, ms | p99, ms | mean, kB | largest, kB | failed |",
        "|---|---|---|---|---|---|---|---|",
        *(one.row(name) for name, one in times.items()),
        "",
    ]


async def tiles_made(server: Server, inventory: str) -> float:
    """Wait until the vector tiles are made; return the seconds."""
    began = time.perf_counter()
    while not (await json_of(server, f"inventories/{inventory}"))[0]["tiles_ready"]:
        await asyncio.sleep(0.5)
    return time.perf_counter() - began


async def pan(
    server: Server,
    raster: dict[str, Any],
    inventory: dict[str, Any],
    times: dict[str, Times],
    arguments: argparse.Namespace,
) -> list[float]:
    """Let clients pan; return the server's memory now and then."""
    ends = time.perf_counter() + arguments.seconds
    inside = mercator(raster["bounds"])
    arriving = set(range(arguments.clients))

    async def person(seed: int) -> None:
        generator = random.Random(seed)
        zoom = raster["max_zoom"] - generator.randrange(4)
        client = client_over(server, raster, inventory, zoom, seed)
        await asyncio.sleep(generator.uniform(0, STEP_SECONDS))
        while time.perf_counter() < ends:
            began = time.perf_counter()
            await client.load(times, later=not arriving)
            arriving.discard(seed)
            client.step(generator, inside)
            await asyncio.sleep(max(0.0, STEP_SECONDS - (time.perf_counter() - began)))
        for connection in client.connections:
            connection.close()

    memory = [server.memory_mb]

    async def watch() -> None:
        while time.perf_counter() < ends - 1:
            await asyncio.sleep(MEMORY_SECONDS)
            memory.append(server.memory_mb)

    await asyncio.gather(watch(), *(person(seed) for seed in range(arguments.clients)))
    return memory


def served_folder(work: Path, side: int, polygons: int) -> Path:
    """Return a folder with a scene and polygons, made where it has not been yet."""
    folder = work / f"served_{side}_{polygons}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "scene.tif").is_file():
        write_large_scene(folder / "scene.tif", side)
    if not (folder / "polygons.gpkg").is_file():
        write_polygons(folder / "polygons.gpkg", polygons, side)
    return folder


def main() -> None:
    """Make the files, measure, and print the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--side", type=int, default=18_000)
    parser.add_argument("--polygons", type=int, default=100_000)
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    folder = served_folder(arguments.work, arguments.side, arguments.polygons)
    how = (
        f"`python benchmarks/serve_load.py --work FOLDER --clients {arguments.clients} --seconds "
        f"{arguments.seconds:.0f} --side {arguments.side} --polygons {arguments.polygons}`, commit "
        f"{commit()}, {machine()}; seed 0. The clients run on the same cores."
    )
    measured = asyncio.run(measure(folder, arguments))
    lines = ["# `landslip serve` under load", "", how, "", *measured]
    print("\n".join(lines))
    if arguments.page is not None:
        arguments.page.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
