"""Cameras that are 40 m off, corrected by a reference scene."""

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.warp import reproject
from scipy import ndimage
from tests.preprocessing.orthorectification.conftest import (
    CENTRE_DEG,
    land_m,
    lonlat_of_pixels,
    write_land,
)

from landslip.core.choices import ShiftModel
from landslip.core.errors import InputError
from landslip.core.grid import Grid
from landslip.core.rpc import RPC
from landslip.core.window import Window
from landslip.preprocessing.orthorectification.camera_refinement import RefinementRequest
from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference
from landslip.preprocessing.orthorectification.orthorectify import (
    OrthoReport,
    OrthoRequest,
    orthorectify,
)
from landslip.preprocessing.product.rpb import format_rpb, read_rpb
from landslip.synthetic.camera import Attitude, PushbroomCamera, fit_rpc
from landslip.synthetic.ground_model import GroundModel
from landslip.synthetic.overpass import Overpass, target_over
from landslip.synthetic.product import ProductRequest, write_product

Values = NDArray[np.float64]
SIDE = 640
GRID = Grid(
    crs=CRS.from_epsg(32648),
    transform=Affine(2, 0, 355_340 - SIDE, 0, -2, 3_463_960 + SIDE),
    shape=(SIDE, SIDE),
)
SEEN = Window(80, 80, SIDE - 160, SIDE - 160)


def textured(seed: int) -> NDArray[np.float32]:
    """Return fields, rough at all scales, as reflectance (4, height, width)."""
    generator = np.random.default_rng(seed)
    rough = sum(
        ndimage.gaussian_filter(generator.normal(size=GRID.shape), size, mode="wrap") * size
        for size in (0.8, 2.0, 5.0, 14.0)
    )
    band = 0.15 + 0.04 * rough / rough.std()
    return np.repeat(np.clip(band, 0.01, 1)[np.newaxis], 4, axis=0).astype(np.float32)


def with_landslides(reflectance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the ground with bare, bright tracks over a sixth of it."""
    noise = ndimage.gaussian_filter(np.random.default_rng(9).normal(size=GRID.shape), (25, 8))
    fresh = noise > np.quantile(noise, 0.84)
    return np.where(fresh, 0.4 + 0.2 * textured(10), reflectance).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """An image whose metadata place it 40 m beside, its true camera, a model and references."""

    image: Path
    camera: PushbroomCamera
    dem: Path
    earlier: Path

    @property
    def places(self) -> tuple[Values, Values]:
        """Ground points (n, 2) and their heights (n,)."""
        lonlat = lonlat_of_pixels(GRID.transform, GRID.crs, GRID.shape, every=64)
        lonlat = lonlat.reshape(10, 10, 2)[2:8, 2:8].reshape(-1, 2)
        return lonlat, land_m(lonlat)

    def away_px(self, rpc: RPC) -> float:
        """Return how far (rms) a model places the ground from where the image shows it."""
        lonlat, height_m = self.places
        away = rpc.project(lonlat, height_m) - self.camera.project(lonlat, height_m)
        return float(np.sqrt((away**2).sum(axis=1).mean()))

    def refined(self, reference: Path, **more: Any) -> tuple[OrthoReport, RPC]:
        out = self.image.with_name("out.tif")
        told: dict[str, Any] = {
            name: more.pop(name) for name in ("model", "max_shift_m") if name in more
        }
        request = OrthoRequest(
            image=more.pop("image", self.image),
            dem=DemRequest(path=self.dem, heights=HeightReference()),
            out=out,
            resolution_m=2.0,
            reference=RefinementRequest(path=reference, **({"max_shift_m": 60.0} | told)),
            overwrite=True,
        )
        report = orthorectify(request)
        assert report.refinement is not None
        rpc = read_rpb(request.image.with_suffix(".rpb"))
        return report, rpc.corrected(report.refinement.correction)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("reference")
    x, y = (
        GRID.transform.c + 2 * (np.arange(SIDE) + 0.5),
        GRID.transform.f - 2 * (np.arange(SIDE) + 0.5),
    )
    height_m = 1500 + 75 * np.sin(x / 150) + 75 * np.cos(y[:, np.newaxis] / 140 + x / 500)
    before = textured(1)
    ground = GroundModel(
        reflectance=with_landslides(before),
        height_m=height_m.astype(np.float32),
        grid=GRID,
        mirrored=True,
    )
    look = Overpass(
        utc=datetime(2013, 8, 12, 3, 50), attitude=Attitude(roll_deg=18.0), bias_m=(31.0, -25.0)
    )
    target = target_over(ground, look, SEEN)
    product = write_product(
        ProductRequest(ground=ground, overpass=look, target=target, archive=False), folder
    )
    return Scene(
        image=product / f"{product.name}-PAN1.tiff",
        camera=look.camera_models(target)[1].actual,
        dem=write_land(folder / "dem.tif"),
        earlier=write_reference(folder / "earlier.tif", before),
    )


def write_reference(path: Path, values: NDArray[np.float32], grid: Grid = GRID) -> Path:
    with rasterio.open(
        path, "w", width=grid.shape[1], height=grid.shape[0], count=len(values), dtype="uint16",
        crs=grid.crs, transform=grid.transform, nodata=0,
    ) as file:  # fmt: skip
        file.write(np.clip(values * 10_000, 1, 65_535).astype(np.uint16))
    return path


def test_40_m_are_found_in_spite_of_landslides_in_between(scene: Scene) -> None:
    assert scene.away_px(read_rpb(scene.image.with_suffix(".rpb"))) == pytest.approx(18, abs=2)
    report, rpc = scene.refined(scene.earlier)
    assert scene.away_px(rpc) < 0.3
    found = report.refinement
    assert found is not None
    assert found.before.rms_px == pytest.approx(18, abs=2)
    assert found.fit.after.rms_px < 1
    assert found.fit.after.kept >= 0.5 * found.fit.after.count
    told = report.as_dict()["refinement"]
    assert told["before"]["rms_px"] > 10 * told["after"]["rms_px"]
    assert told["model"] == "shift"
    a, b, _, d, e, _ = told["correction"]
    assert (a, b, d, e) == (1, 0, 0, 1)


def test_the_map_moves_with_the_camera(scene: Scene) -> None:
    """The corrected map shows the ground on its own grid."""
    scene.refined(scene.earlier)
    with rasterio.open(scene.image.with_name("out.tif")) as file:
        col, row = (~GRID.transform) @ (file.transform.c, file.transform.f)
        col, row = round(col), round(row)
        values = file.read(1).astype(float)
    truth = with_landslides(textured(1))[0]
    inner = slice(140, SIDE - 140)
    seen = values[140 - row : SIDE - 140 - row, 140 - col : SIDE - 140 - col]
    assert (seen > 0).all()
    ours, theirs = (ndimage.gaussian_filter(one, 1) for one in (seen, truth[inner, inner]))
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.97
    moved = np.roll(theirs, 2, axis=1)
    assert np.corrcoef(ours.ravel(), moved.ravel())[0, 1] < 0.95, "two pixels are told apart"


def test_a_coarser_reference_in_degrees_does_as_well(scene: Scene, tmp_path: Path) -> None:
    """8 m or so, EPSG:4326, as an older scene of another sensor may be."""
    side, shape = 8 / 111_195, (190, 220)
    west, north = CENTRE_DEG[0] - 110 * side, CENTRE_DEG[1] + 95 * side
    grid = Grid(
        crs=CRS.from_epsg(4326), transform=Affine(side, 0, west, 0, -side, north), shape=shape
    )
    coarse = np.zeros((4, *shape), np.float32)
    reproject(
        textured(1), coarse, src_crs=GRID.crs, src_transform=GRID.transform, dst_crs=grid.crs,
        dst_transform=grid.transform, resampling=Resampling.average,
    )  # fmt: skip
    path = write_reference(tmp_path / "coarse.tif", coarse, grid)
    _, rpc = scene.refined(path)
    assert scene.away_px(rpc) < 1


@pytest.mark.parametrize(
    ("model", "good"),
    [(ShiftModel.SHIFT, False), (ShiftModel.DRIFT, True), (ShiftModel.AFFINE, True)],
)
def test_a_drift_needs_a_model_that_drifts(
    scene: Scene, tmp_path: Path, model: ShiftModel, good: bool
) -> None:
    """The metadata err by 9 px, and by 4 more or less at the first and the last line."""
    wrong = replace(scene.camera, shift_px=(-7.0, 6.0), drift_px=(5.0, -6.0))
    image = tmp_path / "image.tif"
    os.link(scene.image, image)
    image.with_suffix(".rpb").write_text(format_rpb(fit_rpc(wrong, (1200.0, 1800.0))))
    report, rpc = scene.refined(scene.earlier, image=image, model=model)
    away = scene.away_px(rpc)
    assert away < 0.4 if good else 0.7 < away < 3
    assert report.as_dict()["refinement"]["model"] == model.value


def test_another_ground_is_refused(scene: Scene, tmp_path: Path) -> None:
    path = write_reference(tmp_path / "other.tif", textured(77))
    out = scene.image.with_name("out.tif")
    out.unlink(missing_ok=True)
    with pytest.raises(
        InputError, match=r"PAN1.tiff and other.tif: at least \d+ .*tie points.* \d+"
    ):
        scene.refined(path)
    assert not out.exists()


def test_a_reference_without_features_is_refused(scene: Scene, tmp_path: Path) -> None:
    path = write_reference(tmp_path / "flat.tif", np.full((1, *GRID.shape), 0.2, np.float32))
    with pytest.raises(InputError, match=r"at least 8 tie points are needed and 0 were found"):
        scene.refined(path)


def test_a_reference_elsewhere_is_refused(scene: Scene, tmp_path: Path) -> None:
    transform = GRID.transform @ Affine.translation(5000, 0)
    grid = Grid(crs=GRID.crs, transform=transform, shape=GRID.shape)
    path = write_reference(tmp_path / "elsewhere.tif", textured(1), grid)
    with pytest.raises(InputError, match=r"elsewhere.tif: .*lie further apart|elsewhere.tif: .*0"):
        scene.refined(path)


def test_an_error_beyond_the_search_is_refused(scene: Scene) -> None:
    """It is 18 px off and 5 are searched."""
    with pytest.raises(InputError, match=r"earlier.tif: at least \d+ .*tie points"):
        scene.refined(scene.earlier, max_shift_m=10.0)


def test_a_search_too_wide_for_the_map_is_refused(scene: Scene) -> None:
    message = r"errors of up to 350 m .* patches of 1400 m, of which the map has 1; lower max_shift"
    with pytest.raises(InputError, match=message):
        scene.refined(scene.earlier, max_shift_m=350.0)


def test_a_reference_without_a_coordinate_system_is_refused(scene: Scene) -> None:
    with pytest.raises(InputError, match=r"PAN1.tiff: a reference has a coordinate system"):
        scene.refined(scene.image)


@pytest.mark.parametrize("shift", [0.0, -1.0, float("nan")])
def test_the_search_is_over_0(shift: float) -> None:
    with pytest.raises(InputError, match="max_shift is over 0 metres; got"):
        RefinementRequest(path=Path("r.tif"), max_shift_m=shift)
