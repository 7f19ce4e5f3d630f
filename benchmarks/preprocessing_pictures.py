"""Draws what each step of preprocessing does to a synthetic Gaofen-1 product.

    python benchmarks/preprocessing_pictures.py [--out docs/images] [--seed 3]

Makes products of two dates over one land, takes the first through the steps, and writes
``preprocessing_*.png``; figures that belong to the pictures are printed. About a minute on 2 cores.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from landslip.core.bands import Bands
from landslip.core.choices import AtmosphericCorrection, PansharpeningMethod
from landslip.core.window import Window
from landslip.io.raster.readers import SensorImage
from landslip.io.visualization import RgbImage, rgb_composite, save_panels
from landslip.preprocessing.orthorectification.camera_refinement import (
    RefinementRequest,
    refine_camera,
)
from landslip.preprocessing.orthorectification.dem import DemRequest, TerrainHeights, load_dem
from landslip.preprocessing.orthorectification.elevation import GridProjection
from landslip.preprocessing.orthorectification.ground_projection import GroundGrid
from landslip.preprocessing.orthorectification.map_grid import (
    GridRequest,
    image_outline,
    plan_grid,
)
from landslip.preprocessing.orthorectification.views import CameraImage
from landslip.preprocessing.pipeline.images import (
    OpenImages,
    coregister,
    count_histograms,
    fit_pansharpening,
    open_images,
)
from landslip.preprocessing.pipeline.radiometric_correction import (
    RadiometricCorrection,
    derive_radiometric_correction,
)
from landslip.preprocessing.pipeline.scene import SCALE, SceneInputs, window_function
from landslip.preprocessing.product.product import MSS_BANDS, PAN_BANDS, Product, open_product
from landslip.synthetic.camera import Attitude
from landslip.synthetic.series import StudyArea, SyntheticSeries, write_series
from landslip.synthetic.study_areas import small_area

Pixels = NDArray[Any]
SIDE_PX, MARGIN_PX, ROLL_DEG = 448, 160, 14.0
RATIO = 4
WIDTH_PX, COLOURS = 1000, 256
STEP_M = 5.0
NATURAL, INFRARED = ("red", "green", "blue"), ("nir", "red", "green")


def main() -> None:
    """Make the products and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        series = write_series(study_area(options.seed), Path(folder) / "series", log=print)
        with opened(series) as work:
            for name, draw in STEPS.items():
                path = options.out / f"preprocessing_{name}.png"
                write(draw(work), path)
                print(f"{path}: {path.stat().st_size / 1024:.0f} KiB")


def study_area(seed: int) -> StudyArea:
    """Return a square that is looked at aslant in 2013, and in 2015."""
    area = small_area(seed)
    first, second = area.overpasses
    aslant = replace(first, attitude=Attitude(roll_deg=ROLL_DEG, wobble_urad=0.5))
    plan = replace(area.landscape, shape=(SIDE_PX, SIDE_PX))
    return replace(area, landscape=plan, margin_px=MARGIN_PX, overpasses=(aslant, second))


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The first product, open, and what its steps found.

    Attributes:
        stated: images with the product's cameras.
        refined: both corrected by the second date's scene.
        registered: the multispectral one corrected besides.
        seen: part of the map that pictures show.
    """

    series: SyntheticSeries
    product: Product
    ground: GroundGrid
    stated: OpenImages
    refined: OpenImages
    registered: OpenImages
    seen: Window

    @property
    def coarse(self) -> GroundGrid:
        """The map at the multispectral resolution."""
        return GroundGrid(self.ground.grid.coarser(RATIO), self.ground.elevation)

    def correction(
        self, atmosphere: AtmosphericCorrection = AtmosphericCorrection.TOA
    ) -> RadiometricCorrection:
        """Return what counts mean."""
        histograms = count_histograms(self.stated)
        return derive_radiometric_correction(
            self.product,
            histograms,
            TerrainHeights(mean=0.0, p05=0.0, p95=0.0),
            atmosphere=atmosphere,
        )

    def truth(self, at: int) -> Pixels:
        """Return the ground's reflectance of a date, stored numbers, on the part that is seen."""
        path = self.series.dates[at].reflectance
        assert path is not None  # noqa: S101 - the study area keeps it
        with SensorImage(path) as image:
            return image.read(moved(self.ground, image, self.seen))[0]

    def scene(
        self,
        images: OpenImages,
        correction: RadiometricCorrection,
        method: PansharpeningMethod,
        window: Window,
    ) -> Pixels:
        """Return stored numbers (bands, height, width) of a part of the scene."""
        fitted = fit_pansharpening(self.registered, correction, self.coarse, RATIO, method)
        inputs = SceneInputs(
            ground=self.ground, images=images, correction=correction, fusion=fitted.fusion
        )
        stored = window_function(inputs)(window).stored
        return np.zeros((len(MSS_BANDS), *window.shape), np.uint16) if stored is None else stored


def moved(ground: GroundGrid, image: SensorImage, window: Window) -> Window:
    """Return a window of a map in a mapped image on the same lattice of pixels."""
    col, row = ~image.grid.transform @ (ground.grid.transform @ (window.col_off, window.row_off))
    return Window(round(col), round(row), window.width, window.height)


@contextmanager
def opened(series: SyntheticSeries) -> Iterator[Work]:
    """Open the first product and take it through refinement and registration."""
    archive = min(series.dem.parent.glob("GF1_*.tar.gz"))
    with open_product(archive) as product, open_images(product) as stated:
        cameras = [(one.rpc, one.image.shape) for one in (stated.ms, stated.pan)]
        elevation, _ = load_dem(DemRequest(path=series.dem), cameras)
        outline = image_outline(stated.pan.rpc, stated.pan.image.shape, elevation)
        ground = GroundGrid(plan_grid(GridRequest(resolution_m=2.0), outline, elevation), elevation)
        coarse = GroundGrid(ground.grid.coarser(RATIO), elevation)
        reference = series.dates[1].reflectance
        assert reference is not None  # noqa: S101 - the study area keeps it
        found = refine_camera(stated.pan, ground, RefinementRequest(path=reference))
        print(f"reference: rms {found.before.rms_px:.2f} -> {found.fit.after.rms_px:.3f} PAN px")
        pan = CameraImage(stated.pan.image, stated.pan.rpc.corrected(found.correction))
        a, b, c, d, e, f = found.correction.coefficients
        smaller = replace(found.correction, coefficients=(a, b, c / RATIO, d, e, f / RATIO))
        refined = OpenImages(
            ms=CameraImage(stated.ms.image, stated.ms.rpc.corrected(smaller)), pan=pan
        )
        fit = coregister(refined, coarse, RATIO, product.name)
        print(f"registration: rms {fit.before.rms_px:.3f} -> {fit.fit.after.rms_px:.3f} MSS px")
        ms = CameraImage(refined.ms.image, refined.ms.rpc.corrected(fit.correction))
        with SensorImage(reference) as image:
            col, row = ~ground.grid.transform @ tuple(image.grid.transform @ (0, 0))
        yield Work(
            series=series,
            product=product,
            ground=ground,
            stated=stated,
            refined=refined,
            registered=OpenImages(ms=ms, pan=pan),
            seen=Window(round(col), round(row), SIDE_PX, SIDE_PX),
        )


Parts = list[tuple[str, RgbImage]]


def draw_raw(work: Work) -> Parts:
    """Both images as they come, in the geometry of the sensor."""
    ms, pan = (one.image.read_small(1024)[0] for one in (work.stated.ms, work.stated.pan))
    size = pan.shape[2], pan.shape[1]
    large = np.stack([cv2.resize(band, size, interpolation=cv2.INTER_NEAREST) for band in ms])
    return [("PAN, 2 m", shown(pan, PAN_BANDS)), ("MSS, 8 m", shown(large, MSS_BANDS))]


def draw_elevation(work: Work) -> Parts:
    """Heights with the image's outline, and how far they displace what is seen."""
    grid, elevation = work.ground.grid, work.ground.elevation
    border = max(grid.shape) // 20
    window = grid.window
    wide = Window(-border, -border, window.width + 2 * border, window.height + 2 * border)
    patch = work.ground.window(wide)
    rpc, shape = work.registered.pan.rpc, work.registered.pan.image.shape
    ring = GridProjection(grid).pixels_of(image_outline(rpc, shape, elevation)) + border
    rows, cols = np.indices(wide.shape) + 0.5 - border
    lonlat = GridProjection(grid).lonlat_of(np.column_stack([cols.ravel(), rows.ravel()]))
    heights = patch.height_m.ravel().astype(np.float64)
    levels = np.full(len(lonlat), heights.mean())
    beside = rpc.project(lonlat, heights) - rpc.project(lonlat, levels)
    aside_m = 2.0 * beside[:, 0].reshape(wide.shape)
    print(f"heights {patch.height_m.min():.0f} to {patch.height_m.max():.0f} m")
    low, high = patch.height_m.min(), patch.height_m.max()
    left = shaded(cv2.applyColorMap(scaled(patch.height_m), cv2.COLORMAP_SUMMER), patch.height_m)
    far = float(np.abs(aside_m).max())
    steps = np.rint(aside_m / STEP_M) * STEP_M
    towards = np.clip(steps / far, -1, 1)[..., np.newaxis]
    colours = np.where(towards > 0, [178, 24, 43], [33, 102, 172])
    right = np.ascontiguousarray((255 + np.abs(towards) * (colours - 255)).astype(np.uint8))
    for picture in (left, right):
        cv2.polylines(picture, [np.rint(ring).astype(np.int32)], True, (20, 20, 20), 2)
    said = f"displacement in the image: {aside_m.min():.0f} to {aside_m.max():.0f} m across"
    return [(f"heights {low:.0f} to {high:.0f} m, image's outline", left), (said, right)]


def draw_registration(work: Work) -> Parts:
    """PAN in red and what the bands make of it in cyan, before and after."""
    window, parts = inner(work.seen, 123), []
    patch = work.ground.window(window)
    pan = work.registered.pan.resample_cubic(patch.project(work.registered.pan.rpc))[0][0]
    pan = scaled(cv2.GaussianBlur(pan, (0, 0), 2.0))
    correction = work.correction()
    detail = fit_pansharpening(
        work.registered, correction, work.coarse, RATIO, PansharpeningMethod.BROVEY
    )
    for name, source in (("before", work.refined.ms), ("after", work.registered.ms)):
        bands = correction.reflectance(
            source.resample_spline(patch.project(source.rpc))[0], MSS_BANDS
        )
        cyan = scaled(np.average(bands, axis=0, weights=detail.fusion.intensity.weights))
        parts.append((f"{name} registration", np.dstack([pan, cyan, cyan])))
    return parts


def draw_fusion(work: Work) -> Parts:
    """Bands alone, PAN alone, and the three methods."""
    window = inner(work.seen, 96)
    patch, correction = work.ground.window(window), work.correction()
    pan = work.registered.pan.resample_cubic(patch.project(work.registered.pan.rpc))[0]
    ms = work.registered.ms.resample_spline(patch.project(work.registered.ms.rpc))[0]
    names = ["MSS, interpolated", *(method.value for method in PansharpeningMethod)]
    scenes = [correction.reflectance(ms, MSS_BANDS) / SCALE]
    scenes += [
        work.scene(work.registered, correction, method, window) for method in PansharpeningMethod
    ]
    parts = list(zip(names, alike(scenes), strict=True))
    return [parts[0], ("PAN", shown(pan, PAN_BANDS)), *parts[1:]]


def draw_refinement(work: Work) -> Parts:
    """Squares of the scene and of the reference in turn, before and after."""
    window = inner(work.seen, 246)
    reference = shown(work.truth(1)[(slice(None), *window.slices_in(work.seen))], MSS_BANDS)
    row, col = np.indices(window.shape) // 41
    turn, parts, correction = (row + col) % 2 == 0, [], work.correction()
    for name, sources in (("before", work.stated), ("after", work.registered)):
        scene = shown(
            work.scene(sources, correction, PansharpeningMethod.BROVEY, window), MSS_BANDS
        )
        parts.append((f"{name} refinement", np.where(turn[..., np.newaxis], scene, reference)))
    return parts


def draw_haze(work: Work) -> Parts:
    """The top of the atmosphere, less its haze, and the ground as it is."""
    names, scenes = [], []
    for atmosphere in (AtmosphericCorrection.TOA, AtmosphericCorrection.DOS):
        correction = work.correction(atmosphere)
        if correction.haze is not None:
            print("haze found", {b: round(v, 4) for b, v in correction.haze.reflectance.items()})
            print(*correction.haze.warnings, sep="\n")
        names.append(f"--atmosphere {atmosphere.value}")
        scenes.append(
            work.scene(work.registered, correction, PansharpeningMethod.BROVEY, work.seen)
        )
    return list(
        zip([*names, "the ground without atmosphere"], alike([*scenes, work.truth(0)]), strict=True)
    )


def draw_scene(work: Work) -> Parts:
    """The finished scene in natural colours and in infrared."""
    stored = work.scene(
        work.registered, work.correction(), PansharpeningMethod.BROVEY, work.ground.grid.window
    )
    infrared = stored[[MSS_BANDS.index(band) for band in INFRARED]]
    return [
        ("red, green, blue", shown(stored, MSS_BANDS)),
        ("nir, red, green", shown(infrared, NATURAL)),
    ]


STEPS = {
    "raw": draw_raw,
    "elevation": draw_elevation,
    "refinement": draw_refinement,
    "registration": draw_registration,
    "fusion": draw_fusion,
    "haze": draw_haze,
    "scene": draw_scene,
}


def inner(window: Window, side: int) -> Window:
    """Return a square in the middle of a window."""
    col, row = (window.width - side) // 2, (window.height - side) // 2
    return Window(window.col_off + col, window.row_off + row, side, side)


def shown(stored: Pixels, bands: tuple[str, ...]) -> RgbImage:
    """Return a picture of what is not 0."""
    return rgb_composite(stored, np.any(stored != 0, axis=0), Bands(bands))


def alike(scenes: list[Pixels]) -> list[RgbImage]:
    """Return pictures of scenes of one size under one stretch."""
    beside = np.concatenate([scene.astype(np.float32) for scene in scenes], axis=2)
    return np.split(shown(beside, MSS_BANDS), len(scenes), axis=1)


def scaled(values: Pixels, low: float | None = None, high: float | None = None) -> RgbImage:
    """Return numbers (height, width) as bytes, between limits or their 1 % and 99 % points."""
    ends = np.percentile(values, (1, 99)) if low is None or high is None else (low, high)
    stretched: RgbImage = np.clip((values - ends[0]) / (ends[1] - ends[0]) * 255, 0, 255).astype(
        np.uint8
    )
    return stretched


def shaded(bgr: Pixels, height_m: Pixels) -> RgbImage:
    """Return a coloured map in RGB, lit from the north-west."""
    south, east = np.gradient(cv2.GaussianBlur(height_m, (0, 0), 12.0), 2.0)
    light = np.clip(0.75 + 0.6 * (south + east) / np.sqrt(2), 0.25, 1.0)
    return np.ascontiguousarray((bgr[..., ::-1] * light[..., np.newaxis]).astype(np.uint8))


def write(parts: Parts, path: Path) -> None:
    """Write pictures side by side, all in all about `WIDTH_PX` wide, in few colours."""
    width = WIDTH_PX // len(parts) - 8
    fitted: Parts = []
    for caption, picture in parts:
        times = width / picture.shape[1]
        size = width, round(picture.shape[0] * times)
        how = cv2.INTER_NEAREST if times > 1 else cv2.INTER_AREA
        resized = np.asarray(cv2.resize(picture, size, interpolation=how), dtype=np.uint8)
        fitted.append((caption, resized))
    save_panels(fitted, path)
    few = Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    main()
