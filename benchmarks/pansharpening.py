"""Which fusion keeps colours and detail of a real pair, and how fast is each?

    python benchmarks/pansharpening.py [--data ../shared/data] [--picture FILE.png]

Reads the WorldView-2 pair ``wv2/imgWV2.mat`` below the data folder (also LANDSLIP_DATA). Prints:
scores by Wald's protocol at ratio 4 for all 8 bands and the 4 that GF-1 has, with GDAL's weighted
Brovey and plain interpolation beside; QNR and detail at full scale; the same with PAN displaced;
and speed on one core. Nothing is drawn at random.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from scipy.io import loadmat

from landslip.core.choices import PansharpeningMethod
from landslip.preprocessing.pansharpening.fusion import Fusion, FusionSettings, fit_fusion
from landslip.preprocessing.pansharpening.image_pair import ImagePair
from landslip.preprocessing.pansharpening.multiresolution import upsample
from landslip.preprocessing.pansharpening.quality import (
    full_scale_quality,
    reduce_scale,
    reference_quality,
)

Pixels = NDArray[np.float32]
RATIO = 4
SETS = {"blue, green, red, nir1": (1, 2, 4, 6), "all 8": tuple(range(8))}
CROP = np.s_[..., 600:760, 740:900]


def main() -> None:
    """Print the tables."""
    default = Path(os.environ.get("LANDSLIP_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--picture", type=Path, help="PNG of crops side by side at full scale")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    images = loadmat(options.data / "wv2" / "imgWV2.mat")
    ms, pan = images["I_MS"].transpose(2, 0, 1), images["I_PAN"]
    for name, bands in SETS.items():
        pair = ImagePair.aligned(ms[list(bands)].astype(np.float32), pan.astype(np.float32), RATIO)
        print_scores(name, pair)
    four = list(SETS["blue, green, red, nir1"])
    pair = ImagePair.aligned(ms[four].astype(np.float32), pan.astype(np.float32), RATIO)
    print_displaced(pair)
    print_speed(pair)
    if options.picture:
        draw(pair, options.picture)


def print_scores(name: str, pair: ImagePair) -> None:
    """Print scores at reduced and full scale of every method."""
    print(f"\n{name}\n")
    print("| method | ERGAS | SAM, deg | Q2n | detail | D_lambda | D_s | QNR |")
    print("|---|---|---|---|---|---|---|---|")
    reduced = reduce_scale(pair, FusionSettings())[0]
    coarse = pair.samples(FusionSettings().sigma_px)
    both = zip(candidates(reduced), candidates(pair), strict=True)
    for (method, small), (_, large) in both:
        found = reference_quality(small, pair.ms, RATIO)
        full = full_scale_quality(fused=large, pan=pair.pan, ms=pair.ms, pan_coarse=coarse.pan)
        assert full is not None  # noqa: S101 - every pixel is valid
        print(
            f"| {method} | {found.ergas:.3f} | {found.sam_deg:.3f} | {found.q2n:.4f} "
            f"| {detail(large, pair.pan):.3f} "
            f"| {full.d_lambda:.4f} | {full.d_s:.4f} | {full.qnr:.4f} |"
        )


def detail(fused: Pixels, pan: Pixels) -> float:
    """Return the mean correlation of the bands' Laplacians with PAN's.

    Zhou, Civco, Silander 1998, doi 10.1080/014311698215973; 20 px of edge are left out.
    """
    inner = np.s_[20:-20, 20:-20]
    edges = cv2.Laplacian(pan, cv2.CV_32F)[inner].ravel()
    found = [
        np.corrcoef(cv2.Laplacian(band, cv2.CV_32F)[inner].ravel(), edges)[0, 1] for band in fused
    ]
    return float(np.mean(found))


def candidates(pair: ImagePair) -> Iterator[tuple[str, Pixels]]:
    """Fuse a pair by all methods."""
    count = len(pair.ms)
    yield "interpolated only", upsample(pair.ms, RATIO)
    yield "GDAL weighted Brovey, equal weights", gdal_brovey(pair, (1 / count,) * count)
    brovey = fit(pair, PansharpeningMethod.BROVEY)
    weights = brovey.intensity.weights
    yield "GDAL weighted Brovey, regressed weights", gdal_brovey(pair, weights)
    yield "`brovey`", pair.fuse(brovey)
    for method in (PansharpeningMethod.GSA, PansharpeningMethod.GLP):
        yield f"`{method.value}`", pair.fuse(fit(pair, method))


def fit(pair: ImagePair, method: PansharpeningMethod) -> Fusion:
    """Fit a method to a whole pair."""
    settings = FusionSettings(method=method, ratio=RATIO)
    return fit_fusion(settings, pair.samples(settings.sigma_px))


def gdal_brovey(pair: ImagePair, weights: tuple[float, ...]) -> Pixels:
    """Fuse by GDAL's VRTPansharpenedDataset, cubic resampling, in 32-bit floats."""
    with MemoryFile() as left, MemoryFile() as right:
        for file, image, size in ((left, pair.ms, RATIO), (right, pair.pan[np.newaxis], 1)):
            frame = {"count": len(image), "height": image.shape[1], "width": image.shape[2]}
            transform = Affine(size, 0, 5e5, 0, -size, 4e6)
            with file.open(
                driver="GTiff", dtype="float32", crs="EPSG:32650", transform=transform, **frame
            ) as written:
                written.write(image)
        spectral = "".join(
            f'<SpectralBand dstBand="{at}"><SourceFilename>{left.name}</SourceFilename>'
            f"<SourceBand>{at}</SourceBand></SpectralBand>"
            for at in range(1, len(weights) + 1)
        )
        text = (
            '<VRTDataset subClass="VRTPansharpenedDataset"><PansharpeningOptions>'
            "<Algorithm>WeightedBrovey</Algorithm><AlgorithmOptions><Weights>"
            f"{','.join(map(str, weights))}</Weights></AlgorithmOptions>"
            "<Resampling>Cubic</Resampling>"
            f"<PanchroBand><SourceFilename>{right.name}</SourceFilename>"
            f"<SourceBand>1</SourceBand></PanchroBand>{spectral}"
            "</PansharpeningOptions></VRTDataset>"
        )
        with rasterio.open(text) as fused:
            return np.asarray(fused.read(), dtype=np.float32)


def print_displaced(pair: ImagePair) -> None:
    """Print scores with PAN displaced sideways, in PAN pixels of the scale at which is fused."""
    print("\nERGAS at reduced scale / detail at full scale, with PAN displaced by so many pixels\n")
    print("| method | 0 | 0.25 / 1 | 0.5 / 2 | 1 / 4 |")
    print("|---|---|---|---|---|")
    inner = np.s_[..., 8:-8, 8:-8]
    for method in PansharpeningMethod:
        scores = []
        for shift in (0, 1, 2, 4):
            moved = ImagePair.aligned(pair.ms, np.roll(pair.pan, shift, axis=1), RATIO)
            reduced = reduce_scale(moved, FusionSettings())[0]
            fused = reduced.fuse(fit(reduced, method))
            error = reference_quality(fused[inner], pair.ms[inner], RATIO).ergas
            scores.append(f"{error:.3f} / {detail(moved.fuse(fit(moved, method)), moved.pan):.3f}")
        print(f"| `{method.value}` | " + " | ".join(scores) + " |")


def print_speed(pair: ImagePair) -> None:
    """Print millions of PAN pixels a second of one core, 4 bands, best of 5."""
    print("\nMPix/s of one core, 4 bands\n")
    print("| step | window 512 px | window 1024 px |")
    print("|---|---|---|")
    steps: dict[str, list[float]] = {}
    for side in (512, 1024):
        pan = np.ascontiguousarray(pair.pan[:side, :side])
        coarse = np.ascontiguousarray(pair.ms[:, : side // RATIO, : side // RATIO])
        bands, valid = upsample(coarse, RATIO), np.ones(pan.shape, np.bool_)
        gap = valid.copy()
        gap[:50, :50] = False
        found: dict[str, Callable[[], object]] = {"interpolating": partial(upsample, coarse, RATIO)}
        for method in PansharpeningMethod:
            fuse, out = fit(pair, method).fuse, np.empty_like(bands)
            found[f"`{method.value}`"] = partial(fuse, bands, pan, valid, out)
            found[f"`{method.value}`, partly valid"] = partial(fuse, bands, pan, gap, out)
        for name, step in found.items():
            steps.setdefault(name, []).append(pan.size / 1e6 / best_seconds(step))
    for name, speeds in steps.items():
        print(f"| {name} | " + " | ".join(f"{speed:.0f}" for speed in speeds) + " |")


def best_seconds(step: Callable[[], object], rounds: int = 5) -> float:
    """Return the least time a step takes."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        step()
        found.append(time.perf_counter() - started)
    return min(found)


def draw(pair: ImagePair, path: Path) -> None:
    """Draw a crop of PAN, interpolated bands and each fusion, in red, green, blue."""
    panels = {"PAN": np.repeat(pair.pan[np.newaxis], 3, axis=0)[CROP]}
    for name, image in candidates(pair):
        panels[name.replace("`", "")] = image[2::-1][CROP]
    del panels["GDAL weighted Brovey, regressed weights"]
    low, high = np.percentile(panels["interpolated only"], [1, 99], axis=(1, 2))
    shown = []
    for name, image in panels.items():
        limits = (low, high) if name != "PAN" else np.percentile(image, [1, 99])[:, None]
        scaled = (image - limits[0][:, None, None]) / (limits[1] - limits[0])[:, None, None]
        picture = (np.clip(scaled, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)[..., ::-1]
        large = cv2.resize(np.ascontiguousarray(picture), None, fx=2, fy=2)
        cv2.rectangle(large, (0, 0), (large.shape[1], 20), (0, 0, 0), -1)
        white = (255, 255, 255)
        cv2.putText(large, name, (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, white, 1, cv2.LINE_AA)
        shown.append(cv2.copyMakeBorder(large, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=white))
    rows = [np.hstack(shown[at : at + 3]) for at in range(0, len(shown), 3)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack(rows), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
