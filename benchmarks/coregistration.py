"""How exact are ways of matching two images, and how often do they fail?

    python benchmarks/coregistration.py --data SHARED_DATA [--pairs 40]

SHARED_DATA holds ``wv2/imgWV2.mat`` and ``planetscope_villangad/scene_rgbn_uint16.tif``; tables
that need a file that is absent are left out. No shift is made by an interpolator: waves are drawn
where they are wanted, and real images are blurred and decimated at different phases, so that the
shifts are exact and the aliasing is real.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
import scipy.io
import scipy.ndimage
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from skimage.registration import phase_cross_correlation

from landslip.core.choices import RegistrationModel
from landslip.core.grid import Grid
from landslip.io.raster import OutputBand, Scene, write_scene
from landslip.preprocessing.coregistration.alignment import (
    RegistrationOptions,
    align,
    pair_scenes,
)
from landslip.preprocessing.coregistration.matching import (
    MatchFeature,
    MatchSettings,
    coarse_shift,
    feature_of,
    match_patch,
)
from landslip.preprocessing.coregistration.tie_points import ImagePatch

Pixels = NDArray[np.float32]
Shift = tuple[float, float] | None
Matcher = Callable[[Pixels, Pixels], Shift]
ShiftedPair = tuple[Pixels, Pixels, NDArray[np.float64]]
SIDE = 192
FAR_PX = 20


def phase_correlation(moving: Pixels, reference: Pixels) -> Shift:
    """OpenCV's, with a Hann window."""
    window = cv2.createHanningWindow(reference.shape[::-1], cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(reference, moving, window)
    return dx, dy


def upsampled(*, phase_only: bool) -> Matcher:
    """Return scikit-image's upsampled cross-correlation (Guizar-Sicairos et al. 2008)."""

    def match(moving: Pixels, reference: Pixels) -> Shift:
        window = np.outer(*(np.hanning(side) for side in reference.shape))
        images = ((image - image.mean()) * window for image in (reference, moving))
        normalization = "phase" if phase_only else None
        shift, _, _ = phase_cross_correlation(
            *images, upsample_factor=50, normalization=normalization
        )
        return float(-shift[1]), float(-shift[0])

    return match


def correlation(search_px: int, feature: MatchFeature = MatchFeature.INTENSITY) -> Matcher:
    """Normalised cross-correlation, a parabola through its peak."""

    def match(moving: Pixels, reference: Pixels) -> Shift:
        fixed = feature_of(reference, feature)
        template = fixed[search_px:-search_px, search_px:-search_px]
        surface = cv2.matchTemplate(feature_of(moving, feature), template, cv2.TM_CCOEFF_NORMED)
        row, col = np.unravel_index(surface.argmax(), surface.shape)
        if not (0 < row < 2 * search_px and 0 < col < 2 * search_px):
            return None
        before, at, after = surface[row - 1 : row + 2, col], surface[row, col], surface[row]
        dy = (before[0] - before[2]) / (2 * (before[0] - 2 * at + before[2]))
        left, right = after[col - 1], after[col + 1]
        dx = (left - right) / (2 * (left - 2 * at + right))
        return float(col + dx - search_px), float(row + dy - search_px)

    return match


def ecc(moving: Pixels, reference: Pixels) -> Shift:
    """OpenCV's enhanced correlation coefficient, from the correlation's peak on."""
    start = correlation(4)(moving, reference)
    if start is None:
        return None
    warp = np.eye(2, 3, dtype=np.float32)
    warp[:, 2] = start
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-6)
    try:
        _, found = cv2.findTransformECC(reference, moving, warp, cv2.MOTION_TRANSLATION, criteria)
    except cv2.error:
        return None
    return float(found[0, 2]), float(found[1, 2])


def ours(feature: MatchFeature, search_px: int) -> Matcher:
    """Return landslip's: orientation correlation, then weighted Gauss-Newton steps."""
    settings = MatchSettings(feature=feature, search_px=search_px, patch_px=SIDE)

    def match(moving: Pixels, reference: Pixels) -> Shift:
        found = match_patch(_patch(moving), _patch(reference), settings)
        return None if found is None else (found.dx, found.dy)

    return match


def orientation(search_px: int) -> Matcher:
    """Return the first step of landslip's alone."""

    def match(moving: Pixels, reference: Pixels) -> Shift:
        found = coarse_shift(_patch(moving), _patch(reference), search_px)
        return None if found is None else (found.dx, found.dy)

    return match


def _patch(pixels: Pixels) -> ImagePatch:
    return ImagePatch(pixels - pixels.mean(), np.ones(pixels.shape, dtype=np.bool_))


NEAR: dict[str, Matcher] = {
    "phase correlation": phase_correlation,
    "upsampled DFT, phase": upsampled(phase_only=True),
    "upsampled DFT": upsampled(phase_only=False),
    "NCC, parabola": correlation(4),
    "ECC": ecc,
    "landslip, intensity": ours(MatchFeature.INTENSITY, 8),
    "landslip, gradient": ours(MatchFeature.GRADIENT, 8),
}
FAR: dict[str, Matcher] = {
    "NCC": correlation(30),
    "NCC of gradients": correlation(30, MatchFeature.GRADIENT),
    "orientation, coarse step": orientation(30),
    "landslip, intensity": ours(MatchFeature.INTENSITY, 30),
    "landslip, gradient": ours(MatchFeature.GRADIENT, 30),
}


def waves(generator: np.random.Generator, pairs: int, noise: float) -> Iterator[ShiftedPair]:
    """Draw sums of plane waves, aliased ones too, at shifts of up to 1.5 px."""
    for _ in range(pairs):
        frequency = np.exp(generator.uniform(np.log(0.004), np.log(1.5), 1200))
        angle, phase = generator.uniform(0, 2 * np.pi, (2, 1200))
        u, v = frequency * np.cos(angle), frequency * np.sin(angle)
        strength = np.exp(np.log(0.15) * (frequency / 0.5) ** 2)
        shift = generator.uniform(-1.5, 1.5, 2)
        images = []
        for dx, dy in ((-shift[0], -shift[1]), (0, 0)):
            across = np.exp(2j * np.pi * np.outer(u, np.arange(SIDE) + dx) + 1j * phase[:, None])
            down = np.exp(2j * np.pi * np.outer(np.arange(SIDE) + dy, v))
            image = ((down * strength) @ across).real
            image += noise * image.std() * generator.standard_normal(image.shape)
            images.append(image.astype(np.float32))
        yield images[0], images[1], shift


def phases(
    generator: np.random.Generator,
    images: tuple[Pixels, Pixels],
    *,
    step: int,
    pairs: int,
    far_px: int = 0,
    change: Callable[[Pixels], Pixels] = lambda image: image,
) -> Iterator[ShiftedPair]:
    """Cut pairs out of two images (moving, reference) decimated at different phases."""
    moving, reference = (cv2.GaussianBlur(image, (0, 0), 0.4 * step) for image in images)
    side = min(SIDE, min(reference.shape) // step - far_px - 2)
    made = 0
    while made < pairs:
        here, there = generator.integers(0, step * (far_px + 1), (2, 2))
        corner = generator.integers(0, np.subtract(reference.shape, step * (side + far_px + 1)) + 1)
        cut = [
            np.array(
                image[corner[0] + at[1] :: step, corner[1] + at[0] :: step][:side, :side],
                dtype=np.float32,
            )
            for image, at in ((moving, there), (reference, here))
        ]
        if min(image.min() for image in cut) > 0:  # no missing data
            made += 1
            yield change(cut[0]), cut[1], (here - there) / step


def changed(generator: np.random.Generator) -> Callable[[Pixels], Pixels]:
    """Return what paints twelve dark or bright ellipses, a quarter of the image, and adds noise."""

    def paint(image: Pixels) -> Pixels:
        spread = float(image.std())
        for _ in range(12):
            centre, axes = generator.integers(0, SIDE, 2), generator.integers(8, 30, 2)
            value = float(image.mean() + generator.choice([-2, 3]) * spread)
            angle = float(generator.uniform(0, 180))
            cv2.ellipse(image, centre.tolist(), axes.tolist(), angle, 0, 360, value, -1)
        noise = generator.standard_normal(image.shape).astype(np.float32)
        return (image + 0.1 * spread * noise).astype(np.float32)

    return paint


def registrations(path: Path, generator: np.random.Generator) -> None:
    """Bend a scene by known displacements, change a tenth of it, and measure what is recovered."""
    with rasterio.open(path) as file:
        bands = file.read([1, 2]).astype(np.float32)
    bands = np.stack([cv2.GaussianBlur(band, (0, 0), 0.8) for band in bands])
    reference = bands[:, ::2, ::2].round().astype(np.uint16)
    height, width = reference.shape[1:]
    rows, cols = np.mgrid[:height, :width]
    centres = np.stack([cols, rows], axis=-1).reshape(-1, 2) + 0.5
    print("\nRegistration of a PlanetScope scene bent by known displacements, rms error in px\n")
    print("| displacement | model | error | residual | checked | kept |\n|---|---|---|---|---|---|")
    for kind, hills_px in (("shift and affine", 0.0), ("the same and hills of 1.5 px", 1.5)):
        x, y = cols / width, rows / height
        bend = hills_px * np.sin(7 * x + 2) * np.cos(6 * y)
        dx = 9.3 + 1.5 * x - 0.8 * y + bend
        dy = -6.7 + 0.6 * x + 1.1 * y - 0.5 * bend
        # what lies at p in the reference is seen at p + d: so the moving image looks back
        places = [(rows - dy) * 2, (cols - dx) * 2]
        moving = np.stack([scipy.ndimage.map_coordinates(band, places, order=3) for band in bands])
        moving = np.clip(moving, 1, 65535).round().astype(np.uint16)
        for _ in range(60):
            row, col = generator.integers(0, (height - 60, width - 60))
            moving[:, row : row + 50, col : col + 40] = generator.integers(300, 3000)
        truth = _forward(np.stack([dx, dy], axis=-1), centres)
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / name for name in ("moving.tif", "reference.tif")]
            for file_path, values in zip(files, (moving, reference), strict=True):
                _write(file_path, values)
            for model in RegistrationModel:
                options = RegistrationOptions(model=model, max_residual_px=3.0)
                with Scene(files[0]) as one, Scene(files[1]) as other:
                    aligned = align(pair_scenes(one, other, None), options)
                found = np.asarray(aligned.displacement(centres[::97]))
                error = np.sqrt(np.mean(np.sum((found - truth[::97]) ** 2, axis=1)))
                print(
                    f"| {kind} | {model.value} | {error:.3f} | {aligned.after.rms_px:.3f} "
                    f"| {aligned.checked.rms_px:.3f} "
                    f"| {aligned.after.kept} of {aligned.after.count} |",
                    flush=True,
                )


def _forward(back: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return d at p such that the moving image at p + d looks back at p."""
    shifts = np.zeros_like(centres)
    for _ in range(8):
        at = centres + shifts - 0.5
        places = [at[:, 1], at[:, 0]]
        shifts = np.column_stack(
            [
                scipy.ndimage.map_coordinates(back[..., axis], places, order=1, mode="nearest")
                for axis in (0, 1)
            ]
        )
    return shifts


def _write(path: Path, values: NDArray[np.uint16]) -> None:
    names = ("red", "green")
    layers = tuple(OutputBand(description=name, dtype="uint16", nodata=0) for name in names)
    transform = Affine(6, 0, 500_000, 0, -6, 4_000_000)
    grid = Grid(crs=CRS.from_epsg(32643), transform=transform, shape=values.shape[1:])
    write_scene(path, values, grid, layers)


def interpolators(generator: np.random.Generator, pairs: int) -> None:
    """Print the displacement that an interpolator adds, and its error."""
    print("\nWaves interpolated a fraction of a pixel to the right\n")
    print("| fraction | kernel | off by, px | error, % of deviation |\n|---|---|---|---|")
    match = ours(MatchFeature.INTENSITY, 8)
    for fraction in (0.25, 0.5, 0.75):
        drawn = [waves_at(generator, fraction) for _ in range(pairs)]
        for name, kernel in (
            ("cubic, a = -0.75 (OpenCV)", cubic(-0.75, fraction)),
            ("cubic, a = -0.5 (Keys)", cubic(-0.5, fraction)),
        ):
            offs, errors = [], []
            for image, wanted in drawn:
                seen = cv2.filter2D(image, cv2.CV_32F, kernel, anchor=(1, 0)).astype(np.float32)
                found = match(seen, wanted)
                offs.append(np.nan if found is None else found[0])
                errors.append(float((seen - wanted)[8:-8, 8:-8].std() / wanted.std()))
            off, error = np.nanmean(offs), 100 * np.mean(errors)
            print(f"| {fraction} | {name} | {off:+.3f} | {error:.1f} |")


def cubic(a: float, fraction: float) -> Pixels:
    """Return the kernel (1, 4) of cubic convolution (Keys 1981, with its a left open)."""
    near = np.array([fraction, 1 - fraction])
    far = 1 + near
    inner = (a + 2) * near**3 - (a + 3) * near**2 + 1
    outer = a * (far**3 - 5 * far**2 + 8 * far - 4)
    return np.array([[outer[0], inner[0], inner[1], outer[1]]], dtype=np.float32)


def waves_at(generator: np.random.Generator, fraction: float) -> tuple[Pixels, Pixels]:
    """Draw waves without aliasing, and once more a fraction of a pixel further right."""
    frequency = np.exp(generator.uniform(np.log(0.004), np.log(0.4), 800))
    angle, phase = generator.uniform(0, 2 * np.pi, (2, 800))
    u, v = frequency * np.cos(angle), frequency * np.sin(angle)
    strength = np.exp(np.log(0.15) * (frequency / 0.5) ** 2)
    down = np.exp(2j * np.pi * np.outer(np.arange(SIDE), v)) * strength
    images = []
    for off in (0.0, fraction):
        across = np.exp(2j * np.pi * np.outer(u, np.arange(SIDE) + off) + 1j * phase[:, None])
        images.append((down @ across).real.astype(np.float32))
    return images[0], images[1]


def table(
    title: str, matchers: dict[str, Matcher], pairs: list[ShiftedPair], *, known: bool
) -> None:
    """Print bias, error and failures of each method; about the median without a known truth."""
    print(f"\n{title}\n")
    print(
        "| method | mean dx, dy | rms, px | p95, px | failed, % | ms |\n|---|---|---|---|---|---|"
    )
    for name, match in matchers.items():
        started = time.perf_counter()
        found = [match(moving, reference) for moving, reference, _ in pairs]
        spent = (time.perf_counter() - started) / len(pairs)
        errors = np.array(
            [np.subtract(one, pair[2]) for one, pair in zip(found, pairs, strict=True) if one]
        ).reshape(-1, 2)
        middle = np.zeros(2) if known or len(errors) == 0 else np.median(errors, axis=0)
        sizes = np.hypot(*(errors - middle).T)
        good = sizes < 1
        failed = 1 - np.count_nonzero(good) / len(pairs)
        if not good.any():
            print(f"| {name} | - | - | - | {100 * failed:.0f} | {1e3 * spent:.0f} |")
            continue
        dx, dy = errors[good].mean(axis=0)
        rms, most = np.sqrt(np.mean(sizes[good] ** 2)), np.percentile(sizes[good], 95)
        print(
            f"| {name} | {dx:+.3f}, {dy:+.3f} | {rms:.4f} | {most:.4f} | {100 * failed:.0f} "
            f"| {1e3 * spent:.0f} |",
            flush=True,
        )


def scores(generator: np.random.Generator, image: Pixels, pairs: int) -> None:
    """Print the scores of the same and of other ground, half of it changed."""
    paint = changed(generator)
    kinds: dict[str, list[float]] = {"same ground, changed": [], "other ground": []}
    settings = MatchSettings(
        feature=MatchFeature.GRADIENT,
        search_px=30,
        patch_px=SIDE,
        least_score=0.0,
        agreement_px=9.0,
    )
    cut = phases(generator, (image, image), step=3, pairs=2 * pairs, far_px=FAR_PX)
    last = None
    for moving, reference, _ in cut:
        for kind, fixed in (("same ground, changed", reference), ("other ground", last)):
            if fixed is not None:
                found = match_patch(_patch(paint(moving.copy())), _patch(fixed), settings)
                kinds[kind].append(0.0 if found is None else found.score)
        last = reference[::-1, ::-1].copy()
    print("\nScores of gradients (0: not found)\n\n| ground | least | 5 % | median | 95 % | most |")
    print("|---|---|---|---|---|---|")
    for kind, values in kinds.items():
        shown = " | ".join(f"{one:.2f}" for one in np.percentile(values, [0, 5, 50, 95, 100]))
        print(f"| {kind} | {shown} |")


def worldview(path: Path, generator: np.random.Generator, pairs: int) -> None:
    """Match a panchromatic image with itself, exactly shifted, and with bands of its own."""
    file: dict[str, Any] = scipy.io.loadmat(path)
    pan, bands = file["I_PAN"].astype(np.float32), file["I_MS"].astype(np.float32)
    cut = phases(generator, (pan, pan), step=4, pairs=pairs)
    table("WorldView-2 PAN at two phases of 8 m-like pixels", NEAR, list(cut), known=True)
    degraded = cv2.GaussianBlur(pan, (0, 0), 1.6)
    for name, image in (("mean of MS", bands.mean(axis=2)), ("near infrared", bands[:, :, 6])):
        cross = []
        for _ in range(pairs):
            phase, corner = generator.integers(0, 4, 2), generator.integers(2, 220, 2)
            here = tuple(slice(at, at + 96) for at in corner)
            moving = degraded[phase[1] :: 4, phase[0] :: 4][here].copy()
            cross.append((moving, np.ascontiguousarray(image[here]), (1.5 - phase) / 4))
        table(f"WorldView-2 PAN and {name}, 96 px; about the median", NEAR, cross, known=False)


def planetscope(path: Path, generator: np.random.Generator, pairs: int) -> None:
    """Match bands with each other, far shifted, and with changes painted in."""
    with rasterio.open(path) as file:
        red, _, _, infrared = file.read().astype(np.float32)
    given: dict[str, Any] = {"step": 3, "pairs": pairs}
    cut = phases(generator, (red, red), **given)
    table("PlanetScope red at two phases", NEAR, list(cut), known=True)
    cut = phases(generator, (red, red), far_px=FAR_PX, change=changed(generator), **given)
    table("PlanetScope red, a quarter changed, shifts to 20 px", FAR, list(cut), known=True)
    cut = phases(generator, (infrared, red), far_px=FAR_PX, change=changed(generator), **given)
    title = "PlanetScope infrared, a quarter changed, on red; about the median"
    table(title, FAR, list(cut), known=False)
    scores(generator, red, pairs)
    registrations(path, generator)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    generator = np.random.default_rng(options.seed)
    for noise in (0.0, 0.1):
        pairs = list(waves(generator, options.pairs, noise))
        table(f"Waves, {SIDE} px, noise {noise:.0%}", NEAR, pairs, known=True)
    interpolators(generator, options.pairs)
    for name, run in (
        ("wv2/imgWV2.mat", worldview),
        ("planetscope_villangad/scene_rgbn_uint16.tif", planetscope),
    ):
        path = options.data / name
        if path.is_file():
            run(path, generator, options.pairs)
        else:
            print(f"\n{path} is absent: its tables are left out")


if __name__ == "__main__":
    main()
