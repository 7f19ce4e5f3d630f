"""Series of scenes made by code: grid, radiometry, validity, and what is refused."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import Resampling, reproject, transform_bounds
from scipy import ndimage
from tests.conftest import UTM, WriteRaster
from tests.multitemporal.series.conftest import BANDS, SHAPE, TRANSFORM, WriteScene, make_ground

import landslip
from landslip.core.errors import InputError
from landslip.multitemporal.series.folder import Validity

GAINS, OFFSETS = np.array([0.66, 0.7, 0.64, 0.68]), np.array([0.01, 0.0, -0.004, 0.006])


def other_date(ground: NDArray[Any], shift_px: tuple[float, float]) -> NDArray[np.float64]:
    """Return the ground with a scar, shifted (columns, rows), and of another radiometry."""
    changed = ground.copy()
    changed[:, 60:110, 80:150] = np.array([0.14, 0.18, 0.25, 0.3])[:, None, None]
    moved = np.stack(
        [ndimage.shift(one, shift_px[::-1], order=3, mode="mirror") for one in changed]
    )
    return np.asarray(GAINS[:, None, None] * moved + OFFSETS[:, None, None])


def test_a_shifted_date_of_other_gains_is_brought_to_the_reference(
    write_scene: WriteScene, tmp_path: Path
) -> None:
    ground = make_ground()
    first = write_scene("a_20130812.tif", ground)
    second = write_scene("b_20170805.tif", other_date(ground, (2.3, -1.4)))
    with landslip.series([second, first], out=tmp_path / "S", reference="2013-08-12") as series:
        assert series.days == (date(2013, 8, 12), date(2017, 8, 5))
        before, after = series.card.dates
        assert series.card.reference == before.date
        assert before.shift_px is None
        assert before.normalisation is None
        assert after.shift_px == pytest.approx((2.3, -1.4), abs=0.05)
        assert after.is_shifted
        assert after.residual_px is not None
        assert after.residual_px < 0.2
        assert after.normalisation is not None
        assert tuple(after.normalisation) == BANDS
        for name, gain, offset in zip(BANDS, GAINS, OFFSETS, strict=True):
            line = after.normalisation[name]
            assert line.gain == pytest.approx(1 / gain, rel=0.02)
            assert line.offset == pytest.approx(-offset / gain, abs=0.003)
            assert line.rms_after < 0.25 * line.rms_before
        values, validity = series.read(1, series.grid.window)
        unchanged = (validity == Validity.VALID) & np.all(np.abs(values - ground) < 0.02, axis=0)
        assert unchanged[10:50, 10:-10].mean() > 0.97
        assert not unchanged[70:100, 90:140].any()
        reference, _ = series.read(0, series.grid.window)
        assert np.array_equal(np.rint(reference * 1e4), np.rint(ground * 1e4))
    assert sorted(path.name for path in (tmp_path / "S").iterdir()) == [
        "2013-08-12.tif",
        "2013-08-12_validity.tif",
        "2017-08-05.tif",
        "2017-08-05_validity.tif",
        "series.json",
    ]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_one_date_twice_is_refused(write_scene: WriteScene, tmp_path: Path) -> None:
    first = write_scene("a_20130812.tif", make_ground())
    second = write_scene("b_20130812.tif", make_ground())
    with pytest.raises(InputError, match=r"b_20130812\.tif: a series has one scene for each date"):
        landslip.series([first, second], out=tmp_path / "S")
    assert not (tmp_path / "S").exists()


def test_reading_beyond_the_grid_has_no_data(write_scene: WriteScene, tmp_path: Path) -> None:
    ground = make_ground()
    scenes = [write_scene(f"a_{day}.tif", ground) for day in ("20130812", "20140812")]
    with landslip.series(scenes, out=tmp_path / "S", registration=False) as series:
        window = series.grid.window.padded(5)
        values, validity = series.read(0, window)
    assert values.shape == (4, SHAPE[0] + 10, SHAPE[1] + 10)
    assert (validity[:5] == Validity.NO_DATA).all()
    assert (values[:, :5] == 0).all()
    assert (validity[5:-5, 5:-5] == Validity.VALID).all()


def test_another_grid_and_footprint_is_resampled_onto_the_reference(
    write_scene: WriteScene, tmp_path: Path
) -> None:
    ground = make_ground()
    first = write_scene("a_20130812.tif", ground)
    crs = CRS.from_epsg(4326)
    west, south, east, north = transform_bounds(UTM, crs, 500_160, 3_999_600, 500_480, 4_000_000)
    width, height = round((east - west) / 5e-5), round((north - south) / 5e-5)
    transform = Affine(5e-5, 0, west, 0, -5e-5, north)
    moved = np.full((4, height, width), np.nan)
    reproject(
        ground,
        moved,
        src_transform=TRANSFORM,
        src_crs=UTM,
        dst_transform=transform,
        dst_crs=crs,
        dst_nodata=np.nan,
        resampling=Resampling.average,
    )
    second = write_scene("b_20170805.tif", 0.8 * moved, crs=crs, transform=transform)
    with landslip.series([first, second], out=tmp_path / "S", registration=False) as series:
        assert series.card.reference == "2013-08-12"
        assert series.grid.transform == TRANSFORM
        assert series.card.dates[0].messages == ()
        date = series.card.dates[1]
        assert date.resolution_m == pytest.approx(5.0, abs=1)
        assert date.normalisation is not None
        assert date.normalisation["red"].gain == pytest.approx(1 / 0.8, rel=0.05)
        values, validity = series.read(1, series.grid.window)
    assert (validity[:, :70] == Validity.NO_DATA).all()
    assert (validity[10:-10, 90:-10] == Validity.VALID).all()
    smooth = ndimage.uniform_filter(ground, (1, 3, 3))
    assert np.abs(values - smooth)[:, 10:-10, 90:-10].mean() < 0.008


def degrees_around(shape: tuple[int, int], side: float) -> dict[str, Any]:
    """Return a geographic grid of square pixels where scenes of this ground are."""
    crs = CRS.from_epsg(4326)
    west, _, _, north = transform_bounds(UTM, crs, 500_000, 3_999_600, 500_480, 4_000_000)
    return {"crs": crs, "transform": Affine(side, 0, west, 0, -side, north)}


def test_a_projected_scene_is_the_reference_before_a_finer_one_in_degrees(
    write_scene: WriteScene, tmp_path: Path
) -> None:
    ground = make_ground()
    fine = write_scene("a_20130812.tif", ground, **degrees_around(SHAPE, 1.2e-5))
    coarse = write_scene(
        "b_20150812.tif", ground[:, ::2, ::2], transform=TRANSFORM @ Affine.scale(2)
    )
    options: dict[str, Any] = {"registration": False, "normalisation": False}
    with landslip.series([fine, coarse], out=tmp_path / "S", **options) as series:
        assert series.card.reference == "2015-08-12"
        (note,) = series.card.dates[1].messages
        assert note.key == "series.grid_coarser"
        assert note.values["resolution_m"] == 4
        assert note.values["finest_m"] == pytest.approx(1.2, abs=0.02)
    with landslip.series([fine, coarse], out=tmp_path / "T", reference=fine, **options) as series:
        (note,) = series.card.dates[0].messages
    assert note.key == "series.grid_in_degrees"
    # at 36.141 degrees of latitude, where one of latitude is 110.96 km, and one of longitude
    # a cos φ / sqrt(1 - e² sin² φ) π / 180 = 90.00 km
    assert note.values["width"] == pytest.approx(1.2e-5 * 90_000, rel=1e-3)
    assert note.values["height"] == pytest.approx(1.2e-5 * 110_960, rel=1e-3)


def test_the_order_of_the_scenes_does_not_matter(write_scene: WriteScene, tmp_path: Path) -> None:
    ground = make_ground()
    scenes = [
        write_scene("a_20130812.tif", ground),
        write_scene("b_20150812.tif", 0.7 * ground),
        write_scene("c_20140812.tif", 1.1 * ground),
    ]
    for name, order in (("S", scenes), ("T", scenes[::-1])):
        landslip.series(order, out=tmp_path / name, registration=False).close()
    files = sorted(path.name for path in (tmp_path / "S").iterdir())
    assert len(files) == 7
    for file in files:
        assert (tmp_path / "S" / file).read_bytes() == (tmp_path / "T" / file).read_bytes()


def test_an_empty_date_sees_nothing(write_scene: WriteScene, tmp_path: Path) -> None:
    ground = make_ground()
    first = write_scene("a_20130812.tif", ground)
    empty = write_scene("b_20150812.tif", np.full_like(ground, np.nan))
    with landslip.series([empty, first], out=tmp_path / "S") as series:
        assert series.card.reference == "2013-08-12"
        date = series.card.dates[1]
        assert date.no_data_share == 1
        assert date.shift_px is None
        assert date.normalisation is None
        assert [one.key for one in date.messages] == ["warning.series_empty"]
        values, validity = series.read(1, series.grid.window)
    assert not values.any()
    assert not validity.any()
    with pytest.raises(InputError, match=r"b_20150812\.tif: the reference has no pixel with data"):
        landslip.series([empty, first], out=tmp_path / "T", reference="2015-08-12")


def test_masks_of_the_user_move_with_the_scene(
    write_scene: WriteScene, write_raster: WriteRaster, tmp_path: Path
) -> None:
    ground = make_ground()
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[100:120, 40:60], mask[130:150, 40:60] = 255, 3
    scenes = [
        write_scene("a_20130812.tif", ground),
        write_scene("b_20150812.tif", np.roll(ground, (5, 8), axis=(1, 2))),
    ]
    clouds = write_raster("clouds.tif", np.roll(mask, (5, 8), axis=(0, 1)), transform=TRANSFORM)
    with landslip.series(
        scenes, out=tmp_path / "S", clouds=[f"2015-08-12={clouds}"], reference=scenes[0]
    ) as series:
        date = series.card.dates[1]
        assert date.shift_px == pytest.approx((8, 5), abs=0.02)
        assert date.cloud_source == "file"
        _, validity = series.read(1, series.grid.window)
    expected = np.where(mask == 255, Validity.CLOUD, Validity.VALID)
    expected[mask == 3] = Validity.SHADOW
    assert (validity == expected)[10:-10, 10:-10].all()
    assert date.cloud_share == pytest.approx(400 / mask.size)


def test_most_of_the_ground_changed_is_warned_of(write_scene: WriteScene, tmp_path: Path) -> None:
    ground = make_ground()
    other = ground.copy()
    other[:, :130] = make_ground(seed=5)[:, :130] * 1.5
    scenes = [write_scene("a_20130812.tif", ground), write_scene("b_20150812.tif", other)]
    with landslip.series(scenes, out=tmp_path / "S", registration=False) as series:
        assert "warning.series_mostly_changed" in {one.key for one in series.card.dates[1].messages}
        lines = series.card.dates[1].normalisation
    assert lines is not None
    assert [line.gain for line in lines.values()] == pytest.approx([1] * 4, rel=0.02)


def test_a_stopped_series_continues(write_scene: WriteScene, tmp_path: Path) -> None:
    ground = make_ground()
    scenes = [write_scene(f"a_{day}.tif", ground) for day in ("20130812", "20140812", "20150812")]
    out = tmp_path / "S"

    def stop(done: float, total: float) -> None:
        if done > total * 0.75:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        landslip.series(scenes, out=out, progress=stop, registration=False)
    assert not out.exists()
    waiting = tmp_path / ".S.work" / "dates"
    kept = (waiting / "2013-08-12.tif").stat().st_ino
    assert not (waiting / "2015-08-12.tif").exists()
    landslip.series(scenes, out=out, registration=False).close()
    assert (out / "2013-08-12.tif").stat().st_ino == kept
    assert not (tmp_path / ".S.work").exists()
    landslip.series(scenes, out=tmp_path / "T", registration=False).close()
    for path in out.iterdir():
        assert path.read_bytes() == (tmp_path / "T" / path.name).read_bytes()


def test_single_band_files_are_one_date(
    write_raster: WriteRaster, write_scene: WriteScene, tmp_path: Path
) -> None:
    ground = make_ground()
    files = [
        write_raster(
            f"20150812/B{number}.tif",
            np.rint(ground[number] * 1e4).astype(np.uint16),
            transform=TRANSFORM,
        )
        for number in range(3)
    ]
    first = write_scene("a_20130812.tif", ground)
    with landslip.series(
        [first, ",".join(map(str, files))],
        out=tmp_path / "S",
        bands="blue,green,red",
        registration=False,
    ) as series:
        assert series.bands.names == ("blue", "green", "red")
        assert series.days[1] == date(2015, 8, 12)
        assert {one.key for one in series.card.dates[1].messages} == {
            "warning.series_scale",
            "series.clouds_bands",
        }
        values, _ = series.read(1, series.grid.window)
    assert values == pytest.approx(ground[:3], abs=1e-3)
    with pytest.raises(InputError, match=r"B0\.tif: the date has 3 files, one for each band"):
        landslip.series([first, files], out=tmp_path / "T", bands="blue,green")


@pytest.mark.parametrize(
    ("second", "options", "text"),
    [
        (("b.tif", {}), {}, r"b\.tif: the date is in no tag and no name"),
        (("b_20150812.tif", {"crs": None}), {}, r"b_20150812\.tif: .* must be georeferenced"),
        (
            ("b_20150812.tif", {"names": ("swir1", "swir2", "swir3", "coastal")}),
            {},
            r"b_20150812\.tif: the dates of a series need a band in common",
        ),
        (
            ("b_20150812.tif", {"transform": TRANSFORM @ Affine.translation(900, 0)}),
            {},
            r"b_20150812\.tif: the scene does not overlap the reference .*a_20130812\.tif",
        ),
        (("b_20150812.tif", {}), {"dates": "2013-08-12"}, "one date for each of the 2 scenes"),
        (("b_20150812.tif", {}), {"dates": "2013-08-12,2015"}, "days such as 2014-10-02; got 2015"),
        (("b_20150812.tif", {}), {"reference": "2012-01-01"}, "the dates are 2013-08-12, 2015"),
        (("b_20150812.tif", {}), {"clouds": ["2012-01-01=x.tif"]}, r"x\.tif: .*got 2012-01-01"),
        (
            ("b_20150812.tif", {"scales": (1,) * 4, "units": ("reflectance",) * 4}),
            {},
            "state scale",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_does_not_fit_is_refused(
    write_scene: WriteScene,
    tmp_path: Path,
    second: tuple[str, dict[str, Any]],
    options: dict[str, Any],
    text: str,
) -> None:
    first = write_scene("a_20130812.tif", make_ground(), scales=(0.0001,) * 4)
    other = write_scene(second[0], make_ground(), **second[1])
    with pytest.raises(InputError, match=text):
        landslip.series([other, first], out=tmp_path / "S", **options)
    assert not (tmp_path / "S").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("of_file", [False, True], ids=["thresholds", "file"])
def test_clouds_and_their_shadows_are_found(
    write_scene: WriteScene, write_raster: WriteRaster, tmp_path: Path, of_file: bool
) -> None:
    ground = make_ground()
    cloudy, shadow = np.zeros((2, *SHAPE), dtype=np.bool_)
    cloudy[120:170, 120:180] = True
    shadow[70:120, 70:130] = True  # as far to the north west, which the sun is opposite of
    seen = np.where(shadow, 0.35 * ground, ground)
    seen[:, cloudy] = 0.6
    scenes = [write_scene("a_20130812.tif", ground), write_scene("b_20150812.tif", seen)]
    with rasterio.open(scenes[1], "r+") as file:
        # the sun stands in the south east, 63 degrees high
        file.update_tags(ACQUISITIONDATETIME="2015-08-12T03:00:00+00:00")
    masks = []
    if of_file:
        codes = cloudy.astype(np.uint8)
        masks = [write_raster("clouds_20150812.tif", codes, transform=TRANSFORM)]
    with landslip.series(scenes, out=tmp_path / "S", registration=False, clouds=masks) as series:
        assert series.card.dates[1].cloud_source == ("file" if of_file else "thresholds")
        _, validity = series.read(1, series.grid.window)
    assert (validity[cloudy] == Validity.CLOUD).mean() > 0.95
    assert (validity[shadow] == Validity.SHADOW).mean() > 0.7
    assert (validity[:40] == Validity.VALID).all()
    assert (validity[:, :30] == Validity.VALID).mean() > 0.9
