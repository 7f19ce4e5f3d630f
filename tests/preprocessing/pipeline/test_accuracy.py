"""The scene against the ground that the product was made from.

What a mistake would cost is stated beside each margin.
"""

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from scipy import ndimage

from .conftest import (
    BANDS,
    POINTED_WRONG,
    CommandRunner,
    Field,
    PreprocessedScene,
    ProductLibrary,
    retagged,
)


def brightness(found: Field, truth: Field) -> NDArray[np.float64]:
    """Return mean of the scene by mean of the truth, by band."""
    ratio: NDArray[np.float64] = np.nanmean(found, axis=(1, 2)) / np.nanmean(truth, axis=(1, 2))
    return ratio


def rms(found: Field, truth: Field) -> NDArray[np.float64]:
    differences: NDArray[np.float64] = np.sqrt(np.nanmean((found - truth) ** 2, axis=(1, 2)))
    return differences


def displacement_px(
    found: Field, truth: Field, start: tuple[float, ...] = (0.0, 0.0)
) -> tuple[float, float]:
    """Return by how much (col, row) an image (height, width) shows the ground beside where it is.

    The truth is moved by least squares on its gradient until nothing of the difference is left.
    """
    inside = ndimage.binary_erosion(np.isfinite(found) & np.isfinite(truth), iterations=16)
    image, target = (np.nan_to_num(one - np.nanmean(one)) for one in (truth, found))
    at = np.array(start, dtype=np.float64)
    for _ in range(12):
        moved = ndimage.shift(image, (at[1], at[0]), order=3, mode="nearest")
        rows, cols = np.gradient(moved)
        sides = np.column_stack([-cols[inside], -rows[inside]])
        step, *_ = np.linalg.lstsq(sides, (target - moved)[inside], rcond=None)
        at += step
        if np.abs(step).max() < 1e-3:
            break
    return float(at[0]), float(at[1])


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, library: ProductLibrary) -> PreprocessedScene:
    """Give the scene of the product that points wrong, its two images matched."""
    return CommandRunner(tmp_path_factory.mktemp("large"), library).preprocess(
        library.large, registers=True
    )


def test_reflectance_is_that_of_the_ground(
    scene: PreprocessedScene, library: ProductLibrary
) -> None:
    """2014's figures are off by 5 to 13 %, d squared left out by 2.7 %, another band by 20 %."""
    found, truth = scene.beside(library.ground)
    assert brightness(found, truth) == pytest.approx(np.ones(4), abs=0.006)
    assert rms(found, truth).max() < 0.015
    for at in range(4):
        near = [np.nanstd(found[at] - truth[other]) for other in range(4)]
        assert int(np.argmin(near)) == at, f"{BANDS[at]} is another band"


def test_reflectance_is_what_is_worked_out_by_hand(
    work: CommandRunner, scene: PreprocessedScene, library: ProductLibrary
) -> None:
    """The maker takes its figures from this package; these are the published ones, typed in.

    rho = pi (gain DN + offset) d^2 / (ESUN cos z), 2013-08-12 03:52 UTC at 103.47 E, 31.3 N.
    """
    gains, offsets = (0.2082, 0.1672, 0.1748, 0.1883), (4.6186, 4.8768, 4.8924, -9.4771)
    irradiances = (1945.29, 1854.10, 1542.90, 1080.77)
    mss = next(work.copied(library.summer).glob("*-MSS1.tiff"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(mss) as file:
            counts = file.read().mean(axis=(1, 2))
    by_hand = [
        np.pi * (gain * dn + offset) * 1.01334**2 / (irradiance * np.cos(np.radians(24.37)))
        for gain, offset, irradiance, dn in zip(gains, offsets, irradiances, counts, strict=True)
    ]
    assert np.nanmean(scene.reflectance, axis=(1, 2)) == pytest.approx(by_hand, rel=0.01)


def test_reflectance_in_winter_by_the_other_camera(
    work: CommandRunner, library: ProductLibrary
) -> None:
    """In January d squared is 0.967; PMS1's figures for PMS2 are off by up to 4 %."""
    found, truth = work.preprocess(library.winter).beside(library.ground)
    assert brightness(found, truth) == pytest.approx(np.ones(4), abs=0.006)


def test_detail_is_sharper_than_the_multispectral_image(
    scene: PreprocessedScene, library: ProductLibrary
) -> None:
    """Plain interpolation of the 8 m image explains less of the ground."""
    found, truth = scene.beside(library.ground)
    filled = np.nan_to_num(truth)
    blurred = np.stack([ndimage.gaussian_filter(one, 4 * 0.494) for one in filled])
    blurred[~np.isfinite(truth)] = np.nan
    fused, plain = rms(found, truth), rms(blurred, truth)
    assert np.all(fused[:3] < 0.6 * plain[:3])
    assert fused[3] < plain[3]


def test_a_tag_that_holds_the_elevation_gives_the_same_scene(
    work: CommandRunner, scene: PreprocessedScene, library: ProductLibrary
) -> None:
    """Read as a zenith angle it would make everything 2.2 times as bright."""
    zenith = scene.quality["radiometry"]["sun"]["zenith_deg"]
    folder = retagged(work.copied(library.summer), SolarZenith=f"{90 - zenith:.6g}")
    made = work.preprocess(folder)
    assert made.quality["radiometry"]["sun"]["angle_tag_read_as"] == "elevation"
    apart = np.abs(made.stored.astype(int) - scene.stored.astype(int))
    assert apart.max() <= 1


def test_ground_lies_where_it_is(scene: PreprocessedScene, library: ProductLibrary) -> None:
    """A convention of pixel centres that is wrong somewhere costs half a pixel."""
    found, truth = scene.beside(library.ground)
    for one, other in zip(found[:3], truth[:3], strict=True):
        assert np.hypot(*displacement_px(one, other)) < 0.08


def test_heights_over_a_geoid_are_raised(
    work: CommandRunner, scene: PreprocessedScene, library: ProductLibrary
) -> None:
    """Left as they are, 40 m at 13 degrees from the zenith are 9.4 m, almost five pixels."""
    dem = library.new_dem("geoid.tif", undulation_m=40.0)
    raised = work.preprocess(library.summer, "--dem-heights", 40, dem=dem)
    assert raised.quality["dem"]["undulation_m"] == 40
    assert np.mean(np.abs(raised.stored.astype(int) - scene.stored) > 2) < 0.001
    wrong = work.preprocess(library.summer, out="wrong", dem=dem)
    found, truth = wrong.beside(library.ground)
    zenith = np.radians(wrong.quality["radiometry"]["view"]["zenith_deg"])
    azimuth = np.radians(wrong.quality["radiometry"]["view"]["azimuth_deg"])
    # what is taken for 40 m too low is put farther from the satellite
    away_px = -np.array([np.sin(azimuth), -np.cos(azimuth)]) * 40 * np.tan(zenith) / 2
    start = tuple(np.rint(away_px).astype(int).tolist())
    assert displacement_px(found[2], truth[2], start) == pytest.approx(away_px, abs=0.3)


def test_the_two_images_are_brought_together(large: PreprocessedScene) -> None:
    """The correction is what the maker moved, at the first and the last line."""
    a, b, c, d, e, f = large.quality["registration"]["correction"]
    for row in (20.0, 180.0):
        at = np.array([104.0, row])
        moved = np.array([a * at[0] + b * at[1] + c, d * at[0] + e * at[1] + f]) - at
        along = row / 200 - 0.5
        truth = np.array(POINTED_WRONG.shift_px) + along * np.array(POINTED_WRONG.drift_px)
        assert moved == pytest.approx(truth, abs=0.05)
    assert large.quality["registration"]["after"]["rms_px"] < 0.1


def test_without_matching_colours_lie_beside(
    work: CommandRunner, large: PreprocessedScene, library: ProductLibrary
) -> None:
    """Infrared by red is the multispectral image's own: the fusion's detail cancels out."""
    apart = work.preprocess(library.large, "--fusion", "brovey")
    together, fringed = (ndvi_displacement_px(one, library) for one in (large, apart))
    found, truth = large.beside(library.ground)
    place = displacement_px(found[2], truth[2], (14, 13))
    assert together == pytest.approx(place, abs=0.4)
    # 0.72 of its pixels are 2.9 of the scene's, and more where they are seen from the side
    assert 2.5 < np.hypot(*np.subtract(fringed, place)) < 4


def ndvi_displacement_px(made: PreprocessedScene, library: ProductLibrary) -> tuple[float, float]:
    pair = made.beside(library.ground)
    found, truth = ((one[3] - one[2]) / (one[3] + one[2]) for one in pair)
    return displacement_px(found, truth, (14, 13))


def test_pointing_is_corrected_by_a_reference(
    work: CommandRunner, large: PreprocessedScene, library: ProductLibrary
) -> None:
    """The product's pointing is wrong by 38 m."""
    found, truth = large.beside(library.ground)
    told = displacement_px(found[2], truth[2], (14, 13))
    assert told == pytest.approx((14, 13), abs=0.6)
    reference = write_reference(work.folder / "reference.tif", library)
    made = work.preprocess(
        library.large, "--reference", reference, "--max-shift", 60, registers=True
    )
    found, truth = made.beside(library.ground)
    assert np.hypot(*displacement_px(found[2], truth[2])) < 0.15
    # 19 px of the map; seen from the side, pixels of the image are larger across
    assert 15.5 < made.quality["reference"]["before"]["median_px"] < 19
    assert brightness(found, truth) == pytest.approx(np.ones(4), abs=0.006)


def write_reference(path: Path, library: ProductLibrary) -> Path:
    grid, values = library.ground.grid, library.ground.reflectance
    frame = {"count": 4, "height": grid.shape[0], "width": grid.shape[1], "dtype": "float32"}
    with rasterio.open(path, "w", crs=grid.crs, transform=grid.transform, **frame) as file:
        file.write(values)
        file.descriptions = BANDS
    return path
