"""Polygons as a PMTiles archive of vector tiles; run as a process of its own by `vector_tiles`.

freestiler holds Python's lock for seconds, and takes hundreds of megabytes. A low zoom holds the
polygons from an area on, chosen so that no tile has more than a number of bytes: a large landslide
is never left out for small ones, and neighbouring tiles show the same.
"""

import sys
from pathlib import Path

import freestiler
import geopandas
import numpy as np
from numpy.typing import NDArray
from pmtiles.reader import MmapSource, Reader, all_tiles
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from landslip.server.background import end_with_server

LAYER = "landslides"
MAX_ZOOM = 14  # a unit of its tiles is 0.6 m
MAX_TILE_BYTES = 400_000
_ZOOMS_ABOVE = 4  # the whole is small there
_WORLD_DEG = 360.0
_TILE_PX = 512  # on the page
_TOLERANCE_PX = 0.25  # half a pixel of screens with two for one of the page
_FEW = 5000  # of a tile, at first
_SMALLEST_SHARE, _TRIES = 0.3, 6


def zoom_range(bounds: tuple[float, float, float, float] | None) -> tuple[int, int]:
    """Return the first and last zoom of the tiles of polygons with these bounds."""
    if bounds is None:
        return 0, MAX_ZOOM
    west, south, east, north = bounds
    extent = max(east - west, north - south, 1e-4)
    fitting = int(np.floor(np.log2(_WORLD_DEG / extent)))
    return min(max(fitting - _ZOOMS_ABOVE, 0), MAX_ZOOM - 4), MAX_ZOOM


def write_archive(source: Path, out: Path, work: Path) -> None:
    """Write the polygons of a GeoParquet file, in degrees, as one archive.

    Prints the part that is done, from 0 to 1, on lines of its own.
    """
    frame = geopandas.read_parquet(source)
    bounds = tuple(float(one) for one in frame.total_bounds)
    first, last = zoom_range((bounds[0], bounds[1], bounds[2], bounds[3]))
    centres = frame.geometry.bounds.to_numpy()
    centres = (centres[:, :2] + centres[:, 2:]) / 2
    areas = frame["area_m2"].to_numpy(dtype=np.float64)
    parts = []
    for zoom in range(last, first - 1, -1):
        shown = frame if zoom == last else simplified(frame, zoom)
        parts.append(_write_zoom(shown, areas, _ranks(centres, areas, zoom), zoom, work))
        sys.stdout.write(f"{(last - zoom + 1) / (last - first + 2):.3f}\n")
        sys.stdout.flush()
    kinds = {
        str(name): "Number" if frame[name].dtype.kind in "iuf" else "String"
        for name in frame.columns.drop(frame.geometry.name)
    }
    _merge(parts[::-1], out, kinds)


def simplified(frame: geopandas.GeoDataFrame, zoom: int) -> geopandas.GeoDataFrame:
    """Return polygons, in degrees, without points that no pixel of a zoom shows.

    Outlines of many small polygons are else most of the time that a map takes to draw them.
    """
    tolerance = _TOLERANCE_PX * _WORLD_DEG / (_TILE_PX * 2**zoom)
    return frame.set_geometry(frame.geometry.simplify(tolerance, preserve_topology=True))


def _write_zoom(
    frame: geopandas.GeoDataFrame,
    areas: NDArray[np.float64],
    ranks: NDArray[np.int64],
    zoom: int,
    work: Path,
) -> Path:
    """Write one zoom of the largest polygons, so many that no tile is too large.

    ``ranks`` of the polygons are those in their tiles, see `_ranks`.
    """
    path = work / f"{zoom}.pmtiles"
    most = len(frame) if zoom == MAX_ZOOM else min(_FEW, int(ranks.max(initial=0)) + 1)
    for _ in range(_TRIES):
        freestiler.freestile(
            frame[areas > areas[ranks == most].max(initial=-1.0)],
            path,
            layer_name=LAYER,
            min_zoom=zoom,
            max_zoom=zoom,
            generate_ids=False,
            quiet=True,
        )
        largest = _largest_tile(path)
        if largest <= MAX_TILE_BYTES:
            break
        share = max(_SMALLEST_SHARE, 0.9 * MAX_TILE_BYTES / largest)
        most = max(1, int(min(most, ranks.max() + 1) * share))
    return path


def _ranks(
    centres: NDArray[np.float64], areas: NDArray[np.float64], zoom: int
) -> NDArray[np.int64]:
    """Return how many polygons whose centre is in the same tile are larger."""
    tiles = 2.0**zoom
    sines = np.sin(np.radians(np.clip(centres[:, 1], -85.05, 85.05)))
    columns = np.floor((centres[:, 0] + 180) / 360 * tiles)
    rows = np.floor((0.5 - np.log((1 + sines) / (1 - sines)) / (4 * np.pi)) * tiles)
    order = np.lexsort((-areas, rows, columns))
    in_order = np.stack([columns, rows], axis=1)[order]
    starts = np.flatnonzero(np.r_[True, np.any(in_order[1:] != in_order[:-1], axis=1)])
    sizes = np.diff(np.r_[starts, len(order)])
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order)) - np.repeat(starts, sizes)
    return ranks


def _largest_tile(path: Path) -> int:
    with path.open("rb") as file:
        return max((len(content) for _, content in all_tiles(MmapSource(file))), default=0)


def _merge(parts: list[Path], out: Path, fields: dict[str, str]) -> None:
    """Write the tiles of several archives of one zoom each as one, in order of their numbers."""
    with out.open("wb") as file:
        writer = Writer(file)
        headers = []
        for part in parts:
            with part.open("rb") as opened:
                source = MmapSource(opened)
                reader = Reader(source)
                headers.append(reader.header())
                tiles = sorted((zxy_to_tileid(*place), place) for place, _ in all_tiles(source))
                for number, place in tiles:
                    writer.write_tile(number, reader.get(*place))
        whole = {
            "min_lon_e7": min(one["min_lon_e7"] for one in headers),
            "min_lat_e7": min(one["min_lat_e7"] for one in headers),
            "max_lon_e7": max(one["max_lon_e7"] for one in headers),
            "max_lat_e7": max(one["max_lat_e7"] for one in headers),
            "tile_type": TileType.MVT,
            "tile_compression": headers[0].get("tile_compression", Compression.GZIP),
        }
        writer.finalize(whole, {"vector_layers": [{"id": LAYER, "fields": fields}]})


if __name__ == "__main__":
    end_with_server()
    write_archive(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
