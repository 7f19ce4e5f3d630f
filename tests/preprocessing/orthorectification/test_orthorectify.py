"""Geometry of orthorectified images whose pixels hold their own coordinates."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.warp import reproject
from tests.preprocessing.orthorectification.conftest import (
    CENTRE_DEG,
    RANGE_M,
    SHAPE,
    land_m,
    lonlat_of_pixels,
    make_camera,
    places,
    read,
    write_image,
    write_land,
)

from landslip.core.choices import DemGapHandling
from landslip.core.errors import InputError
from landslip.core.rpc import RPC
from landslip.preprocessing.orthorectification.dem import DemRequest, HeightReference
from landslip.preprocessing.orthorectification.map_grid import parse_crs
from landslip.preprocessing.orthorectification.orthorectify import (
    OrthoReport,
    OrthoRequest,
    orthorectify,
)
from landslip.preprocessing.product.rpb import format_rpb
from landslip.synthetic.camera import PushbroomCamera, fit_rpc

Values = NDArray[np.float64]
ImageAndDem = tuple[Path, Path]
ELLIPSOID = HeightReference()
EVERY = 5


def run(
    image: Path, dem: Path, heights: HeightReference | None = ELLIPSOID, **more: Any
) -> tuple[Path, OrthoReport]:
    """Bring an image onto the map of 2 m; words that a `DemRequest` has go there."""
    dem_words = {word: more.pop(word) for word in ("gaps", "clip") if word in more}
    out = dem.with_name(f"ortho_{image.stem}_{dem.stem}.tif")
    request = OrthoRequest(
        image=image,
        dem=DemRequest(path=dem, heights=heights, **dem_words),
        out=more.pop("out", out),
        **({"resolution_m": 2.0, "overwrite": True} | more),
    )
    return out, orthorectify(request)


def misread(
    ortho: Path, camera: PushbroomCamera, height_m: float | None = None
) -> tuple[Values, Values]:
    """Return (n, 2) how far beside every fifth pixel was read (NaN: not), and where its place is.

    Args:
        ortho: the map of an image of places.
        camera: that of the image.
        height_m: of flat ground; None is the land.
    """
    with rasterio.open(ortho) as file:
        values, grid = file.read(), (file.transform, file.crs, file.shape)
    lonlat = lonlat_of_pixels(*grid, every=EVERY)
    seen = camera.project(lonlat, land_m(lonlat) if height_m is None else height_m)
    return values[:, ::EVERY, ::EVERY].reshape(2, -1).T - seen, seen


def misread_px(ortho: Path, camera: PushbroomCamera) -> Values:
    """Return (n, 2) how far beside the true place each valid pixel was read."""
    away, seen = misread(ortho, camera)
    valid = np.isfinite(away[:, 0])
    # all that the camera sees is there, but for the rim of the kernel
    inside = np.all((seen > 3) & (seen < np.array(SHAPE[::-1]) - 3), axis=1)
    assert valid[inside].all()
    assert not valid[np.any((seen < 0) | (seen > SHAPE[::-1]), axis=1)].any()
    return np.asarray(away[valid], dtype=np.float64)


def check_true(away: Values) -> None:
    """Cubic convolution leaves 0.05 px to both sides, cells of 6 m some hundredths."""
    assert np.abs(away.mean(axis=0)).max() < 0.005
    assert np.abs(away).max() < 0.09


DEMS = [
    pytest.param("EPSG:32647", id="other UTM zone"),
    pytest.param("EPSG:4326", id="degrees"),
    pytest.param("EPSG:4326+3855", id="degrees and a geoid that is overruled"),
]


@pytest.mark.parametrize("crs", DEMS)
def test_each_pixel_is_read_where_the_camera_sees_its_ground(
    tmp_path: Path, image_and_dem: ImageAndDem, camera: PushbroomCamera, crs: str
) -> None:
    ortho, report = run(image_and_dem[0], write_land(tmp_path / "dem.tif", crs))
    check_true(misread_px(ortho, camera))
    assert report.interpolation_error_px < 0.01


@pytest.mark.parametrize(("resolution_m", "crs"), [(1.0, None), (3.7, None), (2.0, "EPSG:32647")])
def test_it_holds_on_any_grid(
    image_and_dem: ImageAndDem, camera: PushbroomCamera, resolution_m: float, crs: str | None
) -> None:
    ortho, _ = run(*image_and_dem, resolution_m=resolution_m, crs=parse_crs(crs))
    away = misread_px(ortho, camera)
    assert np.abs(away.mean(axis=0)).max() < 0.005
    assert np.abs(away).max() < 0.09
    with rasterio.open(ortho) as file:
        assert file.res == (resolution_m, resolution_m)
        assert file.crs.to_epsg() == int((crs or "EPSG:32648").split(":")[1])
        left, top = file.transform.c / resolution_m, file.transform.f / resolution_m
    assert (left, top) == (pytest.approx(round(left), abs=1e-6), pytest.approx(round(top)))


@pytest.mark.parametrize("roll_deg", [-30.0, 3.0])
def test_it_holds_for_other_views(
    tmp_path: Path, image_and_dem: ImageAndDem, roll_deg: float
) -> None:
    camera = make_camera(roll_deg)
    image = write_image(
        tmp_path / "image.tif", places(SHAPE), fit_rpc(camera, RANGE_M), nodata=np.nan
    )
    dem = tmp_path / "dem.tif"
    dem.symlink_to(image_and_dem[1])
    ortho, _ = run(image, dem)
    check_true(misread_px(ortho, camera))


def test_it_holds_in_the_south(tmp_path: Path) -> None:
    """With a flat model, as the land's formula belongs to the north."""
    centre = (-70.4, -33.2)
    camera = make_camera(-20.0, centre)
    image = write_image(
        tmp_path / "image.tif", places(SHAPE), fit_rpc(camera, RANGE_M), nodata=np.nan
    )
    dem = write_land(tmp_path / "dem.tif", "EPSG:4326", centre_deg=centre)
    with rasterio.open(dem, "r+") as file:
        file.write(np.full(file.shape, 1810.0, np.float32), 1)
    ortho, _ = run(image, dem)
    with rasterio.open(ortho) as file:
        assert file.crs.to_epsg() == 32719
    away, _ = misread(ortho, camera, 1810.0)
    away = away[np.isfinite(away[:, 0])]
    assert len(away) > 2000
    check_true(away)


def test_gdal_reads_the_same_places(image_and_dem: ImageAndDem) -> None:
    """On the same grid and with the same model, bilinear, without an approximation."""
    ortho, _ = run(*image_and_dem)
    with rasterio.open(ortho) as file:
        ours, crs, transform = file.read(), file.crs, file.transform
    with rasterio.open(image_and_dem[0]) as file:
        source, rpcs = file.read(), file.rpcs
    theirs = np.full(ours.shape, np.nan, dtype=np.float32)
    reproject(
        source,
        theirs,
        rpcs=rpcs,
        src_crs="EPSG:4326",
        src_nodata=np.nan,
        dst_nodata=np.nan,
        dst_crs=crs,
        dst_transform=transform,
        resampling=Resampling.bilinear,
        tolerance=0.0,
        RPC_DEM=str(image_and_dem[1]),
    )
    valid = np.isfinite(ours[0])
    assert np.isfinite(theirs[:, valid]).mean() > 0.999
    away = (ours - theirs)[:, valid & np.isfinite(theirs[0])]
    assert np.abs(away.mean(axis=1)).max() < 0.005
    assert np.abs(away).max() < 0.09


# heights


def test_heights_over_a_geoid_give_the_same_map(
    tmp_path: Path, image_and_dem: ImageAndDem, camera: PushbroomCamera
) -> None:
    dem = write_land(tmp_path / "dem.tif", lift_m=41.5)
    ortho, report = run(image_and_dem[0], dem, HeightReference(offset_m=-41.5))
    check_true(misread_px(ortho, camera))
    assert report.dem.undulation_m == -41.5


@pytest.mark.parametrize(("lift_m", "away_px"), [(41.5, 8.7), (-41.5, 8.7), (1500.0, 310.0)])
def test_a_wrong_height_displaces_the_map(
    tmp_path: Path,
    image_and_dem: ImageAndDem,
    rpc: RPC,
    camera: PushbroomCamera,
    lift_m: float,
    away_px: float,
) -> None:
    """What the tests above would measure: 20.9 px in 100 m."""
    dem = write_land(tmp_path / "dem.tif", lift_m=lift_m, reach_m=2000.0)
    ortho, _ = run(image_and_dem[0], dem)
    away, _ = misread(ortho, camera)
    assert np.nanmedian(np.hypot(*away.T)) == pytest.approx(away_px, rel=0.05)


def test_nothing_stated_is_a_warning(image_and_dem: ImageAndDem) -> None:
    _, report = run(*image_and_dem, heights=None)
    assert report.dem.heights == "ellipsoid (assumed)"
    assert "say which with dem_heights" in report.dem.warnings[0]


# gaps


def holes() -> NDArray[np.bool_]:
    cells = np.zeros((400, 400), np.bool_)
    cells[190:203, 195:205] = True
    return cells


@pytest.mark.parametrize(
    ("dtype", "hole"), [("float32", np.nan), ("int16", -32768)], ids=["NaN", "-32768"]
)
def test_the_map_has_nodata_exactly_over_gaps(
    tmp_path: Path, image_and_dem: ImageAndDem, camera: PushbroomCamera, dtype: str, hole: float
) -> None:
    dem = write_land(tmp_path / "dem.tif", dtype=dtype, holes=holes(), hole=hole)
    filled, _ = run(image_and_dem[0], dem)
    whole = np.isfinite(read(filled)[0])
    with rasterio.open(dem) as model, rasterio.open(filled) as file:
        rows, cols = np.indices(file.shape) + 0.5
        x, y = file.transform @ (cols, rows)
        at_col, at_row = ~model.transform @ (x, y)
    over_gap = holes()[at_row.astype(int), at_col.astype(int)]
    assert whole[over_gap].all()
    left_out, report = run(image_and_dem[0], dem, gaps=DemGapHandling.NODATA)
    np.testing.assert_array_equal(np.isfinite(read(left_out)[0]), whole & ~over_gap)
    assert report.valid_share == pytest.approx((whole & ~over_gap).mean())


def test_a_filled_gap_has_no_height_of_0(
    tmp_path: Path, image_and_dem: ImageAndDem, camera: PushbroomCamera
) -> None:
    ortho, report = run(image_and_dem[0], write_land(tmp_path / "dem.tif", holes=holes()))
    away = misread_px(ortho, camera)
    assert np.abs(away).max() < 5, "height 0 would be 310 px"
    assert report.dem.filled_share > 0


def test_gaps_may_be_refused(tmp_path: Path, image_and_dem: ImageAndDem) -> None:
    dem = write_land(tmp_path / "dem.tif", holes=holes())
    with pytest.raises(InputError, match=r"dem_gaps='fill'"):
        run(image_and_dem[0], dem, gaps=DemGapHandling.ERROR)
    assert [path.name for path in tmp_path.iterdir()] == ["dem.tif"]


def test_clipped_the_map_ends_with_the_model(
    tmp_path: Path, image_and_dem: ImageAndDem, camera: PushbroomCamera
) -> None:
    centre = (CENTRE_DEG[0] - 1100 / 95_200, CENTRE_DEG[1])
    dem = write_land(tmp_path / "dem.tif", centre_deg=centre)
    with pytest.raises(InputError, match=r"covers \d+\.\d% of it.*clip_to_dem=True"):
        run(image_and_dem[0], dem)
    ortho, report = run(image_and_dem[0], dem, clip=True)
    with rasterio.open(ortho) as file, rasterio.open(dem) as model:
        assert file.bounds.right <= model.bounds.right + 2
    away, _ = misread(ortho, camera)
    away = away[np.isfinite(away[:, 0])]
    assert len(away) > 1000
    assert np.quantile(np.abs(away), 0.99) < 0.09
    assert np.abs(away).max() < 1, "half a cell at the model's edge has the edge's height"
    assert report.dem.covered_share < 0.9


# the camera model


def test_a_file_beside_the_image_is_read(
    tmp_path: Path, image_and_dem: ImageAndDem, rpc: RPC, camera: PushbroomCamera
) -> None:
    image = write_image(tmp_path / "image.tif", places(SHAPE), None, nodata=np.nan)
    image.with_suffix(".rpb").write_text(format_rpb(rpc))
    dem = tmp_path / "dem.tif"
    dem.symlink_to(image_and_dem[1])
    ortho, _ = run(image, dem)
    check_true(misread_px(ortho, camera))


def test_a_map_without_a_pixel_is_refused(
    tmp_path: Path, image_and_dem: ImageAndDem, rpc: RPC
) -> None:
    image = write_image(
        tmp_path / "image.tif", np.full_like(places(SHAPE), np.nan), rpc, nodata=np.nan
    )
    with pytest.raises(InputError, match=r"image\.tif: no pixel of the map has data"):
        run(image, image_and_dem[1], out=tmp_path / "ortho.tif")
    assert [path.name for path in tmp_path.iterdir()] == ["image.tif"]


def test_an_image_without_rpcs_is_refused(tmp_path: Path, image_and_dem: ImageAndDem) -> None:
    image = write_image(tmp_path / "image.tif", places(SHAPE), None)
    with pytest.raises(InputError, match=r"image.tif: orthorectification needs RPCs.*none were"):
        run(image, image_and_dem[1])


def test_own_resolution_is_the_default(image_and_dem: ImageAndDem) -> None:
    """2 m below and 2.2 m times 2.5 m at 25 degrees: a square of the same area has 2.4 m."""
    ortho, report = run(*image_and_dem, resolution_m=None)
    with rasterio.open(ortho) as file:
        assert file.res == (2.4, 2.4)
    assert report.as_dict()["resolution_m"] == 2.4


def test_a_model_of_another_image_is_refused(
    tmp_path: Path, image_and_dem: ImageAndDem, rpc: RPC
) -> None:
    broken = replace(rpc, samp_num=(0.0,) * 20)
    image = write_image(tmp_path / "image.tif", places(SHAPE), broken, nodata=np.nan)
    with pytest.raises(InputError, match="the RPC cannot be inverted at the image's edge"):
        run(image, image_and_dem[1])
