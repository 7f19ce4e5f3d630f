"""Times `landslip preprocess` on a product of full size beside the chain that a user would type.

    python benchmarks/preprocessing_speed.py --work FOLDER [--lines 18012] [--rounds 1]

Makes a synthetic product and its elevation model once (kept in FOLDER, some 1 GB; five minutes),
then runs, each in a process of its own, our command and the chain: unpack, warp PAN and MSS over
the elevation model, pansharpen, calculate reflectance, translate to COG; the same libraries, the
same resampling (cubic), the same compression. The chain neither registers MSS and PAN nor judges
its result. Prints seconds, MPix/s of the map, and peak resident memory.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from landslip.core.progress import Progress

COMPRESSION = {"compress": "zstd", "level": 1, "predictor": "standard"}
RESOLUTION_M = 2.0


def make_product(folder: Path, lines: int) -> tuple[Path, Path]:
    """Make product and elevation model, or take those that are there."""
    from landslip.synthetic.ground_model import DemFormat, write_dem
    from landslip.synthetic.landscape import make_landscape
    from landslip.synthetic.overpass import ImageTarget
    from landslip.synthetic.product import ProductRequest, write_product
    from landslip.synthetic.study_areas import wenchuan_area

    dem = folder / f"dem_{lines}.tif"
    found = sorted((folder / str(lines)).glob("*.tar.gz"))
    if found and dem.exists():
        return found[0], dem
    area = wenchuan_area()
    look = replace(area.overpasses[0], bias_m=(0.0, 0.0))
    lon, lat = area.landscape.centre_deg
    mss_shape = round(lines / 4), round(lines / 4 * 4548 / 4503)
    target = ImageTarget(lon_deg=lon, lat_deg=lat, height_m=1500.0, mss_shape=mss_shape)
    plan = replace(area.landscape, shape=(2048, 2048))
    ground = make_landscape(plan, 0, look.sun(target)).ground_on(look.utc.date(), look.sun(target))
    write_dem(dem, ground, DemFormat(margin_m=1.5 * lines))
    request = ProductRequest(ground=ground, overpass=look, target=target)
    return write_product(request, folder / str(lines), _told("product")), dem


def typed_chain(product: Path, dem: Path, out: Path) -> None:
    """Do what a user would type with GDAL's programs, by the same library."""
    import rasterio
    from rasterio.shutil import copy

    out.mkdir(parents=True)
    with tarfile.open(product) as archive:
        archive.extractall(out, filter="data")
    pan, mss = (next(out.glob(f"*-{kind}?.tiff")) for kind in ("PAN", "MSS"))
    shape, transform = _grid(pan, dem)
    with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_CACHEMAX=512 * 2**20):
        _warp(pan, dem, out / "pan.tif", shape, transform)
        coarse = transform @ transform.scale(4)
        _warp(mss, dem, out / "mss.tif", (-(-shape[0] // 4), -(-shape[1] // 4)), coarse)
        vrt = _pansharpened(out / "pan.tif", out / "mss.tif")
        with rasterio.open(vrt) as sharp:
            _calculate(sharp, out / "reflectance.tif")
        copy(
            out / "reflectance.tif",
            out / "scene.tif",
            driver="COG",
            blocksize=512,
            overview_resampling="average",
            num_threads="all_cpus",
            bigtiff="if_safer",
            **COMPRESSION,
        )


def _grid(pan: Path, dem: Path) -> tuple[tuple[int, int], Affine]:
    """Return the map's grid: our own, so that both make as many pixels."""
    from landslip.io.raster import raster_shape
    from landslip.preprocessing.orthorectification.dem import (
        DemRequest,
        HeightReference,
        load_dem,
    )
    from landslip.preprocessing.orthorectification.map_grid import (
        GridRequest,
        image_outline,
        plan_grid,
    )
    from landslip.preprocessing.product.rpb import read_rpb

    rpc, shape = read_rpb(pan.with_suffix(".rpb")), raster_shape(pan).shape
    elevation, _ = load_dem(DemRequest(path=dem, heights=HeightReference()), [(rpc, shape)])
    outline = image_outline(rpc, shape, elevation)
    grid = plan_grid(GridRequest(resolution_m=RESOLUTION_M), outline, elevation)
    return grid.shape, grid.transform


def _warp(image: Path, dem: Path, out: Path, shape: tuple[int, int], transform: Affine) -> None:
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.warp import reproject

    with rasterio.open(image) as source:
        profile = {
            "driver": "GTiff",
            "height": shape[0],
            "width": shape[1],
            "count": source.count,
            "dtype": "uint16",
            "nodata": 0,
            "crs": "EPSG:32648",
            "transform": transform,
            "tiled": True,
            "bigtiff": "if_safer",
        }
        with rasterio.open(out, "w", **profile) as target:
            reproject(
                rasterio.band(source, source.indexes),
                rasterio.band(target, target.indexes),
                rpcs=source.rpcs,
                src_crs="EPSG:4326",
                src_nodata=0,
                dst_nodata=0,
                resampling=Resampling.cubic,
                num_threads=2,
                warp_mem_limit=512,
                RPC_DEM=str(dem),
            )


def _pansharpened(pan: Path, mss: Path) -> str:
    bands = "".join(
        f'<SpectralBand dstBand="{at}"><SourceFilename>{mss}</SourceFilename>'
        f"<SourceBand>{at}</SourceBand></SpectralBand>"
        for at in range(1, 5)
    )
    return (
        '<VRTDataset subClass="VRTPansharpenedDataset"><PansharpeningOptions>'
        "<Algorithm>WeightedBrovey</Algorithm><AlgorithmOptions>"
        "<Weights>0.25,0.25,0.25,0.25</Weights></AlgorithmOptions>"
        "<Resampling>Cubic</Resampling><NumThreads>ALL_CPUS</NumThreads><NoData>0</NoData>"
        f"<PanchroBand><SourceFilename>{pan}</SourceFilename><SourceBand>1</SourceBand>"
        f"</PanchroBand>{bands}</PansharpeningOptions></VRTDataset>"
    )


def _calculate(sharp: Any, out: Path) -> None:
    """Turn counts into reflectance as gdal_calc does, block by block."""
    import rasterio
    from rasterio.windows import Window

    gain, offset = np.float32(0.0004), np.float32(0.005)
    profile = sharp.profile | {"driver": "GTiff", "tiled": True, "bigtiff": "if_safer"}
    profile |= {"blockxsize": 512, "blockysize": 512}
    with rasterio.open(out, "w", **profile) as target:
        for row in range(0, sharp.height, 512):
            window = Window(0, row, sharp.width, min(512, sharp.height - row))
            counts = sharp.read(window=window)
            values = (counts * gain + offset) / np.float32(0.0001)
            target.write(np.where(counts == 0, 0, values).astype(np.uint16), window=window)


def timed(command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and its peak resident memory in GiB."""
    code = (
        "import resource, subprocess, sys;"
        "done = subprocess.run(sys.argv[1:]);"
        "print('PEAK', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss);"
        "sys.exit(done.returncode)"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *command], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds = time.perf_counter() - started
    peak = int(done.stdout.rsplit("PEAK", 1)[1]) / 2**20
    load = Path("/proc/loadavg").read_text().split()[0]
    print(f"{Path(command[0]).name}: {seconds:.1f} s, peak {peak:.2f} GiB, load {load}", flush=True)
    return seconds, peak


def main() -> None:
    """Make the product, run both, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=18012)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--chain", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    product, dem = make_product(asked.work, asked.lines)
    if asked.chain:
        typed_chain(product, dem, asked.work / "chain")
        return
    script = str(Path(__file__).resolve())
    ours = [
        *(str(Path(sys.executable).parent / "landslip"), "preprocess", str(product)),
        *("--dem", str(dem), "--dem-heights", "ellipsoid"),
        *("--out", str(asked.work / "ours"), "--overwrite"),
    ]
    chain = [sys.executable, script, "--work", str(asked.work), "--lines", str(asked.lines)]
    rows: dict[str, list[tuple[float, float]]] = {"landslip preprocess": [], "typed chain": []}
    for _ in range(asked.rounds):
        rows["landslip preprocess"].append(timed(ours))
        shutil.rmtree(asked.work / "chain", ignore_errors=True)
        rows["typed chain"].append(timed([*chain, "--chain"]))
    quality = json.loads(next((asked.work / "ours").glob("*/quality.json")).read_text())
    height, width = quality["grid"]["shape"]
    print(f"map of {width} x {height} px; steps of ours: {quality['seconds']}")
    for name, runs in rows.items():
        seconds = statistics.median(one[0] for one in runs)
        peak = max(one[1] for one in runs)
        rate = width * height / 1e6 / seconds
        print(f"{name:22s} {seconds:7.1f} s  {rate:6.2f} MPix/s  peak {peak:.2f} GiB")
    ratio = statistics.median(chain[0] / own[0] for own, chain in zip(*rows.values(), strict=True))
    print(f"ours is {ratio:.1f} times as fast")


def _told(what: str) -> Progress:
    last = [0.0]

    def report(done: float, total: float) -> None:
        if time.monotonic() - last[0] > 20:
            last[0] = time.monotonic()
            print(f"{what}: {100 * done / total:.0f} %", flush=True)

    return report


if __name__ == "__main__":
    main()
