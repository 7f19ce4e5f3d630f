"""Errors of ``landslip preprocess`` against synthetic ground truth.

    python benchmarks/preprocessing_accuracy.py [--seed 0] [--side 768]

Makes level-1A products of a synthetic landscape by a physical camera, processes them, and prints
the errors: reflectance by band at 2 m and 8 m, geolocation, the registration of the two images, and
the fusion's own scores. Calibration and sun are those of the package on both sides, so that an
error in them would not show. Everything is drawn from the seed.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from landslip.core.choices import AtmosphericCorrection, PansharpeningMethod, Units
from landslip.core.errors import InputError
from landslip.core.window import Window
from landslip.io.raster import OutputBand, Scene, write_scene
from landslip.preprocessing.coregistration.matching import MatchSettings, match_images
from landslip.preprocessing.coregistration.tie_points import ImagePatch
from landslip.preprocessing.orthorectification.camera_refinement import RefinementRequest
from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference
from landslip.preprocessing.pipeline.run import PreprocessRequest, PreprocessResult, preprocess
from landslip.synthetic.camera import Attitude
from landslip.synthetic.ground_model import GROUND_BANDS, DemFormat, GroundModel, write_dem
from landslip.synthetic.landscape import LandscapeSettings, SyntheticLandscape, make_landscape
from landslip.synthetic.overpass import ImageTarget, Overpass, target_over
from landslip.synthetic.product import ProductRequest, write_product
from landslip.synthetic.sensor import MSS, SensorModel, blur_sigma_px

Field = NDArray[np.float32]
Flags = NDArray[np.bool_]
PLACE = (103.48, 31.30)
CLEAR = SensorModel(haze=(0.0,) * 5, haze_variation=0.0, read_noise_dn=0.0, shot_noise_dn=0.0)
AIRY = SensorModel(haze_variation=0.0)
SHIFT_PX, DRIFT_PX = (0.6, -0.4), (0.2, -0.15)
USUAL = PansharpeningMethod.BROVEY
BIAS_M = (31.0, -25.0)
MARGIN_PX, EDGE_PX, BLOCK_PX = 96, 6, 4
DEM_MARGIN_M = 4000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An overpass, and the elevation model that goes with it."""

    name: str
    overpass: Overpass
    dem: DemFormat

    @property
    def heights(self) -> HeightReference:
        """What ``--dem-heights`` says."""
        return HeightReference(offset_m=self.dem.undulation_m)


def cases() -> tuple[Case, ...]:
    """Return cameras, years, rolls and elevation models."""
    over_geoid = DemFormat(epsg=4326, undulation_m=-41.5)
    over_ellipsoid = DemFormat(epsg=32648)
    return (
        _case("PMS1 2013, roll 0", datetime(2013, 8, 12, 3, 52, 10), 1, 0.0, over_ellipsoid),
        _case("PMS2 2014, roll -20", datetime(2014, 10, 2, 3, 58, 41), 2, -20.0, over_geoid),
        _case("PMS1 2019, roll +20", datetime(2019, 8, 5, 3, 47, 26), 1, 20.0, over_geoid),
    )


def _case(name: str, utc: datetime, camera: int, roll_deg: float, dem: DemFormat) -> Case:
    attitude = Attitude(roll_deg=roll_deg, wobble_urad=0.5)
    overpass = Overpass(
        utc=utc, camera=camera, attitude=attitude, shift_px=SHIFT_PX, drift_px=DRIFT_PX
    )
    return Case(name=name, overpass=overpass, dem=dem)


@dataclass(frozen=True)
class Truth:
    """A known ground, and where on it landslides begin and end."""

    ground: GroundModel
    edges: Flags

    def blurred(self, mtf: float, pixel_px: int = 1) -> Field:
        """Return the ground as a sensor with a modulation at its Nyquist frequency sees it."""
        sigma = blur_sigma_px(mtf) * pixel_px
        layers = [ndimage.gaussian_filter(one, sigma) for one in self.ground.reflectance]
        return np.stack(layers)


def rich(land: SyntheticLandscape, case: Case) -> Truth:
    """Return the landscape: forest, fields, houses, landslides, in the day's light."""
    day = case.overpass.beijing_time.date()
    ground = land.ground_on(day, case.overpass.sun(_somewhere()))
    return Truth(ground, _edges(land.freshness_on(day) > 0.3))


def smooth(land: SyntheticLandscape, case: Case) -> Truth:
    """Return smooth plants with bare landslides over the same heights."""
    day = case.overpass.beijing_time.date()
    slid = land.freshness_on(day) > 0.3
    generator = np.random.default_rng([land.seed, 7])
    tone = ndimage.gaussian_filter(generator.standard_normal(slid.shape), 60.0, mode="reflect")
    plants, debris = (
        np.reshape(np.array(spectrum, np.float32), (4, 1, 1))
        for spectrum in ((0.04, 0.06, 0.05, 0.28), (0.11, 0.15, 0.19, 0.26))
    )
    values = np.where(slid, debris, plants) * (1 + 0.1 * tone / tone.std()).astype(np.float32)
    grounds = land.ground_on(day, case.overpass.sun(_somewhere()))
    return Truth(replace(grounds, reflectance=values.astype(np.float32)), _edges(slid))


def _somewhere() -> ImageTarget:
    return ImageTarget(lon_deg=PLACE[0], lat_deg=PLACE[1], height_m=0.0, mss_shape=(1, 1))


def _edges(inside: Flags) -> Flags:
    edge = ndimage.binary_dilation(inside) ^ ndimage.binary_erosion(inside)
    near: Flags = ndimage.binary_dilation(edge, iterations=EDGE_PX)
    return near


@dataclass(frozen=True)
class Compared:
    """A scene beside the truth, pixel on pixel; all (4, height, width).

    ``by_pan`` and ``by_mss`` are the truth as blurred by each of the two cameras.
    """

    found: Field
    truth: Field
    by_pan: Field
    by_mss: Field
    clear: Flags
    outcome: PreprocessResult

    @classmethod
    def of(cls, outcome: PreprocessResult, truth: Truth, window: Window) -> "Compared":
        """Read a scene in a window of the ground."""
        grid = truth.ground.grid.at(window)
        with Scene(outcome.scene) as scene:
            corner = ~scene.grid.transform @ (grid.transform.c, grid.transform.f)
            place = Window(round(corner[0]), round(corner[1]), window.width, window.height)
            stored, valid = scene.read(place)
            found = stored * np.float32(scene.radiometry.scale)
        rows, cols = window.slices_in(truth.ground.grid.window)
        return cls(
            found=found,
            truth=truth.ground.reflectance[:, rows, cols],
            by_pan=truth.blurred(SensorModel().pan_mtf)[:, rows, cols],
            by_mss=truth.blurred(SensorModel().mss_mtf, BLOCK_PX)[:, rows, cols],
            clear=valid & ~truth.edges[rows, cols],
            outcome=outcome,
        )

    def above(self, haze: tuple[float, ...]) -> "Compared":
        """Return the same with path reflectance in what is true."""
        haze_field = np.reshape(np.array(haze, np.float32), (4, 1, 1))
        return replace(
            self,
            truth=self.truth + haze_field,
            by_pan=self.by_pan + haze_field,
            by_mss=self.by_mss + haze_field,
        )

    def rms(self, one: Field, other: Field, block_px: int = 1) -> NDArray[np.float64]:
        """Return the root mean square of differences by band, of means of blocks."""
        apart = block_means(one - other, block_px)
        clear = block_means(self.clear.astype(np.float32)[np.newaxis], block_px)[0] == 1
        return np.asarray(np.sqrt(np.mean(np.square(apart[:, clear], dtype=np.float64), axis=1)))

    @cached_property
    def shifts_px(self) -> NDArray[np.float64]:
        """Where the scene shows places beside where they are, (n, 2)."""
        settings = MatchSettings(patch_px=96, count=15, search_px=8)
        found, truth = (
            ImagePatch(bands[2], np.ones(self.clear.shape, dtype=np.bool_))
            for bands in (self.found, self.truth)
        )
        return match_images(found, truth, settings).shifts


def block_means(values: Field, block_px: int) -> Field:
    """Return means of square blocks (bands, height, width)."""
    bands, height, width = values.shape
    rows, cols = height // block_px, width // block_px
    cut = values[:, : rows * block_px, : cols * block_px]
    mean: Field = cut.reshape(bands, rows, block_px, cols, block_px).mean(axis=(2, 4))
    return mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where products are made and processed."""

    folder: Path
    window: Window
    seed: int

    def product(
        self,
        truth: Truth,
        case: Case,
        sensor: SensorModel,
        bias_m: tuple[float, float] = (0.0, 0.0),
    ) -> Path:
        """Make a product of the ground, and the elevation model of the case."""
        overpass = replace(case.overpass, bias_m=bias_m)
        where = self.folder / f"{case.name}-{len(list(self.folder.iterdir()))}".replace(" ", "")
        where.mkdir()
        write_dem(where / "dem.tif", truth.ground, replace(case.dem, margin_m=DEM_MARGIN_M))
        target = target_over(truth.ground, overpass, self.window, margin_px=24)
        request = ProductRequest(
            ground=truth.ground, overpass=overpass, target=target, sensor=sensor, seed=self.seed
        )
        return write_product(request, where)

    def compared(self, product: Path, truth: Truth, case: Case, **options: Any) -> Compared:
        """Process a product and lay the scene beside the truth."""
        dem = DemRequest(path=product.parent / "dem.tif", heights=case.heights)
        out = product.parent / f"out{len(list(product.parent.iterdir()))}"
        outcome = preprocess(product, out, PreprocessRequest(dem=dem, **options))
        return Compared.of(outcome, truth, self.window)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=768, help="of the area, in pixels of 2 m")
    options = parser.parse_args()
    started = time.monotonic()
    side = options.side + 2 * MARGIN_PX
    plan = LandscapeSettings(centre_deg=PLACE, epsg=32648, shape=(side, side))
    land = make_landscape(plan, options.seed, cases()[0].overpass.sun(_somewhere()))
    window = Window(MARGIN_PX, MARGIN_PX, options.side, options.side)
    with tempfile.TemporaryDirectory(prefix="landslip-bench-") as folder:
        bench = Bench(folder=Path(folder), window=window, seed=options.seed)
        print_clear(bench, land)
        print_airy(bench, land)
        print_pointing(bench, land)
    print(f"\n{time.monotonic() - started:.0f} s in all")


def print_clear(bench: Bench, land: SyntheticLandscape) -> None:
    """Print errors without noise and atmosphere, for each fusion and ground."""
    found = list(_clear(bench, land))
    print("\nReflectance without noise and atmosphere: RMS by band, outside landslides' edges\n")
    _print_reflectance([(f"{name}, {ground}, {word}", one) for name, ground, word, one in found])
    print("\nPlaces, px of 2 m; registration, px of 8 m; scores of the fusion; rich ground\n")
    print("| case | fusion | places median | RMS | MSS on PAN | ERGAS | SAM, deg | Q2n | QNR |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, ground, word, one in found:
        if ground == "rich":
            print(
                f"| {name} | `{word}` | {_places(one)} | {_registration_px(one):.3f} "
                f"| {_scores(one)} |"
            )


def _clear(bench: Bench, land: SyntheticLandscape) -> Iterator[tuple[str, str, str, Compared]]:
    for case in cases():
        for ground in (rich, smooth):
            truth = ground(land, case)
            product = bench.product(truth, case, CLEAR)
            methods = tuple(PansharpeningMethod) if ground is rich else (USUAL,)
            for method in methods:
                one = bench.compared(product, truth, case, fusion=method)
                yield case.name, ground.__name__, method.value, one


def print_airy(bench: Bench, land: SyntheticLandscape) -> None:
    """Print what noise and haze add, and what dark objects take away."""
    rows = []
    for case in cases():
        truth = rich(land, case)
        product = bench.product(truth, case, AIRY)
        for atmosphere in (AtmosphericCorrection.TOA, AtmosphericCorrection.DOS):
            one = bench.compared(product, truth, case, atmosphere=atmosphere)
            if atmosphere is AtmosphericCorrection.TOA:
                one = one.above(AIRY.haze[1:])
            rows.append((f"{case.name}, {atmosphere.value}", one))
    print("\nWith noise and haze on the rich ground; toa is held against the ground under haze\n")
    _print_reflectance(rows)
    print("\nHaze found, of the true one, in thousandths of reflectance: blue, green, red, nir\n")
    truth_said = " ".join(f"{1000 * value:.0f}" for value in AIRY.haze[1:])
    for name, one in rows[1::2]:
        haze = one.outcome.quality["radiometry"]["haze"]["reflectance"]
        said = " ".join(f"{1000 * haze[band]:.1f}" for band in MSS)
        print(f"- {name}: {said} (truth {truth_said})")


def print_pointing(bench: Bench, land: SyntheticLandscape) -> None:
    """Print how well a reference of another day corrects pointing that is wrong by 40 m."""
    print(f"\nPointing wrong by {np.hypot(*BIAS_M):.1f} m, corrected by a scene of another day\n")
    print("| case | before, px | median after, px | RMS after, px | MSS on PAN, px of 8 m |")
    print("|---|---|---|---|---|")
    all_cases = cases()
    for case, other in zip(all_cases, (*all_cases[1:], all_cases[0]), strict=True):
        truth = rich(land, case)
        product = bench.product(truth, case, AIRY, BIAS_M)
        reference = product.parent / "reference.tif"
        _write_reference(rich(land, other).ground, reference)
        asked = RefinementRequest(path=reference, max_shift_m=60.0)
        try:
            one = bench.compared(product, truth, case, reference=asked)
        except InputError as error:
            print(f"| {case.name} | refused: {str(error).partition(': ')[2]} | | | |")
            continue
        before = one.outcome.quality["reference"]["before"]["rms_px"]
        print(f"| {case.name} | {before:.1f} | {_places(one)} | {_registration_px(one):.3f} |")


def _write_reference(ground: GroundModel, path: Path) -> None:
    layers = tuple(
        OutputBand(description=name, dtype="float32", nodata=-1.0, units=Units.REFLECTANCE.value)
        for name in GROUND_BANDS
    )
    write_scene(path, ground.reflectance, ground.grid, layers)


def _print_reflectance(rows: Iterable[tuple[str, Compared]]) -> None:
    print("| case | 2 m | 2 m, of PAN's blur | PAN's blur alone | 8 m | MSS's blur alone, 8 m |")
    print("|---|---|---|---|---|---|")
    for name, one in rows:
        columns = (
            one.rms(one.found, one.truth),
            one.rms(one.found, one.by_pan),
            one.rms(one.by_pan, one.truth),
            one.rms(one.found, one.truth, BLOCK_PX),
            one.rms(one.by_mss, one.truth, BLOCK_PX),
        )
        print(f"| {name} | " + " | ".join(_by_band(column) for column in columns) + " |")


def _by_band(values: NDArray[Any]) -> str:
    """Return thousandths of reflectance."""
    return " ".join(f"{1000 * value:.1f}" for value in values)


def _registration_px(one: Compared) -> float:
    """Return the RMS over the image of the found correction less what the maker moved."""
    a, b, c, d, e, f = one.outcome.quality["registration"]["correction"]
    side = one.outcome.quality["grid"]["shape"]
    height = side[0] / BLOCK_PX
    along = np.linspace(0.1, 0.9, 9)
    rows, cols = (axis.ravel() * height for axis in np.meshgrid(along, along))
    moved = np.stack([a * cols + b * rows + c - cols, d * cols + e * rows + f - rows])
    true = np.reshape(SHIFT_PX, (2, 1)) + (rows / height - 0.5) * np.reshape(DRIFT_PX, (2, 1))
    return _rms(np.hypot(*(moved - true)))


def _places(one: Compared) -> str:
    far = np.hypot(*one.shifts_px.T)
    return f"{np.median(far):.3f} | {_rms(far):.3f}"


def _scores(one: Compared) -> str:
    fusion = one.outcome.quality["fusion"]
    reduced, full = fusion["reduced_scale"], fusion["full_scale"]
    parts = [
        "-" if reduced is None else f"{reduced[key]:.{digits}f}"
        for key, digits in (("ergas", 3), ("sam_deg", 3), ("q2n", 4))
    ]
    return " | ".join([*parts, "-" if full is None else f"{full['qnr']:.4f}"])


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


if __name__ == "__main__":
    main()
