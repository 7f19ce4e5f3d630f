"""Real cameras: two Pleiades images over a surface model, and the RPCs of a GF-1 product."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.transform import RPCTransformer
from rasterio.warp import reproject
from tests.preprocessing.orthorectification.conftest import rasterio_rpc

from landslip.core.rpc import RPC, ImageCorrection
from landslip.io.raster import SensorImage
from landslip.io.raster.readers import fill_gaps
from landslip.preprocessing.coregistration.matching import MatchSettings, match_images
from landslip.preprocessing.coregistration.tie_points import ImagePatch
from landslip.preprocessing.orthorectification.camera_refinement import RefinementRequest
from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference
from landslip.preprocessing.orthorectification.orthorectify import (
    OrthoReport,
    OrthoRequest,
    orthorectify,
)
from landslip.preprocessing.product.rpb import read_rpb

DATA = Path(os.environ.get("LANDSLIP_DATA", Path(__file__).parents[4] / "shared" / "data"))
PLEIADES = DATA / "pleiades"
GF1 = DATA / "gf1" / "GF1_PMS1_E69.4_N33.3_20220624_L1A0006547030"
DEM = PLEIADES / "reunion_dsm.tif"
KINDS = ("MSS1", "PAN1")


def needs(path: Path) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not path.exists(), reason=f"needs {path.name} (set LANDSLIP_DATA)")


def mapped(
    number: int, folder: Path, dem: Path = DEM, reference: Path | None = None
) -> tuple[Path, OrthoReport]:
    out = folder / f"ortho_{dem.stem}_{number}{'' if reference is None else '_shifted'}.tif"
    known = None if reference is None else RefinementRequest(path=reference, max_shift_m=10.0)
    request = OrthoRequest(
        image=PLEIADES / f"reunion_img_0{number}.tif",
        dem=DemRequest(path=dem, heights=HeightReference(), clip=True),
        out=out,
        resolution_m=0.5,
        reference=known,
    )
    return out, orthorectify(request)


def read(path: Path) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    with rasterio.open(path) as file:
        return file.read(1).astype(np.float32), file.read_masks(1) != 0


def median_apart_px(one: Path, other: Path) -> float:
    (left, known), (right, given) = read(one), read(other)
    settings = MatchSettings(patch_px=96, count=9, search_px=30)
    ties = match_images(ImagePatch(left, known), ImagePatch(right, given), settings)
    assert len(ties) > 50
    return float(np.median(np.hypot(*ties.shifts.T)))


@needs(PLEIADES)
def test_two_views_coincide_and_would_not_without_relief(tmp_path: Path) -> None:
    first, second = (mapped(number, tmp_path)[0] for number in (1, 2))
    shifted, report = mapped(2, tmp_path, reference=first)
    flat = tmp_path / "flat.tif"
    with rasterio.open(DEM) as file:
        profile, heights = file.profile, file.read(1)
    with rasterio.open(flat, "w", **profile) as file:
        file.write(np.full(heights.shape, np.nanmean(heights), np.float32), 1)
    level = [mapped(number, tmp_path, flat)[0] for number in (1, 2)]
    before, after = median_apart_px(first, second), median_apart_px(first, shifted)
    assert 0.5 < before < 1.0, "0.76 px are the RPCs' own"
    assert after < 0.2
    assert median_apart_px(*level) > 3 * before
    assert report.refinement is not None
    assert report.refinement.fit.after.rms_px < 0.2
    assert report.interpolation_error_px < 0.01


@needs(PLEIADES)
def test_gdal_makes_the_same_map(tmp_path: Path) -> None:
    ours, _ = mapped(1, tmp_path)
    filled = tmp_path / "filled.tif"
    with rasterio.open(DEM) as file:
        profile, heights = file.profile, file.read(1)
    with rasterio.open(filled, "w", **profile) as file:
        file.write(fill_gaps(heights, 100), 1)
    with rasterio.open(ours) as file:
        crs, transform, values = file.crs, file.transform, file.read(1).astype(np.float32)
    theirs = np.zeros(values.shape, np.float32)
    with rasterio.open(PLEIADES / "reunion_img_01.tif") as file:
        reproject(
            file.read(1).astype(np.float32), theirs, rpcs=file.rpcs, src_crs="EPSG:4326",
            src_nodata=0, dst_nodata=0, dst_crs=crs, dst_transform=transform,
            resampling=Resampling.cubic, tolerance=0.0, RPC_DEM=str(filled),
        )  # fmt: skip
    valid = np.ones(values.shape, np.bool_)
    ties = match_images(
        ImagePatch(values, valid), ImagePatch(theirs, valid), MatchSettings(patch_px=96, count=9)
    )
    assert len(ties) > 70
    assert np.abs(ties.shifts.mean(axis=0)).max() < 0.01
    assert np.hypot(*ties.shifts.T).max() < 0.05


def cameras() -> list[Any]:
    images = [
        pytest.param(f"reunion_img_0{number}.tif", id=f"Pleiades {number}", marks=needs(PLEIADES))
        for number in (1, 2)
    ]
    files = [pytest.param(f"{GF1.name}-{kind}.rpb", id=kind, marks=needs(GF1)) for kind in KINDS]
    return images + files


@pytest.fixture
def real(request: pytest.FixtureRequest) -> RPC:
    """Return the model of a file, by landslip's own readers."""
    if request.param.endswith(".rpb"):
        return read_rpb(GF1 / request.param)
    with SensorImage(PLEIADES / request.param) as image:
        assert image.rpc is not None
        return image.rpc


@pytest.mark.parametrize("real", cameras(), indirect=True)
def test_real_models_are_those_of_gdal(real: RPC) -> None:
    generator = np.random.default_rng(0)
    count = 300
    points = np.column_stack(
        [
            real.samp_off + generator.uniform(-1, 1, count) * real.samp_scale,
            real.line_off + generator.uniform(-1, 1, count) * real.line_scale,
        ]
    )
    height_m = generator.uniform(*real.height_range_m, count)
    lonlat = real.locate(points, height_m)
    with RPCTransformer(rasterio_rpc(real)) as transformer:
        row, col = transformer.rowcol(*lonlat.T, zs=height_m, op=lambda value: value)
    seen = real.project(lonlat, height_m)
    assert np.abs(seen - np.column_stack([col, row])).max() < 1e-6
    np.testing.assert_allclose(seen, points, atol=1e-4)
    moved = real.corrected(ImageCorrection.shift(12.5, -7.0))
    back = moved.project(moved.locate(points, height_m), height_m)
    np.testing.assert_allclose(back, points, atol=1e-4)
    assert replace(moved, correction=ImageCorrection()) == real


CORNERS = ("TopLeft", "TopRight", "BottomRight", "BottomLeft")


@needs(GF1)
@pytest.mark.parametrize(("kind", "height_m", "top_px"), [("MSS1", 0.0, 3.0), ("PAN1", 0.0, 130.0)])
def test_the_corners_in_the_metadata_are_near_those_of_the_model(
    kind: str, height_m: float, top_px: float
) -> None:
    """They are no truth: the real bottom corners of MSS lie some 200 lines below the image."""
    base = GF1 / f"{GF1.name}-{kind}"
    root = ElementTree.parse(f"{base}.xml").getroot()  # noqa: S314
    told = {tag: float(root.findtext(tag) or "nan") for tag in _tags()}
    lonlat = np.array([[told[f"{c}Longitude"], told[f"{c}Latitude"]] for c in CORNERS])
    seen = read_rpb(Path(f"{base}.rpb")).project(lonlat, np.full(4, height_m))
    width, height = told["WidthInPixels"], told["HeightInPixels"]
    top = np.array([[0, 0], [width, 0]])
    assert np.abs(seen[:2] - top).max() < top_px
    if kind == "MSS1":
        assert seen[2:, 1] == pytest.approx([4704, 4704], abs=5)
        assert height == 4503


def _tags() -> list[str]:
    places = [f"{corner}{axis}" for corner in CORNERS for axis in ("Longitude", "Latitude")]
    return [*places, "WidthInPixels", "HeightInPixels"]
